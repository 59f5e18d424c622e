"""
How long an assistant waits for the server: from starting the process to the answers to `initialize` and `tools/list`.

The yardstick is a server of the same SDK with five tools that do nothing. Both are started in turn on the same
machine in the same minute, and only their ratio means anything on another machine.

    python -m benchmarks startup
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from .measures import Measure
from .servers import BARE_COMMAND, OUR_COMMAND, environment_in, serving

ROUNDS = 15
AGAINST = "bare MCPServer with 5 tools"


def measure() -> list[Measure]:
    """Start both servers so many times in turn."""
    commands = {"bare": BARE_COMMAND, "ours": OUR_COMMAND}
    with tempfile.TemporaryDirectory() as folder:
        environment = environment_in(Path(folder))
        for command in commands.values():  # the first start writes bytecode, and makes the database
            milliseconds_to_answers(command, environment)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for turn in range(ROUNDS):
            for name in sorted(commands, reverse=bool(turn % 2)):
                times[name].append(milliseconds_to_answers(commands[name], environment))
    return [
        Measure(
            name=f"spawn to {answer}",
            ours=statistics.median(found[place] for found in times["ours"]),
            reference=statistics.median(found[place] for found in times["bare"]),
            against=AGAINST,
            unit="ms",
            at_most=1.0,
        )
        for place, answer in enumerate(("initialize", "tools/list"))
    ]


def milliseconds_to_answers(command: tuple[str, ...], environment: Mapping[str, str]) -> tuple[float, float]:
    """Start the server, shake hands, list the tools, stop it: how long it took to the two answers."""
    began = time.perf_counter()
    with serving(command, environment) as server:
        server.greet()
        greeted = time.perf_counter()
        assert server.tools()
        listed = time.perf_counter()
    return (greeted - began) * 1000, (listed - began) * 1000
