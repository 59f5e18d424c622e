"""Waiting until something is so, and many things side by side; whoever waits sets the limit."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Look until it is so, less and less often: neither the emulator's ledger nor the database rings a bell."""
    pause = 0.01
    while not await true():
        await anyio.sleep(pause)
        pause = min(1.5 * pause, 0.1)


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
