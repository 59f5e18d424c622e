"""
What it costs to wait for many open jobs: the CPU and the memory of one server that looks at each every ten seconds.

The yardstick of the CPU is a bare httpx2 client that asks as often, as evenly, for the same. The provider allows two
hundred looks a second here, so that a thousand jobs can be looked at so often; ten thousand cannot, and are looked at as
fast as that allows.

    python -m benchmarks open_jobs
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from seedance_mcp.store import Connection, Store, budget, fingerprint, open_store, transitions, written
from seedance_mcp.types import Job, JobState, Price, Submission, VideoRequest

from . import accept
from .measures import Measure
from .memory import megabytes
from .provider import KEY, Provider, running
from .servers import OUR_COMMAND, environment_in, serving

COUNTS = (1, 10, 100, 1_000, 10_000)
POLL_SECONDS = 10.0
FIRST_LOOKS_SECONDS, FIRST_LOOKS_AT_MOST = 15.0, 120.0
"""
By then each of a thousand jobs has been looked at once, which takes its lease; later looks write nothing. Where the disk
is slow it takes longer.
"""

WATCHED_SECONDS = 20.0
LOOKS = 20
BETWEEN_LOOKS_SECONDS = 0.25
"""So that the calls fall between the looks at the provider as an assistant's do, and not all into one pause."""

LIMITS = "[providers.ark.limits.read]\ncalls = 200\nseconds = 1.0\n"
PRICE = Price(amount=Decimal("0.1"), currency="USD", usd=Decimal("0.1"))

BARE_POLLER = """
import asyncio, sys, time
import httpx2

url, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])

async def main():
    headers = {"Authorization": "Bearer " + sys.argv[4]}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as client:
        async def look(number):
            (await client.get(f"{url}/cgt-{number}")).json()
        await look(0)
        used, began = time.process_time(), time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                tasks.create_task(look(number))
            await asyncio.sleep(max(0.0, began + seconds - time.perf_counter()))
        print(100 * (time.process_time() - used) / (time.perf_counter() - began))

asyncio.run(main())
"""


def measure() -> list[Measure]:
    """Let a server wait for one to ten thousand jobs in turn."""
    measures: list[Measure] = []
    for count in COUNTS:
        measures += _waiting(count)
    return measures


def _waiting(count: int) -> list[Measure]:
    with tempfile.TemporaryDirectory() as name, running(seconds=86_400) as provider:
        folder = Path(name)
        (folder / "catalog.toml").write_text(LIMITS, encoding="utf-8")
        with contextlib.closing(open_store(folder / "state")) as store:
            fill(store, provider, count)
        environment = environment_in(
            folder,
            **provider.environment,
            **accept.LIMITS,
            SEEDANCE_POLL_SECONDS=str(POLL_SECONDS),
            SEEDANCE_CATALOG=str(folder / "catalog.toml"),
        )
        with serving(OUR_COMMAND, environment) as server:
            server.greet()
            server.tools()
            server.call("check_status")
            _wait_for_first_looks(provider, min(count, 1_000))
            looked, used, began = provider.counts()["get"], cpu_seconds(server.pid), time.perf_counter()
            time.sleep(WATCHED_SECONDS)  # noqa: TID251
            passed = time.perf_counter() - began
            share = 100 * (cpu_seconds(server.pid) - used) / passed
            rate = (provider.counts()["get"] - looked) / passed
            memory = megabytes(server, "Rss")
            answers = [_timed(server) for _ in range(LOOKS)]
        bare = _bare_poller(provider, rate)
    over: dict[str, Any] = {"over": "open jobs", "count": count}
    thousand = count == 1_000
    return [
        Measure(
            name="CPU while waiting",
            ours=share,
            reference=bare,
            against="bare httpx2",
            unit="% of a core",
            **over,
        ),
        Measure(name="looks at the provider", ours=rate, unit="/s", **over),
        Measure(
            name="resident while waiting", ours=memory, unit="MB", at_most=85.0 if thousand else None, **over
        ),
        Measure(
            name="check_status while waiting",
            ours=statistics.median(answers) * 1000,
            unit="ms",
            at_most=10.0 if thousand else None,
            **over,
        ),
    ]


def fill(store: Store, provider: Provider, count: int) -> None:
    """Write so many jobs that the provider has accepted and has not finished."""
    now = store.clock()
    address = written(provider.environment["SEEDANCE_ARK_BASE_URL"])

    def write(connection: Connection) -> None:
        for number in range(count):
            new = Job(
                id=f"job_{number}", state=JobState.RESERVED, version=1, owner="benchmark", provider="ark",
                account=fingerprint(SecretStr(KEY)), base_url=address, model="seedance-1.0-pro",
                endpoint="doubao-seedance-1-0-pro-250528", fingerprint=f"{number:064}", client_key=f"{number:064}:0",
                tag=f"{number:024}", estimate=PRICE, maximum=PRICE, created_at=now,
                request=VideoRequest(prompt=f"A paper boat {number}", model="seedance-1.0-pro", duration=2),
            )  # fmt: skip
            job = transitions.insert(connection, new, day=budget.day_of(now))
            job = transitions.move(connection, job, JobState.SENDING, now=now, by="benchmark", sent_at=now)
            task = Submission(task_id=f"cgt-{number}")
            transitions.move(
                connection, job, JobState.ACCEPTED, now=now, by="benchmark", submission=task, accepted_at=now
            )

    store.write_now(write)


def _wait_for_first_looks(provider: Provider, count: int) -> None:
    began = time.perf_counter()
    time.sleep(FIRST_LOOKS_SECONDS)  # noqa: TID251  nothing else runs in this process
    while provider.counts()["get"] < count and time.perf_counter() < began + FIRST_LOOKS_AT_MOST:
        time.sleep(1.0)  # noqa: TID251


def _timed(server: Any) -> float:
    time.sleep(BETWEEN_LOOKS_SECONDS)  # noqa: TID251
    began = time.perf_counter()
    server.call("check_status")
    return time.perf_counter() - began


def _bare_poller(provider: Provider, rate: float) -> float:
    command = [sys.executable, "-c", BARE_POLLER, provider.tasks_url, str(rate), str(WATCHED_SECONDS), KEY]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def cpu_seconds(pid: int) -> float:
    """What the kernel says that a process has used of a core, in seconds. Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
