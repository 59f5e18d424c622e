"""While the database is away: what strangers are told, and what stands in the log."""

from __future__ import annotations

import contextlib
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qs, urlencode, urlsplit

import anyio
import httpx2
import psycopg
import pytest
from anyio.abc import SocketStream
from psycopg import sql

from seedance_mcp.config import load_settings
from seedance_mcp.errors import StoreError
from seedance_mcp.store import access_tokens
from seedance_mcp.store.postgres import open_postgres
from tests.emulator import Emulator
from tests.over_http.local import LIST, bearer, post, serving, token

from .roles import PATIENCE, Team
from .server import Server

posix = pytest.mark.skipif(sys.platform == "win32", reason="sockets with a path")

MADE_UP = f"sdc_abcdefgh_{'x' * 43}"


def _take_away(postgres: Server, name: str) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )


async def test_a_stranger_is_told_nothing_of_a_database_that_is_away(
    postgres: Server,
    url: str,
    environ: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its own words name hosts, sockets and databases; they are for the log."""
    monkeypatch.setattr(access_tokens, "_LOOK_SECONDS", -1.0)
    name = urlsplit(url).path.strip("/")
    settings = load_settings({**environ, "SEEDANCE_DATABASE_URL": url}, settings_file=tmp_path / "no.toml")
    with anyio.fail_after(100):
        await token(settings)
        async with serving(settings, board=True) as served, httpx2.AsyncClient(timeout=60) as http:
            assert (await post(http, served, LIST, bearer(MADE_UP))).status_code == 401
            await anyio.to_thread.run_sync(_take_away, postgres, name)
            answers = [await post(http, served, LIST, bearer(MADE_UP)) for _ in range(3)]
            own = served.removesuffix("/mcp")
            form, page = {"token": MADE_UP}, {"Origin": own}
            answers += [
                await http.post(f"{own}/board/sign-in", data=form, headers=page),
                await http.get(f"{own}/health/ready"),
            ]
    assert [answer.status_code for answer in answers] == [503] * len(answers)
    assert answers[0].json()["error"]["message"] == (
        "The server cannot look at tokens now, its log says why; try again."
    )
    for answer in answers:
        assert name not in answer.text
        assert "connection" not in answer.text
    told = [record.message for record in caplog.records if "Tokens cannot be looked at" in record.message]
    assert len(told) == 1
    assert name in told[0]


def _knows_nobody(*asked: object, **how: object) -> NoReturn:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def _refused(url: str) -> str:
    with pytest.raises(StoreError) as refused:
        open_postgres(url)
    return refused.value.hint


def test_each_way_not_to_get_in_has_its_own_advice(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable = "postgresql://seedance@127.0.0.1:9/videos"
    assert "Make the database" in _refused(postgres.url.replace("/postgres?", "/nowhere?"))
    assert "Make the role" in _refused(postgres.url.replace("//postgres:", "//nobody:"))
    assert "can be reached at the host and port" in _refused(unreachable)
    with monkeypatch.context() as resolving:
        resolving.setattr(socket, "getaddrinfo", _knows_nobody)  # to ask for a name would leave this machine
        assert "host's name" in _refused(unreachable.replace("127.0.0.1", "nowhere.invalid"))
    rules = Path(parse_qs(urlsplit(postgres.url).query)["host"][0]) / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all postgres trust\nlocal all seedance scram-sha-256\n")
    try:
        _reload(postgres)
        wrong = postgres.url.replace("//postgres:", "//seedance:wrong")
        assert "name or password" in _refused(wrong)
        assert "pg_hba.conf" in _refused(wrong.replace("//seedance:", "//nobody:"))
    finally:
        rules.write_text(before)
        _reload(postgres)


def _reload(postgres: Server) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        (loaded,) = connection.execute("SELECT pg_conf_load_time()").fetchone() or ("",)
        connection.execute("SELECT pg_reload_conf()")
    for _ in range(200):
        with psycopg.connect(postgres.url) as connection:
            if connection.execute("SELECT pg_conf_load_time()").fetchone() != (loaded,):
                return
    raise AssertionError("it was not read again")


@asynccontextmanager
async def _gate(url: str, folder: Path, refused: list[int], times: int) -> AsyncGenerator[str]:
    """The address of a gate before a database; it hangs up on so many connections, then lets all through."""
    parts = urlsplit(url)
    there = Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"

    async def hand_on(one: SocketStream) -> None:
        async with one:
            if len(refused) < times:
                refused.append(len(refused))
                return
            async with await anyio.connect_unix(there) as other, anyio.create_task_group() as tasks:
                tasks.start_soon(_pump, one, other, tasks.cancel_scope)
                await _pump(other, one, tasks.cancel_scope)

    async with (
        await anyio.create_unix_listener(folder / ".s.PGSQL.5432") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, hand_on)
        yield parts._replace(query=urlencode({"host": str(folder)})).geturl()
        tasks.cancel_scope.cancel()


async def _pump(one: SocketStream, other: SocketStream, both: anyio.CancelScope) -> None:
    with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
        while True:
            await other.send(await one.receive())
    both.cancel()


@posix
async def test_a_worker_tells_once_that_it_cannot_work_and_once_that_it_works_again(
    url: str, tmp_path: Path
) -> None:
    refused: list[int] = []
    with tempfile.TemporaryDirectory() as folder, anyio.fail_after(PATIENCE):
        async with (
            Emulator("ark") as emulator,
            _gate(url, Path(folder), refused, 3) as gate,
            Team(emulator, gate, tmp_path).worker("worker") as worker,
        ):
            log = worker.log()
    assert len(refused) == 3
    assert log.count("It cannot work now") == 1
    assert log.count("It works again") == 1
