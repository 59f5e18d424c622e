"""Which process watches the open jobs of which accounts, and how often it has shown that it runs."""

from __future__ import annotations

from typing import NamedTuple, cast

from .database import Connection


class Holder(NamedTuple):
    """The process that has the lease, and how often it has shown that it runs."""

    instance: str
    beat: int


def holder(connection: Connection, accounts: str) -> Holder | None:
    """Return who has the lease for these accounts."""
    row = connection.execute(
        "SELECT instance, beat FROM watch_duty WHERE accounts = ?", (accounts,)
    ).fetchone()
    return Holder(*cast("tuple[str, int]", row)) if row else None


def replace(connection: Connection, accounts: str, *, expected: Holder | None, by: str) -> bool:
    """Give the lease to the process `by`, if it is still with whom it is expected; tells whether that was so."""
    if holder(connection, accounts) != expected:
        return False
    connection.execute(
        "INSERT INTO watch_duty (accounts, instance, beat) VALUES (?, ?, 0)"
        " ON CONFLICT (accounts) DO UPDATE SET instance = excluded.instance, beat = excluded.beat",
        (accounts, by),
    )
    return True


def beat(connection: Connection, accounts: str, instance: str) -> bool:
    """Note that the process runs; False if it no longer has the lease."""
    change = "UPDATE watch_duty SET beat = beat + 1 WHERE accounts = ? AND instance = ?"
    return connection.execute(change, (accounts, instance)).rowcount == 1


def give_up(connection: Connection, accounts: str, instance: str) -> None:
    """Take the lease from this process, if it has it."""
    connection.execute("DELETE FROM watch_duty WHERE accounts = ? AND instance = ?", (accounts, instance))
