"""Keeps the jobs of this process going, and ends it so that nothing is lost."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import TYPE_CHECKING

import anyio
import anyio.abc

from ..store import Leases, Receipts, ScopedStore, job_records
from ..types import Job
from .buying.submission import Buyer
from .change_feed import ChangeFeed
from .context import JobContext
from .detached import leave_hooks
from .film_driver import FilmDriver
from .handover import Handover
from .inputs.sending import MediaSender
from .inputs.sources import Sources
from .pool.provider_pool import ProviderPool
from .results.hook_runner import HookRunner
from .results.saving import Saver
from .roles import Role
from .tracking.cancelling import cancel
from .watcher import Watcher

if TYPE_CHECKING:
    from .buying.order_taking import OrderTaker
    from .buying.receipt_objects import ReceiptObjects
    from .results.film_copies import FilmCopies
    from .results.object_copies import ObjectCopies

_HOOKS_SECONDS = 0.5
"""How long the end of a process that may be killed soon waits for hooks that are running."""

_DRAIN_SECONDS = 75.0
"""How long the end waits for purchases under way: as long as one of them may take, and a little more."""


class JobRunner:
    """
    The jobs of this process, from their purchase to their end. Use it inside `running()`.

    Leases between processes only save requests (`leases=False` switches them off). With `leave`, what is not done
    at the end is left to a process that stays behind: this one may be killed before it would be. `films` advances what
    films have ordered.
    """

    def __init__(
        self,
        context: JobContext,
        pool: ProviderPool,
        *,
        leases: bool = True,
        leave: bool = False,
        films: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        store, settings = context.store, context.settings
        self._context = context
        self._store = store
        self._pool = pool
        self.incidents = context.incidents
        self.damaged = context.damaged
        self._receipts = Receipts(settings.state_dir / "receipts", store.local.instance)
        self._changes = ChangeFeed(store, context.events, context.incidents)
        self._saver = Saver(context)
        self._leases = Leases(store, on=leases)
        elsewhere = self._receipt_objects(context)
        self._watcher = Watcher(
            context,
            pool=pool,
            saver=self._saver,
            receipts=self._receipts,
            leases=self._leases,
            elsewhere=elsewhere,
        )
        self._hurried = leave
        leaves = leave and settings.detach
        self.hooks = HookRunner(context, elsewhere=partial(leave_hooks, settings) if leaves else None)
        self.copies = self._copies(context)
        self.films = FilmDriver(context, films)
        self.handover = Handover(context, self._watcher, self.hooks, self.films, leaves=leaves)
        self.buyer = Buyer(
            context,
            receipts=self._receipts,
            sender=MediaSender(context, pool),
            watcher=self._watcher,
            elsewhere=elsewhere,
        )
        self._orders = self._order_taker() if context.role is Role.WORKER else None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Watch open jobs for as long as the context is open; purchases under way are finished at its end."""
        failure: Exception | None = None
        try:
            async with anyio.create_task_group() as buyers, anyio.create_task_group() as commands:
                async with anyio.create_task_group() as watching:
                    self._context.purchases.open(buyers)
                    watching.start_soon(self._changes.run)
                    if self._context.role.buys:
                        self._look_after_jobs(watching, commands)
                    try:
                        yield
                    except Exception as error:
                        failure = error  # raised outside: in here, the task groups would wrap it
                    finally:
                        with anyio.CancelScope(shield=True):
                            await self.handover.begin()
                        self._context.purchases.close()
                        watching.cancel_scope.cancel()
                        with anyio.CancelScope(shield=True):
                            await self._context.purchases.wait_for_all(_DRAIN_SECONDS)
                        if self._orders is not None:
                            self._orders.abandon()
                if self._context.role.buys:
                    await self._end_hooks(commands)
        finally:
            # Only now has the last buyer ended: until then it may have to keep a receipt.
            with self.incidents.contained("Closing the receipts of purchases"):
                self._receipts.close()
            with anyio.CancelScope(shield=True):
                await self.incidents.keep()
        if failure is not None:
            raise failure

    def _look_after_jobs(self, watching: anyio.abc.TaskGroup, commands: anyio.abc.TaskGroup) -> None:
        """Begin in `watching` what brings jobs to their end; hooks run in `commands`."""
        watching.start_soon(self._watcher.run)
        watching.start_soon(self.films.run)
        watching.start_soon(self.hooks.follow, commands)
        if self.copies is not None:
            watching.start_soon(self.copies.follow)
        if self._orders is not None:
            watching.start_soon(self._orders.run)

    async def job(self, job_id: str) -> Job:
        """Load one job. Raises JobNotFound."""
        return await self._store.read(lambda connection: job_records.find(connection, job_id))

    async def cancel(self, job_id: str) -> tuple[Job, str]:
        """Ask the provider to stop. Returns the job and, in words, what became of the money. Raises JobNotFound."""
        before = await self.job(job_id)
        job, words = await cancel(
            before, self._pool.offer(before), open_provider=self._pool.open_for, store=self._store
        )
        if not job.finished or job.version != before.version:
            self._context.events.changed(job)
        if not job.finished:
            self._watcher.look_at(job.id)
        return job, words

    async def adopt_late(self) -> None:
        """Look now, not only once an hour, for purchases that were judged not to have happened. Raises StoreError."""
        await self._watcher.adopt_late()

    def saving_progress(self, job_id: str) -> tuple[int, int | None] | None:
        """Bytes of the result fetched so far and in all (None: unknown); None while nothing is being fetched."""
        return self._saver.progress.get(job_id)

    def bell(self, job_id: str) -> AbstractContextManager[anyio.Event]:
        """Lend what is set at the next change of this job."""
        return self._context.events.bell(job_id)

    @property
    def hears(self) -> bool:
        """Whether what other processes change is heard of at once, too."""
        return self._context.events.hears

    def on_change(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback(job_id)` on the event loop after every change of a job; returns what ends it."""
        return self._context.events.on_change(callback)

    def _order_taker(self) -> OrderTaker:
        """Return what buys the orders of replicas, which only a worker has."""
        from .buying.order_taking import OrderTaker

        return OrderTaker(
            self._context,
            pool=self._pool,
            sources=lambda scope: Sources(
                ScopedStore(self._store, scope), self._context.settings, self._pool
            ),
            buyer=self.buyer,
            leases=self._leases,
            watcher=self._watcher,
        )

    @staticmethod
    def _copies(context: JobContext) -> ObjectCopies | None:
        """Return what puts videos into the object store, which few have."""
        if context.settings.object_store is None:
            return None
        from .results.object_copies import ObjectCopies

        return ObjectCopies(context)

    @cached_property
    def film_copies(self) -> FilmCopies | None:
        """The copies of films in the object store, where several machines make them; None: there are none."""
        if self._context.settings.object_store is None or not self._store.shared:
            return None
        from .results.film_copies import FilmCopies

        return FilmCopies(self._context)

    @staticmethod
    def _receipt_objects(context: JobContext) -> ReceiptObjects | None:
        """Return what keeps receipts for other machines, which few have."""
        if context.settings.object_store is None or not context.store.shared:
            return None
        from .buying.receipt_objects import ReceiptObjects

        return ReceiptObjects(context)

    async def _end_hooks(self, commands: anyio.abc.TaskGroup) -> None:
        """Run what is owed to the end, unless nobody has the time for it: then it is left to whoever lives."""
        if self._hurried:
            await self.hooks.idle(_HOOKS_SECONDS)
            commands.cancel_scope.cancel()
        else:
            with self.incidents.contained("Looking for commands to run at the end of jobs"):
                await self.hooks.start_owed(commands)
