"""Ends the order of a film whose rows have come to an end: joins the film, and keeps what came of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import anyio.to_thread

from ..errors import MediaError, SeedanceError
from ..jobs import JobContext, JobRunner, Sources
from ..store import Connection, film_orders, film_outcomes, films, joining
from ..types import FilmOrder, Job, OrderEnd, Take
from . import evidence
from .clips import lost_clips
from .cuts import Cuts
from .evidence import Digests, Found
from .film import join_of_now, join_that_stands, lies_whole
from .joining import join_film, made_of
from .named import placed
from .pauses import Patience
from .rows import is_done, is_over, job_of, now_of
from .states import ShotState, shot_states
from .unchanged import make_sure


class Finisher:
    """Joins films of which every row has ended. Joining twice harms nothing, and is only work."""

    def __init__(
        self,
        context: JobContext,
        sources: Sources,
        digests: Digests,
        patience: Patience,
        runner: JobRunner,
    ) -> None:
        self._context = context
        self._store = context.store
        self._sources = sources
        self._digests = digests
        self._patience = patience
        self._cuts = Cuts(runner)

    async def end(self, order: FilmOrder, found: Found, rows: list[Take]) -> None:
        """End an order, unless something of it goes on after all, or has to be waited for. Raises StoreError, MediaError."""
        # Another process may have moved on: only what is there now can be joined.
        found = await evidence.find(self._store, self._digests, order.film_id)
        rows = [now_of(take, found) for take in rows]
        if not all(is_over(take, found) for take in rows):
            return
        found = await evidence.with_clips(found, order.quality, self._sources)
        states = shot_states(found.document, found.evidence(order.quality))
        made = all(is_done(take, found) for take in rows)
        ended: OrderEnd = "done" if made and all(state.is_usable for state in states) else "stopped"
        lacking = [found.missing.get(state.job.id) for state in states if state.job is not None]
        if ended == "done" and (not await self._may_hear(found) or self._patience.may_come(lacking, found)):
            return
        with joining(self._context.settings.state_dir, order.film_id) as alone:
            join: film_outcomes.Join | None = None
            if ended == "done":
                if not alone and not self._patience.is_over(order.film_id):
                    return
                current = await self._store.read(
                    partial(film_orders.find, film_id=order.film_id, plan=order.plan)
                )
                if current is None or current.ended_at is not None:
                    return
                join = await self._join(order, found, states)
                if join is None:
                    return
            now = self._store.clock()
            kept = await self._store.write(
                partial(_end_order, order=order, rows=rows, ended=ended, join=join, now=now)
            )
            await self._cuts.forget(found, order, kept=kept)
        self._patience.end(order.film_id)

    async def _may_hear(self, found: Found) -> bool:
        """Whether this process may read the film's music, if it has any."""
        music = found.document.music
        return music is None or await self._sources.may_read(placed(music.file, found.record.folder))

    async def _join(
        self, order: FilmOrder, found: Found, states: Sequence[ShotState]
    ) -> film_outcomes.Join | None:
        """
        Join the film, and tell what came of it or why that cannot be: its shots are there, and joining again is free.

        Where it is joined of just these already, that stays. None: the object store does not have its copies yet.
        """
        shown = [replace(state, job=_shown(state, found)) for state in states]
        stands = await self._stands(order, found, shown)
        before = found.joins.get(order.quality)
        if stands is not None and (
            found.is_by_workers or await anyio.to_thread.run_sync(lies_whole, found, order.quality)
        ):
            return stands
        join = film_outcomes.Join(
            film_id=order.film_id,
            quality=order.quality,
            made_of=made_of(found.document, shown),
            at=self._store.clock(),
            cut=before.cut
            if before is not None and found.is_by_workers
            else None,  # for as long as there is no other
        )
        if found.missing:
            lost = await anyio.to_thread.run_sync(lambda: [*lost_clips(shown, found.evidence(order.quality))])
            if lost:
                return replace(join, problem=" ".join(lost))
        try:
            if found.is_by_workers:
                return await self._cuts.joined(join, found, shown, self._sources)
            advice = await join_film(
                found.record, found.document, shown, quality=order.quality, sources=self._sources
            )
        except Exception as error:
            self._context.incidents.note(
                f"Joining film {order.film_id}", error, person=self._store.scope.person
            )
            if stands is not None:  # it was only for what lies beside it
                return stands
            words = (
                f"{error.message} {error.hint}".strip()
                if isinstance(error, SeedanceError)
                else f"something went wrong inside the server ({type(error).__name__}), and its log tells what"
            )
            return replace(join, problem=words)
        return replace(join, advice=advice)

    async def _stands(
        self, order: FilmOrder, found: Found, states: Sequence[ShotState]
    ) -> film_outcomes.Join | None:
        """Return the join that there is of these takes, if its film is there and they are as they were bought."""
        videos = {state.shot: state.job.artifacts for state in states if state.job and state.job.artifacts}
        try:
            await make_sure(videos)
        except MediaError:  # told by joining them
            return None
        if found.is_by_workers:
            return await self._cuts.that_stands(join_of_now(found, order.quality, states), found)
        return await anyio.to_thread.run_sync(join_that_stands, found, order.quality, states)


def _end_order(
    connection: Connection,
    *,
    order: FilmOrder,
    rows: Sequence[Take],
    ended: OrderEnd,
    join: film_outcomes.Join | None,
    now: float,
) -> bool:
    """
    End an order, unless one of its rows has another job by now, or none: then it goes on. Tells whether this has ended it.

    What came of joining the film is kept in any case, as it is in the place of the file that was there. What a worker joined is
    a file of its own: it is the film only if nobody else has ended the order meanwhile, while this one stood still, perhaps.
    """
    current = {(take.shot, take.number): take.job_id for take in films.takes(connection, order.film_id)}
    has_ended = all(
        current[take.shot, take.number] == take.job_id for take in rows
    ) and film_orders.end_order(connection, order.film_id, order.plan, ended, now=now)
    if join is not None and (has_ended or not order.is_for_workers):
        film_outcomes.keep_join(connection, join)
    return has_ended


def _shown(state: ShotState, found: Found) -> Job | None:
    return None if state.chosen is None else job_of(state.chosen, found)
