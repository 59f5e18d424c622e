"""Many open jobs at once: large downloads hold up no look at a provider, and two processes do not do the same work."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio

from seedance_mcp.app import App, open_app
from seedance_mcp.config import load_settings
from seedance_mcp.jobs.open_jobs import MOST_RECORDS, OpenJobs
from seedance_mcp.store import OpenJob, open_store
from seedance_mcp.types import JobState, VideoRequest
from tests.emulator import Behaviour, Emulator, Fault

from . import records

MANY = 20


def wish(number: int) -> VideoRequest:
    return VideoRequest(prompt=f"boat {number}", provider="ark", model="seedance-1.0-pro-fast", duration=5)


def settings(environ: dict[str, str], emulator: Emulator, **more: str) -> Any:
    wide = {
        "SEEDANCE_MAX_JOBS_PER_HOUR": "1000",
        "SEEDANCE_MAX_USD_PER_DAY": "1000",
        "SEEDANCE_CONFIRM": "off",
    }
    given = {**environ, **emulator.environment(), **wide, "SEEDANCE_POLL_SECONDS": "0.1", **more}
    return load_settings(given)


async def until(reached: Any) -> None:
    with anyio.fail_after(30):
        while not reached():  # noqa: ASYNC110
            await anyio.sleep(0.01)


async def buy(app: App, count: int, first: int = 0) -> list[str]:
    return [(await app.generate(wish(number))).job.id for number in range(first, first + count)]


async def test_downloads_that_take_long_hold_up_no_look_at_a_provider(environ: dict[str, str]) -> None:
    async with Emulator("ark", behaviour=Behaviour(queued_seconds=0, running_seconds=0)) as emulator:
        emulator.faults.add(Fault(kind="silent", call="result", times=None))
        async with open_app(settings(environ, emulator)) as app:
            await buy(app, MANY)
            await until(lambda: emulator.ledger.count("result") >= 8)
            emulator.behaviour.endless = True
            await buy(app, 1, first=MANY)
            before = emulator.ledger.count("poll")
            await until(lambda: emulator.ledger.count("poll") >= before + MANY + 5)


async def test_another_process_leaves_jobs_alone_that_are_looked_after(
    environ: dict[str, str],
) -> None:
    async with (
        Emulator("ark", behaviour=Behaviour(endless=True)) as emulator,
        open_app(settings(environ, emulator)) as app,
    ):
        jobs = await buy(app, 3)
        await until(lambda: emulator.ledger.count("poll") >= 9)
        async with open_app(settings(environ, emulator)) as other:
            watcher = other.runner._watcher
            await until(lambda: watcher._looked)
            assert watcher.busy, "it has to leave a watcher all the same"
            before = await other._store.read(_changes)
            polls = emulator.ledger.count("poll")
            await until(lambda: emulator.ledger.count("poll") >= polls + 9)
            assert await other._store.read(_changes) == before
            assert {(await other.job(job)).state for job in jobs} == {JobState.ACCEPTED}


async def test_a_record_is_kept_only_while_the_database_says_the_same(tmp_path: Path) -> None:
    async def step(job_id: str) -> None: ...

    with closing(open_store(tmp_path)) as store:
        jobs = OpenJobs(step, store, lambda provider, count: 0.0)
        kept = records.job(id="kept", state=JobState.ACCEPTED, version=3)
        changed = records.job(id="changed", state=JobState.ACCEPTED, version=3)
        ended = records.job(id="ended", state=JobState.ACCEPTED, version=3)
        for job in (kept, changed, ended):
            jobs.keep(job)
        fields: dict[str, Any] = {"provider": "ark", "state": JobState.ACCEPTED, "elsewhere": False}
        jobs.found(
            [OpenJob(id="kept", version=3, **fields), OpenJob(id="changed", version=4, **fields)], set()
        )
        assert [jobs.record(job.id) for job in (kept, changed, ended)] == [kept, None, None]


async def test_a_provider_that_is_silent_holds_up_no_other(tmp_path: Path) -> None:
    started = set[str]()

    async def step(job_id: str) -> None:
        started.add(job_id)
        if job_id.startswith("silent") and not answers.is_set():
            await answers.wait()

    answers = anyio.Event()
    with closing(open_store(tmp_path)) as store:
        jobs = OpenJobs(step, store, lambda provider, count: 0.0)
        for state in (JobState.ACCEPTED, JobState.REMOTE_DONE):
            fields: dict[str, Any] = {"version": 1, "state": state, "elsewhere": False}
            silent = [OpenJob(id=f"silent {state} {n}", provider="fal", **fields) for n in range(70)]
            other = OpenJob(id=f"other {state}", provider="ark", **fields)
            jobs.found([*silent, other], set())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(jobs.run)
            await until(lambda: {"other accepted", "other remote_done"} <= started)
            assert len(started) < 70
            answers.set()
            await until(lambda: len(started) == 142)
            tasks.cancel_scope.cancel()


async def test_what_waits_for_a_place_begins_as_soon_as_one_is_free(tmp_path: Path) -> None:
    started = list[str]()

    async def step(job_id: str) -> None:
        started.append(job_id)
        if len(started) <= 64:
            await free.wait()

    free = anyio.Event()
    with closing(open_store(tmp_path)) as store:
        jobs = OpenJobs(step, store, lambda provider, count: 0.0)
        for provider in ("ark", "fal", "atlas"):
            fields: dict[str, Any] = {"version": 1, "state": JobState.ACCEPTED, "elsewhere": False}
            jobs.found([OpenJob(id=f"{provider} {n}", provider=provider, **fields) for n in range(24)], set())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(jobs.run)
            await until(lambda: len(started) == 64)
            free.set()
            with anyio.fail_after(10):
                await until(lambda: len(started) == 72)
            tasks.cancel_scope.cancel()


async def test_steps_that_become_due_at_nearly_the_same_time_are_begun_together(tmp_path: Path) -> None:
    """So that the process does not wake up for each; on a slower machine only more of them come together."""
    started = set[str]()
    looks = 0

    async def step(job_id: str) -> None:
        started.add(job_id)

    def clock() -> float:
        nonlocal looks
        looks += 1
        return time.time()

    with closing(open_store(tmp_path, clock=clock)) as store:
        jobs = OpenJobs(step, store, lambda provider, count: 0.0)
        for number in range(40):
            jobs.schedule(f"job {number}", after=number / 100)
        looks = 0
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(jobs.run)
            await until(lambda: len(started) == 40)
            tasks.cancel_scope.cancel()
    assert looks < 12, "one for each time that it woke up"


async def test_a_look_that_is_wanted_now_does_not_wait_for_others(tmp_path: Path) -> None:
    started = list[str]()

    async def step(job_id: str) -> None:
        started.append(job_id)

    with closing(open_store(tmp_path)) as store:
        jobs = OpenJobs(step, store, lambda provider, count: 0.0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(jobs.run)
            jobs.schedule("later", after=20.0)
            await anyio.wait_all_tasks_blocked()
            jobs.look_at("now")
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
    assert started == ["now"]


async def test_only_so_many_records_are_kept(tmp_path: Path) -> None:
    async def step(job_id: str) -> None: ...

    with closing(open_store(tmp_path)) as store:
        jobs = OpenJobs(step, store, lambda provider, count: 0.0)
        for number in range(MOST_RECORDS + 1):
            jobs.keep(records.job(id=f"j{number}", state=JobState.ACCEPTED))
        assert jobs.record(f"j{MOST_RECORDS - 1}") is not None
        assert jobs.record(f"j{MOST_RECORDS}") is None


async def test_the_open_jobs_of_a_provider_are_spread_and_no_others(tmp_path: Path) -> None:
    started = dict[str, float]()

    async def step(job_id: str) -> None:
        started[job_id] = anyio.current_time()

    def found(name: str, provider: str, state: JobState) -> OpenJob:
        return OpenJob(id=name, provider=provider, state=state, version=1, elsewhere=False)

    with closing(open_store(tmp_path)) as store:
        jobs = OpenJobs(step, store, lambda provider, count: 0.1 * count)
        many = [found(f"a{number}", "ark", JobState.ACCEPTED) for number in range(4)]
        one, done = found("b", "fal", JobState.ACCEPTED), found("c", "ark", JobState.REMOTE_DONE)
        jobs.found([*many, one, done], set())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(jobs.run)
            await until(lambda: len(started) == 6)
            tasks.cancel_scope.cancel()
    first = started["a0"]
    for number in range(4):
        assert started[f"a{number}"] >= first + 0.1 * number - 0.01
    assert max(started["b"], started["c"]) < first + 0.1


async def test_a_change_that_another_process_made_is_seen_at_the_next_look(environ: dict[str, str]) -> None:
    async with (
        Emulator("ark", behaviour=Behaviour(endless=True)) as emulator,
        open_app(settings(environ, emulator)) as app,
        open_app(settings(environ, emulator)) as other,
    ):
        (job,) = await buy(app, 1)
        await until(lambda: emulator.ledger.count("poll") >= 3)
        before = (await app.job(job)).version
        await other.cancel(job)
        (task,) = emulator.ledger.tasks.values()
        task.running_seconds = 0
        with anyio.fail_after(30):
            done = await app.wait(job, 30)
        assert done.finished
        assert done.version > before + 1


def _changes(connection: Any) -> int:
    return connection.total_changes
