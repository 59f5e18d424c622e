"""A server whose database cannot be opened says why, and works as soon as it can, without a restart."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from seedance_mcp import app as app_module
from seedance_mcp.app import App, open_app
from seedance_mcp.config import Settings
from seedance_mcp.errors import SeedanceError, StoreError
from seedance_mcp.server import create_server, opening
from seedance_mcp.server.assembly import assemble
from seedance_mcp.store import database as opened_database
from seedance_mcp.store import database_file
from seedance_mcp.store.database import open_store
from seedance_mcp.store.machine.process_locks import FileLock
from tests.reliability.waiting import until

from .asking import make, refusal
from .conftest import Era
from .process import call, initialize, serving


@contextlib.contextmanager
def held(database: Path) -> Iterator[None]:
    """Another process holds the database, and lets nobody read or write it."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


@pytest.fixture
def database(settings: Settings) -> Path:
    """The database of an installation that has been used before."""
    open_store(settings.state_dir).close()
    return settings.state_dir / "jobs.db"


async def works(client: Client) -> bool:
    """Tell whether tools have an app to answer from."""
    return not (await client.call_tool("check_status", {})).is_error


async def test_a_database_that_is_held_at_the_start_is_tried_until_it_opens(
    settings: Settings, database: Path, era: Era, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_file, "_BUSY_SECONDS", 0.2)
    with anyio.fail_after(60), contextlib.ExitStack() as held_by_another:
        held_by_another.enter_context(held(database))
        async with Client(create_server(settings), mode=era) as client:
            told = refusal(await client.call_tool("check_status", {}))
            assert await client.list_resources()
            held_by_another.close()
            await until(lambda: works(client))
            job = await make(client)
    assert (told["code"], told["retryable"]) == ("store", True)
    assert told["hint"]
    assert job["status"] == "succeeded"


async def test_a_client_is_greeted_although_the_database_is_held(
    environ: dict[str, str], database: Path, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as held_by_another:
        held_by_another.enter_context(held(database))
        async with serving(environ, tmp_path) as server:
            with anyio.fail_after(8):
                assert "result" in await server.ask(initialize())
                answer = await server.ask(call(2, "check_status", {}))
            assert answer["result"]["isError"]
            assert "Retryable: yes" in answer["result"]["content"][0]["text"]
            held_by_another.close()
            number = iter(range(3, 10_000))

            async def opened() -> bool:
                told = await server.ask(call(next(number), "check_status", {}))
                return not told["result"].get("isError")

            with anyio.fail_after(20):
                await until(opened)


async def test_a_call_that_comes_while_the_database_is_being_opened_waits_for_that(
    settings: Settings, database: Path, era: Era, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_PATIENCE_SECONDS", 30.0)
    worked: list[bool] = []
    slow = FileLock(settings.state_dir / "opening.lock")
    assert slow.try_take()
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client, anyio.create_task_group() as tasks:

            async def call_it() -> None:
                worked.append(await works(client))

            tasks.start_soon(call_it)
            for _ in range(3):  # whoever answers these has read the call
                await client.list_tools()
            assert worked == []
            slow.close()
    assert worked == [True]


async def test_what_needs_no_app_is_answered_before_it_is_opened_and_a_call_opens_it(
    settings: Settings, era: Era, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_HANDSHAKE_SECONDS", 3600.0)
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            assert (await client.list_tools()).tools
            assert not settings.state_dir.exists()
            assert await works(client)


async def test_the_app_is_opened_soon_although_nobody_calls(settings: Settings, era: Era) -> None:
    async def is_there() -> bool:
        return (settings.state_dir / "jobs.db").exists()

    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era):
            await until(is_there)


async def test_a_server_whose_client_has_left_ends_soon_although_the_database_is_held(
    environ: dict[str, str], database: Path, tmp_path: Path
) -> None:
    with held(database):
        async with serving(environ, tmp_path) as server:
            assert "result" in await server.ask(initialize())
            with anyio.fail_after(6):  # a purchase may wait ten seconds for the database; an opening may not
                await server.stdin.aclose()
                await server.process.wait()


async def test_an_opened_database_is_waited_for_as_long_as_ever(settings: Settings, database: Path) -> None:
    with contextlib.closing(open_store(settings.state_dir, patience=0.1)) as opened:
        (waits,) = await opened.read(lambda connection: connection.execute("PRAGMA busy_timeout").fetchone())
    assert waits == 10_000


async def test_a_state_folder_that_comes_later_is_used_when_it_is_there(settings: Settings, era: Era) -> None:
    settings.state_dir.write_text("not mounted yet")
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            told = refusal(await client.call_tool("check_status", {}))
            settings.state_dir.unlink()
            await until(lambda: works(client))
    assert str(settings.state_dir) in told["message"]


async def test_an_app_that_breaks_down_is_opened_anew(
    settings: Settings, era: Era, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = anyio.Event()

    @contextlib.asynccontextmanager
    async def breaking(*given: Any, **named: Any) -> AsyncIterator[App]:
        async with open_app(*given, **named) as app, anyio.create_task_group() as tasks:
            if not broken.is_set():
                tasks.start_soon(_break, broken)
            yield app

    monkeypatch.setattr(app_module, "open_app", breaking)
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            assert await works(client)
            broken.set()
            await until(lambda: _fails(client))
            await until(lambda: works(client))
            assert (await make(client))["status"] == "succeeded"


async def _break(when: anyio.Event) -> None:
    await when.wait()
    raise ZeroDivisionError


async def _fails(client: Client) -> bool:
    return not await works(client)


def test_a_process_that_was_suspended_while_opening_holds_nobody_up_for_ever(
    settings: Settings, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened_database, "_OPENING_SECONDS", 0.2)
    with contextlib.closing(FileLock(settings.state_dir / "opening.lock")) as suspended:
        assert suspended.try_take()
        with pytest.raises(StoreError, match="still opening"):
            open_store(settings.state_dir)
    open_store(settings.state_dir).close()


async def test_wrong_settings_are_not_tried_again(settings: Settings, era: Era) -> None:
    wrong = SeedanceError("It is wrong.", hint="Right it.")
    with anyio.fail_after(20):
        async with Client(assemble(settings, wrong), mode=era) as client:
            assert refusal(await client.call_tool("check_status", {}))["message"] == "It is wrong."
    assert not settings.state_dir.exists()
