"""Waiting until something is so, and many things side by side; whoever waits sets the limit."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio


async def until(true: Callable[[], Awaitable[bool]], *, longest: float = 0.02) -> None:
    """
    Look until it is so: neither the emulator's ledger nor the database rings a bell.

    `longest`: seconds between two looks, after some that are closer together. What is so for a moment only needs few.
    """
    pause = min(0.02, longest)
    while not await true():
        await anyio.sleep(pause)
        pause = min(1.5 * pause, longest)


@contextlib.asynccontextmanager
async def many(limit: int) -> AsyncIterator[Callable[..., Any]]:
    """Run things side by side, at most so many at once."""
    limiter = anyio.CapacityLimiter(limit)
    async with anyio.create_task_group() as group:

        def start(work: Callable[..., Any], *arguments: Any) -> None:
            async def run() -> None:
                async with limiter:
                    await work(*arguments)

            group.start_soon(run)

        yield start
