"""
Workers killed or stopped at the named points of a job's life while others work: `python -m tests.postgres.worker_kill`.

A replica's clients order with request keys and never give up. Whatever befalls whom: each key comes to one video, the provider
made no other, and what a killed worker had begun is gone on with within `TAKEN_OVER_SECONDS`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import psycopg

from seedance_mcp.app import App, Role, open_app
from seedance_mcp.errors import SeedanceError
from seedance_mcp.store.money.ledger import unbalanced_days
from seedance_mcp.store.postgres import open_postgres
from seedance_mcp.types import JobState, PurchaseTerms
from tests.emulator import Emulator
from tests.reliability import fault_market as market
from tests.reliability.kill_judge import prompt_of
from tests.reliability.kill_points import POINTS
from tests.reliability.kill_zygote import Life, Zygote, zygote

from .roles import Team, jobs
from .server import SEES_ALL, Server, running

TAKEN_OVER_SECONDS = 15.0
PATIENCE_SECONDS = 120.0
_ORDERS = 3
"""For each worker that is to be killed: so that each gets to its point while others work, too."""

_NOT_THEIRS = ("reserved", "hook", "flush")
WORKERS_POINTS = tuple(point for point in POINTS if not point.endswith(_NOT_THEIRS))
"""The points that a worker gets to."""


@dataclass
class Outcome:
    """What came of it; `taken_over` are the seconds from a kill to the next step of what the dead worker had begun."""

    kills: int = 0
    reached: Counter[str] = field(default_factory=Counter[str])
    videos: int = 0
    taken_over: list[float] = field(default_factory=list[float])
    violations: list[str] = field(default_factory=list[str])


class Play:
    """A database, a provider, a replica in this process, a worker that lasts, and others that do not."""

    def __init__(self, team: Team, replica: App, source: Zygote, outcome: Outcome) -> None:
        self.team, self.replica, self.source, self.outcome = team, replica, source, outcome
        self._number = 0

    async def work(self, name: str, **plan: Any) -> Life:
        """Start a worker on a machine of its own."""
        return await self.source.start(
            words=["work"], environ=self.team.environ(name), folder=str(self.team.folder / name), **plan
        )

    async def insist(self, key: str) -> None:
        """Order until there is a video, as a client does that repeats its call."""
        while True:
            with contextlib.suppress(SeedanceError):
                asked = market.request("ark", prompt=f"a boat named {key}")
                started = await self.replica.generate(asked, PurchaseTerms(request_key=key))
                job = await self.replica.wait(started.job.id, PATIENCE_SECONDS)
                if job.state is JobState.DONE:
                    return
            await anyio.sleep(0.05)

    async def stopped_at(self, name: str, point: str, **plan: Any) -> Life:
        """Start a worker that stops at a point, and wait until it has."""
        life = await self.work(name, point=point, stop=True, **plan)
        reached = self.team.folder / name / "reached.txt"
        with anyio.fail_after(PATIENCE_SECONDS):
            while not (reached.exists() and reached.read_text()):  # noqa: ASYNC110  no other process rings a bell here
                await anyio.sleep(0.02)
        return life

    async def kill(self, points: Sequence[str]) -> None:
        """Have a worker for each point killed there, and order meanwhile."""
        self._number += 1
        batch = f"{self._number}"
        doomed = [
            await self.work(f"doomed-{batch}-{number}", point=point) for number, point in enumerate(points)
        ]
        async with anyio.create_task_group() as moving:
            moving.start_soon(self._see_that_jobs_move)
            async with anyio.create_task_group() as watching:
                for number in range(len(doomed)):
                    watching.start_soon(self._see_it_taken_over, doomed[number])
                async with anyio.create_task_group() as clients:
                    for number in range(_ORDERS * len(doomed)):
                        clients.start_soon(self.insist, f"order-{batch}-{number}")
                for life in doomed:
                    life.send(signal.SIGKILL)
            moving.cancel_scope.cancel()
        self.outcome.kills += len(doomed)
        self.outcome.videos += _ORDERS * len(doomed)
        for number in range(len(doomed)):
            reached = self.team.folder / f"doomed-{batch}-{number}" / "reached.txt"
            self.outcome.reached.update(reached.read_text().split("\n")[:-1])

    async def _see_that_jobs_move(self) -> None:
        """Raise TimeoutError once no job has moved for a while, with where every open one stands; a busy machine takes long."""
        before, since = "", time.monotonic()
        while time.monotonic() - since < PATIENCE_SECONDS:
            await anyio.sleep(1)
            now = await anyio.to_thread.run_sync(self._stand)
            if now != before:
                before, since = now, time.monotonic()
        raise TimeoutError(f"no job has moved for {PATIENCE_SECONDS:g} s:\n{before}")

    def _stand(self) -> str:
        """Write where every open job stands, and who has it."""
        alive = self.replica._store.ownership.alive
        with psycopg.connect(self.team.url, options=SEES_ALL) as connection:
            rows = connection.execute(
                "SELECT id, state, version, jobs.owner, leases.owner FROM jobs LEFT JOIN leases ON job_id = id"
                " WHERE finished_at IS NULL ORDER BY seq"
            ).fetchall()
        told = [f"{len(self.team.emulator.tasks)} videos are made or being made"]
        for *where, owner, lease in rows:
            who = [f"{one} ({'alive' if alive(one) else 'dead'})" for one in (owner, lease) if one]
            told.append(f"{where} {who}")
        return "\n".join(told)

    async def _see_it_taken_over(self, life: Life) -> None:
        """Wait until a worker is dead, and everything that it had begun has had its next step elsewhere."""
        await life.over.wait()
        died = time.monotonic()
        began = await anyio.to_thread.run_sync(self._begun_by_the_dead)
        while began:
            now = await anyio.to_thread.run_sync(self._begun_by_the_dead)
            began = {job: where for job, where in began.items() if now.get(job) == where}
            if began:
                await anyio.sleep(0.05)
        self.outcome.taken_over.append(time.monotonic() - died)

    def _begun_by_the_dead(self) -> dict[str, tuple[str, int]]:
        """The open jobs that a dead process owns or has the lease of, with that process and their version."""
        alive = self.replica._store.ownership.alive
        with psycopg.connect(self.team.url, options=SEES_ALL) as connection:
            rows = connection.execute(
                "SELECT id, version, leases.owner, jobs.owner FROM jobs LEFT JOIN leases ON job_id = id"
                " WHERE state IN ('reserved', 'sending', 'accepted', 'remote_done', 'unknown', 'stalled')"
            ).fetchall()
        return {
            job: (lease or owner, version)
            for job, version, lease, owner in rows
            if (lease or owner) != "workers" and not alive(lease or owner)
        }

    def judge(self) -> None:
        """Compare what the provider made with what was ordered."""
        say = self.outcome.violations.append
        made = Counter(prompt_of(task.body) for task in self.team.emulator.tasks.values())
        if twice := [prompt for prompt, count in made.items() if count > 1]:
            say(f"made more than once: {twice}")
        found = jobs(self.team.url)
        done = [job for job in found if job["state"] == "done"]
        tasks = sorted(job["submission"]["task_id"] for job in done)
        if tasks != sorted(self.team.emulator.tasks):
            say(f"{len(tasks)} jobs are done, and the provider made {len(self.team.emulator.tasks)} videos")
        if len(done) != self.outcome.videos:
            say(f"{len(done)} jobs are done of {self.outcome.videos} orders")
        if lost := [job["id"] for job in done if not Path(job["artifacts"]["video_path"]).is_file()]:
            say(f"no file: {lost}")
        if late := [seconds for seconds in self.outcome.taken_over if seconds > TAKEN_OVER_SECONDS]:
            say(f"taken over only after {late} s")
        with contextlib.closing(open_postgres(self.team.url)) as database:
            if days := database.read_now(unbalanced_days):
                say(f"the sums of {days} are not those of the ledger")


@contextlib.asynccontextmanager
async def playing(server: Server, folder: Path) -> AsyncIterator[Play]:
    """Play in this folder; judged at the end."""
    async with Emulator("ark") as emulator, zygote("tests.postgres.worker_child") as source:
        team = Team(emulator, server.database(), folder)
        settings = market.settings(team.environ("replica"), folder / "replica")
        async with open_app(settings, role=Role.REPLICA) as replica:
            play = Play(team, replica, source, Outcome())
            yield play
            play.judge()


async def kill_rounds(server: Server, folder: Path, batches: Iterable[Sequence[str]]) -> Outcome:
    """Kill a batch of workers after the other, beside one that lasts."""
    async with playing(server, folder) as play:
        lasting = await play.work("lasting")
        for points in batches:
            await play.kill(points)
        lasting.send(signal.SIGTERM)
        if await lasting.end(30) != 0:
            play.outcome.violations.append("the worker that lasted did not end well")
    return play.outcome


def main() -> None:
    """Kill so many workers, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chosen = random.Random(given.seed)
    points = [WORKERS_POINTS[number % len(WORKERS_POINTS)] for number in range(given.kills)]
    chosen.shuffle(points)
    batches = [points[first : first + given.at_once] for first in range(0, given.kills, given.at_once)]
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, running(Path(folder) / "data") as server:
        played = Path(folder) / "played"
        played.mkdir()
        began = time.monotonic()
        outcome = anyio.run(partial(kill_rounds, server, played, batches))
        times = sorted(outcome.taken_over)
    print(f"{outcome.kills} kills in {time.monotonic() - began:.0f} s, {outcome.videos} videos")
    print(
        f"points reached: {outcome.reached.total()}, {len(outcome.reached)} of {len(WORKERS_POINTS)} different ones"
    )
    print(f"taken over after {times[len(times) // 2]:.1f} s (median), at most {times[-1]:.1f} s")
    print(json.dumps(outcome.violations, indent=1))


if __name__ == "__main__":
    main()
