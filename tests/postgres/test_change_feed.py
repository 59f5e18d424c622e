"""What one machine does with a job is heard on all others as it is committed, and what nobody heard is read afterwards."""

from __future__ import annotations

import contextlib
import statistics
import time
from functools import partial
from pathlib import Path

import anyio
import psycopg
import pytest

from seedance_mcp.app import App
from seedance_mcp.jobs import change_feed, waiting
from seedance_mcp.store import transitions
from seedance_mcp.store.postgres import open_postgres_store
from seedance_mcp.types import JobState
from tests.emulator import Emulator
from tests.jobs import records
from tests.reliability import fault_market as market
from tests.reliability.waiting import until

from .server import Server
from .test_purchases import PATIENCE, machine

LISTENS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'"


@pytest.fixture(autouse=True)
def never_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a job hears of it, or waits in vain."""
    monkeypatch.setattr(waiting, "_LOOK_SECONDS", 1000.0)
    monkeypatch.setattr(waiting, "_LOOK_ANYHOW_SECONDS", 1000.0)


async def test_who_waits_on_another_machine_hears_of_every_step_at_once(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: dict[tuple[str, int], float] = {}
    swap = transitions._swap

    def timed(connection: object, job: object, changed: object) -> object:
        stored = swap(connection, job, changed)  # type: ignore[arg-type]
        moved[stored.id, stored.version] = time.monotonic()
        return stored

    monkeypatch.setattr(transitions, "_swap", timed)
    late: list[float] = []
    with anyio.fail_after(PATIENCE):
        async with (
            Emulator("ark") as emulator,
            machine(emulator, url, tmp_path / "one") as buying,
            machine(emulator, url, tmp_path / "two") as waits,
        ):
            for number in range(5):
                started = await buying.generate(market.request("ark", prompt=f"boat number {number}"))
                job = await waits.wait(started.job.id, PATIENCE)
                late.append(time.monotonic() - moved[job.id, job.version])
                assert job.state is JobState.DONE
    print(f"from the decision to the answer: {statistics.median(late) * 1000:.0f} ms")
    assert min(late) < 1


async def test_what_was_told_while_nobody_listened_is_read_afterwards(
    postgres: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    monkeypatch.setattr(change_feed, "_SHORTEST_PAUSE", 0.5)
    reserve = partial(transitions.insert, job=records.job(), day="2023-11-14")
    with anyio.fail_after(PATIENCE), contextlib.closing(open_postgres_store(url, tmp_path / "two")) as store:
        async with Emulator("ark") as emulator, machine(emulator, url, tmp_path / "one") as app:
            heard = anyio.Event()
            app.on_change(lambda _: heard.set())
            await until(partial(_hears, app))
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                assert connection.execute(LISTENS).fetchall() == [(True,)]
            job = await store.write(reserve)
            assert not heard.is_set()
            await heard.wait()
            assert (await app.job(job.id)).id == job.id


async def _hears(app: App) -> bool:
    return app.runner.hears
