"""
What a second and a third assistant on one machine cost: memory, and polls of the provider for the jobs of the first.

Memory is the proportional set size (PSS) of all servers together, from Linux's `/proc/PID/smaps_rollup`: what they
share counts once. The polls are counted by the provider.

    python -m benchmarks processes
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from . import accept
from .measures import Measure
from .memory import SETTLING_SECONDS, megabytes
from .provider import Provider, running
from .servers import OUR_COMMAND, Server, environment_in, serving

JOBS = 5
WATCHED_SECONDS = 15.0


def measure() -> list[Measure]:
    """Open jobs in one server, watch it alone, then with two more beside it."""
    with tempfile.TemporaryDirectory() as name, running(seconds=3600) as provider:
        settings = {**provider.environment, **accept.LIMITS, "SEEDANCE_POLL_SECONDS": "1"}
        environment = environment_in(Path(name), **settings)
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(_greeted(environment))]
            for number in range(JOBS):
                accept.buy(servers[0], number)
            alone = _polls(provider)
            memory_alone = _together(servers)
            for _ in range(2):
                servers.append(stack.enter_context(_greeted(environment)))
                servers[-1].call("check_status")
            beside = _polls(provider)
            memory_of_all = _together(servers)
    measures = [
        Measure(
            name=f"polls in {WATCHED_SECONDS:g} s, three processes",
            ours=beside,
            reference=alone,
            against="one process",
            unit="",
            at_most=1.1,
        )
    ]
    if sys.platform == "linux":
        added = (memory_of_all - memory_alone) / 2
        measures.append(Measure(name="a further process adds (PSS)", ours=added, unit="MB", at_most=70.0))
    return measures


@contextlib.contextmanager
def _greeted(environment: dict[str, str]) -> Generator[Server]:
    with serving(OUR_COMMAND, environment) as server:
        server.greet()
        server.tools()
        yield server


def _polls(provider: Provider) -> int:
    """Count the provider's calls other than purchases, once everything has settled."""
    time.sleep(SETTLING_SECONDS)  # noqa: TID251  nothing else runs in this process
    before = provider.counts()
    time.sleep(WATCHED_SECONDS)  # noqa: TID251
    return (provider.counts() - before).total()


def _together(servers: list[Server]) -> float:
    return sum(megabytes(server, "Pss") for server in servers) if sys.platform == "linux" else 0.0
