"""The watcher that ends by itself: it hands over before it ends, and whoever is suspended keeps nobody from watching."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

import anyio
import pytest
from anyio.abc import Process

from seedance_mcp.app import App, open_app
from seedance_mcp.cli.commands import watch
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import StoreError
from seedance_mcp.jobs import WatcherLease
from seedance_mcp.store import Store
from seedance_mcp.store.database import SqliteStore
from seedance_mcp.types import JobStatus
from tests.server.test_endings import document, rows, until, with_hook
from tests.test_app import START_AND_LEAVE, request

posix = pytest.mark.skipif(sys.platform == "win32", reason="nobody can be suspended by a signal there")


async def buy_and_leave(environ: Mapping[str, str], prompt: str = "a boat left alone") -> str:
    """A real server process that starts a job and ends at once; the job's id."""
    command = [sys.executable, "-c", START_AND_LEAVE, prompt]
    done = await anyio.run_process(command, env={**os.environ, **environ, "SEEDANCE_DETACH": "1"})
    return done.stdout.decode().strip()


@asynccontextmanager
async def watching(environ: Mapping[str, str], *words: str) -> AsyncIterator[Process]:
    """`seedance-mcp watch` in a process of its own."""
    command = [sys.executable, "-m", "seedance_mcp", "watch", *words]
    async with await anyio.open_process(
        command, env={**os.environ, **environ}, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
    ) as process:
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()


async def printed(process: Process) -> str:
    """All that it prints until its end."""
    assert process.stdout
    text = b""
    with anyio.fail_after(60):
        async for chunk in process.stdout:
            text += chunk
        await process.wait()
    return text.decode()


async def succeeded(app: App, job_id: str) -> None:
    with anyio.fail_after(60):
        job = await app.wait(job_id, 60)
    assert job.status is JobStatus.SUCCEEDED, job.error


async def test_it_ends_when_nothing_is_open_and_says_what_it_saw(environ: dict[str, str]) -> None:
    slow = {**environ, "SEEDANCE_SANDBOX_SECONDS": "1"}
    async with open_app(load_settings(slow)) as app:
        job = (await app.generate(request())).job
    async with watching(slow, "--until-idle") as process:
        shown = await printed(process)
        assert process.returncode == 0
    assert [line.split()[1] for line in shown.splitlines() if line.startswith(job.id)][-1] == "succeeded"


async def test_with_nothing_to_do_it_says_so_and_ends(environ: dict[str, str]) -> None:
    async with watching(environ, "--until-idle") as process:
        assert (await printed(process)).splitlines() == ["No job is open: there is nothing to wait for."]
        assert process.returncode == 0


async def test_a_second_one_ends_as_soon_as_it_sees_the_first_at_work(environ: dict[str, str]) -> None:
    async with watching(environ):
        await until(lambda: Path(environ["SEEDANCE_STATE_DIR"], "jobs.db").exists())
        await until(lambda: rows(environ, "SELECT instance FROM watch_duty"))
        async with watching(environ, "--until-idle") as second:
            assert "at work already" in await printed(second)


async def test_the_lease_is_given_up_before_the_hooks_are_run_to_their_end(
    environ: dict[str, str], tmp_path: Path
) -> None:
    told = tmp_path / "told"
    told.mkdir()
    settings = with_hook({**environ, "SEEDANCE_SANDBOX_SECONDS": "1"}, tmp_path, told, seconds=6)
    await buy_and_leave(settings)
    await until(lambda: document(settings)["state"] == "done")
    await until(lambda: rows(settings, "SELECT 1 FROM hooks WHERE runner IS NOT NULL"))
    await until(lambda: not rows(settings, "SELECT instance FROM watch_duty"))
    assert rows(settings, "SELECT outcome FROM hooks") == [(None,)], "the hook is still running"
    # Longer, so that the lease is there to be seen on a machine that is slow to start a process.
    await buy_and_leave({**settings, "SEEDANCE_SANDBOX_SECONDS": "4"}, "another boat")
    await until(lambda: rows(settings, "SELECT instance FROM watch_duty"))
    await until(lambda: rows(settings, "SELECT count(*) FROM hooks WHERE outcome = ''") == [(2,)])
    assert len(list(told.iterdir())) == 2


class Interrupted(SqliteStore):
    """A store of which each transaction has something happen before and after it."""

    def __init__(
        self, store: Store, before: Callable[[], Awaitable[None]], after: Callable[[], Awaitable[None]]
    ) -> None:
        self._real, self._before, self._after = store, before, after
        self.ownership, self.local = store.ownership, store.local

    async def read(self, query: Callable[[Any], Any]) -> Any:
        return await self._real.read(query)

    async def write(self, transaction: Callable[[Any], Any]) -> Any:
        await self._before()
        result = await self._real.write(transaction)
        await self._after()
        return result


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_job_that_is_left_in_the_moment_in_which_the_watcher_ends_is_followed(
    environ: dict[str, str], when: str
) -> None:
    slow = {**environ, "SEEDANCE_SANDBOX_SECONDS": "2"}
    bought: list[str] = []

    async def nothing() -> None:
        pass

    async def a_server_comes_and_goes() -> None:
        if not bought:
            bought.append(await buy_and_leave(slow))

    seams = {"before": nothing, "after": nothing, when: a_server_comes_and_goes}
    async with open_app(load_settings(slow), watch=False) as app:
        lease, interrupted = app.installation.watcher_lease(), app.installation.watcher_lease()
        interrupted._store = Interrupted(app.installation.store, **seams)
        assert await lease.take()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lease.keep)
            with anyio.move_on_after(8 if when == "before" else 60) as stays:
                await interrupted.until_idle()
            tasks.cancel_scope.cancel()
        mine = rows(environ, "SELECT instance FROM watch_duty") == [
            (app.installation.store.ownership.instance,)
        ]
        assert stays.cancelled_caught == mine == (when == "before")
        if mine:  # it saw the job
            async with app.runner.running():
                await succeeded(app, bought[0])
        else:
            await succeeded(app, bought[0])


@posix
async def test_one_that_is_suspended_is_replaced_and_goes_home_when_it_wakes(
    environ: dict[str, str], tmp_path: Path
) -> None:
    slow = {**environ, "SEEDANCE_SANDBOX_SECONDS": "2"}
    async with open_app(load_settings(environ)) as app:
        stalled = (await app.generate(request("[sandbox:stall] a boat"))).job
    async with watching(slow, "--until-idle") as first:
        await until(lambda: rows(environ, "SELECT instance FROM watch_duty"))
        first.send_signal(signal.SIGSTOP)
        job_id = await buy_and_leave(slow)
        async with open_app(load_settings(slow), watch=False) as app:
            await succeeded(app, job_id)
            first.send_signal(signal.SIGCONT)
            assert "taken over" in await printed(first)
            assert first.returncode == 0
            await app.cancel(stalled.id)
        await until(lambda: not rows(environ, "SELECT instance FROM watch_duty"))


async def test_a_database_that_is_held_when_it_comes_to_the_lease_is_waited_for(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, tried = watch.opened, anyio.Event()
    take = WatcherLease.take

    async def trying(lease: WatcherLease) -> bool:
        try:
            return await take(lease)
        except StoreError:
            tried.set()
            raise

    monkeypatch.setattr(WatcherLease, "take", trying)

    @asynccontextmanager
    async def then_held(settings: Settings, **more: Any) -> AsyncIterator[App]:
        async with opened(settings, **more) as app, anyio.create_task_group() as tasks:
            await app.installation.store.read(
                lambda connection: connection.execute("PRAGMA busy_timeout = 200")
            )
            other = sqlite3.connect(settings.state_dir / "jobs.db", isolation_level=None)
            other.execute("BEGIN EXCLUSIVE")

            async def let_go() -> None:
                await tried.wait()
                other.close()

            tasks.start_soon(let_go)
            yield app

    monkeypatch.setattr(watch, "opened", then_held)
    with anyio.fail_after(60):
        assert await watch._watch(load_settings(environ), until_idle=True) == 0
