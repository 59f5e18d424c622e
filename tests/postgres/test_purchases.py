"""Orders on one database in PostgreSQL from several processes and machines: each is bought once, whatever befalls whom."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio
import anyio.to_thread
import psycopg
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from seedance_mcp.app import App
from seedance_mcp.jobs.buying import purchase_flow
from seedance_mcp.store.money.ledger import unbalanced_days
from seedance_mcp.store.postgres import PostgresStore, open_postgres
from seedance_mcp.types import Job, JobState, PurchaseTerms
from tests.emulator import Emulator
from tests.emulator.late_answers import keep_back
from tests.reliability import fault_market as market
from tests.reliability.waiting import until
from tests.server.process import INITIALIZED, call, initialize, serving

from .server import SEES_ALL, Server, running
from .test_sharing import end_session

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped and go on")

LONG = bool(os.environ.get("SEEDANCE_TEST_LONG"))
PATIENCE = 100.0


@asynccontextmanager
async def machine(emulator: Emulator, url: str, folder: Path) -> AsyncIterator[App]:
    """A server on a machine of its own: nothing but the database is common to it and others."""
    environ = {**emulator.environment("ark"), "SEEDANCE_DATABASE_URL": url}
    async with market.installed(environ, folder, market.catalog("ark")) as app:
        yield app


@asynccontextmanager
async def buyer(
    emulator: Emulator, url: str, folder: Path, keys: Sequence[str], **befalls: Any
) -> AsyncIterator[tuple[Process, BufferedByteReceiveStream]]:
    """The same in a process of its own, whose app is open: see `tests.postgres.buyer`."""
    more = befalls.pop("more", {})
    environ = {
        **emulator.environment("ark"),
        "SEEDANCE_DATABASE_URL": url,
        "SEEDANCE_MAX_JOBS_PER_HOUR": "10000",
        **more,
    }
    plan = {"environ": environ, "folder": str(folder), "keys": keys, **befalls}
    command = [sys.executable, "-m", "tests.postgres.buyer"]
    async with await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=None) as process:
        assert process.stdin
        assert process.stdout
        lines = BufferedByteReceiveStream(process.stdout)
        try:
            await process.stdin.send(json.dumps(plan).encode() + b"\n")
            assert await lines.receive_until(b"\n", 1000) == b"ready"
            yield process, lines
        finally:
            if process.returncode is None:
                process.kill()
            with anyio.CancelScope(shield=True):
                await process.wait()


async def go(process: Process) -> None:
    assert process.stdin
    await process.stdin.send(b"\n")


async def told(lines: BufferedByteReceiveStream) -> Mapping[str, Any]:
    return json.loads(await lines.receive_until(b"\n", 1_000_000))


async def is_in(app: App, job_id: str, *states: JobState) -> bool:
    return (await app.job(job_id)).state in states


def states(url: str) -> list[tuple[str, str]]:
    """The state of each job and its task, as the database has it."""
    with psycopg.connect(url, options=SEES_ALL) as connection:
        return connection.execute("SELECT state, task_id FROM jobs ORDER BY seq").fetchall()


def moves(url: str) -> list[str]:
    """What each job went to, one after the other."""
    with psycopg.connect(url, options=SEES_ALL) as connection:
        return [row[0] for row in connection.execute("SELECT to_state FROM events ORDER BY seq")]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> anyio.Event:
    """Set it to let the answer to a purchase out that the provider keeps back (the fault `late`)."""
    return keep_back(monkeypatch)


async def test_an_order_of_an_assistant_goes_from_the_tool_to_the_file_on_postgresql(
    url: str, environ: dict[str, str], tmp_path: Path
) -> None:
    async with Emulator("ark") as emulator:
        environ |= {**emulator.environment("ark"), "SEEDANCE_DATABASE_URL": url, "SEEDANCE_CONFIRM": "off"}
        asked = {"prompt": "a paper boat", "provider": "ark", "model": market.offer("ark").model.id}
        async with serving(environ, tmp_path, seconds=PATIENCE) as server:
            await server.ask(initialize())
            await server.send(INITIALIZED)
            started = await server.ask(call(2, "generate_video", asked))
            job = started["result"]["structuredContent"]["job_id"]
            waited = await server.ask(call(3, "check_status", {"job_id": job, "wait_seconds": 50}))
        found = waited["result"]["structuredContent"]
        assert found["status"] == "succeeded", found
        assert Path(found["video_path"]).is_file()
        assert not any("on this machine" in note for note in found["notes"])
        assert emulator.ledger.count("submit") == 1
        async with machine(emulator, url, tmp_path / "other") as other:
            assert (await other.budget()).spent_today_usd > 0
            Path(found["video_path"]).rename(tmp_path / "as on another machine.mp4")
            assert "on this machine" in (other.videos.elsewhere(await other.job(job)) or "")
    for words in (["doctor"], ["jobs"], ["migrate"], ["tokens", "list"]):
        command = [sys.executable, "-m", "seedance_mcp", *words]
        said = await anyio.run_process(command, env={**os.environ, **environ}, check=False)
        assert said.returncode == 0 or words == ["doctor"], said
        assert url.encode() not in said.stdout + said.stderr, "the address is a secret"
    assert states(url)[0][0] == "done"
    assert not (tmp_path / "state" / "jobs.db").exists()


async def test_a_task_is_adopted_whose_buyer_lost_its_lock_while_the_provider_answered(
    postgres: Server, url: str, tmp_path: Path, answer: anyio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purchase_flow, "_ANSWER_SECONDS", 0.1)
    with anyio.fail_after(PATIENCE):
        async with Emulator("ark") as emulator, machine(emulator, url, tmp_path / "one") as buying:
            emulator.fail("late", "submit")
            emulator.behaviour.list_lag = 1000.0  # nobody else can find it
            started = await buying.generate(market.request("ark"), PurchaseTerms(request_key="a-paper-boat"))
            await until(lambda: is_in(buying, started.job.id, JobState.SENDING))
            end_session(postgres, buying._store)  # type: ignore[arg-type]
            async with machine(emulator, url, tmp_path / "two") as other:
                await until(lambda: is_in(other, started.job.id, JobState.UNKNOWN, JobState.ABSENT))
                answer.set()
                await until(lambda: is_in(other, started.job.id, JobState.DONE))
                again = await other.generate(market.request("ark"), PurchaseTerms(request_key="a-paper-boat"))
                assert again.job.id == started.job.id
        assert emulator.ledger.count("submit") == 1
        assert len(emulator.tasks) == 1
    assert states(url) == [("done", next(iter(emulator.tasks)))]


async def test_a_buyer_that_stood_still_before_its_first_byte_sends_nothing(url: str, tmp_path: Path) -> None:
    """With SEEDANCE_TEST_LONG by the real limit, otherwise by half a second."""
    still = 7.0 if LONG else 1.5
    soon = {} if LONG else {"soon": 0.5}
    with anyio.fail_after(PATIENCE):
        async with Emulator("ark") as emulator:
            one = buyer(emulator, url, tmp_path / "one", ["a-paper-boat"], stops=True, **soon)
            async with one as (process, lines):
                await go(process)
                await until(lambda: anyio.to_thread.run_sync(_stopped, process.pid), longest=0.2)
                assert [state for state, _ in states(url)] == ["sending"]
                async with machine(emulator, url, tmp_path / "two") as other:
                    (job,) = await other.unfinished()
                    await anyio.sleep(still)
                    assert (await other.job(job.id)).state is JobState.SENDING, (
                        "one that stands still is alive"
                    )
                    os.kill(process.pid, signal.SIGCONT)
                    found = await told(lines)
                    assert found["a-paper-boat"]["state"] == "absent"
                    assert "stood still" in ((await other.history(job.id))[2].detail)
                    again = await other.generate(
                        market.request("ark", prompt="a paper boat named a-paper-boat"),
                        PurchaseTerms(request_key="a-paper-boat"),
                    )
                    await until(lambda: is_in(other, again.job.id, JobState.DONE))
        assert emulator.ledger.count("submit") == 1
    assert moves(url)[:4] == ["reserved", "sending", "unknown", "absent"]


def _stopped(pid: int) -> bool:
    said = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return said.stdout.startswith("T")


async def test_a_machine_that_slept_just_before_its_first_byte_sends_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_down = PostgresStore.write_as

    async def and_sleep(store: PostgresStore, *given: Any) -> Any:
        done = await put_down(store, *given)
        running = store.running
        store.running = lambda: running() + 6.0
        return done

    monkeypatch.setattr(PostgresStore, "write_as", and_sleep)
    with anyio.fail_after(PATIENCE):
        async with Emulator("ark") as emulator, machine(emulator, url, tmp_path / "one") as app:
            started = await app.generate(market.request("ark"))
            await until(lambda: is_in(app, started.job.id, JobState.ABSENT))
            assert "stood still for 6 s" in (await app.history(started.job.id))[2].detail
        assert emulator.ledger.count("submit") == 0


async def test_two_machines_that_get_the_same_key_at_once_buy_once(url: str, tmp_path: Path) -> None:
    keys = [f"boat-number-{number}" for number in range(20 if LONG else 4)]
    with anyio.fail_after(PATIENCE):
        async with (
            Emulator("ark") as emulator,
            buyer(emulator, url, tmp_path / "one", keys) as (one, its_lines),
            buyer(emulator, url, tmp_path / "two", keys) as (two, others_lines),
        ):
            await go(one)
            await go(two)
            found, others = await told(its_lines), await told(others_lines)
    assert found == others
    assert {one["state"] for one in found.values()} == {"done"}
    assert emulator.ledger.count("submit") == len(keys) == len(emulator.tasks)


async def test_a_database_that_is_killed_under_load_loses_nothing_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    kills, each = (50, 60) if LONG else (2, 6)
    names = [[f"{who}-number-{number}" for number in range(each)] for who in ("one", "two")]
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, running(Path(folder) / "data") as server:
        url = server.database()
        with anyio.fail_after(PATIENCE + 10 * kills):
            async with (
                Emulator("ark") as emulator,
                buyer(emulator, url, tmp_path / "one", names[0], patient=True, at_once=3) as (one, its_lines),
                buyer(emulator, url, tmp_path / "two", names[1], patient=True, at_once=3) as (
                    two,
                    others_lines,
                ),
            ):
                await go(one)
                await go(two)
                for number in range(kills):
                    bought = (2 * number + 1) * each // kills
                    await until(lambda bought=bought: _has_bought(emulator, bought))
                    await anyio.to_thread.run_sync(server.crash)
                found = {**await told(its_lines), **await told(others_lines)}
        assert {one["state"] for one in found.values()} == {"done"}, found
        assert all(Path(one["path"]).is_file() for one in found.values())
        tasks = [task for state, task in states(url) if state == "done"]
        assert sorted(tasks) == sorted(emulator.tasks), "what the provider took and what we know of"
        assert len(tasks) == 2 * each
        with contextlib.closing(open_postgres(url)) as database:
            assert database.read_now(unbalanced_days) == []


async def _has_bought(emulator: Emulator, count: int) -> bool:
    return len(emulator.tasks) >= count


async def test_nothing_is_bought_from_a_copy_until_a_person_allows_it(
    postgres: Server, url: str, tmp_path: Path
) -> None:
    with anyio.fail_after(PATIENCE):
        async with Emulator("ark") as emulator:
            async with machine(emulator, url, tmp_path / "one") as app:
                first = await done(app, "a paper boat")
            async with machine(emulator, postgres.copy(url), tmp_path / "two") as app:
                assert "restored from a copy" in " ".join(app.notices)
                assert await app.installation.spending_stopped()
                with pytest.raises(Exception, match="restored"):
                    await app.generate(market.request("ark", prompt="a paper plane"))
                assert (await app.job(first.id)).state is JobState.DONE
                assert emulator.ledger.count("submit") == 1
                assert await app.installation.allow_spending()
                await done(app, "a paper plane")
        assert emulator.ledger.count("submit") == 2


async def done(app: App, prompt: str) -> Job:
    started = await app.generate(market.request("ark", prompt=prompt))
    job = await app.wait(started.job.id, PATIENCE)
    assert job.state is JobState.DONE, job
    return job
