"""The server as assistants start it: a process, two pipes, and every way to open and to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from .asking import SMALL, content, make
from .conftest import Era
from .process import INITIALIZED, MODERN, Server, call, initialize, request, serving

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


async def test_a_video_is_made_over_real_pipes(environ: dict[str, str], tmp_path: Path, era: Era) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "seedance_mcp"], env=environ, cwd=tmp_path
    )
    with anyio.fail_after(90):
        async with Client(server, mode=era) as client:
            assert client.server_info
            assert client.server_info.name == "seedance"
            assert client.server_info.version == version("seedance-mcp")
            job = await make(client)
            seen = content(await client.call_tool("view_video", {"source": job["job_id"]}))
    assert Path(job["video_path"]).is_file()
    assert seen["facts"]["video_codec"] == "h264"


DISCOVER = request(1, "server/discover", modern=True)
BAD_DISCOVER = request(
    1, "server/discover", {"_meta": {**MODERN, "io.modelcontextprotocol/protocolVersion": "1999-01-01"}}
)


@pytest.mark.parametrize("pipelined", [False, True], ids=["in turn", "all at once"])
@pytest.mark.parametrize(
    ("messages", "answers"),
    [
        ([initialize(1), INITIALIZED, request(2, "tools/list")], {1: "ok", 2: "ok"}),
        ([DISCOVER, request(2, "tools/list", modern=True)], {1: "ok", 2: "ok"}),
        ([DISCOVER, initialize(2), INITIALIZED, request(3, "tools/list")], {1: "ok", 2: "ok", 3: "ok"}),
        ([request(1, "tools/list", modern=True)], {1: "ok"}),
        (
            [BAD_DISCOVER, initialize(2), INITIALIZED, request(3, "tools/list")],
            {1: -32022, 2: "ok", 3: "ok"},
        ),
        (
            [request(1, "server/discover"), initialize(2), INITIALIZED, request(3, "tools/list")],
            {1: -32602, 2: "ok", 3: "ok"},
        ),
    ],
    ids=["initialize", "discover", "discover then initialize", "neither", "unknown version", "bare discover"],
)
async def test_every_way_to_open_works(
    environ: dict[str, str], tmp_path: Path, messages: list[Any], answers: dict[int, Any], pipelined: bool
) -> None:
    async with serving(environ, tmp_path) as server:
        if pipelined:
            await server.send(*messages)
            await server.stdin.aclose()
            got = await server.rest()
        else:
            got = [
                await server.ask(message) if "id" in message else await server.send(message)
                for message in messages
            ]
    outcomes = {answer["id"]: answer.get("error", {}).get("code", "ok") for answer in got if answer}
    assert outcomes == answers


async def test_discover_says_the_same_before_and_after_the_era_is_decided(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with serving(environ, tmp_path) as server:
        before = await server.ask(DISCOVER)
        await server.ask(request(2, "tools/list", modern=True))
        after = await server.ask(request(3, "server/discover", modern=True))
    assert before["result"] == after["result"]
    assert before["result"]["instructions"]
    assert before["result"]["capabilities"]["resources"] == {"subscribe": True, "listChanged": True}


async def test_discover_is_refused_where_the_user_says_so(environ: dict[str, str], tmp_path: Path) -> None:
    async with serving({**environ, "SEEDANCE_PROTOCOL": "legacy"}, tmp_path) as server:
        assert (await server.ask(DISCOVER))["error"]["code"] == -32601
        hello = await server.ask(initialize(2))
    capabilities = hello["result"]["capabilities"]
    assert capabilities["resources"] == {"subscribe": True, "listChanged": True}
    assert hello["result"]["serverInfo"]["version"] == version("seedance-mcp")


async def _open(server: Server) -> None:
    await server.ask(initialize())
    await server.send(INITIALIZED)


async def _stall(server: Server) -> str:
    """Open, start a job that never ends, and wait for it in a call that is still going on."""
    await _open(server)
    asked = {**SMALL, "prompt": "[sandbox:stall]", "wait_seconds": 0}
    job = (await server.ask(call(2, "generate_video", asked)))["result"]["structuredContent"]
    waiting = call(3, "check_status", {"job_id": job["job_id"], "wait_seconds": 60})
    waiting["params"]["_meta"] = {"progressToken": "t"}
    await server.send(waiting)
    while (await server.receive()).get("method") != "notifications/progress":
        pass
    return job["job_id"]


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_a_signal_ends_it_at_once_and_the_job_is_kept(
    environ: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    async with serving(environ, tmp_path) as server:
        job_id = await _stall(server)
        with anyio.fail_after(1):
            server.process.send_signal(number)
            code = await server.process.wait()
        await server.rest()
    assert code == 0
    assert b"Traceback" not in server.stderr
    async with serving(environ, tmp_path) as server:
        await _open(server)
        jobs = (await server.ask(call(4, "check_status", {})))["result"]["structuredContent"]["jobs"]
    assert [job["job_id"] for job in jobs] == [job_id]


async def test_the_end_of_input_ends_it_and_the_job_is_kept(environ: dict[str, str], tmp_path: Path) -> None:
    async with serving(environ, tmp_path) as server:
        job_id = await _stall(server)
        with anyio.fail_after(1.5):
            await server.stdin.aclose()
            code = await server.process.wait()
        await server.rest()
    assert code == 0
    assert b"Traceback" not in server.stderr
    async with serving(environ, tmp_path) as server:
        await _open(server)
        jobs = (await server.ask(call(4, "check_status", {})))["result"]["structuredContent"]["jobs"]
    assert [job["job_id"] for job in jobs] == [job_id]


async def test_a_call_under_way_may_still_answer_after_the_end_of_input(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with serving(environ, tmp_path) as server:
        await _open(server)
        asked = {**SMALL, "prompt": "[sandbox:stall]", "wait_seconds": 0}
        job = (await server.ask(call(2, "generate_video", asked)))["result"]["structuredContent"]
        await server.send(call(3, "check_status", {"job_id": job["job_id"], "wait_seconds": 0.1}))
        await server.stdin.aclose()
        (answer,) = await server.rest()
    assert answer["result"]["structuredContent"]["job_id"] == job["job_id"]


async def test_an_idle_server_ends_within_a_second_of_the_end_of_input(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with serving(environ, tmp_path) as server:
        await _open(server)
        with anyio.fail_after(1):
            await server.stdin.aclose()
            assert await server.process.wait() == 0
        assert await server.rest() == []


@posix
async def test_a_client_that_stops_reading_cannot_keep_the_server_alive(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with serving(environ, tmp_path) as server:
        await _open(server)
        with anyio.move_on_after(1):
            await server.send(*(call(number, "list_models", {}) for number in range(2, 60)))
        with anyio.fail_after(2):
            server.process.terminate()
            assert await server.process.wait() == 0


@pytest.mark.parametrize("order", ["id first", "id last"])
async def test_a_message_that_is_too_long_is_answered_and_not_kept(
    environ: dict[str, str], tmp_path: Path, order: str
) -> None:
    start, end = (
        (b'{"jsonrpc":"2.0","id":7,', b"}\n")
        if order == "id first"
        else (b"{", b',"jsonrpc":"2.0","id":7}\n')
    )
    body = b'"method":"tools/call","params":{"name":"generate_video","arguments":{"prompt":"'
    async with serving(environ, tmp_path) as server:
        await _open(server)
        await server.send(start + body)
        for _ in range(64):
            await server.send(b"x" * 1024 * 1024)
        await server.send(b'"}}' + end)
        answer = await server.receive()
        peak = _peak_bytes(server.process.pid)
        again = await server.ask(call(8, "check_status", {}))
    assert (answer["id"], answer["error"]["code"]) == (7, -32600)
    assert again["result"]["structuredContent"]["jobs"] == []
    assert peak < 180 * 1024 * 1024


async def test_nothing_but_the_protocol_is_on_stdout(environ: dict[str, str], tmp_path: Path) -> None:
    """Also while pictures and videos are drawn and measured by libraries and child processes."""
    async with serving({**environ, "SEEDANCE_LOG_LEVEL": "debug"}, tmp_path) as server:
        await _open(server)
        job = (await server.ask(call(2, "generate_video", {**SMALL, "wait_seconds": 30})))["result"]
        job_id = job["structuredContent"]["job_id"]
        await server.ask(call(3, "view_video", {"source": job_id}))
        await server.stdin.aclose()
        rest = await server.rest()
    assert job["structuredContent"]["status"] == "succeeded"
    assert [line for line in rest if "jsonrpc" not in line] == []


async def test_listing_tools_loads_nothing_that_draws_or_counts(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with serving(environ, tmp_path, python=["-X", "importtime"]) as server:
        await _open(server)
        await server.ask(request(2, "tools/list"))
        await server.stdin.aclose()
        await server.rest()
    loaded = {line.rpartition(b"|")[2].strip().decode() for line in server.stderr.splitlines()}
    assert "seedance_mcp.server.tools" in loaded
    heavy = {"av", "PIL", "numpy", "tqdm", "seedance_mcp.providers.sandbox", "seedance_mcp.catalog"}
    # The SDK asks for these packages, and goes without where they are left out.
    heavy |= {"uvicorn.config", "rich.text", "python_multipart.decoders"}
    heavy |= {"cryptography.hazmat.bindings._rust"}  # has a stand-in until the first question is asked
    assert {name for name in loaded if name.partition(".")[0] in heavy or name in heavy} == set()


async def test_what_was_left_out_at_the_start_can_be_loaded_later(environ: dict[str, str]) -> None:
    code = (
        "from seedance_mcp.config import read_settings; from seedance_mcp.server import run_stdio;"
        "run_stdio(read_settings().settings); import python_multipart, uvicorn"
    )
    with anyio.fail_after(60):
        result = await anyio.run_process(
            [sys.executable, "-c", code], stdin=subprocess.DEVNULL, env={**os.environ, **environ}, check=False
        )
    assert result.returncode == 0, result.stderr


async def test_the_check_of_a_message_is_built_when_the_first_of_its_kind_comes(
    environ: dict[str, str],
) -> None:
    code = (
        "from seedance_mcp.config import read_settings; from seedance_mcp.server import run_stdio;"
        "run_stdio(read_settings().settings); from mcp_types import _v2026_07_28 as revision;"
        "raise SystemExit(revision.CallToolRequest.__pydantic_complete__)"
    )
    command = [sys.executable, "-c", code]
    with anyio.fail_after(60):
        result = await anyio.run_process(
            command, stdin=subprocess.DEVNULL, env={**os.environ, **environ}, check=False
        )
    assert result.returncode == 0, "where is the base of the SDK's message models now?"


def _peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
