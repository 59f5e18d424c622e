"""Advances what films have ordered for as long as this process watches its jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from ..store import Connection, film_orders
from ..types import FilmOrder
from .context import JobContext

_RESCAN_SECONDS = 15.0
_LOOK_SECONDS = 1.0
"""While an order is open: its jobs may be followed by another process, and no event tells of those here."""


class FilmDriver:
    """
    Calls for the next step of the open orders of this process after every change of a job, when woken, and now and then.

    It does not wait for a step: that may be the joining of a long film, and the others go on meanwhile.
    """

    def __init__(self, context: JobContext, advance: Callable[[], Awaitable[None]] | None) -> None:
        self._context = context
        self._advance = advance
        self._changed = anyio.Event()
        self._open = True

    @property
    def busy(self) -> bool:
        """Whether orders may be open that this process makes: some are, or it has not been looked for them yet."""
        return self._advance is not None and self._open

    def wake(self) -> None:
        """Look for the next steps at once."""
        self._open = True
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled. Whatever raises, the rest goes on."""
        if self._advance is None:
            return
        stop = self._context.events.on_change(lambda _: self._changed.set())
        try:
            async with anyio.create_task_group() as steps:
                while True:
                    self._changed = anyio.Event()
                    with self._context.incidents.contained("Looking for films to make"):
                        self._open = bool(await self._context.store.read(self._orders))
                        if self._open:
                            steps.start_soon(self._step, self._advance)
                    with anyio.move_on_after(_LOOK_SECONDS if self._open else _RESCAN_SECONDS):
                        await self._changed.wait()
        finally:
            stop()

    def _orders(self, connection: Connection) -> list[FilmOrder]:
        return film_orders.orders_to_make(connection, self._context.film_machines)

    async def _step(self, advance: Callable[[], Awaitable[None]]) -> None:
        with self._context.incidents.contained("Making films"):
            await advance()
        await self._context.incidents.keep()
