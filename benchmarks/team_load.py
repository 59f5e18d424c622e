"""
What a team's servers stand: calls, calls that wait, and open jobs, on PostgreSQL, with all clients on the same machine.

The servers reserve, wait and answer; workers buy, and look at each open job every ten seconds. The database waits for the disk,
the provider answers on this machine. Cheap calls come at a fixed rate, whether or not the ones before are answered: who falls
behind shows it. Every ten seconds the memory of all is read, which has to stay what it was after the first quarter.

    python -m benchmarks.team_load [--seconds 1800] [--rate 50] [--waiting 200] [--open 500] [--servers 2] [--workers 2]

Without workers (`--workers 0`) the servers do everything themselves.

Exit code 1: a call failed, or memory grew. The figures count only on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.store.postgres import open_postgres_store

from . import accept
from .open_jobs import LIMITS, POLL_SECONDS, cpu_seconds, fill
from .provider import running as provider_running
from .servers import environment_in
from .team_servers import Member, Server, Worker, database, looked, message, post

SETTLING_SECONDS = 15.0
"""By then each job has been looked at once, which takes its lease."""

MEMORY_SECONDS = 10.0
WAIT_SECONDS = 25
"""A call waits so long, or up to twice as long."""
MOST_GROWTH = 1.15
"""How much more memory a process may have at the end than after the first quarter."""


@dataclass
class Seen:
    """What was seen: seconds of each cheap call, outcomes, and megabytes of each process over time."""

    seconds: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    memory: list[list[float]] = field(default_factory=list)
    late: int = 0

    def at(self, share: float) -> float:
        """Return the milliseconds within which this share of the cheap calls was answered."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Load:
    """Clients of a team, who take the servers in turn."""

    def __init__(self, servers: Sequence[Server], token: str, jobs: int) -> None:
        self._urls = itertools.cycle([server.url for server in servers])
        self._token = token
        self._jobs = itertools.cycle([f"job_{number}" for number in range(jobs)])
        self._messages = itertools.cycle(
            [lambda: message("tools/list"), lambda: looked(0), lambda: self._look(0), lambda: self._look(0)]
        )
        self.seen = Seen()

    def _look(self, seconds: int) -> dict[str, Any]:
        return looked(seconds, next(self._jobs))

    async def call_at(self, rate: float, seconds: float, http: httpx2.AsyncClient) -> None:
        """Begin a cheap call at each beat, for so long."""
        began = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for number in range(int(rate * seconds)):
                left = began + number / rate - time.perf_counter()
                self.seen.late += left < -0.1
                await anyio.sleep(max(0.0, left))
                tasks.start_soon(self._cheap, http)

    async def _cheap(self, http: httpx2.AsyncClient) -> None:
        began = time.perf_counter()
        self.seen.outcomes[await self._outcome(http, next(self._messages)())] += 1
        self.seen.seconds.append(time.perf_counter() - began)

    async def wait(self, number: int, http: httpx2.AsyncClient) -> None:
        """Wait for a job that does not end, again and again."""
        await anyio.sleep(number * 0.02)  # else all would come at once, as no people do
        seconds = WAIT_SECONDS + number % WAIT_SECONDS  # so that they do not end at once, either
        while True:
            self.seen.outcomes[f"waited: {await self._outcome(http, self._look(seconds))}"] += 1

    async def _outcome(self, http: httpx2.AsyncClient, sent: dict[str, Any]) -> str:
        try:
            answer = await post(http, next(self._urls), self._token, sent)
        except httpx2.HTTPError as error:
            return type(error).__name__
        if answer.status_code != 200:
            return str(answer.status_code)
        return "error" if '"isError":true' in answer.text.replace(" ", "") else "ok"


async def play(options: argparse.Namespace) -> int:
    """Play it, print what was seen, and return the exit code."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="team-load-")))
        folder.chmod(0o711)  # PostgreSQL runs as somebody else, where root runs this
        url = stack.enter_context(database(folder / "data"))
        provider = stack.enter_context(provider_running(seconds=10 * options.seconds + 86_400))
        (folder / "catalog.toml").write_text(LIMITS, encoding="utf-8")
        environ = environment_in(
            folder,
            **provider.environment,
            **accept.LIMITS,
            SEEDANCE_DATABASE_URL=url,
            SEEDANCE_POLL_SECONDS=str(POLL_SECONDS),
            SEEDANCE_CATALOG=str(folder / "catalog.toml"),
            SEEDANCE_HTTP_CALLS_PER_MINUTE="1000000",
            SEEDANCE_HTTP_CALLS_AT_ONCE="256",
        )
        with contextlib.closing(open_postgres_store(url, folder / "filling")) as store:
            fill(store, provider, options.open)
        settings = load_settings(environ, settings_file=folder / "no.toml")
        async with open_app(settings, watch=False) as app:
            _, text = await app.installation.tokens.add("load", frozenset({"read", "spend"}), 1)
        # Shorter than a server keeps connections: else a request could meet the end of its connection.
        limits = httpx2.Limits(max_connections=None, keepalive_expiry=2.0)
        servers, workers = _started(environ, folder, options)
        processes = (*servers, *workers)
        for process in processes:
            stack.callback(process.close)
        for process in processes:
            process.wait_until_ready()
        async with httpx2.AsyncClient(timeout=120, limits=limits, trust_env=False) as http:
            load = Load(servers, text, options.open)
            await anyio.sleep(SETTLING_SECONDS)
            looked, used, began = provider.counts()["get"], _cpu(processes), time.perf_counter()
            async with anyio.create_task_group() as tasks:
                for number in range(options.waiting):
                    tasks.start_soon(load.wait, number, http)
                tasks.start_soon(_remember, processes, load.seen)
                await load.call_at(options.rate, options.seconds, http)
                tasks.cancel_scope.cancel()
            passed = time.perf_counter() - began
            cpu = [100 * (now - before) / passed for now, before in zip(_cpu(processes), used, strict=True)]
            looks = (provider.counts()["get"] - looked) / passed
    return _told(load.seen, options, cpu, looks)


def _started(
    environ: Mapping[str, str], folder: Path, options: argparse.Namespace
) -> tuple[list[Server], list[Worker]]:
    """Start servers and workers, each as on a machine of its own."""
    servers = [
        Server(environ, folder / f"state-serve-{number}", buys=not options.workers)
        for number in range(options.servers)
    ]
    workers = [Worker(environ, folder / f"state-work-{number}") for number in range(options.workers)]
    return servers, workers


async def _remember(processes: Sequence[Member], seen: Seen) -> None:
    while True:
        seen.memory.append([_resident(process.pid) for process in processes])
        await anyio.sleep(MEMORY_SECONDS)


def _resident(pid: int) -> float:
    """Megabytes that a process has in memory. Linux only."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _cpu(processes: Sequence[Member]) -> list[float]:
    return [cpu_seconds(process.pid) for process in processes]


def _told(seen: Seen, options: argparse.Namespace, cpu: Sequence[float], looks: float) -> int:
    early, last = seen.memory[len(seen.memory) // 4], seen.memory[-1]
    growth = max(now / before for now, before in zip(last, early, strict=True))
    bad = {name: count for name, count in seen.outcomes.items() if not name.endswith("ok")}
    print(
        f"{options.seconds:.0f} s, {options.servers} servers, {options.workers} workers, {options.rate:g} cheap calls/s,",
        end=" ",
    )
    print(f"{options.waiting} waiting, {options.open} open jobs")
    print(f"cheap calls: {len(seen.seconds)}, {seen.late} begun late by over 0.1 s")
    print(f"  answered within: half {seen.at(0.5):.0f} ms, 95 % {seen.at(0.95):.0f} ms,", end=" ")
    print(f"99 % {seen.at(0.99):.0f} ms, all {seen.at(1):.0f} ms")
    print(f"outcomes: {dict(seen.outcomes)}")
    print(f"looks at the provider: {looks:.1f}/s (wanted: {options.open / POLL_SECONDS:.1f})")
    print(f"CPU of each, servers first: {', '.join(f'{share:.0f} %' for share in cpu)} of a core")
    print(f"memory: {_listed(early)} MB after a quarter, {_listed(last)} MB at the end ({growth:.2f} times)")
    return 1 if bad or growth > MOST_GROWTH else 0


def _listed(megabytes: Sequence[float]) -> str:
    return ", ".join(f"{one:.0f}" for one in megabytes)


def main() -> int:
    """Read the command line and play."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=50.0, help="cheap calls a second")
    parser.add_argument("--waiting", type=int, default=200, help="calls that wait all the time")
    parser.add_argument("--open", type=int, default=500, help="open jobs")
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    return anyio.run(play, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
