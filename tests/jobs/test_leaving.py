"""When a server leaves a watcher behind: before anything else, and as soon as there is something to watch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.jobs import detached
from seedance_mcp.server import create_server
from tests.test_app import made, request

NOTE = """
import glob, json, sys
with open("left.jsonl", "a") as file:
    file.write(json.dumps({"start": sys.argv[3:6], "words": sys.argv[6:], "ending": glob.glob("instances/*.ending")}) + "\\n")
"""
"""What stands here for the starter of a process: it notes what it was to start, and who had said that it ends."""


@pytest.fixture
def leaving(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a server that may leave watchers behind; nothing is started, it is only noted."""
    monkeypatch.setattr(detached, "_STARTER", NOTE)
    return load_settings({**environ, "SEEDANCE_DETACH": "1", "SEEDANCE_SANDBOX_SECONDS": "60"})


@pytest.fixture
def left(leaving: Settings) -> Callable[[], list[Any]]:
    """What was started so far."""
    noted = leaving.state_dir / "left.jsonl"
    return lambda: [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []


async def looked(app: Any) -> None:
    """Until it has been looked for open jobs once."""
    with anyio.fail_after(20):
        while app.runner._watcher.busy:  # noqa: ASYNC110
            await anyio.sleep(0.01)


async def test_a_watcher_is_left_by_a_server_whose_client_leaves_at_once(
    leaving: Settings, left: Callable[[], list[Any]]
) -> None:
    async with open_app(leaving) as app:
        await app.generate(request())
    assert left() == []
    async with Client(create_server(leaving)):
        pass
    assert [started["words"] for started in left()] == [["watch", "--until-idle"]]


async def test_a_watcher_is_left_for_an_open_job_by_one_that_has_said_that_it_ends(
    leaving: Settings, left: Callable[[], list[Any]]
) -> None:
    async with open_app(leaving, leave=True) as app:
        await app.generate(request())
        assert left() == []
        await app.installation.begin_ending()
        (started,) = left()
        await app.installation.begin_ending()
    assert started["start"] == ["-P", "-m", "seedance_mcp"], "not what lies in the folder under this name"
    assert started["words"] == ["watch", "--until-idle"]
    assert [Path(name).stem for name in started["ending"]] == [app.installation.store.ownership.instance]
    assert len(left()) == 1, "once is enough"
    assert not list((leaving.state_dir / "instances").iterdir()), "nothing is left of the process itself"


async def test_one_is_left_also_if_whoever_wants_that_is_cancelled_meanwhile(
    leaving: Settings, left: Callable[[], list[Any]]
) -> None:
    """As by SIGTERM, when it comes at the same moment as the end of input."""
    async with open_app(leaving, leave=True) as app:
        await app.generate(request())
        with anyio.CancelScope() as scope:
            scope.cancel()
            await app.installation.begin_ending()
        assert len(left()) == 1


async def test_one_is_left_by_whoever_has_not_looked_yet_for_hooks_that_others_owe(
    leaving: Settings, left: Callable[[], list[Any]]
) -> None:
    async with open_app(replace(leaving, on_finish="true"), leave=True) as app:
        app.runner._watcher._looked = True  # for open jobs it has; the two looks come in any order
        await app.installation.begin_ending()
        (started,) = left()
    assert started["words"] == ["watch", "--until-idle"]


async def test_what_is_bought_after_the_end_was_foreseen_is_left_to_a_watcher_as_well(
    leaving: Settings, left: Callable[[], list[Any]]
) -> None:
    async with open_app(leaving, leave=True) as app:
        await looked(app)
        await app.installation.begin_ending()
        assert left() == []
        await app.generate(request())
        assert len(left()) == 1


async def test_the_end_of_the_context_leaves_one_where_nobody_foresaw_it(
    leaving: Settings, left: Callable[[], list[Any]]
) -> None:
    async with open_app(leaving, leave=True) as app:
        await app.generate(request())
    assert len(left()) == 1


async def test_none_is_left_where_nothing_is_open_or_nobody_is_to_stay(
    leaving: Settings, environ: dict[str, str], left: Callable[[], list[Any]]
) -> None:
    quick = load_settings({**environ, "SEEDANCE_DETACH": "1"})
    async with open_app(quick, leave=True) as app:
        await made(app, request())
        await looked(app)
        await app.installation.begin_ending()
    async with open_app(load_settings({**environ, "SEEDANCE_SANDBOX_SECONDS": "60"}), leave=True) as app:
        await app.generate(request("another boat"))
    async with open_app(leaving) as app:
        pass
    assert left() == []


async def test_a_database_that_is_locked_keeps_nobody_from_leaving_a_watcher(
    leaving: Settings, left: Callable[[], list[Any]]
) -> None:
    import sqlite3
    from contextlib import closing

    async with open_app(leaving, leave=True) as app:
        await app.generate(request())
        with closing(sqlite3.connect(leaving.state_dir / "jobs.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with anyio.fail_after(5):
                await app.installation.begin_ending()
            assert len(left()) == 1
            other.execute("ROLLBACK")
