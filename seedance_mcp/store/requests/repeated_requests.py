"""Which jobs are for the same request: by its digests, and by what was asked for in the form that is compared."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from ...types import Job, Wanted, is_same_request, is_same_wherever_often
from .. import elapsed_time, job_records, transitions
from ..database import Connection, marks
from ..scoped import PERSON_OF_JOB, own

_HOUR = 3600.0
_SAME_IN_AN_HOUR = 3
"""So often the very same request is bought within an hour without a question, whatever it costs and whoever asks."""


def note(connection: Connection, job_id: str, digests: Collection[str]) -> None:
    """Let a job stand for these digests too, beside its own fingerprint."""
    connection.executemany(
        "INSERT INTO stand_ins (fingerprint, job_id) VALUES (?, ?)",
        [(digest, job_id) for digest in dict.fromkeys(digests)],
    )


def made_for(connection: Connection, digests: Collection[str], asked: Wanted | None = None) -> list[Job]:
    """
    Load every job of the person for one of these digests or for the same request, whatever became of it.

    The newest first of those that were planned so.

    Raises:
        DamagedRecord: one of them cannot be read, so it cannot be known whether the same is bought already.
    """
    mine, whose = own(connection, PERSON_OF_JOB)
    try:
        planned = [job for digest in digests for job in job_records.same_request(connection, digest)]
        rows = connection.execute(
            f"SELECT DISTINCT job_id, seq FROM stand_ins LEFT JOIN jobs ON jobs.id = job_id"  # noqa: S608  only marks and names
            f" WHERE stand_ins.fingerprint IN ({marks(digests)}) AND {mine} ORDER BY seq DESC",
            (*digests, *whose),
        ).fetchall()
        noted = [*planned, *(job_records.find(connection, job_id) for job_id, _ in rows)]
        alike = (
            []
            if asked is None
            else [job_records.find(connection, job_id) for job_id in _alike(connection, asked)]
        )
    except job_records.DamagedRecord as error:
        raise job_records.DamagedRecord(
            f"{error.message} It is for the same request, so that may be bought already; nothing was bought now.",
            hint="If the person wants it once more all the same, call again with allow_duplicate."
            " `seedance-mcp doctor` names the provider and the task of the damaged job.",
        ) from None
    known = {job.id for job in noted}
    return [*noted, *(job for job in alike if job.id not in known and _wanted_so(job, asked))]


def same_ids(connection: Connection, asked: Wanted | None) -> list[str]:
    """
    Return the ids of all jobs for the same request, without those whose record is damaged.

    However many takes were bought at once: each of a set is one of them.
    """
    found: list[str] = []
    for job_id in _alike(connection, asked) if asked is not None else ():
        with contextlib.suppress(job_records.DamagedRecord):
            wanted = job_records.find(connection, job_id).wanted
            if asked is not None and wanted is not None and is_same_wherever_often(wanted, asked):
                found.append(job_id)
    return found


def repeated(
    connection: Connection, digests: Collection[str], same: Collection[str], *, more: int, now: float
) -> str:
    """
    Return how often the very same request was bought within the last hour, if that is why a person has to be asked.

    `digests` are what other jobs for it may stand for, `same` the ids of those that are known by themselves
    (`same_ids`). `more` are to be bought now.
    """
    refused = sorted(transitions.NOT_BOUGHT)
    mine, whose = own(connection, PERSON_OF_JOB)
    (count,) = connection.execute(
        "SELECT COUNT(*) FROM jobs JOIN ledger ON ledger.job_id = jobs.id AND kind = 'reserve'"  # noqa: S608  only marks
        f" WHERE usd_micros > 0 AND reserved_at > ? AND steady > ? AND {mine} AND state NOT IN ({marks(refused)})"
        " AND NOT (state = 'cancelled' AND task_id IS NULL)"  # before it was sent
        f" AND (fingerprint IN ({marks(digests)}) OR jobs.id IN ({marks(same)})"
        f" OR jobs.id IN (SELECT job_id FROM stand_ins WHERE fingerprint IN ({marks(digests)})))",
        (now - _HOUR, elapsed_time.passed(connection) - _HOUR, *whose, *refused, *digests, *same, *digests),
    ).fetchone()
    if not count or count + more <= _SAME_IN_AN_HOUR:
        return ""
    return f"The very same was bought {'once' if count == 1 else f'{count} times'} within the last hour."


def _alike(connection: Connection, asked: Wanted) -> Iterator[str]:
    """Name every job of the person with this content, newest first."""
    mine, whose = own(connection, PERSON_OF_JOB)
    rows = connection.execute(
        "SELECT job_id FROM stand_ins LEFT JOIN jobs ON jobs.id = job_id"  # noqa: S608  only names
        f" WHERE stand_ins.fingerprint = ? AND {mine} ORDER BY seq DESC",
        (asked.content, *whose),
    ).fetchall()
    return (job_id for (job_id,) in rows)


def _wanted_so(job: Job, asked: Wanted | None) -> bool:
    return asked is not None and job.wanted is not None and is_same_request(job.wanted, asked)
