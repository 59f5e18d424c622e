"""What every benchmark returns: a line for each thing measured, what it is held against, and the goal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Measure:
    """
    One line of the table.

    `ours` and `reference` are in `unit`; without a reference, `ours` itself is held against the goal, else their
    ratio is. `at_most` and `at_least` are the goal; with neither, the line only tells.
    """

    name: str
    ours: float
    unit: str
    reference: float | None = None
    against: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the reference it is."""
        return None if self.reference is None else self.ours / self.reference

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        value = self.ours if self.ratio is None else self.ratio
        return (self.at_most is None or value <= self.at_most) and (
            self.at_least is None or value >= self.at_least
        )
