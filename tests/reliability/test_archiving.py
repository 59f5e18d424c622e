"""Archiving by the real program: what it does by itself, and what is left of it when it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.app import App, open_app
from seedance_mcp.jobs import archiving
from seedance_mcp.store import elapsed_time
from seedance_mcp.types import Job, JobStatus, PurchaseTerms
from tests.emulator import Emulator

from .fault_market import hurry, request, settings

DAY = 86_400.0
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked here")
def test_a_process_that_is_killed_while_it_archives_loses_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.reliability.archiving_child", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert not done.stderr
    (said,) = done.stdout.splitlines()
    assert int(said.removeprefix("killed ")) > 20


async def bought(app: App, prompt: str, terms: PurchaseTerms) -> Job:
    with anyio.fail_after(30):
        started = await app.generate(request("ark", prompt=prompt), terms)
        return await app.wait(started.job.id, 30)


async def told(app: App, job_id: str) -> dict[str, Any]:
    return {
        "job": await app.job(job_id),
        "history": await app.history(job_id),
        "recent": await app.recent(),
        "spending": await app.spending(),
        "unbalanced": await app.installation.unbalanced_days(),
        "damaged": await app.damaged(),
    }


def set_clocks(app: App, ahead: float) -> None:
    """Let both clocks of a server be ahead."""
    app.installation.store.clock = lambda: time.time() + ahead
    app.installation.store.uptime = lambda: time.monotonic() + ahead


async def test_a_server_archives_by_itself_what_is_a_week_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    once = PurchaseTerms(request_key="a-key-of-ours")
    async with Emulator("ark") as emulator:
        here = settings(emulator.environment("ark"), tmp_path)
        async with open_app(here) as app:
            old = await bought(app, "a first boat", once)
            await bought(app, "a second boat", PurchaseTerms())
            before = await told(app, old.id)
        assert before["job"].status is JobStatus.SUCCEEDED
        go, done = anyio.Event(), anyio.Event()
        archive_old = archiving.Archiver.archive_old

        async def later(archiver: archiving.Archiver) -> None:
            await go.wait()
            await archive_old(archiver)
            done.set()

        monkeypatch.setattr(archiving, "_FIRST_SECONDS", 0.0)
        monkeypatch.setattr(archiving.Archiver, "archive_old", later)
        async with open_app(here) as app:
            set_clocks(app, 9 * DAY)
            await app.installation.store.write(elapsed_time.note)
            go.set()
            with anyio.fail_after(30):
                await done.wait()
            assert await app.installation.store.read(_archived) == [old.id]
            assert await told(app, old.id) == before
            assert (await app.generate(request("ark", prompt="a first boat"), once)).job == old
            assert (await app.viewing.view(old.id)).sheet
            again = await bought(app, "a first boat", PurchaseTerms())
            assert again.id != old.id
            assert emulator.ledger.count("submit") == 3


def _archived(connection: Any) -> list[str]:
    return [row[0] for row in connection.execute("SELECT id FROM jobs WHERE document IS NULL")]
