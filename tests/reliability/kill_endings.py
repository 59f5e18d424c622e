"""Servers that are ended as clients end them, and the processes that they leave behind: these are part of a round, too."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from seedance_mcp.store.machine.process_locks import FileLock
from tests.server.process import call

from .kill_judge import Outcome, duty_of, hooks_of, jobs_of, read, runs_of
from .kill_points import POINTS, POINTS_OF_WATCHERS
from .kill_zygote import Life, Zygote

LAST_SIGNALS: tuple[tuple[signal.Signals, ...], ...] = (
    (),
    (signal.SIGTERM,),
    (signal.SIGTERM, signal.SIGKILL),
    (signal.SIGTERM, signal.SIGKILL),
    (signal.SIGKILL,),
)
"""What a client sends after it has closed the input. In earnest two seconds lie between; here at most half a second."""

SERVER_SECONDS = 60.0
"""A server stays for the answer to a purchase under way; here that is there after 4 seconds at the latest."""

LEFT_SECONDS = 120.0
"""For how long nobody may stay behind, on a busy machine."""

LOOK_SECONDS = 1.0


@dataclass(kw_only=True)
class Endings:
    """The sessions of clients with one installation. `life` makes the plan of a life, see `Round.life`."""

    number: int
    folder: Path
    life: Callable[..., dict[str, Any]]
    random: random.Random
    source: Zygote
    outcome: Outcome
    _sessions: list[Life] = field(default_factory=list[Life])
    _untouched: set[int] = field(default_factory=set[int])
    """The numbers of those left behind to whom nothing is done, and nothing happens by itself."""

    @property
    def left(self) -> list[Life]:
        """Every process that a server left behind."""
        return [life for session in self._sessions for life in session.left]

    @property
    def killed(self) -> int:
        """How many of those that are over were killed."""
        return sum(life.facts.get("ended") == -signal.SIGKILL for life in self.left)

    async def session(self, environ: dict[str, str], *, alone: bool) -> None:
        """
        Let a client ask the server for the videos and end it.

        `alone`: nothing is done afterwards to the watcher that it has left, all earlier ones are dead, stand still or
        go on untouched, and no other server is started: what is open for this account is now delivered, or awaits a person.
        """
        rng = self.random
        untouched = [life for life in self.left if life.number in self._untouched and rng.random() < 0.3]
        if alone and rng.random() < 0.7:
            await self._on_duty()
        for earlier in self.left if alone else ():
            if earlier not in untouched:
                earlier.send(rng.choice((signal.SIGKILL, signal.SIGSTOP, signal.SIGSTOP)))
        fates = [] if alone else [self._fate() for _ in range(3)]
        plan = self.life({**environ, "SEEDANCE_DETACH": "1"}, fates=fates)
        orders = plan.pop("orders")
        asked = [
            json.dumps(
                call(number, "generate_video", order | {"wait_seconds": rng.choice((0, 30))}, modern=True)
            )
            for number, order in enumerate(orders, 1)
        ]
        server = await self.source.start(**plan, input=asked)
        self._sessions.append(server)
        self.outcome.endings += 1
        await server.end(rng.uniform(0.05, 0.9))
        code = await self._end(server)
        self.outcome.kills += code == -signal.SIGKILL
        if code not in (0, -signal.SIGTERM, -signal.SIGKILL):
            self._say(f"a server ended with {code} after its client had left")
        self.outcome.left += len(server.left)
        if not alone:
            await self._meddle(server.left)
            self._untouched -= {life.number for life, fate in zip(server.left, fates, strict=False) if fate}
        elif code == 0 or any("--until-idle" in life.words for life in server.left):
            await self._delivered(environ, [*untouched, *server.left])

    async def _on_duty(self) -> None:
        """Wait a little until one of those left behind has the duty, if one lives: it is then suspended or killed with it."""
        with anyio.move_on_after(1):
            while any(not life.over.is_set() for life in self.left) and not duty_of(self.folder):  # noqa: ASYNC110
                await anyio.sleep(0.02)

    async def _end(self, server: Life) -> int | None:
        """End it by the end of its input, or by a signal, and what clients do after that."""
        rng = self.random
        if rng.random() < 0.8:
            await self.source.close_input(server)
        else:
            server.send(signal.SIGTERM)
        for last in rng.choice(LAST_SIGNALS):
            await server.end(rng.uniform(0, 0.5))
            server.send(last)
        code = await server.end(SERVER_SECONDS)
        if code is None:
            server.send(signal.SIGKILL)
            await server.end(10)
        return code

    def _fate(self) -> dict[str, Any]:
        """Where a process that is left behind dies or is suspended, if it gets there."""
        rng = self.random
        if rng.random() < 0.4:
            return {}
        point = rng.choice((rng.choice(POINTS), rng.choice(POINTS_OF_WATCHERS)))
        return {"point": point, "nth": rng.randint(1, 2), "stop": rng.random() < 0.4}

    async def _meddle(self, left: list[Life]) -> None:
        """Kill or suspend some of them at any moment; who is suspended goes on at some time, or never."""
        rng = self.random
        for life in left:
            if rng.random() < 0.6:
                self._untouched.add(life.number)
            else:
                await life.end(rng.uniform(0, 0.4))
                life.send(rng.choice((signal.SIGKILL, signal.SIGSTOP)))

    async def _delivered(self, environ: dict[str, str], left: list[Life]) -> None:
        """Wait until everybody who was left behind is gone, and see whether they have left anything."""
        if await self._locked():
            return
        keys = {sha256(value.encode()).hexdigest()[:8] for value in environ.values()}
        mine = [job for job in await read(jobs_of, self.folder) if job["account"] in keys]
        woken = await self._gone(left, wake=False)
        if woken:  # an earlier one may have taken the duty back, and dies as its fate wants
            return
        self.outcome.alone += any(job.get("finished_at") is None for job in mine)
        mine = [job for job in await read(jobs_of, self.folder) if job["account"] in keys]
        for job in mine:
            if job.get("finished_at") is None:
                self._say(f"{job['id']} is {job['state']}, and everybody has gone: {self._ends()}")
        for job_id, (runner, _) in (await read(hooks_of, self.folder)).items():
            if runner is None:
                self._say(f"the command of {job_id} is owed, and everybody has gone: {self._ends()}")

    async def settle(self) -> bool:
        """Wait until everybody is gone; tells whether it is said of every command that is owed what came of it."""
        await self._gone(self.left, wake=True)
        with anyio.move_on_after(10):
            while True:
                try:
                    runs_of(self.folder)
                    break
                except json.JSONDecodeError:
                    await anyio.sleep(0.05)
        hooks = await read(hooks_of, self.folder)
        return all(outcome is not None for _, outcome in hooks.values())

    async def _gone(self, lives: list[Life], *, wake: bool) -> bool:
        """
        Wait until they have ended, each by itself, unless it was killed; tells whether anybody was woken.

        `wake` those that stand still; else only if nobody can do anything, because one of them is inside a transaction.
        """
        woken = False
        with anyio.move_on_after(LEFT_SECONDS):
            for life in lives:
                while await life.end(LOOK_SECONDS) is None:
                    if wake or await self._locked():
                        woken = True
                        self._wake()
        for life in lives:
            if not life.over.is_set():
                self._say(f"{life.words!r} stays behind")
                life.send(signal.SIGKILL)
                await life.end(10)
                continue
            if life.facts["ended"] not in (0, -signal.SIGKILL):
                self._say(f"{life.words!r} ended with {life.facts['ended']}")
        return woken

    @contextlib.asynccontextmanager
    async def waking(self) -> AsyncIterator[None]:
        """Let nobody who was left behind stand still for longer than a second."""

        async def wake() -> None:
            while True:
                self._wake()
                await anyio.sleep(LOOK_SECONDS)

        async with anyio.create_task_group() as group:
            group.start_soon(wake)
            yield
            group.cancel_scope.cancel()

    def _wake(self) -> None:
        for life in self.left:
            life.send(signal.SIGCONT)

    async def _locked(self) -> bool:
        """
        Tell whether somebody who stands still keeps everybody else from opening the database, or from writing.

        Asks for the whole file: one who stands still while it reads lets a transaction begin, but never end.
        """

        def tried() -> bool:
            state = self.folder / "state"
            with contextlib.closing(FileLock(state / "opening.lock")) as opening:
                if not opening.take(1):
                    return True
            with contextlib.closing(sqlite3.connect(state / "jobs.db", timeout=1)) as database:
                try:
                    database.execute("BEGIN EXCLUSIVE")
                except sqlite3.OperationalError:
                    return True
                return False

        return await anyio.to_thread.run_sync(tried)

    def _ends(self) -> str:
        """How the last server ended, and those that it left."""
        server = self._sessions[-1]
        left = [f"{life.words} {life.facts.get('ended')}" for life in server.left]
        return f"the server {server.facts.get('ended')}, left {left}"

    def _say(self, words: str) -> None:
        self.outcome.violations.append(f"round {self.number}: {words}")
