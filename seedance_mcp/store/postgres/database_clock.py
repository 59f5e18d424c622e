"""What time it is where several machines work on one database: what that says, kept going by this machine's steady clock."""

from __future__ import annotations

import logging

import psycopg

from ..machine import machine_time

logger = logging.getLogger(__name__)

_ASK_SECONDS = 60.0
_JUMP_SECONDS = 2.0
"""A clock that runs differently comes to milliseconds in a minute; one that is more apart was set."""


class DatabaseClock:
    """The database's clock in seconds since the epoch, as it was `ask`ed last. Asked of a machine that slept, it is right."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._asked_at, self._apart = _compared(connection)

    def __call__(self) -> float:
        return machine_time.running() + self._apart

    @property
    def is_due(self) -> bool:
        """Whether it was asked more than a minute ago."""
        return machine_time.running() - self._asked_at > _ASK_SECONDS

    def ask(self, connection: psycopg.Connection) -> None:
        """Compare this machine's clock with the database's once more."""
        before = self._apart
        self._asked_at, self._apart = _compared(connection)
        if abs(self._apart - before) > _JUMP_SECONDS:
            logger.warning("the clock of the database was set by %+.1f s", self._apart - before)


def _compared(connection: psycopg.Connection) -> tuple[float, float]:
    """Return when the database was asked, and by how much its clock is ahead of that, which counts from the machine's start."""
    before = machine_time.running()
    row = connection.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())::double precision").fetchone()
    after = machine_time.running()
    assert row is not None
    return after, float(row[0]) - (before + after) / 2
