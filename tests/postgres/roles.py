"""Replicas and workers as they are run: `seedance-mcp serve --no-buy` and `seedance-mcp work`, each on a machine of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import psycopg
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.emulator import Emulator
from tests.reliability import fault_market as market

from .server import SEES_ALL

PATIENCE = 100.0


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that runs; `said` is what it printed when it was ready, and `metrics` where it gives out figures."""

    process: Process
    said: str
    folder: Path
    metrics: str = ""

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def log(self) -> str:
        """Its log."""
        return (self.folder / "log.txt").read_text()


class Team:
    """What replicas and workers have in common: the database and the provider."""

    def __init__(self, emulator: Emulator, url: str, folder: Path) -> None:
        self.emulator = emulator
        self.url = url
        self.folder = folder
        self.catalog = folder / "catalog.toml"
        quiet = "".join(f"{name} = {seconds}\n" for name, seconds in market.QUIET.items())
        limits = "".join(f"limits.{kind} = {market.NO_LIMIT}\n" for kind in ("submit", "read", "list"))
        self.catalog.write_text(f"[providers.ark]\n{quiet}{limits}")

    def environ(self, name: str, **more: str) -> dict[str, str]:
        """The settings of one machine."""
        return {
            **self.emulator.environment("ark"),
            "SEEDANCE_DATABASE_URL": self.url,
            "SEEDANCE_STATE_DIR": str(self.folder / name / "state"),
            "SEEDANCE_OUTPUT_DIR": str(self.folder / name / "videos"),
            "SEEDANCE_CATALOG": str(self.catalog),
            "SEEDANCE_POLL_SECONDS": "0.2",
            "SEEDANCE_CONFIRM": "off",
            "SEEDANCE_MAX_USD_PER_JOB": "50",
            "SEEDANCE_MAX_USD_PER_DAY": "5000",
            "SEEDANCE_MAX_JOBS_PER_HOUR": "100000",
            **more,
        }

    @asynccontextmanager
    async def replica(self, name: str, **more: str) -> AsyncGenerator[Command]:
        """Serve without buying; `said` is the address."""
        words = ["-m", "seedance_mcp", "serve", "--no-buy", "--port", "0"]
        async with self._running(name, words, self.environ(name, **more)) as command:
            yield command

    @asynccontextmanager
    async def worker(
        self, name: str, plan: Mapping[str, Any] | None = None, **more: str
    ) -> AsyncGenerator[Command]:
        """Work; with a `plan` in a hurry, and killed or stopped where that says: see `tests.postgres.worker_child`."""
        environ = self.environ(name, **more)
        words = ["-m", "seedance_mcp", "work"]
        if plan is not None:
            words = ["-m", "tests.postgres.worker_child", json.dumps(dict(plan))]
        async with self._running(name, words, environ) as command:
            yield command

    @asynccontextmanager
    async def watched(self, name: str, *words: str, lines: int = 2) -> AsyncGenerator[Command]:
        """Run a command that gives out figures, and prints so many lines until it is ready."""
        words = ("-m", "seedance_mcp", *words, "--metrics", "0")
        async with self._running(name, [*words], self.environ(name), lines) as command:
            metrics, *said = sorted(command.said.split("\n"), key=lambda line: not line.endswith("/metrics"))
            yield replace(command, said="".join(said), metrics=metrics)

    @asynccontextmanager
    async def _running(
        self, name: str, words: list[str], environ: dict[str, str], lines: int = 1
    ) -> AsyncGenerator[Command]:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log.txt").open("ab") as log:
            process = await anyio.open_process(
                [sys.executable, *words], env={**os.environ, **environ}, stderr=log, stdin=subprocess.DEVNULL
            )
        async with process:
            try:
                assert process.stdout
                with anyio.fail_after(60):
                    stream = BufferedByteReceiveStream(process.stdout)
                    said = [(await stream.receive_until(b"\n", 1000)).decode().strip() for _ in range(lines)]
                yield Command(process=process, said="\n".join(said), folder=folder)
            finally:
                if process.returncode is None:
                    process.kill()
                with anyio.CancelScope(shield=True):
                    await process.wait()


def jobs(url: str) -> list[dict[str, Any]]:
    """Every job, as its record says."""
    with psycopg.connect(url, options=SEES_ALL) as connection:
        return [json.loads(row[0]) for row in connection.execute("SELECT document FROM jobs ORDER BY seq")]
