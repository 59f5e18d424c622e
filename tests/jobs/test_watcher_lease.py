"""
Who watches: every order in which two watchers and a server that ends can take their steps, with kills and standstills.

The steps are the real ones, on a real database and real locks: each transaction, each file and each sleep is one. After
every order the same is asked: is somebody following what is open, and has everybody gone home where nothing is?
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.jobs import watcher_lease
from seedance_mcp.jobs.watcher_lease import WatcherLease
from seedance_mcp.store import Connection, job_records, transitions
from seedance_mcp.store.database import SqliteStore
from seedance_mcp.store.database_file import SqliteConnection
from seedance_mcp.store.machine.process_locks import Ownership
from tests.reliability.simulation_orders import empty_database

from .records import START, job

RANDOM_ORDERS = 400
"""Beside all orders in which few processes are interrupted: as many in which each step may be an interruption."""

_QUIET_ROUNDS = 5
"""After so many sleeps of each process without any event, nothing new will happen."""


class Step:
    """Awaiting it hands control to the order that is played; `slept` lets the others come first."""

    def __init__(self, slept: float = 0.0) -> None:
        self.slept = slept

    def __await__(self) -> Generator[float]:
        yield self.slept


class PlayedStore(SqliteStore):
    """The real transactions, each of them one step."""

    async def write(self, transaction: Callable[[Connection], Any]) -> Any:
        await Step()
        return self.write_now(transaction)

    async def read(self, query: Callable[[Connection], Any]) -> Any:
        await Step()
        return self.read_now(query)


class Clock:
    """What the module takes from anyio: a steady clock for each process, moved by its own sleep alone."""

    def __init__(self) -> None:
        self.of: dict[str, float] = {}
        self.running = ""

    def current_time(self) -> float:
        return self.of.get(self.running, 0.0)

    async def sleep(self, seconds: float) -> None:
        await Step(seconds)
        self.of[self.running] = self.of.get(self.running, 0.0) + seconds


@dataclass(eq=False)
class Process:
    """One process: its life lock and its coroutines."""

    name: str
    store: PlayedStore
    threads: list[Coroutine[Any, Any, None]] = field(default_factory=list)
    following: bool = False
    still: bool = False

    def end(self) -> None:
        """Its life is over, in order."""
        self.following = False
        for thread in self.threads:
            if not thread.cr_running:  # type: ignore[attr-defined]
                thread.close()
        self.threads.clear()
        self.store._lock.close()

    def die(self) -> None:
        """kill -9: the kernel frees the lock; the files stay."""
        for thread in self.threads:
            thread.close()
        self.threads.clear()
        os.close(self.store._lock._descriptor)  # type: ignore[arg-type]
        self.store._lock._descriptor = None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """`server`: the order of what it does. It dies before its step `dies`; the first watcher stands still from `still` on."""

    server: tuple[str, ...]
    dies: int | None = None
    still: int | None = None


def _lease(process: Process) -> WatcherLease:
    return WatcherLease(process.store, accounts="a", open_work=job_records.unfinished)


class Played:
    """One order of steps."""

    def __init__(self, scene: Scene, folder: Path, clock: Clock) -> None:
        self.scene, self.folder, self.clock = scene, folder, clock
        self.connection = sqlite3.connect(":memory:", isolation_level=None, factory=SqliteConnection)
        self.connection.deserialize(empty_database())
        self.processes: list[Process] = []
        self.left = self.died = False
        self.events = 0
        first = self.start("first")
        self.connection.execute(
            "INSERT INTO watch_duty (accounts, instance, beat) VALUES ('a', ?, 0)",
            (first.store.ownership.instance,),
        )
        self._watch(first, _lease(first))
        server = self.start("server")
        server.threads.append(self._serve(server))

    def start(self, name: str) -> Process:
        store = PlayedStore(self.connection, Ownership(self.folder), clock=lambda: START, notice=None)
        process = Process(name, store)
        self.processes.append(process)
        self.events += 1
        return process

    def come(self, name: str) -> None:
        """Another process wants to watch."""
        process = self.start(name)
        process.threads.append(self._come(process))

    def _watch(self, process: Process, lease: WatcherLease) -> None:
        async def follow() -> None:
            await lease.until_idle()
            process.following = False
            for _ in range(3):
                await self.clock.sleep(0.5)  # its hooks
            process.end()

        async def keep() -> None:
            await lease.keep()
            process.following = False
            await lease.give_up()
            process.end()

        process.following = True
        process.threads += [follow(), keep()]

    async def _come(self, process: Process) -> None:
        lease = _lease(process)
        if await lease.take():
            self._watch(process, lease)
        else:
            process.end()

    async def _serve(self, process: Process) -> None:
        for number, step in enumerate(self.scene.server):
            await Step()
            if number == self.scene.dies:
                self.died = True
                return
            if step == "says so":
                process.store.local.say_ending()
            elif step == "leaves a watcher":
                self.left = True
                self.come("left")
            else:
                bought = job(id=step, tag=step, client_key=step, owner=process.store.ownership.instance)
                await process.store.write(
                    lambda c, bought=bought: transitions.insert(c, bought, day="2023-11-14")
                )
        process.end()

    def ready(self) -> list[tuple[Process, Any]]:
        return [(p, thread) for p in self.processes if not p.still for thread in p.threads]

    def go_on(self, process: Process, thread: Any) -> float:
        """One step of a thread; the seconds that it sleeps after it."""
        self.clock.running = process.name
        try:
            return thread.send(None)
        except StopIteration:
            self.events += 1
            if thread in process.threads:
                process.threads.remove(thread)
            if self.died and process.name == "server" and process.store._lock._descriptor is not None:
                process.die()
            return 0.0

    def open_jobs(self) -> int:
        return len(job_records.unfinished(self.connection))

    def close(self) -> None:
        for process in self.processes:
            process.end()
        self.connection.close()
        for left in self.folder.iterdir():
            left.unlink()


def play(scene: Scene, choices: tuple[int, ...], folder: Path, clock: Clock) -> list[int]:
    """Play one order; returns how many other choices there were at each of its steps."""
    clock.of.clear()
    world = Played(scene, folder, clock)
    options: list[int] = []
    try:
        _until_quiet(world, choices, options)
        _everything_is_well(world)
        if scene.still is not None:
            world.processes[0].still = False
            world.scene = replace(scene, still=None)
            _until_quiet(world, (), [])
            _everything_is_well(world)
    finally:
        world.close()
    return options


def _until_quiet(world: Played, choices: tuple[int, ...], options: list[int]) -> None:
    queue = [thread for _, thread in world.ready()]
    quiet, steps_of_first = 0, 0
    while True:
        ready = {id(thread): (process, thread) for process, thread in world.ready()}
        queue = [thread for thread in queue if id(thread) in ready]
        queue += [thread for _, thread in ready.values() if thread not in queue]
        if not queue or quiet > _QUIET_ROUNDS * len(queue):
            return
        chosen = choices[len(options)] if len(options) < len(choices) else 0
        options.append(len(queue) - 1)
        thread = queue[chosen % len(queue)]
        process = ready[id(thread)][0]
        if process.name == "first":
            steps_of_first += 1
            if steps_of_first == world.scene.still:
                process.still = True
                continue
        before = world.events
        slept = world.go_on(process, thread)
        quiet = 0 if world.events != before else quiet + (slept > 0)
        queue.remove(thread)
        queue.insert(len(queue) if slept else 0, thread)


def _everything_is_well(world: Played) -> None:
    following = [process.name for process in world.processes if process.following and not process.still]
    if world.open_jobs() and not following and world.processes[0].still:
        # It was seen at work, and only then stood still: the next that comes is not kept from its place.
        world.come("next")
        _until_quiet(world, (), [])
        following = [process.name for process in world.processes if process.following and not process.still]
    if world.open_jobs() and world.left:
        assert following, "jobs are open, a watcher was left, and nobody follows them"
    if not world.open_jobs():
        assert not following, "nothing is open, and somebody stays"


def play_orders(scene: Scene, folder: Path, clock: Clock, *, interruptions: int) -> int:
    """
    Play every order with at most so many interruptions, and some with many; returns how many there were.

    A process is interrupted when another one goes on between two of its steps, unless it sleeps there.
    """
    waiting: list[tuple[int, ...]] = [()]
    for seed in range(RANDOM_ORDERS):
        rng = random.Random(seed)
        waiting.append(tuple(rng.choice((0, 0, 0, 1, 2, 3)) for _ in range(60)))
    count = 0
    while waiting:
        choices = waiting.pop()
        try:
            options = play(scene, choices, folder, clock)
        except AssertionError as error:
            raise AssertionError(f"{error} ({scene}, order {choices})") from None
        count += 1
        if sum(choice > 0 for choice in choices) < interruptions:
            waiting += [
                (*choices, *(0,) * (place - len(choices)), other)
                for place in range(len(choices), len(options))
                for other in range(1, options[place] + 1)
            ]
    return count


OPEN_AT_THE_END = ("a job", "says so", "leaves a watcher", "a late job")
BOUGHT_IN_THE_LAST_MOMENT = ("says so", "leaves a watcher", "a late job")
NOTHING_OPEN = ("says so", "leaves a watcher")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return played_clock(monkeypatch)


def played_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that the watchers go by from now on."""
    played = Clock()
    monkeypatch.setattr(watcher_lease, "anyio", played)
    monkeypatch.setattr(watcher_lease, "_STILL_SECONDS", 0.6)
    return played


@pytest.mark.parametrize("server", [OPEN_AT_THE_END, BOUGHT_IN_THE_LAST_MOMENT, NOTHING_OPEN])
def test_whoever_comes_and_goes_in_whatever_order_what_is_open_is_followed(
    server: tuple[str, ...], tmp_path: Path, clock: Clock
) -> None:
    assert play_orders(Scene(server=server), tmp_path / "instances", clock, interruptions=2) > 500


@pytest.mark.parametrize("dies", range(len(OPEN_AT_THE_END)))
def test_a_server_that_is_killed_at_any_step_of_its_end_changes_nothing_about_that(
    dies: int, tmp_path: Path, clock: Clock
) -> None:
    scene = Scene(server=OPEN_AT_THE_END, dies=dies)
    assert play_orders(scene, tmp_path / "instances", clock, interruptions=1) > RANDOM_ORDERS


@pytest.mark.parametrize("still", range(1, 8))
def test_a_watcher_that_stands_still_at_any_step_blocks_nobody_and_goes_home(
    still: int, tmp_path: Path, clock: Clock
) -> None:
    scene = Scene(server=OPEN_AT_THE_END, still=still)
    assert play_orders(scene, tmp_path / "instances", clock, interruptions=1) > RANDOM_ORDERS
