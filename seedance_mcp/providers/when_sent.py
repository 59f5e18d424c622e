"""When a lost purchase was sent, in the only clock that the provider's list is dated by: the provider's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class WhenSent:
    """
    What is known of the moment of sending.

    `at` is what our clock on the wall showed then, in seconds since the epoch; it may have been wrong. `ago` tells
    how many seconds it has been at most. `not_before` is the earliest that it can have been by the provider's clock,
    once that is known.
    """

    EVERYTHING: ClassVar[float] = 0.0
    """The moment from which a list was searched that has no beginning."""

    CLOCKS_SECONDS: ClassVar[float] = 360.0
    """Looked back further by so much: what dates an answer and what dates a task need not be the same clock."""

    at: float
    ago: Callable[[], float]
    not_before: float | None = None

    def since(self, their_now: float | None) -> float:
        """
        Return from when on the list has to be searched, by the provider's clock, which shows `their_now` (None: not told).

        The earlier of two ways to tell is taken, so that one of them may be wrong: our clock then, and the provider's
        now less what has passed.
        """
        if self.not_before is not None:
            return self.not_before
        # Asked only now, after the provider has told its time: the machine may have slept in between.
        told = (self.at,) if their_now is None else (self.at, their_now - self.ago())
        return min(told) - self.CLOCKS_SECONDS
