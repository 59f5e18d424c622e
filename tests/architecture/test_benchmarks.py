"""The benchmarks, the page of their results and its plot belong together."""

from __future__ import annotations

import ast

from benchmarks.__main__ import NAMES
from scripts import benchmark_page

from .source import ROOT


def test_every_benchmark_is_among_those_that_are_run() -> None:
    measuring = {
        file.stem
        for file in (ROOT / "benchmarks").glob("*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name == "measure"
    }
    assert measuring
    assert measuring - set(NAMES) == set()


def test_the_plot_was_drawn_from_the_results() -> None:
    plot = (ROOT / "docs" / "benchmarks.svg").read_text(encoding="utf-8")
    assert benchmark_page.digest() in plot, "run `python scripts/benchmark_plot.py`"


def test_the_goal_of_a_curve_says_what_it_is_held_against() -> None:
    """Else a curve that rises before its reference looks as if its goal were not met."""
    held = {measure.name: measure for measure in benchmark_page.MEASURES if measure.count and measure.goal}
    rows = [row.split(" | ") for row in benchmark_page.curves().splitlines()]
    told = {row[0].removeprefix("| "): row[-2] for row in rows if len(row) > 1}
    assert held
    for name, measure in held.items():
        assert told[name] == (
            f"{measure.goal} that with {measure.against}" if measure.against else measure.goal
        )
