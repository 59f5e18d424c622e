"""How long a call may take, and where time and chance come from."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

SLOWEST_LINE = 250_000
"""Bytes a second: what a purchase with images in it has time for, beyond its deadline."""


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """Seconds. The totals end slow drips, which no read timeout ever sees."""

    connect: float = 10.0
    read: float = 20.0
    total: float = 30.0
    purchase: float = 60.0
    upload: float = 300.0

    def for_purchase(self, size: int) -> float:
        """Return the seconds that a purchase of `size` bytes has."""
        return self.purchase + size / SLOWEST_LINE


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Where time and chance come from: a steady clock, the wall clock, sleep, a number in [0, 1)."""

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    random: Callable[[], float] = random.random
