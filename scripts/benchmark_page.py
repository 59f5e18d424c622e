"""What the benchmarks found, read from `docs/benchmarks.json`, and as Markdown for `docs/benchmarks.md`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measures import Measure

PATH = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.json"

_FOUND: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))

MEASURES: tuple[Measure, ...] = tuple(
    Measure(**one) for benchmark in _FOUND["benchmarks"].values() for one in benchmark["measures"]
)
"""Everything that was measured, in the order of the benchmarks."""

_MACHINE: Mapping[str, str] = {
    "cpu": "processor", "cores": "cores", "memory_gb": "memory in GB", "os": "system", "python": "Python",
    "sqlite": "SQLite", "mcp": "mcp",
}  # fmt: skip


def machine() -> str:
    """Where it was measured."""
    return _table(("", ""), [(words, str(_FOUND["machine"][key])) for key, words in _MACHINE.items()])


def runs() -> str:
    """When each benchmark ran, and on which commit; a `+` behind it: with changes."""
    return _table(
        ("Benchmark", "Date", "Commit"),
        [(f"`{name}`", run["date"], f"`{run['commit']}`") for name, run in _FOUND["benchmarks"].items()],
    )


def results() -> str:
    """Every measure that is no point of a curve."""
    return _table(
        ("What", "Ours", "Reference", "Ratio", "Goal", "Met"),
        [_row(measure) for measure in MEASURES if measure.count is None],
    )


def curves() -> str:
    """For each thing that is counted a table: what is measured against how many there are."""
    tables: list[str] = []
    for over, named in by_count().items():
        counts = sorted({count for points in named.values() for count in points})
        rows = [
            (
                name,
                *(
                    _amount(points[count].ours, points[count].unit) if count in points else ""
                    for count in counts
                ),
                next(
                    (
                        f"{point.goal} that with {point.against}" if point.against else point.goal
                        for point in reversed(points.values())
                        if point.goal
                    ),
                    "",
                ),
                _met(list(points.values())),
            )
            for name, points in named.items()
        ]
        tables.append(_table((over.capitalize(), *(f"{count:,}" for count in counts), "Goal", "Met"), rows))
    return "\n\n".join(tables)


def by_count() -> dict[str, dict[str, dict[int, Measure]]]:
    """The points of the curves: by what is counted, by name, by how many."""
    found: dict[str, dict[str, dict[int, Measure]]] = {}
    for measure in MEASURES:
        if measure.count is not None:
            found.setdefault(measure.over, {}).setdefault(measure.name, {})[measure.count] = measure
    return found


def digest() -> str:
    """What tells the points of the curves from others: the plot carries it."""
    points = [
        (measure.over, measure.name, measure.count, measure.ours)
        for measure in MEASURES
        if measure.count is not None
    ]
    return hashlib.sha256(json.dumps(points).encode()).hexdigest()


def _row(measure: Measure) -> tuple[str, ...]:
    reference = ratio = ""
    if measure.reference is not None and measure.ratio is not None:
        reference = f"{_amount(measure.reference, measure.unit)}: {measure.against}"
        ratio = f"{measure.ratio:.2f}"
    return (
        measure.title,
        _amount(measure.ours, measure.unit),
        reference,
        ratio,
        measure.goal,
        _met([measure]),
    )


def _met(measures: Sequence[Measure]) -> str:
    if not any(measure.goal for measure in measures):
        return ""
    return "yes" if all(measure.met for measure in measures) else "**no**"


def _amount(value: float, unit: str) -> str:
    digits = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".rstrip()


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))
