"""A whole installation is played: database, object store, `migrate`, two servers, a proxy, a client, and a rolling restart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from seedance_mcp.config import load_settings
from tests.emulator.s3_objects import ObjectStorage, running
from tests.over_http.local import STALLED, bearer, called, post, result_of, token
from tests.server.asking import SMALL
from tests.server.left import until

from .deployed import NAME, proxied, replicas
from .server import Server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="servers are ended by signals of POSIX")

LONG = bool(os.environ.get("SEEDANCE_TEST_LONG"))
ROUNDS = 20 if LONG else 1
CALLERS = 6
PATIENCE = 1200.0 if LONG else 100.0


class Caller:
    """A client behind the proxy, and what its calls came to."""

    def __init__(self, url: str, http: httpx2.AsyncClient, text: str) -> None:
        self._url, self._http = url, http
        self._headers = {"Host": NAME, **bearer(text)}
        self.answers = Counter[str]()
        self.calls = 0

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer = await post(self._http, self._url, called(tool, arguments), self._headers)
        result = result_of(answer)
        assert not result.get("isError"), result
        return result["structuredContent"]

    async def note(self, tool: str, arguments: dict[str, Any]) -> None:
        """Call, and note how it was answered: well, with a refusal that says to try again, or otherwise."""
        self.calls += 1
        try:
            answer = await post(self._http, self._url, called(tool, arguments), self._headers)
        except httpx2.HTTPError as error:
            self.answers[repr(error)] += 1
            return
        if answer.status_code in (429, 503) and "retry-after" in answer.headers:
            self.answers["again"] += 1
            await anyio.sleep(0.2)
            return
        result = result_of(answer)
        facts = result.get("_meta", {}).get("seedance/error", {})
        self.answers[
            "well" if not result.get("isError") else "again" if facts.get("retryable") else str(facts)
        ] += 1


async def test_a_video_is_made_through_a_proxy_and_a_rolling_restart_breaks_no_call(
    postgres: Server, environ: dict[str, str], tmp_path: Path
) -> None:
    with anyio.fail_after(PATIENCE):
        async with running(ObjectStorage()) as storage:
            environ |= {
                "SEEDANCE_DATABASE_URL": postgres.empty(),
                "SEEDANCE_HTTP_CALLS_PER_MINUTE": "100000",
                **storage.environment(),
            }
            command = [sys.executable, "-P", "-m", "seedance_mcp", "migrate"]
            done = await anyio.run_process(command, env={**os.environ, **environ}, stderr=subprocess.STDOUT)
            assert b"The tables were made" in done.stdout
            text = await token(load_settings(environ, settings_file=tmp_path / "no.toml"))
            async with (
                replicas(environ, tmp_path) as servers,
                proxied([server.port for server in servers]) as url,
                httpx2.AsyncClient(timeout=60) as http,
            ):
                caller = Caller(url, http, text)
                await _makes_a_video(caller, storage)
                stalled = await caller.call("generate_video", STALLED)
                over = anyio.Event()
                async with anyio.create_task_group() as tasks:
                    for number in range(CALLERS):
                        tasks.start_soon(_calls, caller, stalled["job_id"], number, over)
                    for _ in range(ROUNDS):
                        for server in servers:
                            before = caller.calls
                            assert await server.end() == 0
                            await server.start()
                            await until(lambda least=before + 2 * CALLERS: caller.calls >= least)
                    over.set()
    assert set(caller.answers) <= {"well", "again"}, caller.answers
    assert caller.answers["well"] > 10 * ROUNDS


async def _makes_a_video(caller: Caller, storage: ObjectStorage) -> None:
    """Make a free video, and fetch it by the link of its answer, which needs nothing else."""
    made = await caller.call("generate_video", {**SMALL, "wait_seconds": 60, "request_key": "red-fox-1"})
    while "video_url" not in made or not str(made["video_url"]).startswith(storage.origin):
        made = await caller.call("check_status", {"job_id": made["job_id"], "wait_seconds": 5})
    assert made["status"] == "succeeded"
    async with httpx2.AsyncClient() as anyone:
        video = await anyone.get(made["video_url"])
    assert video.status_code == 200
    assert video.content[4:8] == b"ftyp"
    again = await caller.call("generate_video", {**SMALL, "wait_seconds": 0, "request_key": "red-fox-1"})
    assert again["job_id"] == made["job_id"], "whichever server was asked"


async def _calls(caller: Caller, job_id: str, number: int, over: anyio.Event) -> None:
    """Call without an end: some wait, some do not."""
    while not over.is_set():
        await caller.note("check_status", {"job_id": job_id, "wait_seconds": 2 if number % 2 else 0})
