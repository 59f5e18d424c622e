"""The questions that wait for a person, and what the person answers."""

from __future__ import annotations

from functools import partial

from ...store import Declined, Store, confirmations
from ...types import Question


class Questions:
    """The prices that a person was asked about; each has a code, and is open for 15 minutes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, code: str) -> Question | None:
        """Return what a person was asked under this code; None if it is unknown, used up, or older than 15 minutes."""
        return await self._store.read(partial(confirmations.asked, code=code, now=self._store.clock()))

    async def approve(self, code: str) -> bool:
        """Note that the person agrees to what was asked under this code. False if the question is no longer open."""
        return await self._store.write(partial(confirmations.approve, code=code, now=self._store.clock()))

    async def decline(self, code: str) -> Declined | None:
        """Note a no to what was asked under this code; see `confirmations.decline`."""
        return await self._store.write(partial(confirmations.decline, code=code, now=self._store.clock()))

    async def bought_on(self, code: str) -> str | None:
        """Name the job that was bought on an agreement to the question of this code; None if nothing was."""
        return await self._store.read(partial(confirmations.bought_on, code=code))
