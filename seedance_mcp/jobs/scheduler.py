"""When each open job gets its next step: a heap of due times, and a bounded number of steps at once."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Awaitable, Callable

import anyio

from ..store import Clock

logger = logging.getLogger(__name__)

_LONGEST_SLEEP = 30.0
"""The event loop's clock stops while the machine sleeps, so due times are looked at this often."""

_AFTER_A_BUG = 60.0


class Scheduler:
    """
    Runs `step(job_id)` for each job when it is due.

    A step returns the seconds until the next one, or None when nothing more happens to the job. One job
    never has two steps at once.
    """

    def __init__(
        self,
        step: Callable[[str], Awaitable[float | None]],
        *,
        clock: Clock,
        uptime: Clock,
        at_once: int,
    ) -> None:
        """A job that is due while `at_once` steps are under way waits for its place."""
        self._step = step
        self._clocks = clock, uptime
        self._shown = clock(), uptime()
        self._gone_by = 0.0
        self._at_once = at_once
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._working: set[str] = set()
        self._bell = anyio.Event()

    def add(self, job_id: str, *, after: float = 0.0) -> None:
        """Schedule a step of the job after so many seconds, unless it has an earlier one coming."""
        at = self._now() + after
        if at < self._due.get(job_id, float("inf")):
            self._due[job_id] = at
            heapq.heappush(self._heap, (at, job_id))
            self._bell.set()

    def _now(self) -> float:
        """
        Count the seconds since the beginning by whichever clock went further since the last look.

        The steady clock stops while the machine sleeps; the one on the wall may be set back, by a year perhaps.
        """
        shown = self._clocks[0](), self._clocks[1]()
        self._gone_by += max(0.0, shown[0] - self._shown[0], shown[1] - self._shown[1])
        self._shown = shown
        return self._gone_by

    def knows(self, job_id: str) -> bool:
        """Return whether the job has a step coming or under way."""
        return job_id in self._due or job_id in self._working

    @property
    def jobs(self) -> set[str]:
        """The jobs that have a step coming or under way."""
        return self._working.union(self._due)

    async def run(self) -> None:
        """Work until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                self._bell = anyio.Event()
                now = self._now()
                while self._heap and self._heap[0][0] <= now and len(self._working) < self._at_once:
                    at, job_id = heapq.heappop(self._heap)
                    if self._due.get(job_id) != at or job_id in self._working:
                        continue  # an outdated entry, or the running step will set the next time
                    del self._due[job_id]
                    self._working.add(job_id)
                    tasks.start_soon(self._work, job_id)
                full = len(self._working) >= self._at_once
                sleep = self._heap[0][0] - now if self._heap and not full else _LONGEST_SLEEP
                with anyio.move_on_after(min(max(sleep, 0.0), _LONGEST_SLEEP)):
                    await self._bell.wait()

    async def _work(self, job_id: str) -> None:
        after: float | None = _AFTER_A_BUG
        try:
            after = await self._step(job_id)
        except Exception:
            # A bug in one job's step must not end the watching of all others.
            logger.exception("a step of %s failed in a way that nobody expected", job_id)
        finally:
            if len(self._working) == self._at_once:
                self._bell.set()
            self._working.discard(job_id)
        asked = self._due.pop(job_id, None)
        if asked is not None:  # somebody asked for a step while this one ran
            left = max(0.0, asked - self._now())
            after = left if after is None else min(after, left)
        if after is not None:
            self.add(job_id, after=after)
