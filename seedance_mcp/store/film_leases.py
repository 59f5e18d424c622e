"""Which worker makes a film that any of them may make: a lease that saves the others the work, and is never relied on."""

from __future__ import annotations

from collections.abc import Callable

from .database import Connection
from .leases import LEASE_SECONDS, runs


def is_elsewhere(
    connection: Connection, film_id: str, *, me: str, at_work: Callable[[str], bool], now: float
) -> bool:
    """Return whether another process makes the film: its lease runs, and it is `at_work`."""
    row = connection.execute("SELECT owner, until FROM film_leases WHERE film_id = ?", (film_id,)).fetchone()
    if row is None or row[0] == me:
        return False
    return runs(row[1], now) and at_work(row[0])


def take(
    connection: Connection, film_id: str, *, me: str, at_work: Callable[[str], bool], now: float
) -> float | None:
    """Take the lease of a film, or renew it; returns when it ends, None: another process makes the film."""
    if is_elsewhere(connection, film_id, me=me, at_work=at_work, now=now):
        return None
    end = now + LEASE_SECONDS
    connection.execute(
        "INSERT INTO film_leases (film_id, owner, until) VALUES (?, ?, ?) ON CONFLICT (film_id) DO UPDATE SET"
        " owner = excluded.owner, until = excluded.until",
        (film_id, me, end),
    )
    return end


def give_up(connection: Connection, film_id: str, *, me: str) -> None:
    """Leave the film to whoever takes its lease next."""
    connection.execute("DELETE FROM film_leases WHERE film_id = ? AND owner = ?", (film_id, me))
