"""A whole installation is played: database, object store, servers, workers, a proxy, two people, and a rolling restart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from seedance_mcp.config import load_settings
from tests.emulator import Emulator
from tests.emulator.s3_objects import ObjectStorage, running
from tests.over_http.local import bearer, called, post, result_of, token
from tests.server.left import until

from .deployed import NAME, members, proxied
from .roles import Team, jobs
from .server import Server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="servers are ended by signals of POSIX")

LONG = bool(os.environ.get("SEEDANCE_TEST_LONG"))
ROUNDS = 20 if LONG else 1
CALLERS = 6
PATIENCE = 1200.0 if LONG else 100.0
PEOPLE = ("ann", "bea")

WISH = {"prompt": "A red fox", "resolution": "480p", "duration": 5, "provider": "ark"}


class Caller:
    """A client behind the proxy, and what its calls came to."""

    def __init__(self, url: str, http: httpx2.AsyncClient, text: str) -> None:
        self._url, self._http = url, http
        self._headers = {"Host": NAME, **bearer(text)}
        self.calls = self.again = 0
        self.made: dict[str, str] = {}

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Call until it is answered well; nothing but a refusal that says to try again may come before."""
        while True:
            self.calls += 1
            answer = await post(self._http, self._url, called(tool, arguments), self._headers)
            if answer.status_code in (429, 503) and "retry-after" in answer.headers:
                self.again += 1
                await anyio.sleep(0.2)
                continue
            result = result_of(answer)
            if not result.get("isError"):
                return result["structuredContent"]
            assert result["_meta"]["seedance/error"]["retryable"], result
            self.again += 1

    async def insist(self, key: str, seconds: int = 10) -> dict[str, Any]:
        """Order a video by its key, again and again, until there is one."""
        wish = {**WISH, "prompt": f"A boat named {key}", "request_key": key, "wait_seconds": seconds}
        while True:
            job = await self.call("generate_video", wish)
            if job["status"] == "succeeded":
                self.made[key] = job["job_id"]
                return job


async def test_calls_and_purchases_outlive_a_rolling_restart_behind_a_proxy(
    postgres: Server, tmp_path: Path
) -> None:
    with anyio.fail_after(PATIENCE):
        async with Emulator("ark") as emulator, running(ObjectStorage()) as storage:
            team = Team(emulator, postgres.empty(), tmp_path)
            environ = {
                **team.environ("all"),
                "SEEDANCE_HTTP_CALLS_PER_MINUTE": "100000",
                "SEEDANCE_MAX_USD_PER_DAY_PER_PERSON": "1000",
                **storage.environment(),
            }
            command = [sys.executable, "-P", "-m", "seedance_mcp", "migrate"]
            done = await anyio.run_process(command, env={**os.environ, **environ}, stderr=subprocess.STDOUT)
            assert b"The tables were made" in done.stdout
            settings = load_settings(environ, settings_file=tmp_path / "no.toml")
            tokens = [await token(settings, person=person) for person in PEOPLE]
            async with (
                members(environ, tmp_path) as (servers, workers),
                proxied([server.port for server in servers]) as url,
                httpx2.AsyncClient(timeout=60) as http,
            ):
                ann, bea = (Caller(url, http, text) for text in tokens)
                await _makes_a_video(ann, bea, storage)
                over = anyio.Event()
                async with anyio.create_task_group() as tasks:
                    for number in range(CALLERS):
                        tasks.start_soon(_calls, (ann, bea)[number % 2], number, over)
                    for _ in range(ROUNDS):
                        for member in (*servers, *workers):
                            before, made = ann.calls + bea.calls, len(ann.made) + len(bea.made)
                            assert await member.end() == 0
                            await member.start()
                            await until(lambda least=before + 2 * CALLERS: ann.calls + bea.calls >= least)
                            await until(lambda least=made + 1: len(ann.made) + len(bea.made) >= least)
                    over.set()
            _each_was_made_once(team, ann, bea)
    assert ann.again + bea.again < (ann.calls + bea.calls) / 4


async def _makes_a_video(ann: Caller, bea: Caller, storage: ObjectStorage) -> None:
    """Make a video, and fetch it by the link of its answer, which needs nothing else; nobody else knows of it."""
    made = await ann.insist("red-fox-1")
    while "video_url" not in made or not str(made["video_url"]).startswith(storage.origin):
        made = await ann.call("check_status", {"job_id": made["job_id"], "wait_seconds": 5})
    async with httpx2.AsyncClient() as anyone:
        video = await anyone.get(made["video_url"])
    assert video.status_code == 200
    assert video.content[4:8] == b"ftyp"
    again = await ann.insist("red-fox-1", 0)
    assert again["job_id"] == made["job_id"], "whichever server was asked"
    theirs = await bea.call("check_status", {})
    assert made["job_id"] not in str(theirs)
    other = await bea.insist("red-fox-1")
    assert other["job_id"] != made["job_id"], "the same key of another person is another purchase"


async def _calls(caller: Caller, number: int, over: anyio.Event) -> None:
    """Call without an end: some order and wait, some look."""
    count = 0
    while not over.is_set():
        count += 1
        if number < 2:
            await caller.call("check_status", {"wait_seconds": 0})
        else:
            await caller.insist(f"order-{number}-{count}")


def _each_was_made_once(team: Team, *callers: Caller) -> None:
    known = [job for caller in callers for job in caller.made.values()]
    assert len(set(known)) == len(known)
    assert {job["id"] for job in jobs(team.url)} == set(known)
    assert len(team.emulator.tasks) == len(known)
