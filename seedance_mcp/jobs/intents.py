"""An intent to buy, put on disk together with its money; or the job that already stands for the same intent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from ..config import Settings
from ..errors import ConfirmationRequired
from ..types import Job, JobState, Price, PurchaseTerms, Signer, VideoRequest, Wanted
from . import budget, confirmation, hook_records, journal, repeats, request_keys, unknown_prices
from .confirmation import Consent
from .job_folders import as_recorded
from .questions import Question
from .repeats import digest_of_planned
from .request_keys import RequestKey
from .store import Connection


@dataclass(frozen=True, kw_only=True)
class Intent:
    """
    One thing that somebody wants to buy.

    `digests` maps each media source of the request to the hash of its content (or its URL), so that the same
    picture under another path is the same request. `terms` are those of the call. With a `key`, the key alone decides
    whether this is a new purchase. `seconds` is the length that the price is for, None if none is known. `instead_of`
    are the fingerprints of what other providers have refused: from now on this job stands for those, too. `agreed`
    tells who has agreed to the price of one of those, if it was no lower. `advice` is what a person should know who
    is asked to agree. `asked` is the digest of the request before anything was chosen for it (`digest_of_asked`),
    `wanted` the same in the form that is compared. `account` and `base_url` are kept with the job: see
    `accounts.Account`.
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
    terms: PurchaseTerms
    seconds: Decimal | None = None
    key: RequestKey | None = None
    instead_of: tuple[str, ...] = ()
    base_url: str | None = None
    asked: str | None = None
    wanted: Wanted | None = None
    agreed: Signer | None = None
    advice: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """What is planned: provider, account, endpoint, every setting and the content of all media."""
        return digest_of_planned((self.provider, self.account, self.endpoint), self.request, self.digests)

    @property
    def stands_for(self) -> tuple[str, ...]:
        """Every digest that the job will stand for beside its fingerprint: whoever pays, it is the same request."""
        by_whomever = digest_of_planned((self.provider, self.endpoint), self.request, self.digests)
        return (by_whomever, *(() if self.asked is None else (self.asked,)), *self.instead_of)


def reserve(
    connection: Connection,
    *,
    intent: Intent,
    settings: Settings,
    now: float,
) -> tuple[Job, bool] | ConfirmationRequired:
    """
    Put the intent and its reservation on disk: the new job and False, or the job that it repeats and True.

    The question for a person's agreement is returned, not raised: raising would undo its own record.

    Raises:
        BudgetExceeded: a cap or an open breaker stands in the way.
        InvalidRequest: its key was used for another request.
    """
    terms, fingerprint = intent.terms, intent.fingerprint
    stands_for = intent.stands_for
    if intent.key is not None:
        known = request_keys.job_of(connection, intent.key)
        if known is not None:
            return known, True
    elif terms.agreed_to is not None and intent.agreed is None:
        # The same call once more, by a client that lost the answer. (An order that moves on is no such call.)
        known = confirmation.came_to(connection, terms.agreed_to, intent.asked)
        if known is not None:
            return known, True
    if intent.key is None and not terms.allow_duplicate:
        # Also for what others refused to this caller: it may have been accepted for another one in the meantime.
        same = repeats.made_for(connection, (fingerprint, *stands_for), intent.wanted)
        known = repeats.standing(connection, same, now=now)
        if known is not None:
            return known, True
    _check(connection, intent, settings, now)
    agreed_by: Signer | None = None
    consent = _to_be_agreed(connection, intent, settings, now)
    if consent is not None:
        signed = (
            "person"
            if terms.confirmed
            else confirmation.agreed(connection, consent, settings=settings, now=now)
        )
        if isinstance(signed, ConfirmationRequired):
            return signed
        agreed_by = signed
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
        client_key=f"{fingerprint}:{journal.repetitions(connection, fingerprint)}",
        tag=intent.tag,
        estimate=intent.estimate,
        maximum=intent.maximum,
        agreed_by=agreed_by,
        wanted=intent.wanted,
        output_dir=as_recorded(settings.output_dir),
        created_at=now,
    )
    stored = journal.insert(connection, job, day=budget.day_of(now))
    if intent.key is not None:
        request_keys.keep(connection, intent.key, stored)
    if settings.on_finish:
        hook_records.wish(connection, stored.id)
    repeats.note(connection, stored.id, stands_for)
    if intent.wanted is not None:
        repeats.note(connection, stored.id, (intent.wanted.content,))
    return stored, False


def foresee(connection: Connection, *, intent: Intent, settings: Settings, now: float) -> Question | None:
    """
    Say what a person would be asked before this purchase, None if nothing, and record nothing.

    Raises:
        BudgetExceeded: `reserve` would refuse it.
    """
    _check(connection, intent, settings, now)
    consent = _to_be_agreed(connection, intent, settings, now)
    return None if consent is None else consent.question


def _check(connection: Connection, intent: Intent, settings: Settings, now: float) -> None:
    """Let the purchase pass the caps, or raise BudgetExceeded."""
    budget.check(
        connection,
        budget.Limits.of(settings),
        budget.Seller(provider=intent.provider, account=intent.account, model=intent.model),
        price=intent.maximum,
        now=now,
    )
    unknown_prices.check(connection, intent, settings)


def _to_be_agreed(connection: Connection, intent: Intent, settings: Settings, now: float) -> Consent | None:
    """What a person has to agree to: a high or unknown price, or the same once more. None: nobody is asked."""
    fingerprint = intent.fingerprint
    dear = confirmation.needed(intent.maximum, mode=settings.confirm, above_usd=settings.confirm_above_usd)
    digests = (fingerprint, *intent.stands_for)
    same = repeats.same_ids(connection, intent.wanted)
    repeated = confirmation.repeated(connection, digests, same, now) if intent.maximum.usd else ""
    if not (dear or repeated):
        return None
    question = Question.about(
        intent.request,
        price=intent.maximum,
        provider=intent.provider,
        model=intent.model,
        seconds=intent.seconds,
        notes=intent.advice,
    )
    return Consent(
        fingerprint=fingerprint,
        question=replace(question, reason=repeated),
        token=intent.terms.confirm_token,
        agreed_to=intent.terms.agreed_to,
        carried=intent.agreed,
        job_id=intent.job_id,
        asked=intent.asked,
        wanted=intent.wanted,
    )
