"""One purchase: the intent is on disk before the first byte, sent once, and its outcome judged by evidence only."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from ...backoff import exponential
from ...errors import REFUSALS, SeedanceError, StoreError, SubmissionNotSent, SubmissionUnknown
from ...providers import Provider
from ...store import Connection, Receipts, Store, budget, transitions
from ...types import WORKERS, Job, JobState, MediaFile, Submission, VideoRequest
from ..context import JobContext
from ..inputs.sending import MediaSender
from ..local_files.job_folders import as_recorded
from ..watcher import Watcher
from .outcomes import Outcome, record

if TYPE_CHECKING:
    from ...catalog import Offer
    from .receipt_objects import ReceiptObjects

logger = logging.getLogger(__name__)

_QUERY = re.compile(rb"(https?:[^\s\"'?]{1,2000})\?[^\s\"']+")
"""What signs an address, where a provider repeats the links that it was given: no record keeps it."""

_CONNECT_TRIES = 3
_FIRST_PAUSE = 0.4
_SOON_SECONDS = 5.0
"""How long after it is on disk that a purchase is sent, it may be sent: later, others may have looked for it in vain."""


class _Sent:
    """The buyer's side of one submission (the `Purchase` protocol)."""

    def __init__(self, store: Store, job: Job, **changes: Any) -> None:
        """`changes` are fields of the job that change as it is sent."""
        self._store = store
        self._changes: Mapping[str, Any] = {"owner": job.owner, **changes}
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
        store, job, owner = self._store, self.job, self._changes["owner"]
        now, running = store.clock(), store.running()

        def swap(connection: Connection) -> tuple[Job, float]:
            if job.owner == WORKERS and not job.maximum.is_free and budget.spending_stopped(connection):
                raise StoreError("Nothing is bought until a person allows it again.")
            sending = transitions.move(
                connection,
                job,
                JobState.SENDING,
                now=now,
                by=owner,
                sent_at=now,
                sent_running=running,
                sent_start=store.start,
                **self._changes,
            )
            return sending, store.running()

        self.job, swapped = await store.write_as(owner, swap)
        self.sent = True
        stood = store.running() - swapped
        if stood > _SOON_SECONDS:  # this process stood still, or the machine slept
            raise SubmissionUnknown(
                f"Nothing was sent: the server stood still for {stood:.0f} s just before, and others may have judged the"
                " purchase meanwhile."
            )

    def answered(self, status: int, body: bytes) -> None:
        self.http_status = status
        self.raw = _QUERY.sub(rb"\1?(removed)", body[:4096])


class Buyer:
    """Carries out purchases whose intent is on disk, and records what came of them."""

    def __init__(
        self,
        context: JobContext,
        *,
        receipts: Receipts,
        sender: MediaSender,
        watcher: Watcher,
        elsewhere: ReceiptObjects | None = None,
    ) -> None:
        """`watcher` follows what was bought; receipts are kept `elsewhere` as well, where other machines share the jobs."""
        self._context = context
        self._receipts = receipts
        self._sender = sender
        self._watcher = watcher
        self._elsewhere = elsewhere

    async def prepare(self) -> None:
        """Make room for the receipts. Raises StoreError: there is none, so nothing may be bought."""
        await anyio.to_thread.run_sync(self._receipts.prepare)

    async def run(self, job: Job, offer: Offer, media: Mapping[str, MediaFile], provider: Provider) -> None:
        """Carry out one of the process's purchases, which was begun. Never raises, and nobody can stop it."""
        incidents, purchases = self._context.incidents, self._context.purchases
        with anyio.CancelScope(shield=True):
            try:
                with incidents.contained("Buying it", job.id):
                    job = await self.buy(job, offer, media, provider)
            finally:
                purchases.end(job.id)
            if not job.finished:  # a buyer that failed leaves it to the watcher as well
                self._watcher.follow(job)
            await incidents.keep()

    async def buy(self, job: Job, offer: Offer, media: Mapping[str, MediaFile], provider: Provider) -> Job:
        """Buy a reserved job and record the outcome. Never raises for what the provider does."""
        purchase = _Sent(self._context.store, job)
        try:
            sendable = await self._sender.send(job, offer, media, provider)
            submission = await _submit(provider, sendable, offer, purchase)
        except Exception as error:
            return await self._record(purchase, _judged(error, purchase))
        return await self._record(purchase, Outcome(to=JobState.ACCEPTED, submission=submission))

    async def buy_order(
        self,
        job: Job,
        offer: Offer,
        load: Callable[[], Awaitable[Mapping[str, MediaFile]]],
        provider: Provider,
    ) -> Job:
        """
        Do as `buy` with a job that waits for a worker, once its media are loaded. Until it is sent this can be cancelled.

        Raises:
            StoreError, Stale: nothing was sent; the job is as it was, or somebody else has moved it.
        """
        store, settings = self._context.store, self._context.settings
        purchase = _Sent(
            store, job, owner=store.ownership.instance, output_dir=as_recorded(settings.output_dir)
        )
        try:
            sendable = await self._sender.send(job, offer, await load(), provider)
        except (StoreError, transitions.Stale):
            raise
        except Exception as error:
            return await self._record(purchase, _judged(error, purchase))
        if not self._context.purchases.is_open:
            raise StoreError("This worker is ending.")
        with anyio.CancelScope(shield=True):
            await self._send(purchase, sendable, offer, provider)
        return purchase.job

    async def _send(self, purchase: _Sent, sendable: VideoRequest, offer: Offer, provider: Provider) -> None:
        try:
            submission = await _submit(provider, sendable, offer, purchase)
        except Exception as error:
            if not purchase.sent and isinstance(error, (StoreError, transitions.Stale)):
                raise
            outcome = _judged(error, purchase)
        else:
            outcome = Outcome(to=JobState.ACCEPTED, submission=submission)
        purchase.job = await self._record(purchase, outcome)

    async def refuse(self, job: Job, error: Exception) -> Job:
        """Record that a reserved job is not sent, and why."""
        return await self._record(_Sent(self._context.store, job), Outcome(to=JobState.NOT_SENT, error=error))

    async def _record(self, purchase: _Sent, outcome: Outcome) -> Job:
        outcome = replace(outcome, http_status=purchase.http_status, raw=purchase.raw)
        stored = await record(
            purchase.job,
            outcome,
            store=self._context.store,
            receipts=self._receipts,
            elsewhere=self._elsewhere,
        )
        self._context.events.changed(stored)
        return stored


def _judged(error: Exception, purchase: _Sent) -> Outcome:
    """Return what an exception proves about a purchase: only evidence ends one that may have been sent as not bought."""
    if isinstance(error, transitions.Stale):
        logger.info("%s is not sent: somebody has ended it meanwhile", purchase.job.id)
    elif not isinstance(error, SeedanceError):
        logger.error("submitting %s failed in a way that nobody expected", purchase.job.id, exc_info=error)
    if not purchase.sent:
        return Outcome(to=JobState.NOT_SENT, error=error)
    refused = isinstance(error, REFUSALS)
    return Outcome(to=JobState.REJECTED if refused else JobState.UNKNOWN, error=error)


async def _submit(provider: Provider, request: VideoRequest, offer: Offer, purchase: _Sent) -> Submission:
    for attempt in range(1, _CONNECT_TRIES + 1):
        try:
            return await provider.submit(request, offer, purchase)
        except SubmissionNotSent:
            if purchase.sent or attempt == _CONNECT_TRIES:
                raise
            await anyio.sleep(exponential(_FIRST_PAUSE, attempt))
    raise AssertionError("unreachable")
