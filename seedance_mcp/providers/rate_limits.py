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


class NotItsTurn(RateLimited):
    """The call was not made: its turn is too far away."""


class Line:
    """Where the calls of one API stand in line. Without a `pace` nobody waits."""

    def __init__(self, pace: Pace | None, title: str, sleep: Callable[[float], Awaitable[None]]) -> None:
        """`sleep` takes seconds; `title` names the provider in errors."""
        self._pace = pace
        self._title = title
        self._sleep = sleep

    @asynccontextmanager
    async def turn(self, kind: Kind, longest: float) -> AsyncGenerator[None]:
        """
        Wait for the turn of a call; a RateLimited that comes out of it is passed on to everybody.

        Raises:
            NotItsTurn: the turn is further away than `longest` seconds; nothing was sent.
        """
        await self._wait(kind, longest)
        try:
            yield
        except RateLimited as error:
            if self._pace is not None:
                await self._pace.hold(kind, UNTOLD_PAUSE if error.retry_after is None else error.retry_after)
            raise

    async def _wait(self, kind: Kind, longest: float) -> None:
        if self._pace is None:
            return
        seconds = await self._pace.turn(kind, longest)
        if seconds > longest:
            raise NotItsTurn(
                f"{self._title} takes no more calls of this kind for {seconds:.0f} s; nothing was sent.",
                retry_after=seconds,
            )
        if seconds > 0:
            await self._sleep(seconds)
