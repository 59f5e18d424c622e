"""
How long the catalogue takes to read, which happens once in a process, inside the first tool call that needs it.

The yardstick is the parsing of the same files alone; only the ratio of the two means anything on another machine.

    python -m benchmarks catalog
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from seedance_mcp.catalog import Catalog

from .measures import Measure

PROCESSES = 9


def measure() -> list[Measure]:
    """Read the catalogue and parse its files in some processes, and take the fastest of each."""
    command = [sys.executable, "-m", "benchmarks.catalog"]
    root = Path(__file__).resolve().parents[1]
    runs = [
        json.loads(subprocess.run(command, cwd=root, capture_output=True, check=True).stdout)
        for _ in range(PROCESSES)
    ]
    return [
        Measure(
            name="read the catalogue (CPU)",
            ours=min(run["read"] for run in runs),
            reference=min(run["parse"] for run in runs),
            against="parsing its files",
            unit="ms",
            at_most=2.0,
        )
    ]


def parse() -> None:
    """Parse every data file and make nothing of it."""
    data = files("seedance_mcp.catalog").joinpath("data")
    for folder in (data, data.joinpath("providers")):
        for file in folder.iterdir():
            if file.name.endswith(".toml"):
                tomllib.loads(file.read_text(encoding="utf-8"))


def milliseconds(work: Callable[[], object]) -> float:
    """How much CPU of this process something takes."""
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


if __name__ == "__main__":
    parse()  # the files come from the disk once
    print(json.dumps({"parse": milliseconds(parse), "read": milliseconds(Catalog.load)}))
