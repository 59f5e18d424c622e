"""A buyer that hears of its task when nobody listens any more: the database is held, the end has come, others have judged."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.app import App
from seedance_mcp.jobs import runner
from seedance_mcp.jobs.buying import outcomes, purchase_flow
from seedance_mcp.store import database_file
from seedance_mcp.store.database import SqliteStore
from seedance_mcp.store.receipts import Receipts
from seedance_mcp.types import Job, JobState, Submission
from tests.emulator import Behaviour, Emulator
from tests.emulator.late_answers import keep_back

from .fault_market import catalog, hurry, installed, request
from .waiting import until

PATIENCE = 40.0


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> anyio.Event:
    """Set it to let the answer to a purchase out that the provider keeps back (the fault `late`)."""
    return keep_back(monkeypatch)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long for the database, or for purchases at the end."""
    hurry(monkeypatch)
    monkeypatch.setattr(database_file, "_BUSY_SECONDS", 0.1)
    monkeypatch.setattr(outcomes, "_PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(runner, "_DRAIN_SECONDS", 0.1)
    monkeypatch.setattr(purchase_flow, "_ANSWER_SECONDS", 0.1)


@contextlib.asynccontextmanager
async def server(emulator: Emulator, folder: Path) -> AsyncIterator[App]:
    async with installed(emulator.environment("ark"), folder, catalog("ark")) as app:
        yield app


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Another process holds the database, and lets nobody read or write it."""
    path = folder / "state" / "jobs.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def receipts(folder: Path) -> bytes:
    """Everything that stands in receipts."""
    found = (folder / "state" / "receipts").glob("*.receipts")
    return b"".join(path.read_bytes().strip(b"\0") for path in found)


def row(folder: Path, job_id: str) -> dict[str, Any]:
    """What the database says of a job, read behind everybody's back."""
    with contextlib.closing(sqlite3.connect(folder / "state" / "jobs.db")) as connection:
        connection.row_factory = sqlite3.Row
        return dict(connection.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone())


async def sent(app: App, prompt: str = "a paper boat") -> Job:
    """A job whose purchase is on its way."""
    started = await app.generate(request("ark", prompt=prompt))
    await until(lambda: _is(app, started.job.id, JobState.SENDING))
    return started.job


async def _is(app: App, job_id: str, state: JobState) -> bool:
    return (await app.job(job_id)).state is state


async def a_receipt(folder: Path) -> bool:
    return bool(receipts(folder))


async def delivered(app: App, job_id: str) -> Job:
    job = await app.wait(job_id, PATIENCE)
    assert job.state is JobState.DONE, job
    assert job.artifacts
    assert Path(job.artifacts.video_path).is_file()
    return job


@pytest.mark.parametrize("ends_first", [False, True], ids=["answer first", "end first"])
async def test_a_task_is_on_disk_when_the_database_is_held_and_the_server_ends(
    ends_first: bool, answer: anyio.Event, tmp_path: Path
) -> None:
    with anyio.fail_after(2 * PATIENCE):
        async with Emulator("ark") as emulator:
            emulator.fail("late", "submit")
            async with contextlib.AsyncExitStack() as held_by_another, anyio.create_task_group() as tasks:
                async with server(emulator, tmp_path) as app:
                    job = await sent(app)
                    held_by_another.enter_context(held(tmp_path))
                    if ends_first:
                        tasks.start_soon(_release_later, answer)
                    else:
                        answer.set()
                        await until(lambda: a_receipt(tmp_path))
                (task,) = emulator.ledger.tasks
                assert task.encode() in receipts(tmp_path)
            assert row(tmp_path, job.id)["task_id"] is None
            async with server(emulator, tmp_path) as app:
                assert (await delivered(app, job.id)).submission
            assert emulator.ledger.count("submit") == 1
    assert receipts(tmp_path) == b""


async def _release_later(answer: anyio.Event) -> None:
    await anyio.sleep(1.0)  # long after the end has begun, and after it has stopped waiting
    answer.set()


BUY = """
import sys, anyio
from pathlib import Path
from tests.reliability.fault_market import catalog, installed, request

async def main():
    environ = dict(word.partition("=")[::2] for word in sys.argv[2:])
    async with installed(environ, Path(sys.argv[1]), catalog("ark")) as app:
        started = await app.generate(request("ark", prompt="a paper boat"))
        print(started.job.id, flush=True)
        await anyio.sleep(60)

anyio.run(main)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("pause", [False, True], ids=["killed", "stopped, gone on with, killed"])
async def test_a_process_that_is_killed_while_the_database_is_held_loses_no_task(
    pause: bool, answer: anyio.Event, tmp_path: Path
) -> None:
    with anyio.fail_after(2 * PATIENCE):
        async with Emulator("ark") as emulator:
            emulator.fail("late", "submit")
            words = [f"{name}={value}" for name, value in emulator.environment("ark").items()]
            command = [sys.executable, "-c", BUY, str(tmp_path), *words]
            async with await anyio.open_process(command, stdout=subprocess.PIPE, stderr=None) as process:
                assert process.stdout
                job_id = (await process.stdout.receive()).decode().strip()
                with held(tmp_path):
                    if pause:
                        os.kill(process.pid, signal.SIGSTOP)
                    answer.set()
                    if pause:
                        os.kill(process.pid, signal.SIGCONT)
                    await until(lambda: a_receipt(tmp_path))
                    process.kill()
                    await process.wait()
                    assert row_says_nothing(tmp_path)
            async with server(emulator, tmp_path) as app:
                await delivered(app, job_id)
            assert emulator.ledger.count("submit") == 1


def row_says_nothing(folder: Path) -> bool:
    """The database is held: whatever it says, the task's id is not in its file."""
    return b"cgt-" not in (folder / "state" / "jobs.db").read_bytes()


@contextlib.asynccontextmanager
async def taken_for_dead(emulator: Emulator, folder: Path) -> AsyncIterator[tuple[App, App, Job]]:
    """A server in the middle of a purchase whose life lock somebody has removed, and another one that takes it for dead."""
    emulator.fail("late", "submit")
    async with server(emulator, folder) as first:
        job = await sent(first)
        for lock in (folder / "state" / "instances").iterdir():
            lock.unlink()
        async with server(emulator, folder) as second:
            yield first, second, job


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the system keeps an open file from being removed")
async def test_a_buyer_whose_purchase_was_judged_absent_meanwhile_adopts_it(
    answer: anyio.Event, tmp_path: Path
) -> None:
    with anyio.fail_after(2 * PATIENCE):
        async with (
            Emulator("ark", behaviour=Behaviour(list_lag=1000.0)) as emulator,
            taken_for_dead(emulator, tmp_path) as (first, second, job),
        ):
            await until(lambda: _is(second, job.id, JobState.ABSENT))
            assert (await second.budget()).spent_today_usd == 0
            answer.set()

            async def adopted() -> bool:
                return not await _is(second, job.id, JobState.ABSENT)

            await until(adopted)
            done = await delivered(second, job.id)
            assert done.charge
            assert (await second.budget()).spent_today_usd == done.charge.usd > 0
            assert [step.after for step in await first.history(job.id)][:5] == [
                "reserved", "sending", "unknown", "absent", "accepted",
            ]  # fmt: skip
            assert len(emulator.ledger.tasks) == emulator.ledger.count("submit") == 1


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the system keeps an open file from being removed")
async def test_a_task_whose_job_was_given_another_one_meanwhile_becomes_a_job_of_its_own(
    answer: anyio.Event, tmp_path: Path
) -> None:
    with anyio.fail_after(2 * PATIENCE):
        async with (
            Emulator("ark", behaviour=Behaviour(list_lag=1000.0)) as emulator,
            taken_for_dead(emulator, tmp_path) as (_, second, job),
        ):
            emulator.fail("status", "poll", times=1000, status=503)
            await until(lambda: _is(second, job.id, JobState.UNKNOWN))
            await second.installation.resolve(job.id, "cgt-of-somebody-else")
            answer.set()
            (task,) = emulator.ledger.tasks

            async def there() -> bool:
                return len(await second.recent()) == 2

            await until(there)
            (other,) = [found for found in await second.recent() if found.id != job.id]
            assert other.submission
            assert other.submission.task_id == task
            assert (await second.budget()).spent_today_usd == 2 * job.maximum.usd
            assert job.id in (await second.history(other.id))[0].detail
            emulator.faults.clear()
            await delivered(second, other.id)
            kept = await second.job(job.id)
            assert kept.submission
            assert kept.submission.task_id == "cgt-of-somebody-else"
            assert emulator.ledger.count("submit") == 1


async def test_a_receipt_that_the_database_does_not_take_yet_stays_when_it_takes_the_next(
    tmp_path: Path,
) -> None:
    with anyio.fail_after(2 * PATIENCE):
        async with Emulator("ark") as emulator:
            emulator.fail("lost", "submit", times=2, accepted=True)
            emulator.fail("status", "list", times=None, status=503)
            emulator.fail("status", "poll", times=None, status=503)
            jobs: list[Job] = []
            async with server(emulator, tmp_path) as first:
                for prompt in ("a paper boat", "a paper plane"):
                    jobs.append((await first.generate(request("ark", prompt=prompt))).job)
                    await until(lambda: _is(first, jobs[-1].id, JobState.UNKNOWN))
            dead = Receipts(tmp_path / "state" / "receipts", "d" * 16)
            dead.prepare()
            for job, task in zip(jobs, emulator.ledger.tasks, strict=True):
                dead.keep(job.id, Submission(task_id=task))
            with contextlib.closing(sqlite3.connect(tmp_path / "state" / "jobs.db")) as database:
                database.execute(
                    f"CREATE TRIGGER full BEFORE UPDATE OF document ON jobs WHEN OLD.id = '{jobs[0].id}'"
                    " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
                )
            async with server(emulator, tmp_path) as second:
                await until(lambda: _is(second, jobs[1].id, JobState.ACCEPTED))
                assert await _is(second, jobs[0].id, JobState.UNKNOWN)
            assert jobs[0].id.encode() in receipts(tmp_path)
            with contextlib.closing(sqlite3.connect(tmp_path / "state" / "jobs.db")) as database:
                database.execute("DROP TRIGGER full")
            emulator.faults.clear()
            emulator.fail("status", "list", times=None, status=503)
            async with server(emulator, tmp_path) as third:
                for job in jobs:
                    await delivered(third, job.id)
            assert emulator.ledger.count("submit") == 2


@pytest.mark.parametrize(("slept", "state"), [(4.0, JobState.ACCEPTED), (6.0, JobState.UNKNOWN)])
async def test_a_machine_that_slept_just_before_the_first_byte_sends_nothing(
    slept: float, state: JobState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_down = SqliteStore.write_as

    async def and_sleep(store: SqliteStore, *given: Any) -> Any:
        done = await put_down(store, *given)
        running = store.running
        store.running = lambda: running() + slept
        return done

    monkeypatch.setattr(SqliteStore, "write_as", and_sleep)
    with anyio.fail_after(2 * PATIENCE):
        async with Emulator("ark") as emulator, server(emulator, tmp_path) as app:
            emulator.behaviour.endless = True
            started = await app.generate(request("ark"))
            await until(lambda: _is(app, started.job.id, state))
            assert emulator.ledger.count("submit") == (1 if state is JobState.ACCEPTED else 0)
            if state is JobState.UNKNOWN:
                assert "stood still for 6 s" in ((await app.job(started.job.id)).error or "")
                await until(lambda: _is(app, started.job.id, JobState.ABSENT))
