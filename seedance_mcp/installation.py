"""An installation: what runs in the background for everybody, and what whoever administers it may do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from .config import Settings
from .jobs import (
    JobContext,
    JobRunner,
    Planner,
    ProviderPool,
    Role,
    SameAccount,
    SpendingStops,
    WatcherLease,
    join,
    part,
    resolve,
)
from .store import (
    Connection,
    Store,
    describe_unread,
    film_orders,
    job_records,
    unbalanced_days,
)
from .types import Job, Scope

if TYPE_CHECKING:
    from .app import App
    from .catalog import Catalog
    from .store import AccessTokens, figures


class Installation:
    """One open installation, whose apps are each for one person."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        app: Callable[[Installation, Scope], App],
        *,
        leave: bool = False,
        role: Role = Role.WHOLE,
    ) -> None:
        """`app` makes the app of a person."""
        self.settings = settings
        self.store = store
        self.pool = ProviderPool(lambda: self.catalog, settings, store)
        self.planner = Planner(self.pool, settings)
        self.context = JobContext.of(store, settings, role)
        self.ensure_current = store.ensure_current
        stops = SpendingStops(self.context, self.pool)
        self.allow_spending, self.spending_stopped = stops.allow, stops.stopped
        self.key_accepted = stops.key_accepted
        self.runner = JobRunner(self.context, self.pool, leave=leave, films=self._advance_films)
        self._app = app
        self._apps: dict[Scope, App] = {}

    def app_of(self, scope: Scope) -> App:
        """Return the app of a person, which is made at the first call."""
        if scope not in self._apps:
            self._apps[scope] = self._app(self, scope)
        return self._apps[scope]

    @cached_property
    def catalog(self) -> Catalog:
        """Everything that can be bought, with the user's overlay. Read on first use."""
        from .catalog import Catalog

        return Catalog.load(self.settings.catalog)

    @cached_property
    def tokens(self) -> AccessTokens:
        """The tokens by which callers over HTTP are known."""
        from .store import AccessTokens

        return AccessTokens(self.store)

    async def request_state_key(self, fresh: bytes) -> bytes:
        """Return the key of all servers of this installation, which is the `fresh` one if there was none. Raises StoreError."""
        from .store import request_state

        return bytes.fromhex(await self.store.write(partial(request_state.keep_key, fresh=fresh.hex())))

    async def unread_receipts(self) -> list[str]:
        """Return the purchases that are known by receipts alone and could be given to no job."""
        return await anyio.to_thread.run_sync(describe_unread, self.settings.state_dir / "receipts")

    async def resolve(self, job_id: str, task_id: str | None) -> tuple[Job, str]:
        """
        Record what a person found at the provider about an unknown purchase: the task's id, or None: not bought.

        Returns the job and, in words, whether the provider has the task; empty if there is nothing to look for.

        Raises:
            JobNotFound: there is no such job.
            InvalidRequest: its outcome is not open, or the provider does not have the task.
            OtherAccount, ConfigError: the task cannot be followed from here, by another key or address, or without one.
        """
        return await resolve(job_id, task_id, store=self.store, find=self.pool.found_task)

    async def same_account(self, fingerprint: str, provider: str | None) -> SameAccount:
        """Record a person's word that the key with this fingerprint opens the account of the one set now; see `join`."""
        return await join(fingerprint, provider, pool=self.pool, store=self.store)

    async def not_same_account(self, fingerprint: str, provider: str | None) -> bool:
        """Take such a word back; tells whether there was one."""
        return await part(fingerprint, provider, pool=self.pool, store=self.store)

    async def unbalanced_days(self) -> list[str]:
        """List the days whose sums differ from the ledger they are kept from: the database is damaged there."""
        return await self.store.read(unbalanced_days)

    def watcher_lease(self) -> WatcherLease:
        """This process's claim to be the one that stays to watch the jobs of its accounts."""
        return WatcherLease(self.store, accounts=self.pool.accounts(), open_work=self._open_work)

    def _open_work(self, connection: Connection) -> Sequence[object]:
        """What a watcher of this process's accounts stays for: open jobs, and films of this machine that are not made yet."""
        return self.pool.open_here(connection) or film_orders.orders_to_make(
            connection, self.context.film_machines
        )

    async def begin_ending(self) -> None:
        """Leave a watcher behind if anything is open; call it as soon as the end is foreseen. Never raises."""
        await self.runner.handover.begin()

    async def run_hooks(self) -> None:
        """Run the user's command for every job that has ended without it, and wait for them. Raises StoreError."""
        async with anyio.create_task_group() as tasks:
            await self.runner.hooks.start_owed(tasks)

    async def recent_ids(self, limit: int) -> list[str]:
        """Name the newest jobs of everybody. Raises StoreError."""
        jobs = await self.store.read(lambda connection: job_records.recent(connection, limit))
        return [job.id for job in jobs]

    async def people_of(self, job_ids: Sequence[str]) -> dict[str, str]:
        """Tell whose each of these jobs is. Raises StoreError."""
        return await self.store.read(partial(job_records.people_of, job_ids=job_ids))

    def figures_now(self) -> figures.Figures:
        """Sum up how everybody's jobs and money stand, in the calling thread. Raises StoreError."""
        from .store import figures

        return self.store.read_now(partial(figures.read, now=self.store.clock()))

    async def close(self) -> None:
        """Close adapters and the database."""
        await self.pool.close()
        self.store.close()

    async def _advance_films(self) -> None:
        """Take the next step of every film that is being made, each as its person."""
        for person in await self.store.read(film_orders.buyers):
            await self.app_of(Scope(person=person)).films.advance()
