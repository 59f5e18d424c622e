"""What a provider's clock shows, and how old an answer is: a cache on the way may hand out one that was made long ago."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from .timeouts import Timing

_SLACK_SECONDS = 2.0
"""Dates are told in whole seconds, by one machine of the provider or another."""

_DIGITS = re.compile(r"\d{1,10}")


@dataclass(frozen=True, kw_only=True)
class Dated:
    """
    When an answer was made: the moment `at` by the provider's clock, in seconds since the epoch; None: not told.

    `age` is how many seconds old it was when it was read, as far as anything tells; infinite where nothing does.
    """

    at: float | None = None
    age: float = math.inf

    def and_(self, other: Dated | None) -> Dated:
        """Return what holds of both together: the older of them counts."""
        if other is None:
            return self
        at = None if self.at is None or other.at is None else min(self.at, other.at)
        return Dated(at=at, age=max(self.age, other.age))


class TheirClock:
    """
    What the answers of one host have told of its clock.

    A clock that runs is known by two answers, apart from each other by as much as the clock here has run. An answer that
    is behind it is an old one, whatever it says of itself. Until two have told, the clock on the wall stands in.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._first: tuple[float, float, float] | None = None
        self._runs = False
        self.now: float | None = None
        """What it showed at the last answer that told, in seconds since the epoch."""

    def read(self, headers: Mapping[str, str]) -> Dated:
        """Return when an answer that has just arrived was made."""
        said, kept = date_of(headers), _kept_for(headers)
        if said is None or math.isinf(kept):
            return Dated(at=said)
        at, steady, wall = said - kept, self._timing.clock(), self._timing.now()
        self.now = at
        behind = 0.0
        if self._first is None:
            self._first = (at, steady, wall)
        else:
            began, began_steady, began_wall = self._first
            passed = steady - began_steady
            if abs(wall - began_wall - passed) > _SLACK_SECONDS:
                self._runs = False  # one of our clocks was set, or stood still while the machine slept
                self._first = (began + passed, steady, wall)
            behind = began + passed - at
            if behind < -_SLACK_SECONDS:
                # What came before was older than it seemed.
                self._first, self._runs = (at, steady, wall), False
            elif behind <= _SLACK_SECONDS and at - began >= 1.0:
                self._runs = True
        if not self._runs:
            behind = max(behind, wall - at)
        return Dated(at=at, age=max(kept, behind if behind > _SLACK_SECONDS else 0.0))


def date_of(headers: Mapping[str, str]) -> float | None:
    """Read the Date header: what the sender's clock showed, in seconds since the epoch; None if it does not tell."""
    try:
        said = parsedate_to_datetime(headers.get("date") or "")
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _kept_for(headers: Mapping[str, str]) -> float:
    """Read the Age header: for how many seconds a cache has kept the answer; infinite where it cannot be read."""
    said = (headers.get("age") or "0").strip()
    return float(said) if _DIGITS.fullmatch(said) else math.inf
