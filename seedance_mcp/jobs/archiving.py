"""Moves old jobs into the archive in the background, in pieces that hold nobody up."""

from __future__ import annotations

import logging
from functools import partial

import anyio

from ..errors import StoreError
from ..store import Store, compaction
from .active_purchases import ActivePurchases

logger = logging.getLogger(__name__)

_FIRST_SECONDS = 60.0
"""After the start of a process: commands and short sessions leave the archive alone."""

_AGAIN_SECONDS = 24 * 3600.0
_EVENTS_AT_ONCE = 500
_HOLD_SECONDS = 0.008
"""For so long one piece keeps others from writing; to put it on the disk takes about as long again."""

_PATIENCE_SECONDS = 0.1
"""It waits no longer for another process that writes, because this one's calls would wait with it."""

_TRIES = 20
_PAUSE_SECONDS = 0.2
"""Between two pieces, and while something is being bought, the database is left to others."""


class Archiver:
    """What archives the old jobs of one installation; several processes may do it at once."""

    def __init__(self, store: Store, purchases: ActivePurchases) -> None:
        self._store = store
        self._purchases = purchases

    async def run(self) -> None:
        """Archive what is old, soon after the start and then once a day; does not return. Raises StoreError."""
        await anyio.sleep(_FIRST_SECONDS)
        while True:
            await self.archive_old()
            await anyio.sleep(_AGAIN_SECONDS)

    async def archive_old(self) -> None:
        """
        Archive all that is old by now; nothing, as long as a server of a version runs that cannot read it.

        Raises:
            StoreError: not now. What was archived so far stays so.
        """
        if not self._store.all_read_archive():
            logger.info("old jobs are not archived: a server of an earlier version is running")
            return
        place: int | None = 0
        while place is not None:
            now = self._store.clock()
            found = await self._store.read(
                partial(compaction.candidates, place=place, most=_EVENTS_AT_ONCE, now=now)
            )
            await self._archive(found.job_ids, now)
            place = found.place

    async def _archive(self, job_ids: tuple[str, ...], now: float) -> None:
        failures = 0
        while job_ids:
            await anyio.sleep(_PAUSE_SECONDS)
            if self._purchases:
                continue
            piece = partial(compaction.compact, job_ids=job_ids, now=now, seconds=_HOLD_SECONDS)
            try:
                looked = await self._store.write_briefly(piece, _PATIENCE_SECONDS)
            except StoreError:
                failures += 1
                if failures == _TRIES:
                    raise
            else:
                job_ids, failures = job_ids[looked:], 0
