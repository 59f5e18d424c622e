"""Draws `docs/benchmarks.svg` from `docs/benchmarks.json`: what things cost against how many jobs there are."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # benchmark_page reads the measures with the benchmarks' own class

import benchmark_page  # noqa: E402

PLOT = ROOT / "docs" / "benchmarks.svg"


def main() -> None:
    """Draw one chart for each thing that is counted, the same bytes from the same results."""
    charts = benchmark_page.by_count()
    with mpl.rc_context({"svg.hashsalt": "seedance", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 4.5 * len(charts)), layout="constrained")
        axes = figure.subplots(len(charts), squeeze=False)[:, 0]
        for chart, (over, named) in zip(axes, charts.items(), strict=True):
            for name, points in named.items():
                counts = sorted(points)
                unit = points[counts[0]].unit
                chart.plot(counts, [points[count].ours for count in counts], "o-", label=f"{name} [{unit}]")
            chart.set(xscale="log", yscale="log", xlabel=over, ylabel="cost")
            chart.grid(alpha=0.3)
            chart.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
        words = {"Description": benchmark_page.digest(), "Date": None, "Creator": None}
        figure.savefig(PLOT, format="svg", metadata=words)


if __name__ == "__main__":
    main()
