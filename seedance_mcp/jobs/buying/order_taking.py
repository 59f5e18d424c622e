"""Buys in this process what replicas have reserved for whichever worker takes it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import anyio

from ...errors import ConfigError, OtherAccount, StoreError, SubmissionNotSent
from ...providers import Provider
from ...store import Leases, budget, job_records, transitions
from ...types import Job, JobState, MediaFile, Scope
from ..context import JobContext
from ..inputs.sources import Sources
from ..pool.provider_pool import ProviderPool
from ..watcher import Watcher
from .preflight import preflight
from .submission import Buyer

if TYPE_CHECKING:
    from ...catalog import Offer

logger = logging.getLogger(__name__)

_AT_ONCE = 24
"""So many orders are bought at the same time; the rest is left to other workers, or waits, the oldest first."""

_LOOK_SECONDS, _LOOK_ANYHOW_SECONDS = 0.5, 5.0
"""How often it is looked for orders; the second where it is heard of each. What a dead worker had taken is found so."""

_SHORTEST_SECONDS = 0.02
"""Between two looks, however much is heard."""

_NOT_HERE_SECONDS = 30.0
"""How long an order is left alone that cannot be bought with the keys and the catalogue of this process."""

_LATEST_SECONDS = 3600.0
"""An order that nobody has taken for so long is not bought any more: whoever wanted it does not expect that."""


class OrderTaker:
    """
    Takes jobs that wait for a worker, those of its accounts, the oldest first.

    That each is bought once rests on the step from `reserved` to `sending`, which only one process can take; the lease
    before it saves others the work. A worker that dies before that step leaves an order that the next one takes.
    """

    def __init__(
        self,
        context: JobContext,
        *,
        pool: ProviderPool,
        sources: Callable[[Scope], Sources],
        buyer: Buyer,
        leases: Leases,
        watcher: Watcher,
    ) -> None:
        """`sources` reads the media of a person's orders."""
        self._context = context
        self._store = context.store
        self._pool = pool
        self._sources = sources
        self._buyer = buyer
        self._leases = leases
        self._watcher = watcher
        self._buying: dict[str, anyio.CancelScope] = {}
        self._left_until: dict[str, float] = {}
        self._bell = anyio.Event()

    async def run(self) -> None:
        """Work until cancelled. Whatever raises, the rest goes on."""
        stop = self._context.events.on_change(lambda _: self._bell.set())
        try:
            while True:
                self._bell = anyio.Event()
                with self._context.incidents.contained("Looking for orders"):
                    await self._look()
                await anyio.sleep(_SHORTEST_SECONDS)
                pause = _LOOK_ANYHOW_SECONDS if self._context.events.hears else _LOOK_SECONDS
                with anyio.move_on_after(pause):
                    await self._bell.wait()
        finally:
            stop()

    def abandon(self) -> None:
        """Stop preparing what is not sent yet: it stays an order, and another worker takes it."""
        for scope in self._buying.values():
            scope.cancel()

    async def _look(self) -> None:
        for job_id in list(self._buying):  # a large upload may outlast the lease
            await self._leases.take(job_id)
        now = anyio.current_time()
        self._left_until = {job_id: end for job_id, end in self._left_until.items() if end > now}
        for order in await self._store.read(self._leases.orders):
            if len(self._buying) >= _AT_ONCE or not self._context.purchases.is_open:
                return
            if order.elsewhere or order.id in self._buying or order.id in self._left_until:
                continue
            # Whatever stands in the way now is not tried again at every change of any job.
            self._left_until[order.id] = now + _LOOK_ANYHOW_SECONDS
            with self._context.incidents.contained("Taking the order", order.id):
                await self._take(order.id)

    async def _take(self, job_id: str) -> None:
        job = await self._store.read(partial(job_records.find, job_id=job_id))
        if not job.waits_for_worker:
            return
        if self._store.clock() - job.created_at > _LATEST_SECONDS:
            late = SubmissionNotSent(
                "No worker has taken the order within an hour.",
                hint="See that `seedance-mcp work` runs. Submit it again.",
            )
            await self._buyer.refuse(job, late)
            return
        if not job.maximum.is_free and await self._store.read(budget.spending_stopped):
            return
        try:
            offer, provider = self._pool.offer(job), await self._pool.open_for(job)
        except (OtherAccount, ConfigError) as error:
            logger.info("%s is left to other workers: %s", job_id, error.message)
            self._left_until[job_id] = anyio.current_time() + _NOT_HERE_SECONDS
            return
        await preflight(self._context, paid=not offer.provider.placeholder)
        await self._buyer.prepare()
        # Before it is named who owns the purchase: that may be another from here on.
        await self._store.ensure_sound()
        if not await self._leases.take(job_id):
            return
        self._context.purchases.begin(job_id)
        self._buying[job_id] = anyio.CancelScope(shield=True)
        self._context.purchases.start(self._buy, job, offer, provider)

    async def _buy(self, job: Job, offer: Offer, provider: Provider) -> None:
        """Buy what was taken. Never raises; until it is sent it can be abandoned, and stays an order then."""
        incidents = self._context.incidents
        with self._buying[job.id]:
            try:
                with incidents.contained("Buying it", job.id):
                    job = await self._bought(job, offer, provider)
            finally:
                del self._buying[job.id]
                self._context.purchases.end(job.id)
                self._bell.set()
                if job.finished:
                    self._leases.let_go(job.id)
                elif job.state is not JobState.RESERVED:
                    self._watcher.follow(job)
        await incidents.keep()

    async def _bought(self, job: Job, offer: Offer, provider: Provider) -> Job:
        try:
            return await self._buyer.buy_order(job, offer, partial(self._media, job, offer), provider)
        except (StoreError, transitions.Stale) as error:
            logger.info("%s was not sent by this worker: %s", job.id, error)
            # Another has taken or ended it; or it waits on, and the next look finds it.
            return await self._store.read(partial(job_records.find, job_id=job.id))

    async def _media(self, job: Job, offer: Offer) -> Mapping[str, MediaFile]:
        """Check the media of an order on this machine. Raises InvalidRequest, JobNotFinished: they cannot be had here."""
        if offer.drafts is not None and offer.drafts.finish in job.request.provider_options:
            return {}  # what goes in went in with the draft
        media, trouble = await self._sources(Scope(person=job.person)).load(job.request)
        if trouble is not None:
            raise trouble
        return media
