"""What any process changes, heard as it is committed: by LISTEN, over a connection that does nothing else."""

from __future__ import annotations

import anyio
import psycopg
from psycopg import sql

from .errors import explained

_CHANNEL = "SELECT 'seedance_jobs_' || 'jobs'::regclass::oid"
"""Names the channel on which the triggers of this team's `jobs` tell ids: all teams' in one database can be heard."""


class JobNotifications:
    """The ids of jobs that are changed from now on (the `Listening` protocol)."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Begin, over a connection that is this object's own. Blocks. Raises psycopg.Error."""
        self._connection = connection
        row = connection.execute(_CHANNEL, prepare=False).fetchone()
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(*row or ())), prepare=False)

    async def heard(self, seconds: float) -> frozenset[str]:
        """
        Return which jobs were changed since the last call; wait for the first one at most so long.

        Raises:
            StoreError: the connection was lost, and with it perhaps some of them.
        """
        with explained():
            # What came together with the answer to a statement is there already, and makes no socket readable.
            at_once = self._come()
            if at_once:
                return at_once
            with anyio.move_on_after(seconds):
                await anyio.wait_readable(self._connection.fileno())
            return self._come()

    def close(self) -> None:
        """Stop listening."""
        self._connection.close()

    def _come(self) -> frozenset[str]:
        return frozenset(notify.payload for notify in self._connection.notifies(timeout=0))
