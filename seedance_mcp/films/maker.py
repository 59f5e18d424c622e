"""Makes what films have ordered: starts each row when what it continues is there, joins the film, and ends the order."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import partial

import anyio
import anyio.to_thread

from ..backoff import exponential
from ..errors import ConfigError, MediaError, PlanChanged, SeedanceError, StoreError
from ..jobs import JobContext, ProviderPool, PurchaseFlow, Sources
from ..store import Connection, film_orders, film_outcomes, films, joining
from ..texts import listed
from ..types import FINISHED_STATES, Draw, FilmOrder, Job, JobState, OrderEnd, PurchaseTerms, RowRefusal, Take
from . import evidence
from .clips import lost_clips
from .evidence import Digests, Found
from .film import join_that_stands, lies_whole
from .freshness import changed_since
from .joining import join_film, made_of
from .named import placed
from .requests import is_take, with_take
from .states import ShotState, shot_states
from .unchanged import make_sure

logger = logging.getLogger(__name__)

_AT_ONCE = 8
_DAY = 86_400.0
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_PATIENCE_SECONDS = 60.0
"""For how long a film waits for another process that joins it, which may be suspended, and for clips of other machines."""

_FAILED_FOR_GOOD = FINISHED_STATES - {JobState.DONE}


class Maker:
    """
    Advances the open orders. Where it dies, or several work side by side, every row is the same job all the same: its
    purchase has a name of its own (`Take.request_key`). What it remembers only saves work.
    """

    def __init__(
        self, context: JobContext, flow: PurchaseFlow, sources: Sources, digests: Digests, pool: ProviderPool
    ) -> None:
        self._context = context
        self._store = context.store
        self._flow = flow
        self._sources = sources
        self._digests = digests
        self._pool = pool
        self._pauses = _Pauses()
        self._working = set[str]()
        self._waiting_since: dict[tuple[str, str], float] = {}

    async def advance(self) -> None:
        """
        Take the next step of each open order of this machine that no other call is working on. Raises StoreError.

        What goes wrong with one film is told, and tried again after a pause; no other film waits for that.
        """
        now = self._store.clock()
        to_make = partial(film_orders.orders_to_make, machine=self._store.machine)
        orders = await self._store.read(to_make)
        if any(order.reserved_at <= now - _DAY for order in orders):
            await self._store.write(lambda connection: film_orders.end_expired(connection, now=now))
            orders = await self._store.read(to_make)
        for order in orders:
            if order.film_id in self._working or self._pauses.last(order.film_id):
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

    async def _advance(self, order: FilmOrder) -> None:
        found = await evidence.find(self._store, self._digests, order.film_id)
        rows = [take for take in found.takes if take.order == order.plan]
        ready = [take for take in rows if self._is_ready(take, found) and await self._may_buy(take)]
        if ready:
            limiter = anyio.CapacityLimiter(_AT_ONCE)
            async with anyio.create_task_group() as tasks:
                for take in ready:
                    tasks.start_soon(self._start, take, found, limiter)
            return
        if all(self._is_over(take, found) for take in rows):
            await self._end(order, found, rows)

    def _is_ready(self, take: Take, found: Found) -> bool:
        """Whether a row can be bought now: it is not, and what it continues is there."""
        if take.job_id is not None or _is_refused(take, found) or self._pauses.last(self._key(take)):
            return False
        parent = _parent(take, found)
        return take.parent is None or (parent is not None and _is_done(parent, found))

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

    async def _may_hear(self, found: Found) -> bool:
        """Whether this process may read the film's music, if it has any."""
        music = found.document.music
        return music is None or await self._sources.may_read(placed(music.file, found.record.folder))

    def _is_over(self, take: Take, found: Found) -> bool:
        """Whether nothing more comes of a row: its job has ended, or it can never be bought."""
        job = _job(take, found)
        if job is not None:
            return job.finished
        if _is_refused(take, found):
            return True
        parent = _parent(take, found)
        return parent is not None and self._is_lost(parent, found)

    def _is_lost(self, take: Take, found: Found) -> bool:
        """Whether a row will have no video that others could continue."""
        job = _job(take, found)
        if job is not None:
            return job.state in _FAILED_FOR_GOOD
        if _is_refused(take, found):
            return True
        parent = _parent(take, found)
        return parent is not None and self._is_lost(parent, found)

    async def _start(self, take: Take, found: Found, limiter: anyio.CapacityLimiter) -> None:
        parent = _parent(take, found)
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
                before = _job(parent, found) if parent is not None else None
                if before is not None and before.id in found.missing:
                    found = await evidence.fetch_clips(found, [before.id], self._sources)
                    before, why = found.jobs[before.id], found.missing.get(before.id)
                    if why is not None:
                        if self._may_come([why], take.film_id):
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

    async def _end(self, order: FilmOrder, found: Found, rows: list[Take]) -> None:
        # Another process may have moved on: only what is there now can be joined.
        found = await evidence.find(self._store, self._digests, order.film_id)
        rows = [_now(take, found) for take in rows]
        if not all(self._is_over(take, found) for take in rows):
            return
        found = await evidence.with_clips(found, order.quality, self._sources)
        states = shot_states(found.document, found.evidence(order.quality))
        made = all(_is_done(take, found) for take in rows)
        ended: OrderEnd = "done" if made and all(state.is_usable for state in states) else "stopped"
        lacking = [found.missing.get(state.job.id) for state in states if state.job is not None]
        if ended == "done" and (not await self._may_hear(found) or self._may_come(lacking, order.film_id)):
            return
        with joining(self._context.settings.state_dir, order.film_id) as alone:
            join: film_outcomes.Join | None = None
            if ended == "done":
                if not alone and not self._has_waited("join", order.film_id):
                    return
                current = await self._store.read(
                    partial(film_orders.find, film_id=order.film_id, plan=order.plan)
                )
                if current is None or current.ended_at is not None:
                    return
                join = await self._join(order, found, states)
            now = self._store.clock()
            await self._store.write(
                partial(_end_order, order=order, rows=rows, ended=ended, join=join, now=now)
            )
        for what in ("join", "clips"):
            self._waiting_since.pop((what, order.film_id), None)

    def _may_come(self, lacking: Sequence[MediaError | None], film_id: str) -> bool:
        """Whether clips of another machine are not in the object store yet, and have not been waited for too long."""
        return any(why is not None and why.retryable for why in lacking) and not self._has_waited(
            "clips", film_id
        )

    def _has_waited(self, what: str, film_id: str) -> bool:
        """Whether a film has waited too long for others: for who joins it, or for clips that another machine saved."""
        now = anyio.current_time()
        return now - self._waiting_since.setdefault((what, film_id), now) >= _PATIENCE_SECONDS

    async def _join(self, order: FilmOrder, found: Found, states: Sequence[ShotState]) -> film_outcomes.Join:
        """
        Join the film, and tell what came of it or why that cannot be: its shots are there, and joining again is free.

        Where it is joined of just these already, that stays.
        """
        shown = [replace(state, job=_shown(state.chosen, found)) for state in states]
        stands = await self._stands(order, found, shown)
        if stands is not None and await anyio.to_thread.run_sync(lies_whole, found, order.quality):
            return stands
        join = film_outcomes.Join(
            film_id=order.film_id,
            quality=order.quality,
            made_of=made_of(found.document, shown),
            at=self._store.clock(),
        )
        if found.missing:
            lost = await anyio.to_thread.run_sync(lambda: [*lost_clips(shown, found.evidence(order.quality))])
            if lost:
                return replace(join, problem=" ".join(lost))
        try:
            advice = await join_film(
                found.record, found.document, shown, quality=order.quality, sources=self._sources
            )
        except Exception as error:
            self._note(f"Joining film {order.film_id}", error)
            if stands is not None:  # it was only for what lies beside it
                return stands
            words = (
                f"{error.message} {error.hint}".strip()
                if isinstance(error, SeedanceError)
                else f"something went wrong inside the server ({type(error).__name__}), and its log tells what"
            )
            return replace(join, problem=words)
        return replace(join, advice=advice)

    @staticmethod
    async def _stands(
        order: FilmOrder, found: Found, states: Sequence[ShotState]
    ) -> film_outcomes.Join | None:
        """Return the join that there is of these takes, if its film is there and they are as they were bought."""
        videos = {state.shot: state.job.artifacts for state in states if state.job and state.job.artifacts}
        try:
            await make_sure(videos)
        except MediaError:  # told by joining them
            return None
        return await anyio.to_thread.run_sync(join_that_stands, found, order.quality, states)

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


class _Pauses:
    """After which moment something is tried again: later after each failure. For this process alone, by its own clock."""

    def __init__(self) -> None:
        self._failures: dict[Hashable, int] = {}
        self._until: dict[Hashable, float] = {}

    def begin(self, what: Hashable) -> None:
        """Begin the next pause, a longer one than before."""
        self._failures[what] = self._failures.get(what, 0) + 1
        self._until[what] = anyio.current_time() + exponential(
            _FIRST_PAUSE, self._failures[what], longest=_LONGEST_PAUSE
        )

    def last(self, what: Hashable) -> bool:
        """Return whether it is too early."""
        return anyio.current_time() < self._until.get(what, 0.0)

    def end(self, what: Hashable) -> None:
        """Forget its failures."""
        self._failures.pop(what, None)
        self._until.pop(what, None)


def _end_order(
    connection: Connection,
    *,
    order: FilmOrder,
    rows: Sequence[Take],
    ended: OrderEnd,
    join: film_outcomes.Join | None,
    now: float,
) -> None:
    """
    End an order, unless one of its rows has another job by now, or none: then it goes on.

    What came of joining the film is kept in any case.
    """
    if join is not None:
        film_outcomes.keep_join(connection, join)
    current = {(take.shot, take.number): take.job_id for take in films.takes(connection, order.film_id)}
    if all(current[take.shot, take.number] == take.job_id for take in rows):
        film_orders.end_order(connection, order.film_id, order.plan, ended, now=now)


def _now(take: Take, found: Found) -> Take:
    return next((one for one in found.takes if (one.shot, one.number) == (take.shot, take.number)), take)


def _parent(take: Take, found: Found) -> Take | None:
    return next(
        (one for one in found.takes if (one.shot, one.number) == (take.parent, take.parent_take)), None
    )


def _job(take: Take, found: Found) -> Job | None:
    return found.jobs.get(take.job_id) if take.job_id is not None else None


def _shown(take: Take | None, found: Found) -> Job | None:
    return None if take is None else _job(take, found)


def _is_refused(take: Take, found: Found) -> bool:
    return any((one.shot, one.take) == (take.shot, take.number) for one in found.refusals)


def _is_done(take: Take, found: Found) -> bool:
    job = _job(take, found)
    return job is not None and job.state is JobState.DONE
