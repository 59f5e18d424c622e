"""Which finished videos have a copy in the object store, and which are owed one: the rows of `object_copies`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ..texts import storable
from .database import Connection

LONGEST_PAUSE = 900.0
"""Seconds: a try that is due later than this was put off by a clock that has been set back since."""

_NEW_SECONDS = 7 * 86_400.0
_AT_ONCE, _LOOKED_AT = 100, 10_000


@dataclass(frozen=True, kw_only=True)
class ObjectCopy:
    """
    The copy of a job's video at one place; `stored_at` is None until it was read back there.

    `tries` have failed so far, the last one with `error`.
    """

    job_id: str
    place: str
    tries: int = 0
    error: str | None = None
    stored_at: float | None = None
    sha256: str | None = None


def find(connection: Connection, place: str, job_id: str) -> ObjectCopy | None:
    """Return what is known of the copy of a job; None if nobody has owed it one yet."""
    row = connection.execute(
        "SELECT tries, error, stored_at, sha256 FROM object_copies WHERE place = ? AND job_id = ?",
        (place, job_id),
    ).fetchone()
    if row is None:
        return None
    tries, error, stored_at, sha256 = row
    return ObjectCopy(
        job_id=job_id, place=place, tries=tries, error=error, stored_at=stored_at, sha256=sha256
    )


_NEW = (
    "SELECT id FROM jobs WHERE state = 'done' AND finished_at > ?"
    " AND NOT EXISTS (SELECT 1 FROM object_copies WHERE job_id = jobs.id AND place = ?)"
    " ORDER BY finished_at, id LIMIT ?"
)


def new(connection: Connection, place: str, now: float) -> list[str]:
    """List videos of the last seven days that nobody has owed a copy at this place yet, whoever saved them."""
    rows = connection.execute(_NEW, (now - _NEW_SECONDS, place, _AT_ONCE))
    return [job_id for (job_id,) in rows.fetchall()]


def owe(connection: Connection, place: str, now: float) -> None:
    """Owe each of these a copy; from now on it is tried until it is there."""
    for job_id in new(connection, place, now):
        owe_one(connection, place, job_id, now)


def owe_one(connection: Connection, place: str, job_id: str, now: float) -> None:
    """Owe one video a copy, however old it is."""
    connection.execute(
        "INSERT INTO object_copies (job_id, place, due_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (job_id, place, now),
    )


_DUE = (
    "SELECT job_id, runner, tries, error FROM object_copies WHERE place = ? AND stored_at IS NULL"
    " AND (due_at <= ? OR due_at > ?) ORDER BY due_at, job_id LIMIT ?"
)


def due(
    connection: Connection,
    place: str,
    now: float,
    *,
    is_free: Callable[[str], bool],
    skip: Collection[str] = (),
) -> ObjectCopy | None:
    """
    Find a copy to try now that no other living process is at, none of the jobs in `skip`.

    `is_free` tells of a process that has claimed one whether it is at it no more.
    """
    rows = connection.execute(_DUE, (place, now, now + LONGEST_PAUSE, _LOOKED_AT)).fetchall()
    for job_id, runner, tries, error in rows:
        if job_id not in skip and (runner is None or is_free(runner)):
            return ObjectCopy(job_id=job_id, place=place, tries=tries, error=error)
    return None


def claim(
    connection: Connection,
    place: str,
    now: float,
    *,
    by: str,
    is_free: Callable[[str], bool],
    skip: Collection[str] = (),
) -> ObjectCopy | None:
    """Claim such a copy for the process `by`."""
    found = due(connection, place, now, is_free=is_free, skip=skip)
    if found is not None:
        connection.execute(
            "UPDATE object_copies SET runner = ? WHERE place = ? AND job_id = ?", (by, place, found.job_id)
        )
    return found


def note_stored(connection: Connection, copy: ObjectCopy, *, now: float, sha256: str) -> None:
    """Note that a copy is there and was read back with this hash. Once is for good."""
    connection.execute(
        "UPDATE object_copies SET stored_at = ?, sha256 = ?, error = NULL, runner = NULL"
        " WHERE place = ? AND job_id = ? AND stored_at IS NULL",
        (now, sha256, copy.place, copy.job_id),
    )


def note_failed(connection: Connection, copy: ObjectCopy, *, error: str, due_at: float) -> None:
    """Note why a try failed, and when the next one is due."""
    connection.execute(
        "UPDATE object_copies SET tries = tries + 1, error = ?, due_at = ?, runner = NULL"
        " WHERE place = ? AND job_id = ? AND stored_at IS NULL",
        (storable(error), due_at, copy.place, copy.job_id),
    )
