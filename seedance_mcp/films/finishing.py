"""Ends the order of a film whose rows have come to an end: joins the film, and keeps what came of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import anyio.to_thread

from ..errors import MediaError, SeedanceError
from ..jobs import JobContext, Sources
from ..store import Connection, film_orders, film_outcomes, films, joining
from ..types import FilmOrder, Job, OrderEnd, Take
from . import evidence
from .clips import lost_clips
from .evidence import Digests, Found
from .film import join_that_stands, lies_whole
from .joining import join_film, made_of
from .named import placed
from .pauses import Patience
from .rows import is_done, is_over, job_of, now_of
from .states import ShotState, shot_states
from .unchanged import make_sure


class Finisher:
    """Joins films of which every row has ended. Joining twice harms nothing, and is only work."""

    def __init__(self, context: JobContext, sources: Sources, digests: Digests, patience: Patience) -> None:
        self._context = context
        self._store = context.store
        self._sources = sources
        self._digests = digests
        self._patience = patience

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
        if ended == "done" and (
            not await self._may_hear(found) or self._patience.may_come(lacking, order.film_id)
        ):
            return
        with joining(self._context.settings.state_dir, order.film_id) as alone:
            join: film_outcomes.Join | None = None
            if ended == "done":
                if not alone and not self._patience.is_over("join", order.film_id):
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
        self._patience.end(order.film_id)

    async def _may_hear(self, found: Found) -> bool:
        """Whether this process may read the film's music, if it has any."""
        music = found.document.music
        return music is None or await self._sources.may_read(placed(music.file, found.record.folder))

    async def _join(self, order: FilmOrder, found: Found, states: Sequence[ShotState]) -> film_outcomes.Join:
        """
        Join the film, and tell what came of it or why that cannot be: its shots are there, and joining again is free.

        Where it is joined of just these already, that stays.
        """
        shown = [replace(state, job=_shown(state, found)) for state in states]
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


def _shown(state: ShotState, found: Found) -> Job | None:
    return None if state.chosen is None else job_of(state.chosen, found)
