"""A turn for every call: what keeps all processes together below a provider's limits, and heeds its 429."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal, Protocol

from ..errors import RateLimited

Kind = Literal["submit", "read", "list"]
"""What a limit counts: purchases, every other call, and looks at lists of tasks."""

PURCHASE_PATIENCE = 30.0
"""Seconds that a purchase waits for its turn, before anything of it is sent."""

UNTOLD_PAUSE = 1.0
"""Seconds that nobody calls after a 429 that does not say how long to wait."""


class Pace(Protocol):
    """The turns of one account at one provider. Never raises: whoever cannot be told to wait goes on."""

    async def turn(self, kind: Kind, longest: float) -> float:
        """
        Take the next turn; returns the seconds until it comes.

        When it is further away than `longest` seconds, none is taken.
        """
        ...

    async def hold(self, kind: Kind, seconds: float) -> None:
        """Let no call of this kind have its turn for so long."""
        ...


class Line:
    """Where the calls of one API stand in line. Without a `pace` nobody waits."""

    def __init__(self, pace: Pace | None, title: str, sleep: Callable[[float], Awaitable[None]]) -> None:
        """`sleep` takes seconds; `title` names the provider in errors."""
        self._pace = pace
        self._title = title
        self._sleep = sleep

    async def wait(self, kind: Kind, longest: float) -> None:
        """
        Wait for the turn of a call.

        Raises:
            RateLimited: it is further away than `longest` seconds; nothing was sent.
        """
        if self._pace is None:
            return
        seconds = await self._pace.turn(kind, longest)
        if seconds > longest:
            raise RateLimited(
                f"{self._title} asked for a pause that lasts another {seconds:.0f} s; nothing was sent.",
                retry_after=seconds,
            )
        if seconds > 0:
            await self._sleep(seconds)

    @asynccontextmanager
    async def purchase(self) -> AsyncGenerator[None]:
        """
        Wait for the turn of a purchase, and pass on what its refusal says about the next.

        Raises:
            RateLimited: the turn is too far away; nothing was sent.
        """
        await self.wait("submit", PURCHASE_PATIENCE)
        try:
            yield
        except RateLimited as error:
            await self.told_to_wait("submit", error.retry_after)
            raise

    async def told_to_wait(self, kind: Kind, seconds: float | None) -> None:
        """Pass on a provider's 429 to everybody: `seconds` as it said, None if it did not say."""
        if self._pace is not None:
            await self._pace.hold(kind, UNTOLD_PAUSE if seconds is None else seconds)
