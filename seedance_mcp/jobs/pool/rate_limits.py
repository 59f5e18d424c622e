"""The turns of all processes to call a provider: below its limits, and none while it asked for a pause."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio

from ...providers import Kind
from ...store import Clock, NextCall, RateFiles, RateKey

if TYPE_CHECKING:
    from ...catalog import ProviderInfo, RateLimit

logger = logging.getLogger(__name__)

_LOOKS, _LOOK_SECONDS = 100, 0.005
"""So often, and so many seconds apart, a call tries to take a turn while others do, before it goes on without one."""

_LONGEST_WAIT, _LONGEST_HOLD = 30.0, 300.0
"""Seconds: nobody waits longer for a turn, and no pause is longer. What lies further ahead was written under another clock."""

_APART_SECONDS = 0.05
"""By so much less than the calls before it may a call be on its way; providers count when calls arrive."""

_USED_SHARE = 0.8
"""Of the calls that come as fast as they may, the looks at open jobs take so much; the rest is for everything else."""


class SharedRateLimits:
    """
    The turns of one account at one provider (the `Pace` of its adapter).

    Economy only: files that are busy or broken hold nobody up.
    """

    def __init__(self, files: RateFiles, info: ProviderInfo, account: str, clock: Clock) -> None:
        self._files = files
        self._info = info
        self._account = account
        self._clock = clock

    async def turn(self, kind: Kind, longest: float) -> float:
        """Take the next turn, if it comes within `longest` seconds; returns the seconds until it comes."""
        wait = 0.0

        def take(before: NextCall) -> NextCall:
            nonlocal wait
            now = self._clock()
            spread, early = _spread(self._info.limits.get(kind))
            furthest = now + max(longest, _LONGEST_WAIT) + early + spread
            next_at, held_until = _believed(before, now, furthest)
            at = max(now, held_until, next_at - early)
            wait = at - now
            if wait <= longest and (spread or held_until > now):
                return NextCall(max(next_at, at) + spread, held_until)
            return before

        await self._change(kind, take)
        return wait

    async def hold(self, kind: Kind, seconds: float) -> None:
        """Let nobody have a turn for so long."""

        def stop(before: NextCall) -> NextCall:
            now = self._clock()
            _, held_until = _believed(before, now, now)
            return NextCall(before.at, max(held_until, now + seconds))

        await self._change(kind, stop)

    async def _change(self, kind: Kind, decide: Callable[[NextCall], NextCall]) -> None:
        key = RateKey(provider=self._info.name, account=self._account, kind=kind)
        try:
            for _ in range(_LOOKS):
                if self._files.change(key, decide):
                    return
                await anyio.sleep(_LOOK_SECONDS)
        except OSError as error:
            logger.info("%s is called without a turn: %s", self._info.name, error)


def usual_wait(info: ProviderInfo, jobs: int) -> float:
    """The seconds between two looks at each of so many jobs with which all looks together stay below the limit."""
    spread, _ = _spread(info.limits.get("read"))
    return jobs * spread / _USED_SHARE


def _spread(limit: RateLimit | None) -> tuple[float, float]:
    """
    Seconds between two turns when calls come without end, and by how much a few calls may be early.

    A third of what a period allows may come at once. The rest is spread so that no period of that length,
    wherever it begins, holds more calls than are allowed, also where some are longer on their way than others.
    """
    if limit is None:
        return 0.0, 0.0
    at_once = max(1, limit.calls // 3)
    spread = (limit.seconds + _APART_SECONDS) / (limit.calls - at_once + 1)
    return spread, spread * (at_once - 1)


def _believed(written: NextCall, now: float, furthest: float) -> tuple[float, float]:
    at, held_until = written
    return max(now, at if at <= furthest else 0.0), held_until if held_until <= now + _LONGEST_HOLD else 0.0
