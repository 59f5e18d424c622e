"""Tells what has changed in the database since the last look, whichever process changed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..types import EVERYBODY, FINISHED_STATES, JobState
from .database import Connection, marks
from .scoped import PERSON_OF_JOB, seen, seen_by_film, seen_by_job

_OPEN = sorted(frozenset(JobState) - FINISHED_STATES)


@dataclass(frozen=True, kw_only=True)
class Sight:
    """The database as a look found it: versions of open jobs, newest transition and verdict, answers to questions, films."""

    versions: Mapping[str, int]
    transition: int
    review: int
    questions: tuple[Any, ...]
    films: tuple[Any, ...]


def look(connection: Connection) -> Sight:
    """Look at what changes while jobs are made and questions are answered."""
    with connection.within(EVERYBODY):  # only places, which nobody is told
        (transition,) = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM events").fetchone()
        (review,) = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM reviews").fetchone()
    its_jobs, whose = seen(connection, PERSON_OF_JOB)
    mine, _ = seen(connection)
    by_film, _ = seen_by_film(connection)
    return Sight(
        versions=dict(
            connection.execute(
                f"SELECT id, version FROM jobs WHERE state IN ({marks(_OPEN)}) AND {its_jobs}",  # noqa: S608  only marks and names
                (*_OPEN, *whose),
            ).fetchall()
        ),
        transition=transition,
        review=review,
        questions=connection.execute(
            "SELECT COUNT(*), MAX(at), MAX(used_at), MAX(approved_at), MAX(declined_at), MAX(ended_at)"  # noqa: S608  only names
            f" FROM confirmations WHERE {mine}",
            whose,
        ).fetchone(),
        films=connection.execute(
            "SELECT * FROM (SELECT COUNT(*), CAST(SUM(version) AS BIGINT), MAX(changed_at) FROM films"  # noqa: S608  only names
            f" WHERE {mine}) AS known, (SELECT COUNT(*), COUNT(ended_at) FROM film_orders WHERE {by_film}) AS ordered,"
            f" (SELECT COUNT(*) FROM film_marks WHERE {by_film}) AS decided",
            whose * 3,
        ).fetchone(),
    )


def changed_jobs(connection: Connection, before: Sight, after: Sight) -> list[str]:
    """Name the jobs that changed between two looks, in no particular order."""
    mine, whose = seen_by_job(connection)
    moved = connection.execute(
        f"SELECT DISTINCT job_id FROM events WHERE seq > ? AND seq <= ? AND {mine}",  # noqa: S608  only names
        (before.transition, after.transition, *whose),
    )
    noted = {
        job_id
        for job_id, version in after.versions.items()
        if before.versions.get(job_id, version) != version
    }
    judged = connection.execute(
        f"SELECT DISTINCT job_id FROM reviews WHERE seq > ? AND seq <= ? AND {mine}",  # noqa: S608  only names
        (before.review, after.review, *whose),
    )
    return sorted({job_id for (job_id,) in (*moved, *judged)} | noted)
