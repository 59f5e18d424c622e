"""One purchase: the intent is on disk before the first byte, sent once, and its outcome judged by evidence only."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from ..config import Settings
from ..errors import (
    REFUSALS,
    ProviderError,
    SeedanceError,
    StoreError,
    SubmissionNotSent,
)
from ..providers import Provider
from ..types import Job, JobState, MediaFile, Submission
from . import budget, journal
from .carriers import Carrier
from .fitting import fitted
from .receipts import Receipts
from .store import Connection, Store
from .uploads import deliver

if TYPE_CHECKING:
    from ..catalog import Offer

logger = logging.getLogger(__name__)

_QUERY = re.compile(rb"(https?:[^\s\"'?]{1,2000})\?[^\s\"']+")
"""What signs an address, where a provider repeats the links that it was given: no record keeps it."""

_CONNECT_TRIES = 3
_RECORD_PATIENCE_SECONDS = 30.0


class _Sent:
    """The buyer's side of one submission (the `Purchase` protocol)."""

    def __init__(self, store: Store, job: Job) -> None:
        self._store = store
        self.job = job
        self.sent = False
        self.http_status: int | None = None
        self.raw = b""

    @property
    def tag(self) -> str:
        return self.job.tag

    async def sending(self) -> None:
        if self.sent:
            raise RuntimeError("a purchase is sent once")
        now = self._store.clock()
        self.job = await self._store.write(
            lambda connection: journal.move(
                connection,
                self.job,
                JobState.SENDING,
                now=now,
                by=self._store.ownership.instance,
                sent_at=now,
            )
        )
        self.sent = True

    def answered(self, status: int, body: bytes) -> None:
        self.http_status = status
        self.raw = _QUERY.sub(rb"\1?(removed)", body[:4096])


async def buy(
    job: Job,
    offer: Offer,
    media: Mapping[str, MediaFile],
    *,
    provider: Provider,
    store: Store,
    receipts: Receipts,
    settings: Settings,
    carrier: Callable[[], Carrier],
    link: Callable[[Job], Awaitable[str | None]],
    changed: Callable[[Job], None],
) -> Job:
    """
    Carry out the purchase of a reserved job and record its outcome. Never raises for what the provider does.

    Run it where neither a cancelled call nor a closed stdin can stop it.
    """
    purchase = _Sent(store, job)
    try:
        wired = await deliver(
            job.request,
            media,
            provider=provider,
            info=offer.provider,
            account=job.account,
            store=store,
            settings=settings,
            carrier=carrier,
            link=link,
            fits=fitted(job.request, offer, media).limits if settings.fit else {},
        )
        submission = await _submit(provider, wired, offer, purchase)
    except REFUSALS as error:
        to = JobState.REJECTED if purchase.sent else JobState.NOT_SENT
        return await _record(purchase, to, store, receipts, changed, error=error)
    except SubmissionNotSent as error:
        to = JobState.UNKNOWN if purchase.sent else JobState.NOT_SENT
        return await _record(purchase, to, store, receipts, changed, error=error)
    except Exception as error:
        if not isinstance(error, SeedanceError):
            logger.exception("submitting %s failed in a way that nobody expected", job.id)
        to = JobState.UNKNOWN if purchase.sent else JobState.NOT_SENT
        return await _record(purchase, to, store, receipts, changed, error=error)
    return await _record(purchase, JobState.ACCEPTED, store, receipts, changed, submission=submission)


async def _submit(provider: Provider, wired: Any, offer: Offer, purchase: _Sent) -> Submission:
    for attempt in range(1, _CONNECT_TRIES + 1):
        try:
            return await provider.submit(wired, offer, purchase)
        except SubmissionNotSent:
            if purchase.sent or attempt == _CONNECT_TRIES:
                raise
            await anyio.sleep(0.2 * 2**attempt)
    raise AssertionError("unreachable")


async def _record(
    purchase: _Sent,
    to: JobState,
    store: Store,
    receipts: Receipts,
    changed: Callable[[Job], None],
    *,
    submission: Submission | None = None,
    error: Exception | None = None,
) -> Job:
    job = purchase.job
    now = store.clock()
    changes: dict[str, Any] = {}
    if submission is not None:
        changes |= {"submission": submission, "accepted_at": now}
    if to is JobState.UNKNOWN:
        changes |= {"unknown_at": now, "unknown_uptime": store.uptime()}
    if error is not None:
        changes |= describe(error)

    def transaction(connection: Connection) -> Job:
        if purchase.raw or purchase.http_status is not None:
            journal.keep_answer(
                connection, job.id, at=now, http_status=purchase.http_status, outcome=to, raw=purchase.raw
            )
        _count(connection, job, to, error, now)
        return journal.move(
            connection,
            job,
            to,
            now=now,
            by=store.ownership.instance,
            detail=str(error or "")[:300],
            **changes,
        )

    try:
        stored = await store.write(transaction)
    except StoreError:
        stored = await _record_late(job, submission, store, receipts, transaction)
    changed(stored)
    return stored


async def _record_late(
    job: Job,
    submission: Submission | None,
    store: Store,
    receipts: Receipts,
    transaction: Callable[[Connection], Job],
) -> Job:
    # The outcome is known but the database does not take it: the receipt first, then as long as patience lasts.
    if submission is not None:
        try:
            await anyio.to_thread.run_sync(partial(receipts.keep, job.id, submission))
        except OSError:
            logger.exception(
                "not even the receipt of %s could be kept; its task is %s", job.id, submission.task_id
            )
    with anyio.move_on_after(_RECORD_PATIENCE_SECONDS):
        while True:
            await anyio.sleep(0.5)
            try:
                return await store.write(transaction)
            except StoreError:
                logger.warning("the outcome of %s is not in the database yet", job.id)
    return job


def _count(connection: Connection, job: Job, to: JobState, error: Exception | None, now: float) -> None:
    if to is JobState.ACCEPTED:
        budget.accepted(connection, provider=job.provider, account=job.account, model=job.model)
    elif to is JobState.REJECTED and isinstance(error, ProviderError):
        budget.refused(
            connection,
            provider=job.provider,
            account=job.account,
            model=job.model,
            code=error.code,
            message=error.message,
            hint=error.hint,
            now=now,
        )


def describe(error: Exception) -> dict[str, Any]:
    """The fields of a job that say what went wrong. An error nobody expected keeps its text to itself."""
    if not isinstance(error, SeedanceError):
        return {
            "error": "The server made a mistake while submitting.",
            "error_code": "internal",
            "error_hint": "",
        }
    return {
        "error": error.message,
        "error_code": error.code,
        "error_hint": error.hint,
        "provider_code": getattr(error, "provider_code", None),
    }
