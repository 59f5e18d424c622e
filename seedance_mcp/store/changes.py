"""Tells what has changed in the database since the last look, whichever process changed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..types import FINISHED_STATES, JobState
from .database import Connection, marks

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
    (transition,) = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM events").fetchone()
    (review,) = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM reviews").fetchone()
    return Sight(
        versions=dict(
            connection.execute(
                f"SELECT id, version FROM jobs WHERE state IN ({marks(_OPEN)})",  # noqa: S608  only marks
                _OPEN,
            ).fetchall()
        ),
        transition=transition,
        review=review,
        questions=connection.execute(
            "SELECT COUNT(*), MAX(at), MAX(used_at), MAX(approved_at), MAX(declined_at), MAX(ended_at) FROM confirmations"
        ).fetchone(),
        films=connection.execute(
            "SELECT (SELECT COUNT(*) FROM films), (SELECT CAST(SUM(version) AS BIGINT) FROM films),"
            " (SELECT MAX(changed_at) FROM films), (SELECT COUNT(*) FROM film_orders),"
            " (SELECT COUNT(ended_at) FROM film_orders), (SELECT COUNT(*) FROM film_marks)"
        ).fetchone(),
    )


def changed_jobs(connection: Connection, before: Sight, after: Sight) -> list[str]:
    """Name the jobs that changed between two looks, in no particular order."""
    moved = connection.execute(
        "SELECT DISTINCT job_id FROM events WHERE seq > ? AND seq <= ?", (before.transition, after.transition)
    )
    noted = {
        job_id
        for job_id, version in after.versions.items()
        if before.versions.get(job_id, version) != version
    }
    judged = connection.execute(
        "SELECT DISTINCT job_id FROM reviews WHERE seq > ? AND seq <= ?", (before.review, after.review)
    )
    return sorted({job_id for (job_id,) in (*moved, *judged)} | noted)
