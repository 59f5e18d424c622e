"""Reviews of takes: rows of `reviews`, which are only ever added."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from ..types import Opinion, Review, Unjudged
from .database import Connection, marks
from .scoped import PERSON_OF_JOB, seen, seen_by_job

_COLUMNS = "job_id, at, author, relayed, verdict, notes, scores"
_UNJUDGED_SECONDS = 7 * 86_400.0
_UNJUDGED_AMONG = 200
"""So many of the newest ends of jobs are looked at: to ask takes no longer the more jobs there are."""


def add(connection: Connection, review: Review) -> None:
    """
    Put a review on record.

    Its moment is after that of everything that was decided about the take before, whatever the clock says by now.
    """
    (decided,) = connection.execute(
        "SELECT MAX(film_marks.at) FROM film_marks JOIN takes ON takes.film_id = film_marks.film_id"
        " AND takes.shot = film_marks.shot AND takes.number = film_marks.take WHERE job_id = ?",
        (review.job_id,),
    ).fetchone()
    at = review.at if decided is None or review.at > decided else math.nextafter(decided, math.inf)
    opinion = review.opinion
    scores = json.dumps(dict(opinion.scores), sort_keys=True)
    connection.execute(
        f"INSERT INTO reviews ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  only names
        (review.job_id, at, review.by, review.relayed, opinion.verdict, opinion.notes, scores),
    )


def newest(connection: Connection, job_id: str, by: str) -> Review | None:
    """Return the last review of a job by an assistant, or by the person; None without one."""
    mine, whose = seen_by_job(connection)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM reviews WHERE job_id = ? AND author = ? AND {mine} ORDER BY seq DESC LIMIT 1",  # noqa: S608  only names
        (job_id, by, *whose),
    )
    return next(iter(_read(rows)), None)


def count(connection: Connection, job_id: str, by: str, *, relayed: bool) -> int:
    """Count the reviews of a job by an assistant, by the person, or of the person's that an assistant handed on."""
    mine, whose = seen_by_job(connection)
    query = f"SELECT COUNT(*) FROM reviews WHERE job_id = ? AND author = ? AND relayed = ? AND {mine}"  # noqa: S608  only names
    return int(connection.execute(query, (job_id, by, relayed, *whose)).fetchone()[0])


def in_force(connection: Connection, job_ids: Sequence[str]) -> dict[str, Review]:
    """For each of these jobs that was reviewed the review that counts: the person's last one, else an assistant's last one."""
    mine, whose = seen_by_job(connection)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM reviews AS one WHERE job_id IN ({marks(job_ids)}) AND {mine} AND seq ="  # noqa: S608  only marks and names
        " (SELECT seq FROM reviews WHERE job_id = one.job_id ORDER BY author DESC, seq DESC LIMIT 1)",
        (*job_ids, *whose),
    )
    return {review.job_id: review for review in _read(rows)}


def history(connection: Connection, job_id: str) -> list[Review]:
    """List every review of a job: the one that counts first, a person's before an assistant's, the newer before the older."""
    mine, whose = seen_by_job(connection)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM reviews WHERE job_id = ? AND {mine} ORDER BY author DESC, seq DESC",  # noqa: S608  only names
        (job_id, *whose),
    )
    return _read(rows)


def unjudged(connection: Connection, *, now: float, most: int) -> Unjudged:
    """Name the newest `most` jobs that succeeded within seven days and have no review; counted among the last 200 ends."""
    mine, whose = seen(connection, PERSON_OF_JOB)
    rows = connection.execute(
        f"SELECT id FROM (SELECT id, seq, state, finished_at FROM jobs WHERE finished_at > ? AND {mine}"  # noqa: S608  only names
        " ORDER BY finished_at DESC, seq DESC LIMIT ?)"
        " AS ended WHERE state = 'done' AND NOT EXISTS (SELECT 1 FROM reviews WHERE job_id = ended.id)"
        " ORDER BY finished_at DESC, seq DESC",
        (now - _UNJUDGED_SECONDS, *whose, _UNJUDGED_AMONG),
    ).fetchall()
    return Unjudged(count=len(rows), job_ids=tuple(job_id for (job_id,) in rows[:most]))


def _read(rows: Iterable[tuple[Any, ...]]) -> list[Review]:
    return [
        Review(
            job_id=job_id,
            opinion=Opinion(verdict=verdict, notes=notes, scores=json.loads(scores)),
            by=author,
            relayed=bool(relayed),
            at=at,
        )
        for job_id, at, author, relayed, verdict, notes, scores in rows
    ]
