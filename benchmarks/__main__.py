"""
Runs all benchmarks, or those that are named, prints one table and writes the results down.

    python -m benchmarks [NAME ...] [--json FILE]

The results of benchmarks that were not run stay as they are, if they are of the same machine. `python scripts/tables.py`
makes `docs/benchmarks.md` of them, `python scripts/benchmark_plot.py` the plot. Exit code 1: a goal was missed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .measures import Measure

NAMES = (
    "startup",
    "memory",
    "catalog",
    "accept",
    "processes",
    "stored_jobs",
    "database_size",
    "open_jobs",
    "transfers",
    "contact_sheet",
    "join",
    "render",
)
ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "benchmarks.json"


def main() -> int:
    """Read the command line, measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the results are written")
    options = parser.parse_args()
    found: dict[str, list[Measure]] = {}
    for name in options.names or NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        found[name] = importlib.import_module(f".{name}", __package__).measure()
    print(table([measure for measures in found.values() for measure in measures]))
    write(options.json, found)
    return 0 if all(measure.met for measures in found.values() for measure in measures) else 1


def table(measures: Sequence[Measure]) -> str:
    """A line for each measure, in columns."""
    head = ("name", "ours", "reference", "ratio", "goal", "met")
    rows = [head, *(_cells(measure) for measure in measures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cells(measure: Measure) -> tuple[str, ...]:
    reference = ratio = ""
    if measure.reference is not None and measure.ratio is not None:
        reference, ratio = (
            f"{measure.reference:.4g} {measure.unit} ({measure.against})",
            f"{measure.ratio:.2f}",
        )
    met = ("yes" if measure.met else "NO") if measure.goal else ""
    return (measure.title, f"{measure.ours:.4g} {measure.unit}", reference, ratio, measure.goal, met)


def write(path: Path, found: dict[str, list[Measure]]) -> None:
    """Write the results into the file, over earlier ones of the same benchmarks."""
    here = machine()
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept = said["benchmarks"] if said.get("machine") == here else {}
    made = {"commit": commit(), "date": datetime.now(UTC).date().isoformat()}
    new = {name: made | {"measures": [asdict(one) for one in measures]} for name, measures in found.items()}
    merged = kept | new
    ordered = {name: merged[name] for name in NAMES if name in merged}
    text = json.dumps({"machine": here, "benchmarks": ordered}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def machine() -> dict[str, str | int]:
    """What the figures depend on; nothing that tells whose machine it is."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "memory_gb": _memory_gb(),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "mcp": version("mcp"),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def _memory_gb() -> int:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
    except (AttributeError, ValueError, OSError):  # not on Windows
        return 0


def commit() -> str:
    """The commit that is checked out, with a `+` if something was changed since; empty outside of a repository."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
