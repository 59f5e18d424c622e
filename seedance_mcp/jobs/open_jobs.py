"""The open jobs that this process follows: when each is due for a step, and what was last read of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import anyio

from ..store import OpenJob, Store
from ..types import Job, JobState
from .scheduler import Places, Scheduler

_ASKED_AT_ONCE, _ASKED_OF_ONE = 64, 24
_FETCHED_AT_ONCE, _FETCHED_OF_ONE = 12, 8
"""Looks and downloads under way, in all and of the jobs of one provider."""

_EARLY_SECONDS = 0.05
"""A look may begin so much early, to be late by no more: its call waits for its turn still, and for a provider's pause."""

MOST_RECORDS = 2000
"""So many records are kept, of some 6 kB each; of further jobs they are read before each look."""

_ASKED_ABOUT = frozenset({JobState.ACCEPTED, JobState.STALLED, JobState.UNKNOWN})


class OpenJobs:
    """
    Two schedules, so that large downloads hold up no look at a provider.

    A record is kept between two steps, for as long as it has the version that the database says: most looks at a
    provider find nothing new, and need nothing of the database.
    """

    def __init__(
        self,
        step: Callable[[str], Awaitable[float | None]],
        store: Store,
        usual_wait: Callable[[str, int], float],
    ) -> None:
        """`usual_wait` returns the seconds between two looks at each of so many jobs of a provider, by its name."""
        self._step = step
        self._usual_wait = usual_wait
        schedule = partial(Scheduler, clock=store.clock, uptime=store.uptime)
        asked = Places(self._provider_of, at_once=_ASKED_AT_ONCE, of_one=_ASKED_OF_ONE)
        fetched = Places(self._provider_of, at_once=_FETCHED_AT_ONCE, of_one=_FETCHED_OF_ONE)
        self._asking = schedule(self._ask, places=asked, early=_EARLY_SECONDS)
        self._fetching = schedule(step, places=fetched)
        self._records: dict[str, Job] = {}
        self._providers: dict[str, str] = {}
        self._asked_at: Counter[str] = Counter()
        self._to_fetch: set[str] = set()
        self.elsewhere = False
        """Whether other processes look after some of the open jobs."""

    @property
    def scheduled(self) -> set[str]:
        """The jobs that have a step coming or under way."""
        return self._asking.jobs | self._fetching.jobs

    async def run(self) -> None:
        """Work until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._asking.run)
            tasks.start_soon(self._fetching.run)

    def look_at(self, job_id: str) -> None:
        """Schedule a step at once, which reads the record anew."""
        self._records.pop(job_id, None)
        self._schedule_of(job_id).add(job_id)

    def enter(self, job: Job) -> None:
        """Take in a job that was bought just now."""
        self._mark(job.id, job.provider, job.state)

    def schedule(self, job_id: str, after: float) -> None:
        """Schedule a step of a job after so many seconds."""
        self._schedule_of(job_id).add(job_id, after=after)

    def found(self, jobs: Iterable[OpenJob], skip: set[str]) -> None:
        """
        Take in which jobs are open now: the new ones are scheduled, without those in `skip`; changed records are dropped.

        Those of one provider are spread, so that it is not asked about all of them at once.
        """
        jobs = list(jobs)
        versions = {job.id: job.version for job in jobs}
        self._records = {
            job_id: record
            for job_id, record in self._records.items()
            if versions.get(job_id) == record.version
        }
        self.elsewhere = False
        scheduled, places = self.scheduled, Counter[str]()
        for job in jobs:
            if job.elsewhere:
                self.leave(job.id)
            elif job.id not in scheduled and job.id not in skip:
                self._mark(job.id, job.provider, job.state)
                asked = job.state in _ASKED_ABOUT
                after = self._usual_wait(job.provider, places[job.provider]) if asked else 0.0
                places[job.provider] += asked
                self._schedule_of(job.id).add(job.id, after=after)

    def record(self, job_id: str) -> Job | None:
        """Take out the record that was kept; None: it has to be read."""
        return self._records.pop(job_id, None)

    def keep(self, job: Job) -> None:
        """Note the outcome of a step: the record is kept while the provider is asked about the job again and again."""
        if job.finished:
            self.forget(job.id)
            return
        self._mark(job.id, job.provider, job.state)
        if job.state in (JobState.ACCEPTED, JobState.STALLED) and len(self._records) < MOST_RECORDS:
            self._records[job.id] = job

    def leave(self, job_id: str) -> None:
        """Note that another process looks after the job; it is found again when that one does so no more."""
        self.forget(job_id)
        self.elsewhere = True

    def wait(self, job_id: str) -> float:
        """The seconds between two looks at a job with which those at all jobs of its provider stay below its limit."""
        if job_id in self._to_fetch or job_id not in self._providers:
            return 0.0
        provider = self._providers[job_id]
        return self._usual_wait(provider, self._asked_at[provider])

    def must_move(self, job: Job) -> bool:
        """Return whether this is a step of a look, and the result is to be fetched: it is in the other schedule from now on."""
        if not self._asking.is_working(job.id):
            return False
        self._mark(job.id, job.provider, job.state)
        return True

    async def _ask(self, job_id: str) -> float | None:
        if job_id in self._to_fetch:
            after: float | None = 0.0
        else:
            after = await self._step(job_id)
        if after is None or job_id not in self._to_fetch:
            return after
        self._fetching.add(job_id, after=after)
        return None

    def _schedule_of(self, job_id: str) -> Scheduler:
        return self._fetching if job_id in self._to_fetch else self._asking

    def _provider_of(self, job_id: str) -> str:
        return self._providers.get(job_id, "")

    def _mark(self, job_id: str, provider: str, state: JobState) -> None:
        """Note where the job belongs, and whether its provider is asked about it."""
        self._unmark(job_id)
        self._providers[job_id] = provider
        if state is JobState.REMOTE_DONE:
            self._to_fetch.add(job_id)
        else:
            self._asked_at[provider] += 1

    def _unmark(self, job_id: str) -> None:
        provider = self._providers.pop(job_id, None)
        if provider is not None and job_id not in self._to_fetch:
            self._asked_at[provider] -= 1
        self._to_fetch.discard(job_id)

    def forget(self, job_id: str) -> None:
        """Note that nothing more is done for the job here."""
        self._records.pop(job_id, None)
        self._unmark(job_id)
