"""What every benchmark returns: a line for each thing measured, what it is held against, and the goal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Measure:
    """
    One line of the table.

    `ours` and `reference` are in `unit`; without a reference, `ours` itself is held against the goal, else their
    ratio is. `at_most` and `at_least` are the goal; with neither, the line only tells.

    A line with a `count` is one point of a curve: what it costs with so many of what `over` names, such as
    "stored jobs". Lines of the same name and `over` are one curve.
    """

    name: str
    ours: float
    unit: str
    reference: float | None = None
    against: str = ""
    at_most: float | None = None
    at_least: float | None = None
    over: str = ""
    count: int | None = None

    @property
    def title(self) -> str:
        """The name, and for a point of a curve where on it."""
        return self.name if self.count is None else f"{self.name}, {self.over}: {self.count:,}"

    @property
    def goal(self) -> str:
        """The goal in words; empty without one. A limit of the ratio ends with `x`."""
        unit = "x" if self.reference is not None else f" {self.unit}".rstrip()
        limits = (("at most", self.at_most), ("at least", self.at_least))
        return ", ".join(f"{word} {limit:g}{unit}" for word, limit in limits if limit is not None)

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
