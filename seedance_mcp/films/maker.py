"""Makes what films have ordered: starts each row when what it continues is there, joins the film, and ends the order."""

from __future__ import annotations

import logging
from functools import partial

import anyio

from ..errors import ConfigError, PlanChanged, SeedanceError, StoreError
from ..jobs import JobContext, JobRunner, ProviderPool, PurchaseFlow, Sources
from ..store import film_orders, film_outcomes
from ..texts import listed
from ..types import Draw, FilmOrder, PurchaseTerms, RowRefusal, Take
from . import evidence
from .evidence import Digests, Found
from .finishing import Finisher
from .freshness import changed_since
from .pauses import Patience, Pauses
from .requests import is_take, with_take
from .rows import is_done, is_over, is_refused, job_of, parent_of
from .turns import Turns
from .unchanged import make_sure

logger = logging.getLogger(__name__)

_AT_ONCE = 8
_DAY = 86_400.0


class Maker:
    """
    Advances the open orders. Where it dies, or several work side by side, every row is the same job all the same: its
    purchase has a name of its own (`Take.request_key`). What it remembers only saves work.
    """

    def __init__(
        self,
        context: JobContext,
        flow: PurchaseFlow,
        sources: Sources,
        digests: Digests,
        pool: ProviderPool,
        runner: JobRunner,
    ) -> None:
        self._context = context
        self._store = context.store
        self._flow = flow
        self._sources = sources
        self._digests = digests
        self._pool = pool
        self._pauses = Pauses()
        self._working = set[str]()
        self._patience = Patience()
        self._finisher = Finisher(context, sources, digests, self._patience, runner)
        self._turns = Turns(context)

    async def advance(self) -> None:
        """
        Take the next step of each open order of this process that no other call is working on. Raises StoreError.

        What goes wrong with one film is told, and tried again after a pause; no other film waits for that.
        """
        now = self._store.clock()
        to_make = partial(film_orders.orders_to_make, machines=self._context.film_machines)
        orders = await self._store.read(to_make)
        if any(order.reserved_at <= now - _DAY for order in orders):
            await self._store.write(lambda connection: film_orders.end_expired(connection, now=now))
            orders = await self._store.read(to_make)
        for order in orders:
            if order.film_id in self._working:
                await self._turns.has(order)  # joining may outlast the lease
                continue
            if self._pauses.last(order.film_id) or not await self._turns.has(order):
                continue
            self._working.add(order.film_id)
            try:
                await self._advance(order)
            except Exception as error:
                self._note(f"Making film {order.film_id}", error)
                self._pauses.begin(order.film_id)
            else:
                self._pauses.end(order.film_id)
            finally:
                self._working.discard(order.film_id)
        await self._turns.end_all_but(orders)

    async def _advance(self, order: FilmOrder) -> None:
        found = await evidence.find(self._store, self._digests, order.film_id)
        rows = [take for take in found.takes if take.order == order.plan]
        waiting = [take for take in rows if self._is_ready(take, found)]
        ready = [take for take in waiting if await self._may_buy(take)]
        if ready:
            limiter = anyio.CapacityLimiter(_AT_ONCE)
            async with anyio.create_task_group() as tasks:
                for take in ready:
                    tasks.start_soon(self._start, take, found, limiter)
            return
        if waiting:  # for a process that has the key to buy them
            await self._turns.leave(order)
        if all(is_over(take, found) for take in rows):
            await self._finisher.end(order, found, rows)

    def _is_ready(self, take: Take, found: Found) -> bool:
        """Whether a row can be bought now: it is not, and what it continues is there."""
        if take.job_id is not None or is_refused(take, found) or self._pauses.last(self._key(take)):
            return False
        parent = parent_of(take, found)
        return take.parent is None or (parent is not None and is_done(parent, found))

    async def rows_of_other_accounts(self, found: Found) -> list[str]:
        """Say which rows of the open order are not bought here: what was agreed to is paid from another account."""
        open_plans = {order.plan for order in found.orders if order.ended_at is None}
        return [
            f"shot {take.shot} is bought from an account of {take.request.provider} whose key is not set here: the program that"
            " has that key goes on with it."
            for take in found.takes
            if take.order in open_plans and take.job_id is None and not await self._is_mine(take)
        ]

    async def _may_buy(self, take: Take) -> bool:
        """
        Whether a row is for this process to buy: it has the account with which it was ordered, and may read its files. One
        without that key, or with another's, would refuse the row for good, or have somebody else pay for it.
        """
        return await self._is_mine(take) and await self._may_read(take)

    async def _is_mine(self, take: Take) -> bool:
        return await self._pool.is_mine(take.request.provider or "", take.account, take.base_url)

    async def _may_read(self, take: Take) -> bool:
        """
        Whether this process may read the files that a row names. The terminal's may read what the person's document names;
        a server or a watcher that may not leaves the row to it.
        """
        return all(
            [
                await self._sources.may_read(source)
                for _, _, source in take.request.media()
                if not is_take(source)
            ]
        )

    async def _start(self, take: Take, found: Found, limiter: anyio.CapacityLimiter) -> None:
        parent = parent_of(take, found)
        request = take.request if parent is None else with_take(take.request, parent.job_id or "")
        terms = PurchaseTerms(
            request_key=take.request_key,
            draws_on=Draw(film_id=take.film_id, shot=take.shot, take=take.number),
        )
        # A purchase that provably was not sent leaves the row without a job: it is not begun again at once.
        self._pauses.begin(self._key(take))
        async with limiter:
            try:
                changed = changed_since(take.inputs, found.document, take.shot, media=found.media)
                if changed:
                    raise _Changed(f"It is another shot than was agreed to: {listed(changed)}.")
                before = job_of(parent, found) if parent is not None else None
                if before is not None and before.id in found.missing:
                    found = await evidence.fetch_clips(found, [before.id], self._sources)
                    before, why = found.jobs[before.id], found.missing.get(before.id)
                    if why is not None:
                        if self._patience.may_come([why], found):
                            return
                        raise why
                if parent is not None and before is not None and before.artifacts is not None:
                    await make_sure({parent.shot: before.artifacts}, continued=True)
                await self._flow.run(request, terms)
            except (StoreError, ConfigError) as error:
                # A folder or a setting of this process says nothing about the row: it may be another's that buys it.
                logger.warning("shot %s of %s waits: %s", take.shot, take.film_id, error.message)
            except SeedanceError as error:
                await self._refuse(take, error)
                logger.info("shot %s of %s cannot be bought: %s", take.shot, take.film_id, error.message)
            except Exception as error:  # the other shots go on
                if not self._context.purchases.is_open:
                    return  # this process ends, and the next one buys it
                self._note(f"Buying shot {take.shot} of film {take.film_id}", error)

    async def _refuse(self, take: Take, error: SeedanceError) -> None:
        refusal = RowRefusal(
            film_id=take.film_id,
            shot=take.shot,
            take=take.number,
            code=error.code,
            message=error.message,
            hint=error.hint,
            at=self._store.clock(),
        )
        try:
            await self._store.write(partial(film_outcomes.refuse, refusal=refusal))
        except StoreError as failed:  # then it is tried again
            logger.warning("why shot %s was not bought cannot be kept: %s", take.shot, failed.message)

    def _note(self, doing: str, error: Exception) -> None:
        self._context.incidents.note(doing, error, person=self._store.scope.person)

    @staticmethod
    def _key(take: Take) -> tuple[str, str, int]:
        return take.film_id, take.shot, take.number


class _Changed(SeedanceError):
    """The document was changed after its plan was agreed to."""

    code = PlanChanged.code
    default_hint = "Plan the film anew; nothing was spent on this shot."
