"""What one person of several has spent and started: a part of what counts for all."""

from __future__ import annotations

from ..database import Connection
from ..scoped import own
from . import holds


def spent(connection: Connection, moment: float, steady: float) -> int:
    """Sum up what counts as spent for the person since a moment by both clocks, in millionths of a USD."""
    mine, whose = own(connection)
    (micros,) = connection.execute(
        "SELECT CAST(COALESCE(SUM(usd_micros), 0) AS BIGINT) FROM ledger"  # noqa: S608  only names
        f" WHERE {mine} AND reserved_at > ? AND steady > ?",
        (*whose, moment, steady),
    ).fetchone()
    held, _ = holds.of_person(connection, moment, steady)
    return micros + held


def started(connection: Connection, moment: float, steady: float) -> int:
    """Count the person's paid jobs that were started since a moment by both clocks, those of films included."""
    mine, whose = own(connection)
    (reserved,) = connection.execute(
        "SELECT COUNT(*) FROM ledger WHERE kind = 'reserve' AND usd_micros > 0"  # noqa: S608  only names
        f" AND {mine} AND reserved_at > ? AND steady > ?",
        (*whose, moment, steady),
    ).fetchone()
    _, held = holds.of_person(connection, moment, steady)
    return reserved + held
