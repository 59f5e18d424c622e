"""
How long the catalogue takes to read, which happens inside the first tool call that needs it.

The yardstick is the parsing of the same files alone; only the ratio of the two means anything on another machine.

    python benchmarks/catalog.py [rounds]
"""

from __future__ import annotations

import sys
import time
import tomllib
from collections.abc import Callable
from importlib.resources import files

from seedance_mcp.catalog import Catalog

TARGET = 2.0


def parse() -> None:
    """Parse every data file and make nothing of it."""
    data = files("seedance_mcp.catalog").joinpath("data")
    for folder in (data, data.joinpath("providers")):
        for file in folder.iterdir():
            if file.name.endswith(".toml"):
                tomllib.loads(file.read_text(encoding="utf-8"))


def best(work: Callable[[], object], rounds: int) -> float:
    """The shortest time of several, in seconds of this process's CPU."""
    times: list[float] = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def main() -> int:
    """Measure, print, and say by the exit code whether the target is met."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    parsing, reading = best(parse, rounds), best(Catalog.load, rounds)
    ratio = reading / parsing
    print(f"parse the files:    {parsing * 1000:6.1f} ms")
    print(f"read the catalogue: {reading * 1000:6.1f} ms, {ratio:.2f} times as long; at most {TARGET:g}")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
