"""The end of a server as real clients bring it about: what is open goes on, in one process that stays behind."""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from tests.emulator import Behaviour, Emulator, Fault
from tests.reliability.fault_market import NO_LIMIT

from .asking import SMALL, content
from .left import document, finished_once, processes, rows, until, with_hook
from .process import call, serving

BEFORE_SIGTERM = 1.9
"""Seconds; the SDK sends SIGTERM two seconds after it has closed the server's input."""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """The folder to which hooks write."""
    folder = tmp_path / "told"
    folder.mkdir()
    return folder


class Ended:
    """A client's session that is over: what was made in it, and how long the client took to end the server."""

    job: dict[str, Any]
    seconds: float


@asynccontextmanager
async def session(environ: dict[str, str], folder: Path, ended: Ended) -> AsyncIterator[Client]:
    """A session of the SDK's own client with the real server; its end is timed."""
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "seedance_mcp"], env=environ, cwd=folder
    )
    async with Client(server) as client:
        yield client
        began = anyio.current_time()
    ended.seconds = anyio.current_time() - began


async def test_a_job_that_runs_at_the_end_is_finished_by_one_watcher_and_one_hook(
    environ: dict[str, str], tmp_path: Path, told: Path
) -> None:
    settings = with_hook({**environ, "SEEDANCE_SANDBOX_SECONDS": "4"}, tmp_path, told, seconds=2)
    ended = Ended()
    async with session(settings, tmp_path, ended) as client:
        ended.job = content(await client.call_tool("generate_video", {**SMALL, "wait_seconds": 0}))
    assert ended.seconds < BEFORE_SIGTERM
    await until(lambda: rows(settings, "SELECT instance FROM watch_duty"))
    if sys.platform == "linux":
        (left,) = processes(settings)
        assert left.endswith("watch --until-idle")
    await finished_once(settings, told, ended.job["job_id"])


async def test_a_hook_that_runs_at_the_end_is_neither_waited_for_nor_cut_short(
    environ: dict[str, str], tmp_path: Path, told: Path
) -> None:
    settings = with_hook(environ, tmp_path, told, seconds=4)
    ended = Ended()
    async with session(settings, tmp_path, ended) as client:
        job = content(await client.call_tool("generate_video", {**SMALL, "wait_seconds": 30}))
        assert job["status"] == "succeeded"
        await until(lambda: rows(settings, "SELECT 1 FROM hooks WHERE runner IS NOT NULL"))
        assert not list(told.iterdir())
    assert ended.seconds < BEFORE_SIGTERM
    await until(lambda: rows(settings, "SELECT 1 FROM hooks WHERE outcome = ''"))
    assert len(list(told.iterdir())) == 1
    assert document(settings)["hook_error"] is None


async def test_a_server_that_has_nothing_open_leaves_nobody_behind(
    environ: dict[str, str], tmp_path: Path, told: Path
) -> None:
    settings = with_hook(environ, tmp_path, told, seconds=0)
    ended = Ended()
    async with session(settings, tmp_path, ended) as client:
        job = content(await client.call_tool("generate_video", {**SMALL, "wait_seconds": 30}))
        await until(lambda: rows(settings, "SELECT 1 FROM hooks WHERE outcome = ''"))
        assert job["status"] == "succeeded"
        if sys.platform == "linux":
            await until(lambda: len(processes(settings)) == 1)
    assert ended.seconds < BEFORE_SIGTERM
    if sys.platform == "linux":
        assert processes(settings) == []


async def test_a_purchase_under_way_when_the_client_kills_the_server_is_delivered(
    environ: dict[str, str], tmp_path: Path, told: Path
) -> None:
    overlay = tmp_path / "catalog.toml"
    limits = "".join(f"limits.{kind} = {NO_LIMIT}\n" for kind in ("submit", "read", "list"))
    overlay.write_text(f"[providers.ark]\nnet_max_seconds = 1\nlist_lag_seconds = 0.5\n{limits}")
    behaviour = Behaviour(queued_seconds=0.1, running_seconds=0.2)
    async with Emulator("ark", behaviour=behaviour) as emulator:
        emulator.faults.add(Fault(kind="late", call="submit", accepted=True, seconds=30))
        settings = with_hook(
            {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off", "SEEDANCE_CATALOG": str(overlay)},
            tmp_path, told, seconds=0,
        )  # fmt: skip
        ended = Ended()
        asked = {"prompt": "A red fox", "resolution": "480p", "duration": 5, "wait_seconds": 0}
        async with session(settings, tmp_path, ended) as client:
            ended.job = content(await client.call_tool("generate_video", asked))
            assert ended.job["status"] == "submitting"
            await until(lambda: document(settings)["state"] == "sending")
        assert 3.5 < ended.seconds < 8, "it stayed for the answer until it was killed"
        await until(lambda: document(settings)["state"] == "done")
        assert emulator.ledger.count("submit") == 1
        await until(lambda: rows(settings, "SELECT 1 FROM hooks WHERE outcome = ''"))
        assert len(list(told.iterdir())) == 1
        await until(lambda: not rows(settings, "SELECT instance FROM watch_duty"))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals there")
async def test_a_signal_at_the_same_moment_as_the_end_of_input_leaves_a_watcher_too(
    environ: dict[str, str], tmp_path: Path, told: Path
) -> None:
    """A server that gets no time for two seconds, on a machine that is busy, sees both at once."""
    settings = with_hook({**environ, "SEEDANCE_SANDBOX_SECONDS": "1"}, tmp_path, told, seconds=0)
    async with serving(settings, tmp_path) as server:
        asked = call(1, "generate_video", {**SMALL, "wait_seconds": 0}, modern=True)
        job = (await server.ask(asked))["result"]["structuredContent"]
        server.process.send_signal(signal.SIGSTOP)
        await server.stdin.aclose()
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGCONT)
        assert await server.process.wait() == 0
    await finished_once(settings, told, job["job_id"])
