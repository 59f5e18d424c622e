"""What a process hands to its metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..store import figures


@dataclass(frozen=True, kw_only=True)
class Live:
    """
    What a process can tell of this moment. All are called in another thread.

    `waiting` says how many calls wait; `figures` read those of the installation by the name of each team, empty where there
    are none, and raise SeedanceError if they cannot.
    """

    figures: Mapping[str, Callable[[], figures.Figures]]
    waiting: Callable[[], int] = lambda: 0
