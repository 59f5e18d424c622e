"""Whether the database is the one that it was: not restored from a copy, and not on another server since a failover."""

from __future__ import annotations

import hashlib

from ..connection import SPENDING_STOPPED, Connection

_ORIGIN = "origin"
"""The key in `meta` under which stands where the database was when spending was allowed there."""

_KEEP = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


def moved(connection: Connection) -> bool:
    """Return whether the database was somewhere else before, or nobody knows."""
    return _known(connection) != _here(connection)


def settle(connection: Connection) -> bool:
    """Note where the database is; if it was somewhere else before, let nothing be bought. Tells whether that was so."""
    known, here = _known(connection), _here(connection)
    if known == here:
        return False
    connection.execute(_KEEP, (_ORIGIN, here))
    if known is None:
        return False
    connection.execute(_KEEP, (SPENDING_STOPPED, "1"))
    return True


def installation(connection: Connection) -> str:
    """Name the installation that this database belongs to, by 16 hex digits; a copy of it is another one."""
    (drawn,) = connection.execute("SELECT value FROM meta WHERE key = 'installation'").fetchone()
    system, _, database = _here(connection).split()
    return hashlib.sha256(f"{drawn} {system} {database}".encode()).hexdigest()[:16]


def _known(connection: Connection) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (_ORIGIN,)).fetchone()
    return None if row is None else row[0]


def _here(connection: Connection) -> str:
    """
    Name the cluster, its timeline and the database in it.

    A restored or promoted server begins another timeline, a dump is restored into another database. The name of a log
    file begins with the timeline; what `pg_control_checkpoint` says is only true after the next checkpoint.
    """
    (here,) = connection.execute(
        "SELECT system_identifier || ' ' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)"
        " || ' ' || (SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_control_system()"
    ).fetchone()
    return here
