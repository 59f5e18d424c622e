"""When each open job gets its next step: a heap of due times, and a bounded number of steps at once."""

from __future__ import annotations

import heapq
import logging
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable

import anyio

from ..store import Clock

logger = logging.getLogger(__name__)

_LONGEST_SLEEP = 30.0
"""The event loop's clock stops while the machine sleeps, so due times are looked at this often."""

_TOGETHER_SECONDS = 0.1
"""
Steps that become due within so long are begun together: each costs half as much as one for which the process wakes up.
"""

_AFTER_A_BUG = 60.0


class Places:
    """How many steps may be under way, in all and of the jobs of one provider: one that is silent holds up no other."""

    def __init__(self, provider_of: Callable[[str], str], *, at_once: int, of_one: int) -> None:
        """`provider_of` names the provider of a job."""
        self._provider_of = provider_of
        self._at_once, self._of_one = at_once, of_one
        self._taken: dict[str, str] = {}
        self._of: Counter[str] = Counter()

    @property
    def full(self) -> bool:
        """Whether all are taken."""
        return len(self._taken) >= self._at_once

    def take(self, job_id: str) -> str | None:
        """Take one for the job; the provider whose places are all taken if there is none."""
        provider = self._provider_of(job_id)
        if self._of[provider] >= self._of_one:
            return provider
        self._taken[job_id] = provider
        self._of[provider] += 1
        return None

    def leave(self, job_id: str) -> str:
        """Give the job's place back; returns the provider that has one more now."""
        provider = self._taken.pop(job_id)
        self._of[provider] -= 1
        return provider


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
        places: Places,
        early: float = 0.0,
    ) -> None:
        """A job that is due while its places are taken waits. A step that is not due soon may begin so many seconds `early`."""
        self._step = step
        self._clocks = clock, uptime
        self._shown = clock(), uptime()
        self._gone_by = 0.0
        self._places = places
        self._early = early
        self._waiting: dict[str, deque[str]] = defaultdict(deque)
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._working: set[str] = set()
        self._bell = anyio.Event()
        self._wakes_at = 0.0

    def add(self, job_id: str, *, after: float = 0.0) -> None:
        """Schedule a step of the job after so many seconds, unless it has an earlier one coming."""
        at = self._now() + (after - self._early if after > 2 * self._early else after)
        if at < self._due.get(job_id, float("inf")):
            self._due[job_id] = at
            heapq.heappush(self._heap, (at, job_id))
            if at < self._wakes_at:
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

    def is_working(self, job_id: str) -> bool:
        """Return whether a step of the job is under way."""
        return job_id in self._working

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
                while self._heap and self._heap[0][0] <= now and not self._places.full:
                    at, job_id = heapq.heappop(self._heap)
                    if self._due.get(job_id) != at or job_id in self._working:
                        continue  # an outdated entry, or the running step will set the next time
                    busy = self._places.take(job_id)
                    if busy is not None:
                        self._waiting[busy].append(job_id)
                        continue
                    del self._due[job_id]
                    self._working.add(job_id)
                    tasks.start_soon(self._work, job_id)
                sleep = self._heap[0][0] - now if self._heap and not self._places.full else _LONGEST_SLEEP
                sleep = min(max(sleep, _TOGETHER_SECONDS), _LONGEST_SLEEP)
                self._wakes_at = now + sleep
                with anyio.move_on_after(sleep):
                    await self._bell.wait()

    async def _work(self, job_id: str) -> None:
        after: float | None = _AFTER_A_BUG
        try:
            after = await self._step(job_id)
        except Exception:
            # A bug in one job's step must not end the watching of all others.
            logger.exception("a step of %s failed in a way that nobody expected", job_id)
        finally:
            self._working.discard(job_id)
            self._leave_place(job_id)
        asked = self._due.pop(job_id, None)
        if asked is not None:  # somebody asked for a step while this one ran
            left = max(0.0, asked - self._now())
            after = left if after is None else min(after, left)
        if after is not None:
            self.add(job_id, after=after)

    def _leave_place(self, job_id: str) -> None:
        """Give the job's place back, and put the first that waits for one of its provider back among those that are due."""
        if self._places.full:
            self._bell.set()
        provider = self._places.leave(job_id)
        waiting = self._waiting.pop(provider, deque[str]())
        while waiting:
            job_id = waiting.popleft()
            if job_id in self._due:
                heapq.heappush(self._heap, (self._due[job_id], job_id))
                self._bell.set()
                break
        if waiting:
            self._waiting[provider] = waiting
