"""Waits for films that are being made, and cancels them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from ..jobs import JobContext, JobRunner
from ..store import film_orders
from .evidence import Found
from .film import Film, FilmUpdate, update_of

_LOOK_SECONDS = 0.5
"""Jobs that another process watches change without an event here, so the database is looked at this often."""

_HEARTBEAT_SECONDS = 5.0


class Following:
    """What can be done with a film while it is being made, at whichever process."""

    def __init__(
        self,
        context: JobContext,
        runner: JobRunner,
        find: Callable[[str], Awaitable[Found]],
        shown: Callable[[Found], Awaitable[Film]],
    ) -> None:
        """`find` reads a film, and `shown` tells how far it is."""
        self._context = context
        self._store = context.store
        self._runner = runner
        self._find = find
        self._shown = shown

    async def wait(
        self, film_id: str, seconds: float, report: Callable[[FilmUpdate], Awaitable[None]] | None = None
    ) -> Film:
        """
        Wait until nothing more happens to the film by itself, at most so many seconds; it goes on either way.

        `report` is called at every change and at least every 5 seconds. Raises FilmNotFound.
        """
        deadline = anyio.current_time() + seconds
        told, told_at = "", float("-inf")
        while True:
            changed = anyio.Event()
            stop = self._context.events.on_change(lambda _, ring=changed: ring.set())
            try:
                film = await self._film(film_id)
                update, now = update_of(film), anyio.current_time()
                if report is not None and (update.words != told or now - told_at >= _HEARTBEAT_SECONDS):
                    told, told_at = update.words, now
                    await report(update)
                left = deadline - anyio.current_time()
                if not film.is_busy or left <= 0:
                    return film
                with anyio.move_on_after(min(left, _LOOK_SECONDS)):
                    await changed.wait()
            finally:
                stop()

    async def cancel(self, film_id: str) -> tuple[Film, str]:
        """
        Stop making the film: nothing more is bought, and providers are asked to stop what is under way.

        Returns it and, in words, what became of that. Finished shots are kept. Raises FilmNotFound, StoreError.
        """
        found = await self._find(film_id)
        order = found.order
        if order is None or order.ended_at is not None:
            return await self._shown(found), "Nothing of this film is being made."
        now = self._store.clock()
        await self._store.write(
            lambda connection: film_orders.end_order(connection, film_id, order.plan, "cancelled", now=now)
        )
        words = ["Nothing more is bought for this film; finished shots are kept."]
        found = await self._find(film_id)
        for take in found.takes:
            job = found.jobs.get(take.job_id or "")
            if take.order == order.plan and job is not None and not job.finished:
                _, told = await self._runner.cancel(job.id)
                named = told.replace("check_status tells", f"check_status with job_id {job.id} tells")
                words.append(f"{take.shot}: {named}")
        return await self._film(film_id), " ".join(words)

    async def _film(self, film_id: str) -> Film:
        return await self._shown(await self._find(film_id))
