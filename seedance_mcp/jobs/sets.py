"""The videos that were bought together, and how far they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import anyio

from ..errors import JobNotFound
from ..store import Store, sets
from ..types import Job, Place, VideoSet
from .buying.sets import set_with
from .waiting import Update

Report = Callable[[Update], Awaitable[None]]
Wait = Callable[[str, float, Report | None], Awaitable[Job]]


class Sets:
    """The sets of this installation."""

    def __init__(self, store: Store, wait: Wait) -> None:
        """`wait` waits for one job."""
        self._store = store
        self._wait = wait

    async def of(self, job: Job) -> VideoSet | None:
        """Return the set that a job is part of; None: it was bought by itself."""
        return await self._store.read(partial(set_with, job_id=job.id))

    async def places(self, job_ids: Sequence[str]) -> Mapping[str, Place]:
        """Return by job which video of which set it is; those that were bought by themselves are left out."""
        return await self._store.read(partial(sets.places, job_ids=job_ids))

    async def find(self, set_id: str) -> VideoSet:
        """Return a set. Raises JobNotFound: there is none with this id."""
        found = await self._store.read(partial(sets.shown, set_id=set_id))
        if found is None or not found.variations:
            raise JobNotFound(set_id)
        return found

    async def wait(self, set_id: str, seconds: float, report: Report | None) -> VideoSet:
        """
        Wait until every job of the set has finished, at most so many seconds; the jobs go on either way.

        `report` is called as for one job; `fraction` is the mean of all. Raises JobNotFound.
        """
        jobs = (await self.find(set_id)).jobs
        shares = {job.id: 0.0 for job in jobs}

        async def wait_for(job: Job, number: int) -> None:
            async def told(update: Update) -> None:
                shares[job.id] = update.fraction
                if report is not None:
                    words = f"{number} of {len(jobs)}: {update.message}"
                    await report(Update(fraction=sum(shares.values()) / len(shares), message=words))

            await self._wait(job.id, seconds, told if report is not None else None)

        async with anyio.create_task_group() as tasks:
            for number, job in enumerate(jobs, 1):
                tasks.start_soon(wait_for, job, number)
        return await self.find(set_id)
