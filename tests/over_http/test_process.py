"""The command `serve` as people run and end it, and purchases to their files."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from anyio.abc import Process
from mcp import Client
from mcp.client.subscriptions import ResourceUpdated

from seedance_mcp.config import load_settings
from tests.emulator import Emulator
from tests.server.asking import content
from tests.server.left import document, until

from .local import (
    LIST,
    PUBLIC,
    STALLED,
    bearer,
    behind_a_proxy,
    called,
    client,
    post,
    result_of,
    serving,
    token,
    wire_headers,
)

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@asynccontextmanager
async def command(
    environ: dict[str, str], *words: str, stderr: int = subprocess.DEVNULL, port: int = 0
) -> AsyncGenerator[tuple[Process, str]]:
    """Run `serve` until the context ends; the process, and the address that it prints."""
    command = [sys.executable, "-P", "-m", "seedance_mcp", "serve", "--port", str(port), *words]
    with anyio.fail_after(60):
        async with await anyio.open_process(command, env={**os.environ, **environ}, stderr=stderr) as process:
            try:
                assert process.stdout
                yield process, (await process.stdout.receive()).decode().strip()
            finally:
                if process.returncode is None:
                    process.kill()


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_at_the_end_calls_that_wait_answer_and_streams_are_closed(
    environ: dict[str, str], number: signal.Signals
) -> None:
    answers: list[dict[str, Any]] = []
    heard: list[object] = []

    async with command(environ) as (process, url), client(url, "auto") as new, client(url, "legacy") as old:

        async def wait(assistant: Client, tool: str, arguments: dict[str, Any], waits: anyio.Event) -> None:
            async def hear(progress: float, total: float | None, message: str | None) -> None:
                waits.set()

            asked = {**arguments, "wait_seconds": 120}
            answers.append(content(await assistant.call_tool(tool, asked, progress_callback=hear)))

        async def listen() -> None:
            async with new.listen(resource_subscriptions=["seedance://budget"]) as news:
                listening.set()
                async for event in news:
                    heard.append(event)  # noqa: PERF401  while it goes on, others look
            heard.append("closed in order")

        listening, *waiting = [anyio.Event() for _ in range(3)]
        for assistant in (new, old):  # else they ask for the tools when they have an answer, to check it
            await assistant.list_tools()
        started = content(await old.call_tool("generate_video", STALLED))
        hare = {**STALLED, "prompt": "[sandbox:stall] a hare"}
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            await listening.wait()
            tasks.start_soon(wait, new, "generate_video", hare, waiting[0])
            tasks.start_soon(wait, old, "check_status", {"job_id": started["job_id"]}, waiting[1])
            await until(lambda: ResourceUpdated(uri="seedance://budget") in heard)
            for one in waiting:
                await one.wait()
            began = time.monotonic()
            process.send_signal(number)
        answered = time.monotonic() - began
        assert await process.wait() == 0
        ended = time.monotonic() - began
    assert {answer["status"] for answer in answers} <= {"submitting", "queued", "running"}
    assert len(answers) == 2
    assert all("check_status" in answer["next_step"] for answer in answers)
    assert heard[-1] == "closed in order"
    assert answered < 3
    assert ended < 10


async def test_with_a_public_name_it_is_told_where_the_proxy_finds_the_server(
    environ: dict[str, str], tmp_path: Path
) -> None:
    await token(load_settings(environ, settings_file=tmp_path / "no.toml"))
    async with command(environ, "--public-host", "videos.test", stderr=subprocess.PIPE) as (process, said):
        assert process.stdout
        said += "\n"
        while len(said.split()) < 2 or not said.endswith("\n"):
            said += (await process.stdout.receive()).decode()
        url, address = said.split()
        assert url == "https://videos.test/mcp"
        async with httpx2.AsyncClient(timeout=10) as http:
            assert (await http.get(f"http://{address}/health/live")).status_code == 200
        assert process.stderr
        words = ""
        while "The proxy hands on to this address" not in words:
            words += (await process.stderr.receive()).decode()


@posix
async def test_behind_a_proxy_a_server_tells_that_it_ends_before_its_port_closes(
    environ: dict[str, str], tmp_path: Path
) -> None:
    text = await token(load_settings(environ, settings_file=tmp_path / "no.toml"))
    often = {**environ, "SEEDANCE_HTTP_CALLS_PER_MINUTE": "100000"}
    place = behind_a_proxy()
    port = f"http://127.0.0.1:{place.port}"
    answers: list[tuple[int, int]] = []
    async with (
        command(often, "--public-host", "videos.test", port=place.port) as (process, _),
        httpx2.AsyncClient(timeout=10, limits=httpx2.Limits(max_keepalive_connections=0)) as http,
    ):
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(httpx2.ConnectError):
            while True:
                ready = await http.get(f"{port}/health/ready")
                answer = await post(http, f"{port}/mcp", LIST, {**PUBLIC, **bearer(text)})
                answers.append((ready.status_code, answer.status_code))
                assert answer.status_code == 200 or answer.headers["retry-after"] == "1"
        assert await process.wait() == 0
    ending = [pair for pair in answers if pair == (503, 503)]
    assert len(ending) > 5
    assert answers[-len(ending) :] == ending


@posix
async def test_the_log_is_lines_of_json_and_tells_no_words_of_a_call(environ: dict[str, str]) -> None:
    """Whatever clients send, and also when the server ends while a body still drips in."""
    canary = "xcanaryx"
    given = {**environ, "SEEDANCE_LOG_FORMAT": "json", "SEEDANCE_LOG_LEVEL": "debug"}
    async with (
        command(given, stderr=subprocess.PIPE) as (process, url),
        httpx2.AsyncClient(timeout=30) as http,
    ):
        wish = {**STALLED, "prompt": f"[sandbox:stall] {canary}", "request_key": f"key-{canary}"}
        for message in (
            called("generate_video", wish),
            called("generate_video", {**wish, "duration": canary}),
            called("check_status", {"job_id": canary}),
            called(canary),
            {**LIST, "method": canary},
        ):
            await post(http, f"{url}?access={canary}", message)
        await http.post(url, content=b"{}", headers=wire_headers(LIST))
        head = f"POST /mcp HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nContent-Type: application/json\r\n"
        async with await anyio.connect_tcp("127.0.0.1", urlsplit(url).port or 0) as drips:
            await drips.send(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
            await post(http, url, LIST)  # answered by who has read the head of the other by then
            process.send_signal(signal.SIGTERM)
            assert b" 503 " in await drips.receive()
        assert process.stderr
        log = b"".join([piece async for piece in process.stderr]).decode()
        assert await process.wait() == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in lines))
    calls = [line for line in lines if "tool" in line]
    assert [(line["tool"], line["caller"], line["status"]) for line in calls] == [
        ("generate_video", "this machine", 200), ("generate_video", "this machine", 200), ("check_status", "this machine", 200),
    ]  # fmt: skip
    assert canary not in log
    assert "Traceback" not in log


@posix
async def test_a_purchase_under_way_at_the_end_is_finished(environ: dict[str, str]) -> None:
    """The provider has it and answers late; the call and its connection are gone by then."""
    wish = {"prompt": "A red fox", "resolution": "480p", "duration": 5, "request_key": "fox-number-2"}
    async with Emulator("ark") as emulator:
        emulator.fail("late", seconds=2.0)
        given = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off"}
        async with command(given) as (process, url):
            async with httpx2.AsyncClient(timeout=30) as http, anyio.create_task_group() as tasks:
                tasks.start_soon(post, http, url, called("generate_video", {**wish, "wait_seconds": 60}))
                await until(lambda: emulator.ledger.tasks)
                process.terminate()
                tasks.cancel_scope.cancel()
            assert await process.wait() == 0
        (task,) = emulator.ledger.tasks
    record = document(given)
    assert record["submission"]["task_id"] == task
    assert record["state"] in ("accepted", "remote_done", "done")


async def test_a_purchase_whose_connection_was_cut_is_bought_and_delivered_once(
    environ: dict[str, str],
) -> None:
    wish = {"prompt": "A red fox", "resolution": "480p", "duration": 5, "request_key": "fox-number-1"}
    async with Emulator("ark") as emulator:
        given = load_settings(
            {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off"}, settings_file=None
        )
        async with serving(given) as url:
            with anyio.move_on_after(20) as cut:
                async with httpx2.AsyncClient(timeout=30) as http, anyio.create_task_group() as tasks:
                    tasks.start_soon(post, http, url, called("generate_video", {**wish, "wait_seconds": 60}))
                    await until(lambda: emulator.ledger.tasks)
                    tasks.cancel_scope.cancel()
            assert not cut.cancelled_caught
            async with httpx2.AsyncClient(timeout=60) as http:
                answers = [
                    result_of(await post(http, url, called("generate_video", {**wish, "wait_seconds": 30})))
                    for _ in range(3)
                ]
    jobs = [answer["structuredContent"] for answer in answers]
    assert len(emulator.ledger.tasks) == 1
    assert len({job["job_id"] for job in jobs}) == 1
    assert jobs[0]["status"] == "succeeded"
    assert len(list(given.output_dir.rglob("*.mp4"))) == 1


async def test_the_command_tells_where_the_board_is_and_loads_it_only_then(environ: dict[str, str]) -> None:
    """The module is named by Python itself, which lists what it imports."""
    for words, wanted in (((), False), (("--board",), True)):
        command = [sys.executable, "-X", "importtime", "-m", "seedance_mcp", "serve", "--port", "0", *words]
        with anyio.fail_after(60):
            async with await anyio.open_process(command, env={**os.environ, **environ}) as process:
                assert process.stdout
                assert process.stderr
                said = b""
                while said.count(b"\n") < 1 + wanted:
                    said += await process.stdout.receive()
                process.terminate()
                loaded = b"".join([part async for part in process.stderr])
        assert said.decode().split()[-1].endswith("/board" if wanted else "/mcp")
        assert (b"team_board" in loaded) is wanted
