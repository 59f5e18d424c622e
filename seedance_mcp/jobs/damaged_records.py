"""Jobs whose records cannot be read: searched for through the whole database in pieces, told without such a search."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio

from ..store import Connection, Damaged, Store, job_records

_AT_ONCE = 50
"""Records that a server looks through while its calls wait for the database: some thousandths of a second."""

_PAUSE_SECONDS = 0.005
"""Between two such looks the database is left to its calls."""

_AT_ONCE_IN_A_HURRY = 2000


class DamagedRecords:
    """The damaged records of one installation, as far as this process knows them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[str, Damaged] = {}
        self._place: int | None = job_records.BEFORE_THE_FIRST

    async def search(self, store: Store) -> list[Damaged]:
        """Look through every record in the scope of a store; return the damaged ones, newest first. Raises StoreError."""
        found: list[Damaged] = []
        place: int | None = job_records.BEFORE_THE_FIRST
        while place is not None:
            some, place = await self._look(store, place, _AT_ONCE_IN_A_HURRY)
            found += some
        return found[::-1]

    async def search_on(self) -> AsyncIterator[Damaged]:
        """
        Go on looking through every record that was there at the start, the oldest first, in pieces that hold up nobody.

        Raises:
            StoreError: not now. What was found so far stays known, and the next search goes on behind it.
        """
        while self._place is not None:
            some, self._place = await self._look(self._store, self._place, _AT_ONCE)
            self._found |= {one.job_id: one for one in some}
            for one in some:
                yield one
            await anyio.sleep(_PAUSE_SECONDS)

    async def note(self, job_id: str) -> None:
        """Take in that a record could not be read when it was needed. Raises StoreError."""
        damaged = await self._store.read(lambda connection: job_records.damaged_one(connection, job_id))
        if damaged is not None:
            self._found[job_id] = damaged

    async def known(self, newest: int, store: Store) -> list[Damaged]:
        """
        Return those that were found by `search_on` or noted, and those among so many of the newest, which come first; all of
        them in the scope of a store.

        Until the search is over, the open jobs are looked at as well; later, whoever follows them notes what is damaged.
        Raises StoreError.
        """
        found = list(self._found)

        def look(connection: Connection) -> tuple[list[Damaged], dict[str, str]]:
            now = job_records.damaged_now(connection, newest, open_too=not self.searched)
            return now, job_records.people_of(connection, found) if found else {}

        now, theirs = await store.read(look)
        near = {one.job_id: one for one in now}
        others = (one for one in reversed(self._found.values()) if one.job_id not in near)
        return [*now, *(one for one in others if one.job_id in theirs)]

    @property
    def searched(self) -> bool:
        """Whether `search_on` has come to the end."""
        return self._place is None

    @staticmethod
    async def _look(store: Store, place: int, most: int) -> tuple[list[Damaged], int | None]:
        return await store.read(lambda connection: job_records.damaged_after(connection, place, most))
