"""How long to wait after failures: longer after each one, up to a bound, and by chance where many wait for the same."""

from __future__ import annotations

import math
import random

_MOST_DOUBLINGS = 64
"""A pause that has grown so often is longer than any bound, and one that grew a thousand times is no number any more."""


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
