"""An intent to buy, put on disk together with its money; or the job that already stands for the same intent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from ..config import Settings
from ..errors import ConfirmationRequired
from ..types import Job, JobState, Price, VideoRequest
from . import budget, confirmation, hook_records, journal, request_keys
from .request_keys import RequestKey
from .store import Connection

_UNREAD_SECONDS = 15 * 60.0
"""A finished job whose result nobody has read yet answers the same request for so long."""


_UNCLEAR = frozenset({JobState.UNRESOLVED, JobState.MISSING})
"""Finished, counted, and it may turn up again: whoever wants it once more has to say so."""


@dataclass(frozen=True, kw_only=True)
class Intent:
    """
    One thing that somebody wants to buy.

    `digests` maps each media source of the request to the hash of its content (or its URL), so that the same
    picture under another path is the same request. Without `price_known`, a person must always agree. With a
    `key`, the key alone decides whether this is a new purchase. `instead_of` are the fingerprints of what other
    providers have refused: from now on this job stands for those, too. `account` and `base_url` are kept with the
    job: see `accounts.Account`.
    """

    job_id: str
    owner: str
    provider: str
    account: str
    model: str
    endpoint: str
    request: VideoRequest
    digests: Mapping[str, str]
    tag: str
    estimate: Price
    maximum: Price
    price_known: bool
    allow_duplicate: bool
    key: RequestKey | None = None
    instead_of: tuple[str, ...] = ()
    base_url: str | None = None

    @property
    def fingerprint(self) -> str:
        """What makes two requests the same: provider, account, endpoint, every setting and the content of all media."""
        content = self.request.model_dump(mode="json", exclude={"based_on", "provider"})
        for field, _, source in self.request.media():
            place = content[field]
            if isinstance(place, str):
                content[field] = self.digests.get(source, source)
            else:
                content[field] = [self.digests.get(item, item) for item in getattr(self.request, field)]
        whole = [self.provider, self.account, self.endpoint, content]
        return hashlib.sha256(json.dumps(whole, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def reserve(
    connection: Connection,
    *,
    intent: Intent,
    settings: Settings,
    token: str | None,
    confirmed: bool,
    now: float,
) -> tuple[Job, bool] | ConfirmationRequired:
    """
    Put the intent and its reservation on disk: the new job and False, or the job that it repeats and True.

    `confirmed` says that a person answered the question itself, which no tool argument can claim. The
    question for a person's agreement is returned, not raised: raising would undo its own record.

    Raises:
        BudgetExceeded: a cap or an open breaker stands in the way.
        InvalidRequest: its key was used for another request.
    """
    fingerprint = intent.fingerprint
    same = journal.same_request(connection, fingerprint)
    # What was refused to this caller may have been accepted for another one in the meantime.
    again = [job for refused in intent.instead_of for job in journal.same_request(connection, refused)]
    earlier = [*same, *again, *_stand_ins(connection, fingerprint, *intent.instead_of)]
    if intent.key is not None:
        known = request_keys.job_of(connection, intent.key)
        if known is not None:
            return known, True
    elif not intent.allow_duplicate:
        for job in earlier:
            if _stands_for(connection, job, now):
                return job, True
    budget.check(
        connection,
        budget.Limits.of(settings),
        provider=intent.provider,
        account=intent.account,
        model=intent.model,
        price=intent.maximum,
        now=now,
    )
    asks = confirmation.needed(intent.maximum, mode=settings.confirm, above_usd=settings.confirm_above_usd)
    asks = asks or (not intent.price_known and settings.confirm != "off")
    if asks and not confirmed:
        agreed = confirmation.given(
            connection, token, fingerprint=fingerprint, price=intent.maximum, mode=settings.confirm, now=now
        )
        if not agreed:
            return confirmation.ask(
                connection, fingerprint=fingerprint, price=intent.maximum, mode=settings.confirm, now=now
            )
    job = Job(
        id=intent.job_id,
        state=JobState.RESERVED,
        version=1,
        owner=intent.owner,
        provider=intent.provider,
        account=intent.account,
        base_url=intent.base_url,
        model=intent.model,
        endpoint=intent.endpoint,
        request=intent.request,
        fingerprint=fingerprint,
        client_key=f"{fingerprint}:{len(same)}",
        tag=intent.tag,
        estimate=intent.estimate,
        maximum=intent.maximum,
        created_at=now,
    )
    stored = journal.insert(connection, job, day=budget.today(connection, now))
    if intent.key is not None:
        request_keys.keep(connection, intent.key, stored)
    if settings.on_finish:
        hook_records.wish(connection, stored.id)
    connection.executemany(
        "INSERT INTO stand_ins (fingerprint, job_id) VALUES (?, ?)",
        [(refused, stored.id) for refused in dict.fromkeys(intent.instead_of)],
    )
    return stored, False


def _stand_ins(connection: Connection, *fingerprints: str) -> list[Job]:
    rows = connection.execute(
        "SELECT DISTINCT job_id FROM stand_ins WHERE fingerprint IN (SELECT value FROM json_each(?))",
        (json.dumps(fingerprints),),
    ).fetchall()
    return [journal.find(connection, job_id) for (job_id,) in rows]


def _stands_for(connection: Connection, job: Job, now: float) -> bool:
    if not job.finished or job.state in _UNCLEAR:
        return True
    fresh = now - (job.finished_at or 0.0) < _UNREAD_SECONDS
    return job.state is JobState.DONE and fresh and not journal.was_read(connection, job.id)
