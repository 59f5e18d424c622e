"""Workers and replicas that are killed, or stand still and go on, while others work: each order comes to one video."""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import anyio
import httpx2
import psycopg
import pytest

from tests.over_http.local import called, post, result_of
from tests.reliability.kill_zygote import Life
from tests.server.asking import SMALL

from .roles import jobs
from .server import SEES_ALL, Server, running
from .worker_kill import PATIENCE_SECONDS, WORKERS_POINTS, Play, kill_rounds, playing

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="processes are forked from one that has imported everything"
    ),
    pytest.mark.timeout(5000),
]

LONG = bool(os.environ.get("SEEDANCE_TEST_LONG"))
FEW = (
    "written sending",
    "after answer",
    "written accepted",
    "before question",
    "after chunk",
    "before file's name",
)
"""While it is sent, before it is known that it was bought, before it is followed, and while it is asked about and saved."""


async def test_what_a_killed_worker_had_begun_goes_on_within_fifteen_seconds(
    postgres: Server, tmp_path: Path
) -> None:
    """With SEEDANCE_TEST_LONG 1,000 of them."""
    chosen = random.Random(1)
    batches = [chosen.sample(WORKERS_POINTS, 5) for _ in range(200)] if LONG else [FEW]
    outcome = await kill_rounds(postgres, tmp_path, batches)
    assert outcome.violations == []
    assert outcome.kills == sum(map(len, batches))
    assert outcome.reached.total() > outcome.kills / 2


async def test_leases_that_are_emptied_again_and_again_lose_and_double_nothing(
    postgres: Server, tmp_path: Path
) -> None:
    async with playing(postgres, tmp_path) as play:
        for name in ("w1", "w2"):
            await play.work(name)
        async with anyio.create_task_group() as emptying:
            emptying.start_soon(_empty_leases, play.team.url)
            await _order(play, 40 if LONG else 8)
            emptying.cancel_scope.cancel()
    assert play.outcome.violations == []


async def _empty_leases(url: str) -> None:
    while True:
        with psycopg.connect(url, options=SEES_ALL, autocommit=True) as connection:
            connection.execute("DELETE FROM leases")
        await anyio.sleep(0.1)


async def _order(play: Play, count: int) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as clients:
            for number in range(count):
                clients.start_soon(play.insist, f"order-number-{number}")
    play.outcome.videos += count


async def test_a_worker_that_stands_still_past_every_limit_does_nothing_twice(
    postgres: Server, tmp_path: Path
) -> None:
    """Before the first byte, in a look and before the file has its name; with SEEDANCE_TEST_LONG by the real limits."""
    points = ("written sending", "after question", "before file's name")
    async with playing(postgres, tmp_path) as play, anyio.create_task_group() as clients:
        still: list[Life] = []
        for number, point in enumerate(points):
            clients.start_soon(play.insist, f"order-number-{number}")
            still.append(await play.stopped_at(f"still-{number}", point, hurried=not LONG))
        lasting = await play.work("lasting", hurried=not LONG)
        await _until(lambda: _done(play) == len(points) - 1)
        await anyio.sleep(7 if LONG else 1)
        assert [job["state"] for job in jobs(play.team.url)].count("sending") == 1
        for life in still:
            life.send(signal.SIGCONT)
        play.outcome.videos += len(points)
        await _until(lambda: _done(play) == len(points))
        for life in (*still, lasting):
            life.send(signal.SIGTERM)
        assert [await life.end(60) for life in (*still, lasting)] == [0] * 4
    assert play.outcome.violations == []


def _done(play: Play) -> int:
    return [job["state"] for job in jobs(play.team.url)].count("done")


async def _until(true: Callable[[], bool]) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        while not await anyio.to_thread.run_sync(true):  # noqa: ASYNC110  no other process rings a bell here
            await anyio.sleep(0.1)


async def test_clients_of_killed_replicas_that_repeat_their_call_get_one_job_each(
    postgres: Server, tmp_path: Path
) -> None:
    kills, at_once = (60, 12) if LONG else (3, 3)
    async with playing(postgres, tmp_path) as play:
        workers = [await play.work(name) for name in ("w1", "w2")]
        ports = [_free_port() for _ in range(2)]
        found: dict[str, str] = {}
        over = anyio.Event()

        async def call(client: int) -> None:
            number = 0
            while not over.is_set():
                number += 1
                await _insist(ports, f"order-{client}-{number}", found)

        with anyio.fail_after(PATIENCE_SECONDS + 10 * kills):
            async with anyio.create_task_group() as clients:
                for number in range(at_once):
                    clients.start_soon(call, number)
                await _kill_replicas(play, ports, kills)
                over.set()
        play.outcome.videos = len(found)
        for life in workers:
            life.send(signal.SIGTERM)
        assert [await life.end(60) for life in workers] == [0, 0]
    assert play.outcome.violations == []
    assert sorted(found.values()) == sorted(job["id"] for job in jobs(play.team.url))


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def _kill_replicas(play: Play, ports: list[int], kills: int) -> None:
    """Keep both up, and kill one after the other."""
    lives = [await _replica(play, number, port) for number, port in enumerate(ports)]
    for kill in range(kills):
        await anyio.sleep(0.7)
        which = kill % 2
        lives[which].send(signal.SIGKILL)
        await lives[which].end(10)
        lives[which] = await _replica(play, which, ports[which])


async def _replica(play: Play, number: int, port: int) -> Life:
    name = f"replica-{number}"
    words = ["serve", "--no-buy", "--port", str(port)]
    return await play.source.start(
        words=words, environ=play.team.environ(name), folder=str(play.team.folder / name)
    )


async def _insist(ports: list[int], key: str, found: dict[str, str]) -> None:
    wish = {
        **SMALL,
        "prompt": f"a boat named {key}",
        "provider": "ark",
        "request_key": key,
        "wait_seconds": 20,
    }
    number = 0
    async with httpx2.AsyncClient(timeout=60) as http:
        while key not in found:
            number += 1
            url = f"http://127.0.0.1:{ports[number % 2]}/mcp"
            try:
                answer = await post(http, url, called("generate_video", wish))
                result = result_of(answer)
            except (httpx2.TransportError, AssertionError, IndexError, ValueError):
                await anyio.sleep(0.1)
                continue
            job = result.get("structuredContent") or {}
            if job.get("status") == "succeeded":
                found[key] = job["job_id"]


async def test_a_database_killed_while_a_worker_stands_still_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    kills = 50 if LONG else 2
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, running(Path(folder) / "data") as server:
        async with playing(server, tmp_path) as play:
            workers = [await play.work(name) for name in ("w1", "w2")]
            over = anyio.Event()

            async def order(client: int) -> None:
                while not over.is_set():
                    play.outcome.videos += 1
                    await play.insist(f"order-{client}-{play.outcome.videos}")

            with anyio.fail_after(PATIENCE_SECONDS + 10 * kills):
                async with anyio.create_task_group() as clients:
                    for client in range(3):
                        clients.start_soon(order, client)
                    for kill in range(kills):
                        await _until(lambda kill=kill: len(play.team.emulator.tasks) > 2 * kill)
                        still = workers[kill % 2]
                        still.send(signal.SIGSTOP)
                        await anyio.to_thread.run_sync(server.crash)
                        await anyio.sleep(6 if LONG else 0.5)  # past what a purchase may stand still for
                        still.send(signal.SIGCONT)
                    over.set()
            for life in workers:
                life.send(signal.SIGTERM)
            assert [await life.end(60) for life in workers] == [0, 0]
    assert play.outcome.violations == []
