"""Jobs whose records cannot be read: searched for through the whole database in pieces, told without such a search."""

from __future__ import annotations

import anyio

from ..store import Damaged, Store, job_records

_AT_ONCE = 50
"""Records that are looked through while others wait for the database: some thousandths of a second."""

_PAUSE_SECONDS = 0.005
"""Between two such looks the database is left to others."""


class DamagedRecords:
    """The damaged records of one installation, as far as this process knows them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[str, Damaged] = {}

    async def search(self) -> list[Damaged]:
        """Look through every record, the oldest first; return the damaged ones, the newest first. Raises StoreError."""
        found: dict[str, Damaged] = {}
        after: int | None = 0
        while after is not None:
            place = after
            some, after = await self._store.read(
                lambda connection, place=place: job_records.damaged_after(connection, place, _AT_ONCE)
            )
            found |= {one.job_id: one for one in some}
            await anyio.sleep(_PAUSE_SECONDS)
        self._found = found
        return list(reversed(found.values()))

    async def known(self, newest: int) -> list[Damaged]:
        """
        Return those that the last search found, those among the open jobs, and those among so many of the newest.

        The newest come first. What it takes does not grow with the number of finished jobs. Raises StoreError.
        """
        now = await self._store.read(lambda connection: job_records.damaged_now(connection, newest))
        near = {one.job_id: one for one in now}
        return [*now, *(one for one in reversed(self._found.values()) if one.job_id not in near)]
