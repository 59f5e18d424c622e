"""Brings every open job to its end: this process's own, and those of processes that died."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio

from ..backoff import with_jitter
from ..errors import (
    ConfigError,
    DownloadError,
    OtherAccount,
    ProviderError,
    StoreError,
    SubmissionUnknown,
)
from ..providers import Provider
from ..store import (
    Leases,
    Receipts,
    elapsed_time,
    job_records,
    transitions,
)
from ..types import WORKERS, Job, JobState
from .archiving import Archiver
from .context import JobContext
from .open_jobs import OpenJobs
from .pool.provider_pool import ProviderPool
from .receipt_adoption import ReceiptAdoption
from .results.saving import Saver
from .tracking.polling import lose_sight, poll
from .tracking.reconcile import adopt_late, try_reconcile

if TYPE_CHECKING:
    from ..catalog import Offer
    from .buying.receipt_objects import ReceiptObjects

logger = logging.getLogger(__name__)

_RESCAN_SECONDS, _RESCAN_SHARED_SECONDS = 15.0, 5.0
_RECONCILE_SECONDS = 60.0
_LATE_SECONDS = 3600.0
_OTHER_ACCOUNT_SECONDS = 30.0
_DOUBTFUL = frozenset({JobState.ABSENT, JobState.REJECTED, JobState.UNRESOLVED, JobState.MISSING})
_STALLED_FACTOR = 12
_LONGEST_PAUSE, _LONGEST_DOWNLOAD_PAUSE = 300.0, 30.0
"""Seconds: what is added by chance between two tries, where one failure follows the other, is at most so long."""

_LEFT_AFTER = 3
"""After so many failures in a row another process may try: it may have the network or the rights that are missing here."""

_LOUD_AFTER = 5
_STALE_AT_ONCE = 3
"""So often a decision that came too late is taken anew at once; after that, somebody else is quicker every time."""


class Watcher:
    """
    Takes the next step of each open job when it is due.

    Correctness rests on the version that every change is compared with, not on the leases between processes.
    """

    def __init__(
        self,
        context: JobContext,
        *,
        pool: ProviderPool,
        saver: Saver,
        receipts: Receipts,
        leases: Leases,
        elsewhere: ReceiptObjects | None = None,
    ) -> None:
        self._store = context.store
        self._settings = context.settings
        self._incidents = context.incidents
        self._damaged = context.damaged
        self._events = context.events
        self._purchases = context.purchases
        self._pool = pool
        self._saver = saver
        self._adoption = ReceiptAdoption(context, receipts, elsewhere, self.look_at)
        self._leases = leases
        self._failures: dict[str, int] = {}
        self._left: set[str] = set()
        self._unreadable: set[str] = set()
        self._archiver = Archiver(context.store, context.purchases)
        self._open = OpenJobs(self._step, self._store, pool.usual_wait)
        self._looked = self._noted = False

    @property
    def busy(self) -> bool:
        """Whether jobs may be open here: some are followed, be it elsewhere, or it has not been looked for them yet."""
        return not self._looked or self._open.elsewhere or not self._open.scheduled <= self._left

    def look_at(self, job_id: str) -> None:
        """Schedule a step of the job at once."""
        self._open.look_at(job_id)

    def follow(self, job: Job) -> None:
        """Schedule the first step of a job that was bought just now, after the poll interval."""
        self._leases.want(job.id)
        self._open.enter(job)
        self._open.schedule(job.id, after=self._interval(job))

    async def run(self) -> None:
        """Pick up what earlier processes left, then work until cancelled. Whatever raises, the rest goes on."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._again_and_again, "Watching the open jobs", self._open.run)
            tasks.start_soon(self._again_and_again, "Looking for open jobs", self._resume)
            tasks.start_soon(self._name_damaged)
            tasks.start_soon(self._again_and_again, "Archiving old jobs", self._archiver.run)
            tasks.start_soon(
                self._again_and_again, "Looking for late purchases", self._look_for_late_arrivals
            )

    async def _again_and_again(self, doing: str, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            with self._incidents.contained(doing):
                await work()
            await anyio.sleep(_RESCAN_SECONDS)

    async def _resume(self) -> None:
        while True:
            with self._incidents.contained("Counting the time that has passed"):
                await self.note_clocks()
            with self._incidents.contained("Reading the receipts of purchases"):
                await self._adoption.look_here()
            with self._incidents.contained("Looking up the open jobs"):
                jobs = await self._store.read(self._leases.open_jobs)
                self._open.found(jobs, skip=self._unreadable)
                self._looked = True
                if all(job.state is not JobState.REMOTE_DONE for job in jobs):
                    # Otherwise a download may still go on from what is there.
                    with self._incidents.contained("Removing what dead processes left"):
                        await self._saver.sweep()
            await self._incidents.keep()
            await anyio.sleep(
                min(_RESCAN_SECONDS, _RESCAN_SHARED_SECONDS) if self._store.shared else _RESCAN_SECONDS
            )

    async def _name_damaged(self) -> None:
        while not self._damaged.searched:
            with self._incidents.contained("Looking for damaged records"):
                async for damaged in self._damaged.search_on():
                    logger.error("%s", damaged.words)
            await anyio.sleep(_RESCAN_SECONDS)

    async def note_clocks(self) -> None:
        """
        Count the time that has passed: at the start, which may be on another machine, and if nobody has lately.

        Raises:
            StoreError: not now.
        """
        if not self._noted or await self._store.read(elapsed_time.is_due):
            await self._store.write(elapsed_time.note)
            self._noted = True

    async def _look_for_late_arrivals(self) -> None:
        """Once an hour: a purchase judged not to have happened may turn up at the provider after all."""
        while True:
            await anyio.sleep(_LATE_SECONDS)
            await self.adopt_late()

    async def adopt_late(self) -> None:
        """Ask about every such purchase that the provider's list still reaches back to. Raises StoreError."""
        for job in await self._store.read(lambda connection: job_records.in_states(connection, _DOUBTFUL)):
            with self._incidents.contained("Looking for it once more at the provider", job.id):
                await self._adopt_late(job)

    async def _adopt_late(self, job: Job) -> None:
        if await self._adoption.look_elsewhere(job):
            self.look_at(job.id)
            return
        offer = self._pool.offer(job)
        horizon = offer.provider.horizon_hours * 3600
        if job.sent_at is None:
            return
        if job.sent_at < self._store.clock() - horizon:
            # A clock that was behind then, or ran ahead now, makes it look older than it is.
            passed = await self._store.read(lambda connection: elapsed_time.age(connection, job, "sent_at"))
            if passed > horizon:
                return
        try:
            provider = await self._pool.open_for(job)
            adopted = await adopt_late(job, offer, provider=provider, store=self._store)
        except OtherAccount:
            return
        except (ProviderError, ConfigError, transitions.Stale) as error:
            logger.info("%s: not looked for now: %s", job.id, error)
            return
        if adopted.version != job.version:
            self._events.changed(adopted)
            self.look_at(adopted.id)

    async def _step(self, job_id: str) -> float | None:
        if job_id in self._purchases:
            return self._interval()
        after = await self._try(job_id)
        if self._failures.get(job_id, 0) >= _LEFT_AFTER:
            with self._incidents.contained("Leaving it to other processes", job_id):
                await self._leases.give_up(job_id)
        return after

    async def _try(self, job_id: str) -> float | None:
        try:
            after = await self._next(job_id)
        except transitions.Stale:
            return 0.0 if self._failed(job_id) <= _STALE_AT_ONCE else self._interval()
        except OtherAccount as error:
            return self._leave(job_id, error)
        except job_records.DamagedRecord as error:
            logger.error("%s", error.message)
            self._unreadable.add(job_id)
            self._open.forget(job_id)
            self._leases.let_go(job_id)
            with self._incidents.contained("Naming its damaged record", job_id):
                await self._damaged.note(job_id)
            return None
        except (ProviderError, StoreError) as error:
            return self._after_failure(job_id, error)
        except Exception as error:  # whatever it is, the next step may go well, and all other jobs go on
            self._incidents.note("Following it", error, job_id)
            await self._incidents.keep()
            return with_jitter(self._after(job_id), self._failed(job_id), longest=_LONGEST_PAUSE)
        self._failures.pop(job_id, None)
        self._left.discard(job_id)
        return after

    async def _next(self, job_id: str) -> float | None:
        job = self._open.record(job_id)
        if job is None:
            job = await self._store.read(lambda connection: job_records.find(connection, job_id))
        if job.finished:
            return self._done_with(job)
        if job.state in (JobState.RESERVED, JobState.SENDING):
            return await self._orphan(job)
        if job.state is JobState.UNKNOWN and await self._adoption.look_elsewhere(job):
            return 0.0
        # Before the lease: who may or can not ask about it must not keep those from it who may.
        provider = await self._pool.open_for(job)
        offer = self._pool.offer(job)
        if job.state is JobState.REMOTE_DONE and self._open.must_move(job):
            return 0.0
        if job.state is JobState.REMOTE_DONE and (pause := self._saver.pause(job)):
            return pause
        if not await self._leases.take(job.id):
            return self._open.leave(job.id)
        before = job.version
        job = await self._advance(job, offer, provider)
        if job.version != before:
            self._events.changed(job)
        if job.finished:
            return self._done_with(job)
        self._open.keep(job)
        if job.state is JobState.REMOTE_DONE:
            return 0.0
        if job.state is JobState.UNKNOWN:
            return min(_RECONCILE_SECONDS, self._interval() * 4)
        return self._interval(job)

    def _done_with(self, job: Job) -> None:
        self._open.keep(job)
        self._leases.let_go(job.id)

    async def _advance(self, job: Job, offer: Offer, provider: Provider) -> Job:
        if job.state is JobState.UNKNOWN:
            return await try_reconcile(job, offer, provider=provider, store=self._store)
        if job.state is JobState.REMOTE_DONE:
            return await self._saver.save(job, provider, result_hours=offer.provider.result_hours)
        cny_per_usd = self._settings.cny_per_usd
        try:
            return await poll(job, offer, provider=provider, store=self._store, cny_per_usd=cny_per_usd)
        except ProviderError as error:
            if self._failures.get(job.id, 0) < _LOUD_AFTER:
                raise
            return await lose_sight(job, offer, error, store=self._store)

    def _leave(self, job_id: str, other: OtherAccount) -> float:
        # Looked at again because a person may say meanwhile that it is the same account; nobody is asked for that.
        self._leases.let_go(job_id)
        if job_id not in self._left:
            self._left.add(job_id)
            logger.info("%s", other.message)
        return _OTHER_ACCOUNT_SECONDS

    def _failed(self, job_id: str) -> int:
        self._failures[job_id] = self._failures.get(job_id, 0) + 1
        return self._failures[job_id]

    def _after_failure(self, job_id: str, error: ProviderError | StoreError) -> float:
        failures = self._failed(job_id)
        level = logging.INFO if failures < _LOUD_AFTER else logging.WARNING
        logger.log(level, "%s: %s: %s (%d in a row)", job_id, error.code, error.message, failures)
        wished = getattr(error, "retry_after", None) or 0.0
        longest = _LONGEST_DOWNLOAD_PAUSE if isinstance(error, DownloadError) else _LONGEST_PAUSE
        return max(with_jitter(self._after(job_id), failures, longest=longest), min(wished, _LONGEST_PAUSE))

    def _after(self, job_id: str) -> float:
        return max(self._interval(), self._open.wait(job_id))

    async def _orphan(self, job: Job) -> float | None:
        # Whether the submitting process died is told by its free lock alone, never by a clock.
        # A job of our own without a buyer is one whose outcome the database would not take for too long.
        if job.owner == WORKERS:
            return self._open.leave(job.id)
        left_behind = job.owner == self._store.ownership.instance and job.id not in self._purchases
        if not left_behind and await self._store.alive(job.owner):
            return self._interval()
        sent = job.state is JobState.SENDING
        now = self._store.clock()
        changes: dict[str, Any] = (
            {
                "unknown_at": now,
                "unknown_uptime": self._store.uptime(),
                "error": "The server stopped while submitting; the provider may have taken the job.",
                "error_code": "submission_unknown",
                "error_hint": SubmissionUnknown.default_hint,
            }
            if sent
            else {
                "error": "The server stopped before submitting; nothing was spent.",
                "error_code": "not_sent",
                "error_hint": "Submit it again.",
            }
        )
        with contextlib.suppress(transitions.Stale):
            moved = await self._store.write(
                lambda connection: transitions.move(
                    connection,
                    job,
                    JobState.UNKNOWN if sent else JobState.NOT_SENT,
                    now=now,
                    by=self._store.ownership.instance,
                    detail="its buyer gave up" if left_behind else "its process is gone",
                    **changes,
                )
            )
            self._events.changed(moved)
        return 0.0

    def _interval(self, job: Job | None = None) -> float:
        jitter = 0.8 + 0.4 * secrets.randbelow(1000) / 1000
        wished = self._settings.poll_seconds
        if job is not None:
            wished = max(
                wished * (_STALLED_FACTOR if job.state is JobState.STALLED else 1), self._open.wait(job.id)
            )
        return max(min(wished, self._pool.longest_wait(job)), self._pool.least_wait) * jitter
