"""Whose turn it is to make a film that any worker may make: one does, until it is dead or stands still."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ..jobs import JobContext
from ..store import film_leases
from ..types import FilmOrder
from .pauses import Pauses


class Turns:
    """
    The leases of this process on films. They only save work: what two do at once is one film all the same.

    Films of a machine have none: all processes of a machine make them together.
    """

    def __init__(self, context: JobContext) -> None:
        self._store = context.store
        self._until: dict[str, float] = {}
        self._left = Pauses()

    async def has(self, order: FilmOrder) -> bool:
        """Return whether it is this process's turn, which is taken or kept on. Raises StoreError."""
        if not order.is_for_workers:
            return True
        film_id, now, ownership = order.film_id, self._store.clock(), self._store.ownership
        if self._left.last(film_id):
            return False
        if self._until.get(film_id, 0.0) > now + film_leases.LEASE_SECONDS / 2:
            return True
        asked = {"film_id": film_id, "me": ownership.instance, "at_work": ownership.at_work, "now": now}
        if await self._store.read(partial(film_leases.is_elsewhere, **asked)):
            self._until.pop(film_id, None)
            return False
        end = await self._store.write(partial(film_leases.take, **asked))
        if end is None:
            self._until.pop(film_id, None)
            return False
        self._until[film_id] = end
        return True

    async def leave(self, order: FilmOrder) -> None:
        """Leave a film to others for a while, of which this process can buy nothing now. Raises StoreError."""
        if order.is_for_workers:
            self._left.begin(order.film_id)
            await self._give_up(order.film_id)

    async def end_all_but(self, orders: Iterable[FilmOrder]) -> None:
        """Give up the leases of films that are not made any more. Raises StoreError."""
        still = {order.film_id for order in orders}
        for film_id in [film_id for film_id in self._until if film_id not in still]:
            await self._give_up(film_id)
            self._left.end(film_id)

    async def _give_up(self, film_id: str) -> None:
        self._until.pop(film_id, None)
        me = self._store.ownership.instance
        await self._store.write(partial(film_leases.give_up, film_id=film_id, me=me))
