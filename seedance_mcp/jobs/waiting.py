"""Waiting for a job, and what to tell meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from ..types import Job, JobState, JobStatus
from .pool.provider_pool import ProviderPool
from .runner import JobRunner
from .tracking.lost_answers import a_person_has_to_look
from .untaken_orders import untaken

_HEARTBEAT_SECONDS = 5.0
_LOOK_SECONDS, _LOOK_ANYHOW_SECONDS = 0.5, 5.0
"""How often the database is looked at: jobs that other processes watch change without an event here, or with one."""

_GUESS_SECONDS = 90.0
"""How long a job takes before anything is known about it: only for the shape of the progress bar."""

_QUEUED, _SAVING = 0.05, 0.95


@dataclass(frozen=True, kw_only=True)
class Update:
    """How far a job is: `fraction` from 0 to 1, never going back, and one line for a person."""

    fraction: float
    message: str


class Waiting:
    """Waits for jobs of one runner, of those that `find` can load."""

    def __init__(
        self,
        runner: JobRunner,
        find: Callable[[str], Awaitable[Job]],
        usual_seconds: Callable[[str, str], Awaitable[float | None]],
        pool: ProviderPool,
        clock: Callable[[], float],
    ) -> None:
        self._runner = runner
        self._find = find
        self._pool = pool
        self._usual_seconds = usual_seconds
        self._clock = clock

    async def wait(
        self, job_id: str, seconds: float, report: Callable[[Update], Awaitable[None]] | None
    ) -> Job:
        """Return the job when it has finished or the time is up. Raises JobNotFound."""
        job = await self._find(job_id)
        usual = await self._usual_seconds(job.provider, job.model) if report else None
        best = 0.0
        told_at = -_HEARTBEAT_SECONDS
        told = ""
        deadline = anyio.current_time() + seconds
        while True:
            with self._runner.bell(job_id) as changed:
                job = await self._find(job_id)
                now = anyio.current_time()
                update = self._describe(job, usual)
                if await self._pool.waits_for(job) is not None:
                    update = Update(
                        fraction=update.fraction, message="Waiting for the key that it was bought with"
                    )
                best = max(best, update.fraction)
                if report and (update.message != told or now - told_at >= _HEARTBEAT_SECONDS):
                    await report(Update(fraction=best, message=update.message))
                    told, told_at = update.message, now
                if job.finished or now >= deadline:
                    return job
                pause = _LOOK_ANYHOW_SECONDS if self._runner.hears else _LOOK_SECONDS
                with anyio.move_on_after(min(pause, deadline - now)):
                    await changed.wait()

    def _describe(self, job: Job, usual: float | None) -> Update:
        elapsed = max(0.0, self._clock() - job.created_at)
        spent = f"{elapsed:.0f} s" + (f" of usually {usual:.0f} s" if usual else "")
        if job.finished:
            return Update(fraction=1.0, message=f"{job.status.capitalize()} after {elapsed:.0f} s")
        if job.state is JobState.REMOTE_DONE:
            return Update(fraction=_SAVING, message=f"Saving the video{self._bytes(job.id)}, {spent}")
        if a_person_has_to_look(job, self._pool.catalog.providers.get(job.provider)):
            words = f"The provider's answer was lost, and it cannot be asked: look at its console, {spent}"
            return Update(fraction=_QUEUED, message=words)
        if job.status is JobStatus.UNKNOWN:
            return Update(
                fraction=_QUEUED, message=f"The provider's answer was lost; looking for the job, {spent}"
            )
        if job.waits_for_worker:
            words = untaken(job, self._clock()) or f"Waiting for a worker that buys it, {spent}"
            return Update(fraction=0.0, message=words)
        if job.status is JobStatus.SUBMITTING:
            return Update(fraction=0.01, message=f"Submitting to {job.provider}, {spent}")
        if job.status is JobStatus.QUEUED:
            place = f" (position {job.queue_position})" if job.queue_position else ""
            return Update(fraction=_QUEUED, message=f"Queued at {job.provider}{place}, {spent}")
        if job.progress is not None:
            words = f"Rendering {job.progress:.0%}, {spent}"
            return Update(fraction=_QUEUED + (_SAVING - _QUEUED) * job.progress, message=words)
        share = elapsed / (elapsed + (usual or _GUESS_SECONDS) / 3)  # slows down and never arrives by itself
        return Update(fraction=_QUEUED + (_SAVING - _QUEUED) * share, message=f"Rendering, {spent}")

    def _bytes(self, job_id: str) -> str:
        progress = self._runner.saving_progress(job_id)
        if progress is None:
            return ""
        here, in_all = progress
        return f": {here / 1e6:.1f} of {in_all / 1e6:.1f} MB" if in_all else f": {here / 1e6:.1f} MB"
