"""
Which process stays to bring open jobs to their end: at most one that is needed, and never none.

Two at once would only ask too often; a job moves by compare-and-swap, whoever moves it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from functools import partial

import anyio

from ..errors import StoreError
from ..store import Connection, Holder, Store, watcher_lease

logger = logging.getLogger(__name__)

_BEAT_SECONDS = 2.0
_STILL_SECONDS = 10.0
"""Whoever has not beaten for so long stands still: it was suspended, or the machine is too busy to tell."""

_LOOK_SECONDS = 0.25
_IDLE_SECONDS = 1.0


class WatcherLease:
    """
    This process's claim to be the one watcher for its accounts (see `ProviderPool.accounts`).

    A process that is ending says so before it starts a watcher (`Ownership.say_ending`). The watcher that has the
    lease gives it up in one transaction that finds no open job and nobody ending. So whoever is told that another
    has the lease may rely on it: that one looks once more, later than that.
    """

    def __init__(
        self, store: Store, *, accounts: str, open_work: Callable[[Connection], Collection[object]]
    ) -> None:
        """`open_work` loads the jobs, and whatever else, that a watcher with these accounts stays for."""
        self._store = store
        self._accounts = accounts
        self._open_work = open_work

    async def take(self) -> bool:
        """
        Take the lease: at once if nobody has it or its holder is dead, after 10 seconds if its holder stands still.

        False as soon as another is seen at work. Time is measured by this process's steady clock. Raises StoreError.
        """
        store = self._store
        seen = await store.read(self._holder)
        still_at = anyio.current_time() + _STILL_SECONDS
        while True:
            holder = await store.read(self._holder)
            if holder is not None and holder != seen and await store.alive(holder.instance):
                return False
            free = holder is None or not await store.alive(holder.instance)
            still = anyio.current_time() >= still_at
            if (free or still) and await store.write(partial(self._replace, expected=holder)):
                return True
            await anyio.sleep(_LOOK_SECONDS)

    async def keep(self) -> None:
        """Show every 2 seconds that this process runs; returns when another has taken the lease."""
        while True:
            await anyio.sleep(_BEAT_SECONDS)
            try:
                if not await self._store.write(self._beat):
                    return
            except StoreError as error:
                logger.warning("the watcher cannot show that it runs: %s", error)

    async def until_idle(self) -> None:
        """Return when no job is open and no other process is ending, with the lease given up in the same moment."""
        while True:
            try:
                idle = not await self._store.read(self._open_work)  # mostly not: then nothing is locked
                if idle and await self._store.write(self._give_up_if_idle):
                    return
            except StoreError as error:
                logger.warning("the watcher cannot look for open jobs: %s", error)
            await anyio.sleep(_IDLE_SECONDS)

    async def has_work(self) -> bool:
        """Return whether there is a job, or a film, to watch. Raises StoreError."""
        return bool(await self._store.read(self._open_work))

    async def give_up(self) -> None:
        """Release the lease, whatever is open. Raises StoreError."""
        await self._store.write(self._give_up)

    def _holder(self, connection: Connection) -> Holder | None:
        return watcher_lease.holder(connection, self._accounts)

    def _replace(self, connection: Connection, *, expected: Holder | None) -> bool:
        me = self._store.ownership.instance
        return watcher_lease.replace(connection, self._accounts, expected=expected, by=me)

    def _beat(self, connection: Connection) -> bool:
        return watcher_lease.beat(connection, self._accounts, self._store.ownership.instance)

    def _give_up_if_idle(self, connection: Connection) -> bool:
        if self._store.local.anyone_ending() or self._open_work(connection):
            return False
        self._give_up(connection)
        return True

    def _give_up(self, connection: Connection) -> None:
        watcher_lease.give_up(connection, self._accounts, self._store.ownership.instance)
