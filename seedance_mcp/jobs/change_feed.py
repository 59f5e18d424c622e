"""Brings the changes of jobs that other processes make to the listeners of this one, where the database tells of them."""

from __future__ import annotations

import logging
from functools import partial

import anyio

from ..backoff import Outage, exponential
from ..errors import StoreError
from ..store import Listening, Store, changes
from .events import JobEvents
from .incidents import Incidents

logger = logging.getLogger(__name__)

_SIGHT_SECONDS = 30.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
"""Seconds before it is listened again after a connection was lost; longer each time."""


class ChangeFeed:
    """
    Hears what the database tells, and hands it to `JobEvents`. On SQLite nobody tells, and there is nothing to do.

    What was told while no connection listened is read afterwards. Nothing relies on it: who waits for a job also looks.
    """

    def __init__(self, store: Store, events: JobEvents, incidents: Incidents) -> None:
        self._store = store
        self._events = events
        self._incidents = incidents
        self._sights: list[changes.Sight] = []
        """The last two looks: what is in the newest may have been told of, and lost, just before the connection was."""

    async def run(self) -> None:
        """Work until cancelled. Whatever raises, it begins anew."""
        failures, outage = 0, Outage()
        while True:
            with self._incidents.contained("Hearing of changes"):
                try:
                    listening = await self._store.listen()
                    if listening is None:
                        return
                    failures = 0
                    if outage.over():
                        logger.warning("changes of jobs are heard of again")
                    await self._follow(listening)
                except StoreError as error:
                    if outage.failed():
                        logger.warning("changes of jobs are not heard of now: %s", error)
            failures += 1
            await anyio.sleep(exponential(_SHORTEST_PAUSE, failures, longest=_LONGEST_PAUSE))

    async def _follow(self, listening: Listening) -> None:
        try:
            await self._catch_up()
            self._events.hears = True
            looked_at = anyio.current_time()
            while True:
                for job_id in await listening.heard(_SIGHT_SECONDS):
                    self._events.told(job_id)
                if anyio.current_time() - looked_at >= _SIGHT_SECONDS:
                    self._sights = [*self._sights[-1:], await self._store.read(changes.look)]
                    looked_at = anyio.current_time()
        finally:
            self._events.hears = False
            listening.close()

    async def _catch_up(self) -> None:
        """Tell of what has changed since the look before last; nobody heard of some of it."""
        now = await self._store.read(changes.look)
        if self._sights:
            missed = partial(changes.changed_jobs, before=self._sights[0], after=now)
            for job_id in await self._store.read(missed):
                self._events.told(job_id)
        self._sights = [now]
