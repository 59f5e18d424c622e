"""
A whole machine in one thread: processes, a network, a provider that holds the truth, clocks and a disk that fail.

The money core is the real one (`JobRunner._commit` and `_buy`, `buy`, `reserve`, `journal`, `budget`, `ledger`,
`reconcile`, `adopt_late`, `poll`, and the watcher's steps); a seed decides in which order its effects happen and
what goes wrong between them.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import random
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, partial
from importlib import resources
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from seedance_mcp.catalog import Catalog
from seedance_mcp.config import Settings
from seedance_mcp.errors import (
    BudgetExceeded,
    ConfirmationRequired,
    DownloadError,
    NotSupported,
    ProviderUnavailable,
    RequestRejected,
    StoreError,
    SubmissionNotSent,
    SubmissionUnknown,
)
from seedance_mcp.jobs import journal, purchase, reconcile, runner
from seedance_mcp.jobs.intents import Intent
from seedance_mcp.jobs.saving import Saver
from seedance_mcp.jobs.store import Store
from seedance_mcp.providers import Recovery
from seedance_mcp.types import (
    Artifacts,
    Job,
    JobState,
    Price,
    Submission,
    TaskState,
    TaskStatus,
    VideoRequest,
)

from .promises import Promises, Violation

PRICE = Decimal("0.50")
CHARGE_TOKENS = Decimal(50_000)
DAY_LIMIT = Decimal(4)
NET_MAX = 3.0
LIST_LAG = 2.0
QUIET = NET_MAX + LIST_LAG
HORIZON_HOURS = 0.05
STEPS = 250
INTENTS = 10
START = 1_700_000_000.0

ACTIONS = (
    "ask", "go on", "step", "kill", "pause", "resume", "time", "deliver", "give up", "finish",
    "disk", "clock", "late", "tell", "receipts",
)  # fmt: skip
_USUAL = {"go on": 9.0, "deliver": 3.0, "step": 3.0, "ask": 1.5, "disk": 0.2, "clock": 0.3, "late": 0.3}


class _Pause:
    """Awaiting it hands control to the schedule: anything may happen before the next effect."""

    def __await__(self) -> Generator[None]:
        yield


class _TimeUp(Exception):
    pass


class _Patience:
    """What `anyio.move_on_after` is here: over when the true time has passed the deadline."""

    def __init__(self, world: World, seconds: float) -> None:
        self._world, self._end = world, world.true + seconds

    def __enter__(self) -> None:
        self._deadlines = self._world.deadlines.setdefault(self._world.running, [])
        self._deadlines.append(self._end)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._deadlines.pop()
        return kind is _TimeUp


class _Anyio:
    """The few things that the money core takes from anyio, on the world's own clock."""

    def __init__(self) -> None:
        self.world: World
        self.to_thread = SimpleNamespace(run_sync=self._run)

    async def _run(self, work: Callable[[], Any], *_: object, **__: object) -> Any:
        await _Pause()
        return work()

    async def sleep(self, seconds: float) -> None:
        world, mine = self.world, self.world.running
        end = world.true + seconds
        while world.true < end:
            await _Pause()
            if any(world.true >= deadline for deadline in world.deadlines.get(mine, ())):
                raise _TimeUp

    def move_on_after(self, seconds: float) -> _Patience:
        return _Patience(self.world, seconds)

    def CancelScope(self, **_: object) -> contextlib.nullcontext[None]:  # noqa: N802  anyio's name
        return contextlib.nullcontext()

    class Event:
        def set(self) -> None:
            """Nobody waits here: the callers' side is not part of this world."""


ANYIO = _Anyio()
purchase.anyio = runner.anyio = ANYIO  # type: ignore[assignment]


@dataclass(eq=False)
class Packet:
    """A purchase on the wire: it can be accepted until NET_MAX after its sender's socket is gone."""

    tag: str
    fingerprint: str
    process: Process
    answer: str | None = None
    closed_at: float | None = None
    flying: bool = True


@dataclass(eq=False)
class Task:
    """What the provider really took."""

    id: str
    tag: str
    fingerprint: str
    at: float
    outcome: TaskStatus | None = None


class SimStore(Store):
    """The real store's transactions, with the schedule between the effects and a disk that fails."""

    def __init__(self, world: World, process: Process) -> None:
        super().__init__(world.connection, process, clock=lambda: world.wall, notice=None)  # type: ignore[arg-type]
        self._world = world

    async def write(self, transaction: Callable[[sqlite3.Connection], Any]) -> Any:
        await _Pause()
        result = self.write_now(partial(self._on_disk, transaction))
        await _Pause()
        return result

    async def read(self, query: Callable[[sqlite3.Connection], Any]) -> Any:
        await _Pause()
        return self.read_now(query)

    def _on_disk(
        self, transaction: Callable[[sqlite3.Connection], Any], connection: sqlite3.Connection
    ) -> Any:
        result = transaction(connection)
        if self._world.disk_full or self._world.random.random() < self._world.write_errors:
            raise sqlite3.OperationalError("database or disk is full")
        return result


class SimSaver(Saver):
    """The real saver's decision, with a file that arrives or does not."""

    async def _fetch(self, job: Job, local_folder: Path) -> Artifacts:
        await _Pause()
        if self.world.random.random() < 0.2:
            raise DownloadError("The connection broke.")
        return Artifacts(
            video_path="v.mp4",
            sha256="0",
            bytes=1,
            width=1,
            height=1,
            duration_seconds=1.0,
            fps=24.0,
            has_audio=False,
        )

    async def _after(self, job: Job) -> None:
        """No sidecar in this world."""

    world: World


class SimReceipts:
    """One process's preallocated receipts, on the world's disk."""

    def __init__(self, world: World, process: Process) -> None:
        self._world, self._process = world, process

    def keep(self, job_id: str, submission: Submission) -> None:
        self._world.receipts.setdefault(self._process.instance, []).append((job_id, submission))

    def read(self) -> dict[Any, list[tuple[str, Submission]]]:
        drop = self._world.receipts.pop
        return {
            SimpleNamespace(stem=stem, unlink=lambda stem=stem, **_: drop(stem, None)): list(found)
            for stem, found in self._world.receipts.items()
        }


class Adapter:
    """The provider as one process reaches it."""

    def __init__(self, world: World, process: Process) -> None:
        self._world, self._process = world, process

    async def submit(self, request: VideoRequest, offer: Any, sale: Any) -> Submission:
        world = self._world
        if world.random.random() < 0.1:
            raise SubmissionNotSent("No connection.")
        await _Pause()
        await sale.sending()
        packet = world.send(sale.tag, self._process)
        while packet.answer is None:
            await _Pause()
        packet.closed_at = world.true if packet.closed_at is None else packet.closed_at
        await _Pause()
        if packet.answer == "ok":
            sale.answered(200, b"{}")
            return Submission(task_id=world.tasks[sale.tag].id)
        if packet.answer == "refused":
            sale.answered(400, b"{}")
            raise RequestRejected("No.")
        raise SubmissionUnknown("The answer was lost.")

    async def poll(self, submission: Submission) -> TaskState:
        await self._trouble()
        task = self._world.by_id[submission.task_id]
        if task.outcome is TaskStatus.SUCCEEDED:
            return TaskState(
                status=task.outcome,
                video_urls=("https://x/v.mp4",),
                usage={"completion_tokens": CHARGE_TOKENS},
            )
        return TaskState(status=task.outcome or TaskStatus.RUNNING)

    async def recover(self, request: VideoRequest, offer: Any, tag: str, since: float) -> Recovery:
        world = self._world
        if world.kind == "mute":
            raise NotSupported("It cannot be asked.")
        await self._trouble()
        fetched_at = world.true
        task = world.tasks.get(tag)
        await _Pause()
        if task and task.at + LIST_LAG <= fetched_at:
            return Recovery(submission=Submission(task_id=task.id))
        proves = offer.provider.absence_is_proof
        if proves:
            world.promises.looked(tag, fetched_at)
        return Recovery(proves_absence=proves)

    async def cancel(self, submission: Submission) -> None:
        raise NotSupported("Too late.")

    async def close(self) -> None:
        """Nothing is open."""

    async def _trouble(self) -> None:
        await _Pause()
        if self._world.random.random() < 0.1:
            raise ProviderUnavailable("Busy.")


class Shops:
    """The one shop of this world, with the catalogue's own offer."""

    def __init__(self, world: World, process: Process) -> None:
        self._offer, self._adapter = world.offer, Adapter(world, process)

    def offer(self, job: Job) -> Any:
        return self._offer

    def open(self, info: Any) -> Adapter:
        return self._adapter


class Process:
    """A server: its life lock, its buyers and its watcher. It is also what `Store.ownership` is."""

    def __init__(self, world: World, instance: str) -> None:
        self.instance, self.paused, self.killed = instance, False, False
        self._world = world
        self.store = SimStore(world, self)
        shops: Any = Shops(world, self)
        self.runner = runner.JobRunner(
            store=self.store, shops=shops, settings=world.settings, leases=world.leases
        )
        self.runner._buyers = SimpleNamespace(start_soon=self._start)  # type: ignore[assignment]
        self.runner._receipts = self.watcher._receipts = SimReceipts(world, self)  # type: ignore[assignment]
        saver = SimSaver(world.settings, store=self.store, changed=self.watcher._changed)
        saver.world = world
        self.watcher._saver = saver
        self.adapter = shops.open(None)

    @property
    def watcher(self) -> Any:
        return self.runner._watcher

    def alive(self, instance: str) -> bool:
        """The kernel lock: a paused process holds it, a killed one does not."""
        return instance in self._world.processes

    def _start(self, work: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any) -> None:
        self._world.spawn(self, work(*arguments))


@dataclass(eq=False)
class World:
    """Truth and bookkeeping side by side, driven by one seeded schedule."""

    seed: int
    processes: dict[str, Process] = field(default_factory=dict)
    threads: list[tuple[Process, Coroutine[Any, Any, Any]]] = field(default_factory=list)
    buried: list[Coroutine[Any, Any, Any]] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    by_id: dict[str, Task] = field(default_factory=dict)
    receipts: dict[str, list[tuple[str, Submission]]] = field(default_factory=dict)
    deadlines: dict[Any, list[float]] = field(default_factory=dict)
    sent: dict[str, Packet] = field(default_factory=dict)
    charge_micros: int = 350_000

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.true = START
        self.skew = 0.0
        self.running: Any = None
        self.disk_full = False
        self.started = 0
        # One seed in eight breaks the assumption (late packets, clocks set forward): then nothing may be lost,
        # but a purchase judged absent may turn up after all.
        self.honest = self.seed % 8 != 7
        self.kind = ("proof", "proof", "proof", "hint", "mute")[self.seed % 5]
        self.leases = self.seed % 2 == 0
        self.write_errors = 0.02 if self.seed % 3 == 0 else 0.0
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.deserialize(_empty_database())
        self.settings = _settings()
        self.offer = _offer(self.kind)
        self.promises = Promises(self)
        self.weights = [_USUAL.get(action, 1.0) * self.random.choice((0.3, 1.0, 3.0)) for action in ACTIONS]
        ANYIO.world = self
        for _ in range(2):
            self.start()

    @property
    def wall(self) -> float:
        """What the clock on the wall says."""
        return self.true + self.skew

    def start(self) -> Process:
        self.started += 1
        process = Process(self, f"p{self.started}")
        self.processes[process.instance] = process
        return process

    def spawn(self, process: Process, work: Coroutine[Any, Any, Any]) -> None:
        self.threads.append((process, work))

    def send(self, tag: str, process: Process) -> Packet:
        """The first byte of a purchase leaves."""
        packet = Packet(tag=tag, fingerprint=self.promises.may_send(tag, process.instance), process=process)
        self.packets.append(packet)
        self.sent[tag] = packet
        return packet

    # What the schedule does.

    def run(self, steps: int = STEPS) -> None:
        """Run a schedule, checking the promises after every step, then see that everything ends well."""
        try:
            picks = self.random.choices(ACTIONS, self.weights, k=steps)
            for action in picks:
                getattr(self, "_" + action.replace(" ", "_"))()
                self.promises.check()
            self.end()
        finally:
            for work in [*self.buried, *(work for _, work in self.threads)]:
                work.close()
            self.connection.close()

    def _awake(self) -> Process | None:
        awake = [process for process in self.processes.values() if not process.paused]
        return self.random.choice(awake) if awake else None

    def _ask(self) -> None:
        process = self._awake()
        if process:
            self.spawn(process, self._request(process, self.random.randrange(INTENTS)))

    async def _request(self, process: Process, number: int) -> None:
        price = Price(amount=PRICE, currency="USD", usd=PRICE)
        job_id = f"job_{process.instance}_{number}_{self.random.getrandbits(40):x}"
        intent = Intent(
            job_id=job_id, owner=process.instance, provider="byteplus", account="a", model="m", endpoint="e",
            request=_request(number), digests={}, tag=job_id, estimate=price, maximum=price,
            price_known=True, allow_duplicate=False,
        )  # fmt: skip
        with contextlib.suppress(BudgetExceeded, StoreError):
            outcome = await process.runner._commit(intent, self.offer, {}, process.adapter, None, False)  # type: ignore[arg-type]
            assert not isinstance(outcome, ConfirmationRequired)
            self.promises.answered(intent, *outcome, wall=self.wall)

    def _go_on(self) -> None:
        ready = [thread for thread in self.threads if not thread[0].paused]
        if ready:
            thread = self.random.choice(ready)
            for _ in range(self.random.choice((1, 1, 2, 4, 8))):
                if not self._resume_thread(thread):
                    return

    def _resume_thread(self, thread: tuple[Process, Coroutine[Any, Any, Any]]) -> bool:
        self.running = thread[1]
        try:
            thread[1].send(None)
        except StopIteration:
            self._forget(thread)
            return False
        except (journal.Stale, StoreError, ProviderUnavailable, DownloadError):
            self._forget(thread)  # the scheduler logs it and steps again later
            return False
        finally:
            self.running = None
        return True

    def _forget(self, thread: tuple[Process, Coroutine[Any, Any, Any]]) -> None:
        self.threads.remove(thread)
        self.deadlines.pop(thread[1], None)

    def _step(self) -> None:
        process = self._awake()
        open_jobs = self.promises.open_jobs()
        if process and open_jobs:
            self.spawn(process, process.watcher._step(self.random.choice(open_jobs)))

    def _kill(self) -> None:
        self.kill(self.random.choice(list(self.processes.values())))
        self.start()

    def kill(self, process: Process) -> None:
        """kill -9: the kernel closes its sockets and frees its lock; what is on disk stays."""
        process.killed = True
        del self.processes[process.instance]
        for packet in self.sent.values():
            if packet.process is process and packet.closed_at is None:
                packet.closed_at = self.true
        self.buried += [work for owner, work in self.threads if owner is process]
        self.threads = [thread for thread in self.threads if thread[0] is not process]

    def _pause(self) -> None:
        process = self._awake()
        if process:
            process.paused = True

    def _resume(self) -> None:
        paused = [process for process in self.processes.values() if process.paused]
        if paused:
            self.random.choice(paused).paused = False

    def _time(self) -> None:
        self.pass_time(self.random.choice((0.1, 0.5, 1.0, 2.0, 6.0, 30.0)))

    def pass_time(self, seconds: float) -> None:
        """No packet outlives its sender's socket by more than NET_MAX, where the network keeps its word."""
        self.true += seconds
        for packet in self.packets:
            limit = NET_MAX if self.honest else 40 * NET_MAX
            if packet.flying and packet.closed_at is not None and packet.closed_at + limit < self.true:
                packet.flying = False
                packet.answer = packet.answer or "lost"
        self.packets = [packet for packet in self.packets if packet.flying]

    def _deliver(self) -> None:
        flying = [packet for packet in self.packets if packet.flying]
        if flying:
            self.deliver(
                self.random.choice(flying), self.random.choice(("ok", "ok", "answer lost", "refused", "lost"))
            )

    def deliver(self, packet: Packet, fate: str) -> None:
        """The network and the provider decide what becomes of a packet."""
        packet.flying = False
        if fate in ("ok", "answer lost"):
            task = Task(
                id=f"t{len(self.tasks)}", tag=packet.tag, fingerprint=packet.fingerprint, at=self.true
            )
            self.promises.accepted(task)
            self.tasks[packet.tag] = self.by_id[task.id] = task
        heard = packet.closed_at is None
        packet.answer = packet.answer or (fate if heard and fate in ("ok", "refused") else "lost")

    def _give_up(self) -> None:
        """A sender's deadline passes: it closes its socket, and the packet may still arrive."""
        waiting = [packet for packet in self.packets if packet.answer is None and not packet.process.paused]
        if waiting:
            packet = self.random.choice(waiting)
            packet.answer = "lost"
            packet.closed_at = self.true if packet.closed_at is None else packet.closed_at

    def _finish(self) -> None:
        working = [task for task in self.tasks.values() if task.outcome is None]
        if working:
            self.random.choice(working).outcome = self.random.choice(
                (TaskStatus.SUCCEEDED, TaskStatus.SUCCEEDED, TaskStatus.FAILED)
            )

    def _disk(self) -> None:
        self.disk_full = not self.disk_full

    def _clock(self) -> None:
        """Clocks are set back; a suspended machine loses time; set forward they break the quiet period's measure."""
        jump = self.random.choice((-90_000.0, -3600.0, -30.0, 90_000.0))
        if jump < 0:
            self.skew += jump
        elif self.honest:
            self.pass_time(jump)
        else:
            self.skew += jump

    def _late(self) -> None:
        process = self._awake()
        if process:
            self.spawn(process, process.runner.adopt_late())

    def _receipts(self) -> None:
        process = self._awake()
        if process:
            self.spawn(process, process.watcher._adopt_receipts())

    def _tell(self) -> None:
        with contextlib.suppress(StoreError):
            SimStore.write_now(
                next(iter(self.processes.values())).store,
                lambda connection: journal.tell(connection, "c", now=self.wall),
            )

    # How it ends.

    def end(self) -> None:
        """With a healthy provider and any one process running, every job reaches its end (I10)."""
        keep = self.random.choice(list(self.processes.values()))
        for process in list(self.processes.values()):
            if process is not keep:
                self.kill(process)
        keep.paused = self.disk_full = False
        self.write_errors = 0.0
        self._settle_outside()
        self.pass_time(2 * QUIET)
        self.skew = max(self.skew, 0.0)  # and the clock is put right
        for round_ in range(60):
            self.pass_time(4.0 if round_ < 20 else 400.0)
            for work in (keep.watcher._adopt_receipts(), keep.runner.adopt_late()):
                self._to_its_end(keep, work)
            for job_id in self.promises.open_jobs():
                self._to_its_end(keep, keep.watcher._step(job_id))
            if not self.promises.open_jobs() and not self.threads:
                break
        self._to_its_end(keep, keep.runner.adopt_late())
        for job_id in self.promises.in_state("unresolved"):
            self._by_hand(keep, job_id)
        for _ in range(60):
            for job_id in self.promises.open_jobs():
                self._to_its_end(keep, keep.watcher._step(job_id))
        self.promises.check_end()

    def _by_hand(self, process: Process, job_id: str) -> None:
        """A person looks at the provider's console and tells the truth."""
        job = journal.find(self.connection, job_id)
        task = self.tasks.get(job.tag)
        self.promises.looked(job.tag, self.true)
        self._to_its_end(
            process, reconcile.decide_by_hand(job, task.id if task else None, store=process.store)
        )

    def _settle_outside(self) -> None:
        for packet in [packet for packet in self.packets if packet.flying]:
            self.deliver(packet, self.random.choice(("ok", "answer lost", "lost")))
        for task in self.tasks.values():
            task.outcome = task.outcome or TaskStatus.SUCCEEDED

    def _to_its_end(self, process: Process, work: Coroutine[Any, Any, Any]) -> None:
        self.spawn(process, work)
        for _ in range(400):
            self._settle_outside()
            for thread in list(self.threads):
                self._resume_thread(thread)
            self.promises.check()
            if all(thread[1] is not work for thread in self.threads):
                return
            self.pass_time(0.5)
        raise Violation("I10: something of the one healthy process never ends")


@cache
def _empty_database() -> bytes:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    script = resources.files("seedance_mcp.jobs").joinpath("sql", "0001_jobs.sql")
    connection.executescript(script.read_text(encoding="utf-8"))
    return connection.serialize()


@cache
def _settings() -> Settings:
    return Settings(
        output_dir=Path("videos"),
        state_dir=Path("state"),
        max_usd_per_day=DAY_LIMIT,
        max_usd_per_job=PRICE,
        max_jobs_per_hour=100_000,
        confirm="off",
    )


@cache
def _request(number: int) -> VideoRequest:
    return VideoRequest(
        prompt=f"intent {number}", model="seedance-2.0", resolution="480p", aspect_ratio="16:9", duration=5
    )


@cache
def _offer(kind: str) -> Any:
    lines = (
        "[providers.byteplus]",
        f"net_max_seconds = {NET_MAX}",
        f"list_lag_seconds = {LIST_LAG}",
        f"horizon_hours = {HORIZON_HOURS}",
        f"absence_is_proof = {str(kind == 'proof').lower()}",
    )
    with tempfile.TemporaryDirectory() as folder:
        overlay = Path(folder, "overlay.toml")
        overlay.write_text("\n".join(lines), encoding="utf-8")
        return Catalog.load(overlay).offer("byteplus", "seedance-2.0")


@dataclass
class Result:
    """What some schedules did. `violation` is the first promise that was broken, with its seed."""

    seeds: int = 0
    steps: int = 0
    bought: int = 0
    seconds: float = 0.0
    violation: str | None = None


def run_seeds(first: int, count: int, *, seconds: float = 1e9) -> Result:
    """Run the schedules of so many seeds, or until the time is up or a promise is broken."""
    logging.disable(logging.CRITICAL)
    result, began = Result(), time.monotonic()
    for seed in range(first, first + count):
        if time.monotonic() - began > seconds:
            break
        world = World(seed)
        try:
            world.run()
        except Exception as error:
            words = "".join(traceback.format_exception(error)[-3:]).strip()
            result.violation = f"seed {seed}: {words}"
            break
        finally:
            result.seeds += 1
            result.steps += STEPS
            result.bought += len(world.tasks)
    result.seconds = time.monotonic() - began
    return result


def _chunk(job: tuple[int, int]) -> Result:
    return run_seeds(*job)


def run_parallel(
    steps: int, *, seconds: float = 1e9, processes: int = 2, first: int = 0, chunk: int = 100
) -> Result:
    """Run schedules on several cores until so many steps are done, the time is up, or a promise is broken."""
    began, total = time.monotonic(), Result()
    seeds = -(-steps // STEPS)
    jobs = [(first + start, min(chunk, seeds - start)) for start in range(0, seeds, chunk)]
    with get_context("spawn").Pool(processes) as pool:
        for part in pool.imap_unordered(_chunk, jobs):
            total.seeds += part.seeds
            total.steps += part.steps
            total.bought += part.bought
            total.violation = total.violation or part.violation
            if total.violation or time.monotonic() - began > seconds:
                break
        pool.terminate()
    total.seconds = time.monotonic() - began
    return total


def main() -> int:
    """`python -m tests.reliability.simulation --steps N [--seconds S] [--processes P] [--first SEED]`."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.simulation", description=__doc__)
    parser.add_argument("--steps", type=int, default=2_000_000)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    if asked.processes == 1:
        result = run_seeds(asked.first, -(-asked.steps // STEPS), seconds=asked.seconds)
    else:
        result = run_parallel(
            asked.steps, seconds=asked.seconds, processes=asked.processes, first=asked.first
        )
    rate = result.steps / max(result.seconds, 0.001)
    print(
        f"{result.seeds} seeds, {result.steps} steps, {result.bought} jobs bought, {rate:.0f} steps/s, "
        f"{result.seconds:.0f} s: {result.violation or 'no violation'}"
    )
    return 1 if result.violation else 0


if __name__ == "__main__":
    sys.exit(main())
