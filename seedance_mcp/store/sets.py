"""Which jobs were bought together: kept beside their records, so that no server of an earlier version drops it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from ..types import Job, Place, Variation, VideoSet
from . import job_records
from .database import Connection, in_parts, marks
from .scoped import seen_by_job
from .transitions import NOT_BOUGHT


def note(connection: Connection, job_id: str, place: Place) -> None:
    """Note which video of which set a job is. A number may get another job, where the first was not bought."""
    connection.execute(
        "INSERT INTO sets (job_id, set_id, number, size) VALUES (?, ?, ?, ?)",
        (job_id, place.set_id, place.number, place.size),
    )


def id_of(connection: Connection, job_id: str) -> str | None:
    """Return the set that a job is part of; None: it was bought by itself."""
    mine, whose = seen_by_job(connection)
    row = connection.execute(
        f"SELECT set_id FROM sets WHERE job_id = ? AND {mine}",  # noqa: S608  only names
        (job_id, *whose),
    ).fetchone()
    return None if row is None else row[0]


def places(connection: Connection, job_ids: Sequence[str]) -> dict[str, Place]:
    """Return by job which video of which set it is; those that were bought by themselves are left out."""
    found: dict[str, Place] = {}
    mine, whose = seen_by_job(connection)
    for part in in_parts(job_ids):
        rows = connection.execute(
            f"SELECT job_id, set_id, number, size FROM sets WHERE job_id IN ({marks(part)}) AND {mine}",  # noqa: S608  only marks and names
            (*part, *whose),
        )
        found |= {
            job_id: Place(set_id=set_id, number=number, size=size) for job_id, set_id, number, size in rows
        }
    return found


def find(connection: Connection, set_id: str) -> VideoSet | None:
    """
    Load a set; None: there is none with this id.

    Raises:
        DamagedRecord, JobNotFound: a job of it cannot be read, so it cannot be known whether that is bought.
    """
    return _found(connection, set_id, damaged_too=False)


def shown(connection: Connection, set_id: str) -> VideoSet | None:
    """Load a set without the jobs whose records cannot be read; None: there is none with this id."""
    return _found(connection, set_id, damaged_too=True)


def _found(connection: Connection, set_id: str, *, damaged_too: bool) -> VideoSet | None:
    mine, whose = seen_by_job(connection)
    rows = connection.execute(
        # The newest first, so that what stands for a number is the first of it that may have been bought.
        f"SELECT number, size, job_id FROM sets LEFT JOIN jobs ON jobs.id = job_id WHERE set_id = ? AND {mine}"  # noqa: S608  only names
        " ORDER BY number, seq DESC",
        (set_id, *whose),
    ).fetchall()
    if not rows:
        return None
    of_number: dict[int, list[Job]] = {}
    for number, _, job_id in rows:
        with contextlib.suppress(*((job_records.DamagedRecord,) if damaged_too else ())):
            of_number.setdefault(number, []).append(job_records.find(connection, job_id))
    return VideoSet(
        id=set_id,
        size=rows[0][1],
        variations=tuple(
            Variation(number=number, job=next((job for job in jobs if job.state not in NOT_BOUGHT), jobs[0]))
            for number, jobs in of_number.items()
            if jobs
        ),
    )
