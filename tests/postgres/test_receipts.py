"""A purchase that the database does not take has its receipt in the object store, where any other machine finds it."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest

from seedance_mcp.app import App
from seedance_mcp.jobs.buying import receipt_objects
from seedance_mcp.jobs.buying.receipt_objects import ReceiptObjects
from seedance_mcp.jobs.context import JobContext
from seedance_mcp.store.postgres import open_postgres_store
from seedance_mcp.store.postgres.database import TEAM
from seedance_mcp.types import Job, JobState, Submission
from tests.emulator import Emulator
from tests.emulator.s3 import SECRET
from tests.emulator.s3_objects import Held, ObjectStorage, Trouble, running
from tests.jobs import records
from tests.reliability import fault_market as market
from tests.reliability.waiting import until
from tests.sweep import sweep

from .server import SEES_ALL
from .test_purchases import buyer, go, is_in, pytestmark, states

__all__ = ["pytestmark"]

PATIENCE = 40.0
TASK = Submission(
    task_id="cgt-1", handle={"status": "https://a.test/cgt-1", "result": "https://a.test/x?sign=secret"}
)


@contextmanager
def held(url: str) -> Iterator[None]:
    """Another session holds the team's lock, so that nobody's transaction goes on."""
    with psycopg.connect(url, options=SEES_ALL) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (0x5EEDA, TEAM))
        yield


@asynccontextmanager
async def machine(environ: Mapping[str, str], folder: Path) -> AsyncIterator[App]:
    async with market.installed(environ, folder, market.catalog("ark")) as app:
        yield app


def kept(storage: ObjectStorage) -> list[str]:
    return [path for path in storage.objects if "/receipts/" in path]


async def test_a_task_is_adopted_whose_buyer_vanished_with_its_disk(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider lists nothing: the receipt in the object store is all that is left."""
    market.hurry(monkeypatch)
    with anyio.fail_after(PATIENCE):
        async with Emulator("ark") as emulator, running(ObjectStorage()) as storage:
            emulator.fail("late", "submit", seconds=1.5)
            emulator.fail("lost", "list", times=None)
            environ = {"SEEDANCE_DATABASE_URL": url, **storage.environment()}
            async with buyer(emulator, url, tmp_path / "gone", ["fox-number-1"], more=environ) as (
                process,
                _,
            ):
                await go(process)
                await until(lambda: _true(bool(emulator.ledger.tasks)))
                with held(url):
                    await until(lambda: _true(bool(kept(storage))))
                    process.kill()
                    await process.wait()
                    shutil.rmtree(tmp_path / "gone")
            assert [state for state, _ in states(url)] == ["sending"]
            (path,) = kept(storage)
            receipt = json.loads(storage.objects[path].body)
            (task,) = emulator.ledger.tasks
            assert set(receipt) == {"job_id", "task_id", "handle"}
            assert receipt["task_id"] == task
            assert path == f"/team/videos/receipts/{_owner(url)}/{receipt['job_id']}.json"
            async with machine({**emulator.environment("ark"), **environ}, tmp_path / "other") as app:
                await until(lambda: is_in(app, receipt["job_id"], JobState.DONE))
                await until(lambda: _true(not kept(storage)))
            assert len(emulator.ledger.tasks) == 1
            assert emulator.ledger.count("submit") == 1
            assert states(url) == [("done", task)]
            assert sweep(tmp_path, [SECRET.encode()]) == []


async def test_a_purchase_that_the_database_takes_at_once_asks_nothing_of_the_store(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.hurry(monkeypatch)
    with anyio.fail_after(PATIENCE):
        async with Emulator("ark") as emulator, running(ObjectStorage()) as storage:
            environ = {**emulator.environment("ark"), **storage.environment(), "SEEDANCE_DATABASE_URL": url}
            async with machine(environ, tmp_path) as app:
                started = await app.generate(market.request("ark"))
                await until(lambda: is_in(app, started.job.id, JobState.DONE))
            assert [call for call in storage.calls if "/receipts/" in call[1]] == []


@asynccontextmanager
async def shelf(url: str, folder: Path) -> AsyncIterator[tuple[ReceiptObjects, ObjectStorage]]:
    """What keeps receipts, and the store that it keeps them in."""
    with anyio.fail_after(20):
        async with running(ObjectStorage()) as storage:
            with contextlib.closing(open_postgres_store(url, folder / "state")) as store:
                settings = market.settings(storage.environment(), folder)
                yield ReceiptObjects(JobContext.of(store, settings)), storage


async def test_a_store_that_is_down_delays_no_purchase(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_objects, "_GRACE_SECONDS", 0.0)
    monkeypatch.setattr(receipt_objects, "_TIDY_SECONDS", 0.2)
    job = records.job()
    async with shelf(url, tmp_path) as (receipts, storage):
        storage.trouble += [Trouble(kind="silent"), Trouble(kind="silent", method="DELETE")]
        with anyio.fail_after(3):
            assert await receipts.beside(partial(_slowly, job), job, TASK) is job
        storage.trouble += [Trouble(kind="500")] * 2
        with anyio.fail_after(3):
            assert await receipts.beside(partial(_slowly, job), job, TASK) is job


async def _slowly(job: Job) -> Job:
    await anyio.sleep(0.3)
    return job


async def test_what_the_database_raises_is_raised_as_it_is(url: str, tmp_path: Path) -> None:
    async def fail() -> Job | None:
        raise KeyError("a mistake")

    async with shelf(url, tmp_path) as (receipts, _):
        with pytest.raises(KeyError, match="a mistake"):
            await receipts.beside(fail, records.job(), TASK)


async def test_a_receipt_stays_while_it_is_needed_and_holds_no_signed_address(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_objects, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(receipt_objects, "_GRACE_SECONDS", 0.0)

    async def never() -> Job | None:
        return None

    async with shelf(url, tmp_path) as (receipts, storage):
        storage.trouble.append(Trouble(kind="500"))
        assert await receipts.beside(never, records.job(), TASK) is None
        (path,) = kept(storage)
        assert json.loads(storage.objects[path].body) == {
            "job_id": "j", "task_id": "cgt-1", "handle": {"status": "https://a.test/cgt-1"},
        }  # fmt: skip


async def test_a_store_that_is_down_is_left_alone_and_a_damaged_receipt_is_none(
    url: str, tmp_path: Path
) -> None:
    job = records.job()
    async with shelf(url, tmp_path) as (receipts, storage):
        for body in (b"{", b'{"job_id": "another", "task_id": "t", "handle": {}}', b"[]"):
            path = f"/team/videos/receipts/{job.owner}/{job.id}.json"
            storage.objects[path] = Held(content_type="application/json", body=body)
            assert not await receipts.adopt(job)
        assert storage.count("GET") == 3
        storage.trouble.append(Trouble(kind="500", method="GET"))
        for _ in range(5):
            assert not await receipts.adopt(job)
        assert storage.count("GET") == 4


async def _true(value: bool) -> bool:
    return value


def _owner(url: str) -> Any:
    with psycopg.connect(url, options=SEES_ALL) as connection:
        row = connection.execute("SELECT owner FROM jobs").fetchone()
    return row and row[0]
