"""
How long the catalogue takes to read, which happens inside the first tool call that needs it.

The yardstick is the parsing of the same files alone; only the ratio of the two means anything on another machine.

    python -m benchmarks catalog
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from importlib.resources import files

from seedance_mcp.catalog import Catalog

from .measures import Measure

ROUNDS = 20


def measure() -> list[Measure]:
    """Read the catalogue, and parse its files alone."""
    parsing, reading = best(parse), best(Catalog.load)
    return [
        Measure(
            name="read the catalogue (CPU)",
            ours=reading * 1000,
            reference=parsing * 1000,
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


def best(work: Callable[[], object]) -> float:
    """The shortest time of several, in seconds of this process's CPU."""
    times: list[float] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)
