"""One server of the simulated machine: the real runner and watcher on a store, a saver and receipts that can fail."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

from seedance_mcp.catalog import Catalog
from seedance_mcp.errors import DownloadError, OtherAccount, SeedanceError
from seedance_mcp.jobs.buying.purchase_flow import PurchaseFlow
from seedance_mcp.jobs.choosing.planning import Planner
from seedance_mcp.jobs.context import JobContext
from seedance_mcp.jobs.inputs.sources import Sources
from seedance_mcp.jobs.pool.provider_pool import ProviderPool
from seedance_mcp.jobs.results.saving import Saver
from seedance_mcp.jobs.runner import JobRunner
from seedance_mcp.store import Connection, ScopedStore
from seedance_mcp.store.accounts import Account
from seedance_mcp.store.database import SqliteStore
from seedance_mcp.store.database_file import SqliteConnection
from seedance_mcp.types import EVERYBODY, Artifacts, Job, Scope, Submission

from .simulation_accounts import Reach
from .simulation_hooks import SimHooks
from .simulation_loop import PAUSE
from .simulation_market import SELLERS, Adapter, offer_of
from .simulation_orders import empty_database
from .simulation_rules import Violation, is_planted

if TYPE_CHECKING:
    from .simulation_world import World

_ARTIFACTS = Artifacts(
    video_path="v.mp4",
    sha256="0",
    bytes=1,
    width=1,
    height=1,
    duration_seconds=1.0,
    fps=24.0,
    has_audio=False,
)


class SimStore(SqliteStore):
    """The real store's transactions, with the schedule between the effects and a disk that fails."""

    def __init__(self, world: World, process: Process) -> None:
        super().__init__(world.connection, process, clock=lambda: world.wall, notice=None)  # type: ignore[arg-type]
        self._world, self._process = world, process
        self.uptime, self.running = lambda: world.uptime, lambda: world.running
        self.start = world.start_of_machine

    async def write(self, transaction: Callable[[Connection], Any]) -> Any:
        self._world.promises.id_first()
        await PAUSE
        self._world.did("write", self._process, "")
        self._world.may_trip("before a write")
        result = self.write_now(partial(self._on_disk, transaction))
        await PAUSE  # durable, and nobody knows yet
        self._world.may_trip("after a write")
        return result

    async def read(self, query: Callable[[Connection], Any]) -> Any:
        self._world.promises.id_first()
        await PAUSE
        self._world.did("read", self._process, "")
        self._world.may_trip("at a read")
        return self.read_now(query)

    async def write_briefly(self, transaction: Callable[[Connection], Any], seconds: float) -> Any:
        return await self.write(transaction)

    def _on_disk(self, transaction: Callable[[Connection], Any], connection: Connection) -> Any:
        world = self._world
        result = transaction(connection)
        world.may_trip("inside a transaction")
        if world.disk_full or (world.write_errors and world.random.random() < world.write_errors):
            world.count("disk full at a write")
            raise sqlite3.OperationalError("database or disk is full")
        return result


class WorldDatabase(Protocol):
    """Where a world keeps what is on its disk."""

    connection: Any
    """By which the promises look at it, as at one of SQLite in memory."""

    def store(self, world: World, process: Process) -> SimStore:
        """Open it for a process."""
        ...


class InMemory:
    """The database of a world in SQLite, in this process's memory."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, factory=SqliteConnection)
        self.connection.deserialize(empty_database())

    def store(self, world: World, process: Process) -> SimStore:
        """Open it for a process."""
        return SimStore(world, process)


class SimSaver(Saver):
    """The real saver's decision, with a file that arrives or does not."""

    world: World
    process: Process

    async def _fetch(self, job: Job, folder: Path) -> Artifacts:
        await PAUSE
        self.world.accounts.may_ask(job.id, self.process.reach)
        self.world.did("download", None, job.id)
        if self.world.random.random() < 2 * self.world.trouble:
            raise DownloadError("The connection broke.")
        return _ARTIFACTS

    async def _after(self, job: Job) -> None:
        """No sidecar in this world."""


class SimReceipts:
    """One process's preallocated receipts, on the world's disk."""

    def __init__(self, world: World, process: Process) -> None:
        self._world, self._process = world, process
        self._needed: set[str] = set()

    def keep(self, job_id: str, submission: Submission) -> None:
        world = self._world
        world.did("receipt kept", self._process, job_id)
        world.receipts.setdefault(self._process.instance, []).append((job_id, submission))
        world.promises.on_disk(job_id)
        self._needed.add(job_id)

    def needs(self, job_id: str) -> bool:
        return job_id in self._needed

    def forget(self, job_id: str) -> None:
        self._needed.discard(job_id)
        if not self._needed:
            self._world.receipts.pop(self._process.instance, None)

    def read(self) -> list[SimKept]:
        kept = self._world.receipts
        return [SimKept(kept, instance, list(found)) for instance, found in kept.items()]


class SimKept:
    """The receipts of one process, as another one finds them."""

    whole, unreadable = True, None

    def __init__(
        self,
        kept: dict[str, list[tuple[str, Submission]]],
        instance: str,
        receipts: list[tuple[str, Submission]],
    ) -> None:
        self._kept, self.instance, self.receipts = kept, instance, receipts

    def discard(self) -> None:
        self._kept.pop(self.instance, None)


class SimShops(ProviderPool):
    """The real pool's judgement whose a job is, with the sellers of this world."""

    least_wait = 0.0  # pyright: ignore[reportAssignmentType]  the real one is computed from the catalogue

    def __init__(self, world: World, process: Process) -> None:
        super().__init__(Catalog.load, world.settings, process.store)
        self._world, self._process = world, process
        self._adapters = {seller: Adapter(world, process, seller) for seller in SELLERS}

    def account_at(self, info: Any) -> Account:
        reach = self._process.reach
        return Account(provider=info.name, fingerprint=reach.key, address=reach.place)

    async def other_account(self, job: Job) -> OtherAccount | None:
        other = await super().other_account(job)
        if other is not None:
            self._world.count("another account's job is left alone")
        return other

    def offer(self, job: Job) -> Any:
        return offer_of(job.provider)

    def seller(self, job: Job) -> Any:
        return offer_of(job.provider).provider

    def open(self, info: Any) -> Adapter:
        return self._adapters[info.name]


class Process:
    """A server: its life lock, its buyers and its watcher. It is also what `Store.ownership` is."""

    def __init__(self, world: World, instance: str, reach: Reach) -> None:
        self.instance, self.paused, self.locked, self.reach = instance, False, True, reach
        self._world = world
        self.store = world.database.store(world, self)
        self.pool: Any = SimShops(world, self)
        self.context = JobContext.of(self.store, world.settings)
        self.runner: Any = JobRunner(self.context, self.pool, leases=world.leases)
        self.watcher: Any = self.runner._watcher
        self._flows: dict[Scope, PurchaseFlow] = {}
        self.runner.incidents.note = self._notes
        self.runner.on_change(lambda job_id: world.may_trip("at a listener"))
        tasks: Any = SimpleNamespace(start_soon=lambda work, *arguments: world.spawn(self, work(*arguments)))
        self.context.purchases.open(tasks)
        self.runner.buyer._receipts = self.watcher._adoption._receipts = SimReceipts(world, self)
        saver = SimSaver(self.context)
        saver.world, saver.process = world, self
        self.watcher._saver = saver
        self.runner.hooks = SimHooks(world, self)

    def flow_of(self, scope: Scope) -> PurchaseFlow:
        """By which somebody buys here, in the same way as every `App` does."""
        if scope not in self._flows:
            store = self.store if scope == EVERYBODY else ScopedStore(self.store, scope)
            self._flows[scope] = PurchaseFlow(
                replace(self.context, store=store),
                pool=self.pool,
                planner=Planner(self.pool, self._world.settings),
                sources=Sources(store, self._world.settings, self.pool),
                buyer=self.runner.buyer,
                handover=self.runner.handover,
            )
        return self._flows[scope]

    def _notes(self, doing: str, error: Exception, job_id: str | None = None, *, person: str = "") -> None:
        """Only what the schedule has planted may come here: anything else is a mistake of the core's own."""
        if not (is_planted(error) or isinstance(error, SeedanceError)):
            raise Violation("I24", f"{doing}: {error!r}", job_id or "") from error
        self._world.count("told of a trouble")

    def alive(self, instance: str) -> bool:
        """The kernel lock: a paused process holds it, a killed one does not."""
        return instance == self.instance or self._world.holds_its_lock(instance)

    def at_work(self, instance: str) -> bool:
        """Whether it lives and has not said that it ends soon, which no process of this world says."""
        return self.alive(instance)
