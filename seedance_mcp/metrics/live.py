"""What a process hands to its metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..store import figures


@dataclass(frozen=True, kw_only=True)
class Live:
    """
    What a process can tell of this moment. Both are called in another thread.

    `waiting` says how many calls wait; `figures` reads those of the installation, and raises SeedanceError if it cannot.
    """

    figures: Callable[[], figures.Figures]
    waiting: Callable[[], int] = lambda: 0
