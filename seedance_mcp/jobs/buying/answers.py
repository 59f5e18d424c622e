"""Waits for what providers answer to purchases, whichever process makes them."""

from __future__ import annotations

from functools import partial

import anyio

from ...store import job_records
from ...types import Job, JobState
from ..context import JobContext

_LOOK_SECONDS, _LOOK_ANYHOW_SECONDS = 0.5, 5.0
"""How often the database is looked at; the second where changes are heard of."""

_UNANSWERED = frozenset({JobState.RESERVED, JobState.SENDING})


class Answers:
    """The answers to the purchases of this process and, for a replica, to those that workers make for it."""

    def __init__(self, context: JobContext) -> None:
        self._context = context

    async def wait_for(self, job_id: str, seconds: float) -> None:
        """Wait until the provider has answered to the job's purchase, at most so long. Raises JobNotFound, StoreError."""
        if self._context.role.buys:
            await self._context.purchases.wait_for(job_id, seconds)
            return
        with anyio.move_on_after(seconds):
            while True:
                with self._context.events.bell(job_id) as changed:
                    if (await self._load(job_id)).state not in _UNANSWERED:
                        return
                    pause = _LOOK_ANYHOW_SECONDS if self._context.events.hears else _LOOK_SECONDS
                    with anyio.move_on_after(pause):
                        await changed.wait()

    async def _load(self, job_id: str) -> Job:
        return await self._context.store.read(partial(job_records.find, job_id=job_id))
