"""
How much memory a server takes that has listed its tools and is at rest, against a server that does nothing.

Resident memory, from Linux's `/proc/PID/smaps_rollup`; there are no figures of other systems.

    python -m benchmarks memory
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from .measures import Measure
from .servers import BARE_COMMAND, OUR_COMMAND, Server, environment_in, serving
from .startup import AGAINST

ROUNDS = 3

SETTLING_SECONDS = 2.0
"""By then the server has opened its database and looks after its jobs."""


def measure() -> list[Measure]:
    """Measure both right after the list of tools, and at rest. Nothing except on Linux."""
    if sys.platform != "linux":
        return []
    found = {"bare": list[tuple[float, float]](), "ours": list[tuple[float, float]]()}
    with tempfile.TemporaryDirectory() as folder:
        environment = environment_in(Path(folder))
        for _ in range(ROUNDS):
            for name, command in (("bare", BARE_COMMAND), ("ours", OUR_COMMAND)):
                with serving(command, environment) as server:
                    server.greet()
                    assert server.tools()
                    listed = megabytes(server, "Rss")
                    time.sleep(SETTLING_SECONDS)  # noqa: TID251  nothing else runs in this process
                    found[name].append((listed, megabytes(server, "Rss")))
    return [
        Measure(
            name=name,
            ours=statistics.median(both[place] for both in found["ours"]),
            reference=statistics.median(both[place] for both in found["bare"]),
            against=AGAINST,
            unit="MB",
            at_most=1.08,
        )
        for place, name in enumerate(("resident after tools/list", "resident at rest, database open"))
    ]


def megabytes(server: Server, kind: str) -> float:
    """What the kernel says of a server's memory: `Rss` is what is resident, `Pss` divides what is shared by its users."""
    rollup = Path(f"/proc/{server.pid}/smaps_rollup").read_text(encoding="ascii")
    (kilobytes,) = (int(line.split()[1]) for line in rollup.splitlines() if line.startswith(f"{kind}:"))
    return kilobytes * 1024 / 1e6
