"""How long to wait after failures, longer after each up to a bound or by chance, and how seldom to tell of what goes on."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

_MOST_DOUBLINGS = 64
"""A pause that has grown so often is longer than any bound, and one that grew a thousand times is no number any more."""

_FIRST_SILENCE, _LONGEST_SILENCE = 10.0, 900.0
"""Seconds between two lines of a log about what goes on failing."""


def exponential(first: float, failures: int, *, factor: float = 2.0, longest: float = math.inf) -> float:
    """Return the seconds after so many failures in a row: `first` after one, `factor` times as long after each further."""
    if failures <= 0:
        return 0.0
    return min(longest, first * factor ** min(failures - 1, _MOST_DOUBLINGS))


def with_jitter(base: float, failures: int, *, longest: float) -> float:
    """
    Return the seconds from one step to the next after so many failures in a row, never below `base`.

    What is added to it is random, up to `base` without failures and up to twice as much after each, at most `longest`.
    """
    return base + random.random() * exponential(base, failures + 1, longest=longest)  # noqa: S311  not a secret


class Outage:
    """Failures in a row of one thing, of which the first is told, then one after each pause that is twice as long."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._failures = self._told = 0
        self._tell_at = 0.0

    def failed(self) -> bool:
        """Note a failure; returns whether it is to be told."""
        now = self._clock()
        self._failures += 1
        if self._told and now < self._tell_at:
            return False
        self._told += 1
        self._tell_at = now + exponential(_FIRST_SILENCE, self._told, longest=_LONGEST_SILENCE)
        return True

    def over(self) -> int:
        """Note that it works; returns how often it had failed in a row."""
        failures, self._failures, self._told = self._failures, 0, 0
        return failures
