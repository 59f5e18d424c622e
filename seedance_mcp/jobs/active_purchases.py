"""Which jobs are being bought in this process at the moment, and the tasks that buy them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.abc


class ActivePurchases:
    """
    The purchases under way, each known from before its reservation to the record of its outcome.

    The tasks belong to the process, not to the call that wants the video: neither a cancelled call nor a closed stdin
    ends them.
    """

    def __init__(self) -> None:
        self._over: dict[str, anyio.Event] = {}
        self._tasks: anyio.abc.TaskGroup | None = None
        self._open = False

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._over

    def __len__(self) -> int:
        return len(self._over)

    def open(self, tasks: anyio.abc.TaskGroup) -> None:
        """Let purchases be begun, which then run in these tasks."""
        self._tasks, self._open = tasks, True

    @property
    def is_open(self) -> bool:
        """Whether purchases may be begun."""
        return self._open

    def close(self) -> None:
        """Let no other purchase be begun; those that are go on."""
        self._open = False

    def begin(self, job_id: str) -> None:
        """Note the purchase of a job that is about to be put on disk. Raises RuntimeError when none may be begun."""
        if not self._open:
            raise RuntimeError("nothing can be started outside of running()")
        self._over[job_id] = anyio.Event()

    def start(self, work: Callable[..., Coroutine[Any, Any, None]], *arguments: object) -> None:
        """Let a purchase that was begun go on by itself."""
        assert self._tasks is not None
        self._tasks.start_soon(work, *arguments)

    def end(self, job_id: str) -> None:
        """Note that a purchase is over, whatever came of it."""
        self._over.pop(job_id).set()

    async def wait_for(self, job_id: str, seconds: float) -> None:
        """Wait for the end of the job's purchase, at most so long; not at all if it is not under way here."""
        if job_id in self._over:
            with anyio.move_on_after(seconds):
                await self._over[job_id].wait()

    async def wait_for_all(self, seconds: float) -> None:
        """Wait for the end of all that are under way now, at most so long."""
        with anyio.move_on_after(seconds):
            for event in list(self._over.values()):
                await event.wait()
