"""What strangers send: every request that was not meant for the server, is too much for it, or too slow."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest

from seedance_mcp.config import Settings
from seedance_mcp.server import http_server
from seedance_mcp.server.http import health
from seedance_mcp.server.http.limits import Limits
from seedance_mcp.store.database_file import SCHEMA_VERSION

from .local import (
    BOTH_KINDS,
    LIST,
    NEW,
    STALLED,
    bearer,
    called,
    post,
    result_of,
    serving,
    token,
    why,
    wire_headers,
)

HEADERS: list[tuple[dict[str, str], int]] = [
    ({"Host": "evil.test"}, 421),
    ({"Host": "127.0.0.1"}, 421),
    ({"Host": "127.0.0.1.evil.test:{port}"}, 421),
    ({"Origin": "https://evil.test"}, 403),
    ({"Origin": "http://localhost:3000"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"X-Forwarded-For": "203.0.113.9"}, 403),
    ({"Forwarded": "for=203.0.113.9"}, 403),
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ({"Accept": "text/html"}, 406),
    ({"Host": "localhost:{port}"}, 200),
    ({"Origin": "http://127.0.0.1:{port}"}, 200),
    ({"Content-Type": "application/json; charset=utf-8"}, 200),
]


async def test_only_what_was_meant_for_the_server_gets_through(settings: Settings) -> None:
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        port = str(urlsplit(url).port)
        for headers, status in HEADERS:
            sent = {name: text.format(port=port) for name, text in headers.items()}
            answer = await post(http, url, LIST, sent)
            assert answer.status_code == status, headers
            assert "access-control-allow-origin" not in answer.headers
            assert status in (200, 406) or why(answer)


async def test_there_is_one_address_and_one_method(settings: Settings) -> None:
    async with serving(settings) as url, httpx2.AsyncClient(base_url=url.removesuffix("/mcp")) as http:
        for method in ("GET", "DELETE", "OPTIONS", "PUT"):
            answer = await http.request(method, "/mcp", headers=wire_headers(LIST))
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        for method, path in (("POST", "/"), ("POST", "/mcp/"), ("GET", "/board"), ("POST", "/health/ready")):
            answer = await http.request(method, path, headers=wire_headers(LIST))
            assert answer.status_code == 404, path


async def test_what_is_no_message_is_refused_and_nothing_breaks(settings: Settings) -> None:
    request = b'"jsonrpc":"2.0","method":"tools/list"'
    bodies = (
        b"", b"{", b"[]", b"{}", b"null", b"\xff\xfe", b'{"id":' + b"[" * 100_000, b'{"jsonrpc":"2.0","id":1}',
        b'{"method":"tools/list","id":1}', b"{%s,\"id\":null}" % request, b"{%s,\"id\":1.5}" % request,
        b"{%s,\"id\":1,\"params\":[]}" % request, b"{%s,\"id\":true}" % request, b'{"jsonrpc":"2.0","method":7,"id":1}',
    )  # fmt: skip
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        for headers in (BOTH_KINDS, {**BOTH_KINDS, **NEW}):
            for body in bodies:
                answer = await http.post(url, content=body, headers=headers)
                assert answer.status_code == 400, body[:10]
                assert why(answer).endswith("."), "a sentence of ours, without a library's words"
                assert "validation" not in why(answer)
        assert result_of(await post(http, url, LIST))["tools"]


async def test_a_body_that_is_too_large_is_not_read(settings: Settings) -> None:
    chunks = (b"10000\r\n" + b" " * 65_536 + b"\r\n") * 65
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        declared = await http.post(url, content=b" " * (4 * 1024**2 + 1), headers=wire_headers(LIST))
        assert declared.status_code == 413
        assert "4 MiB" in why(declared)
        assert b"HTTP/1.1 413 " in await _raw(url, "Transfer-Encoding: chunked", chunks)
        assert b"HTTP/1.1 413 " in await _raw(url, f"Content-Length: {'9' * 19}")
        assert result_of(await post(http, url, LIST))["tools"]


async def test_a_head_that_is_too_large_is_refused_though_it_comes_at_once(settings: Settings) -> None:
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        assert (await post(http, url, LIST, {"X-Much": "x" * 15_000})).status_code == 200
        answer = await post(http, url, LIST, {"X-Much": "x" * 30_000})
    assert (answer.status_code, answer.headers["connection"]) == (431, "close")
    assert "16 KiB" in why(answer)


async def test_parts_of_a_refused_body_are_not_passed_over_one_by_one(settings: Settings) -> None:
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        declared = await http.post(url, content=b"{}")
        parts = await _raw(url, "Transfer-Encoding: chunked\r\nOrigin: https://evil.test", b"1\r\nx\r\n")
    assert (declared.status_code, declared.headers.get("connection")) == (415, None)
    assert b"HTTP/1.1 403 " in parts
    assert b"connection: close" in parts.lower()


async def test_connections_beyond_the_limit_are_hung_up_on(settings: Settings) -> None:
    async with serving(settings, limits=Limits(connections=2)) as url, AsyncExitStack() as held:
        port = urlsplit(url).port or 0
        streams = [
            await held.enter_async_context(await anyio.connect_tcp("127.0.0.1", port)) for _ in range(40)
        ]
        with anyio.fail_after(8), pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await streams[-1].receive()


async def _raw(url: str, length: str, body: bytes = b"") -> bytes:
    """What the server says to a body as it is, which may never end."""
    lines = [f"{name}: {value}" for name, value in wire_headers(LIST).items()]
    head = ["POST /mcp HTTP/1.1", f"Host: {urlsplit(url).netloc}", length, *lines]
    async with await anyio.connect_tcp("127.0.0.1", urlsplit(url).port or 0) as stream:
        await stream.send("\r\n".join([*head, "", ""]).encode() + body)
        with anyio.fail_after(10):
            return await stream.receive()


async def test_a_body_that_drips_is_given_up(settings: Settings) -> None:
    async with serving(settings, limits=Limits(body_seconds=0.2)) as url:
        assert b"HTTP/1.1 408 " in await _raw(url, "Content-Length: 100", b"{")


async def test_who_never_ends_the_head_of_a_request_is_hung_up_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "_HEADER_SECONDS", 0.2)
    async with serving(settings) as url:
        port = urlsplit(url).port or 0
        whole = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
        for before, sent in ((b"", b""), (b"", b"POST /mcp HTTP/1.1\r\nHost: "), (whole, b"POST /mcp")):
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                with anyio.fail_after(5):
                    if before:
                        await stream.send(before)
                        assert b" 200 " in await stream.receive()
                    if sent:
                        await stream.send(sent)
                    with pytest.raises(anyio.EndOfStream):
                        await stream.receive()


async def test_calls_beyond_the_limit_are_told_to_come_back(settings: Settings) -> None:
    async def wait() -> None:
        waiting = called("generate_video", {**STALLED, "wait_seconds": 60})
        while (await post(http, url, waiting)).status_code == 503:  # until no other call is in its way
            pass

    async with (
        serving(settings, limits=Limits(calls=1)) as url,
        httpx2.AsyncClient(timeout=30) as http,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(wait)
        with anyio.fail_after(30):
            while (answer := await post(http, url, LIST)).status_code == 200:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "call again in a moment" in why(answer)
        tasks.cancel_scope.cancel()


async def test_a_token_has_so_many_calls_a_minute(settings: Settings) -> None:
    hasty, other = await token(settings, "hasty"), await token(settings, "other")
    limits = Limits(calls_a_minute=1, from_rest=3)
    async with serving(settings, limits=limits) as url, httpx2.AsyncClient() as http:
        answers = [await post(http, url, LIST, {"Authorization": f"Bearer {hasty}"}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert (await post(http, url, LIST, {"Authorization": f"Bearer {other}"})).status_code == 200


async def test_a_token_has_so_many_calls_under_way(settings: Settings) -> None:
    greedy, other = await token(settings, "greedy"), await token(settings, "other")
    ended = anyio.Event()

    async def wait() -> None:
        waiting = called("generate_video", {**STALLED, "wait_seconds": 60})
        while (
            await post(http, url, waiting, bearer(greedy))
        ).status_code == 429:  # until no other is in its way
            pass
        ended.set()

    limited = replace(settings, http_calls_at_once=1)
    async with (
        serving(limited) as url,
        httpx2.AsyncClient(timeout=30) as http,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(wait)
        with anyio.fail_after(30):
            while (answer := await post(http, url, LIST, bearer(greedy))).status_code == 200:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert "at once" in why(answer)
        assert (await post(http, url, LIST, bearer(other))).status_code == 200
        assert not ended.is_set()
        tasks.cancel_scope.cancel()
    assert Limits.of(replace(settings, http_calls_per_minute=3)).from_rest == 1


async def test_fifty_calls_at_once_are_answered_by_one_app(settings: Settings) -> None:
    answers: list[int] = []

    async def ask(number: int) -> None:
        answer = await post(http, url, called("check_status", number=number))
        answers.append(answer.json()["id"] if answer.status_code == 200 else -1)

    async with serving(settings) as url, httpx2.AsyncClient(timeout=60) as http:
        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(ask, number)
        assert len(list((settings.state_dir / "instances").glob("*.lock"))) == 1
    assert sorted(answers) == list(range(50))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lists who owns a connection")
async def test_another_user_of_the_machine_needs_a_token(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(settings) as url, httpx2.AsyncClient() as http:
        assert (await post(http, url, LIST)).status_code == 200
        with monkeypatch.context() as patch:
            patch.setattr(os, "geteuid", lambda: 4_000_000_000)
            answer = await post(http, url, LIST)
    assert answer.status_code == 403
    assert "another user" in why(answer)


async def test_probes_are_answered_for_everybody_and_told_nothing(settings: Settings) -> None:
    async with serving(settings) as url, httpx2.AsyncClient(base_url=url.removesuffix("/mcp")) as http:
        live = await http.get("/health/live", headers={"Host": "10.0.0.7:8765"})
        with anyio.fail_after(20):
            while (ready := await http.get("/health/ready")).status_code == 503:  # noqa: ASYNC110
                await anyio.sleep(0.01)
    for answer in (live, ready):
        assert (answer.status_code, answer.content, answer.headers.get("server")) == (200, b"", None)


async def test_a_server_whose_database_was_replaced_is_not_ready(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_LOOK_SECONDS", 0.0)
    file = settings.state_dir / "jobs.db"
    async with serving(settings) as url, httpx2.AsyncClient(base_url=url.removesuffix("/mcp")) as http:
        await post(http, url, LIST)
        assert (await http.get("/health/ready")).status_code == 200
        with closing(sqlite3.connect(file)) as newer:
            newer.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
        assert (await http.get("/health/ready")).status_code == 503
        with closing(sqlite3.connect(file)) as newer:
            newer.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        assert (await http.get("/health/ready")).status_code == 200
        file.rename(file.with_name("elsewhere.db"))
        assert (await http.get("/health/ready")).status_code == 503
        assert (await http.get("/health/live")).status_code == 200
        file.with_name("elsewhere.db").rename(file)


async def test_a_server_that_cannot_work_is_not_ready(settings: Settings) -> None:
    settings.state_dir.mkdir(parents=True)
    (settings.state_dir / "jobs.db").mkdir()
    async with serving(settings) as url, httpx2.AsyncClient(base_url=url.removesuffix("/mcp")) as http:
        answer = await post(http, url, LIST)
        assert answer.status_code == 503
        assert "tokens" in why(answer)
        assert (await http.get("/health/ready")).status_code == 503
        assert (await http.get("/health/live")).status_code == 200
