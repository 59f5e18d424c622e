"""
Which jobs are archived, and how: each in one step, with nothing lost but what only holds for a day.

A job is archived when it ended more than a week ago by the wall clock, of which a day has certainly passed, and when
nothing is left to be done for it. Its row in `jobs` stays, with all its columns but the document; the ledger is not
touched. Document, events and answers move into the archive together. What its request can be recognised by
(`stand_ins`) is forgotten, if it ended for good: such a job has stood for no other request since 15 minutes after its end.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from ..types import Job, JobState
from . import archive, elapsed_time, job_records, transitions
from .database import Connection

OLD_SECONDS = 7 * 24 * 3600.0
"""So long after its end, by the wall clock, a job is archived."""

_CERTAIN_SECONDS = 24 * 3600.0
"""So much of that has certainly passed: until then its end is told, and the same request may be this job."""

_ARCHIVED_STATES = frozenset(
    {
        *(JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED),
        *(JobState.REJECTED, JobState.NOT_SENT, JobState.ABSENT),
    }
)
"""All others wait for something, be it for a person."""


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Jobs that may be archived, and the place in the events behind them; `place` None: there are no more by now."""

    job_ids: tuple[str, ...]
    place: int | None


def candidates(connection: Connection, place: int, most: int, *, now: float) -> Candidates:
    """
    List the jobs of the next `most` events after this place that are old enough.

    What is archived has no events any more, so none of that is looked at, however much it is.
    """
    rows = connection.execute(
        "SELECT seq, job_id, at FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (place, most)
    ).fetchall()
    old = dict.fromkeys(job_id for _, job_id, at in rows if at < now - OLD_SECONDS)
    return Candidates(job_ids=tuple(old), place=rows[-1][0] if len(rows) == most else None)


def compact(connection: Connection, job_ids: Sequence[str], *, now: float, seconds: float) -> int:
    """
    Archive those of these jobs that may be, in the caller's transaction; returns how many were looked at.

    It looks at no other one when so many seconds are over, for meanwhile nobody else can write.
    """
    end = time.monotonic() + seconds
    looked = 0
    archived: list[_Taken] = []
    for job_id in job_ids:
        looked += 1
        taken = _take(connection, job_id, now)
        if taken is not None:
            archived.append(taken)
        if time.monotonic() >= end:
            break
    # The last one first, which leaves fewer holes behind in the pages of the table.
    for taken in reversed(archived):
        _leave_columns(connection, taken)
    return looked


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """A job that the archive has just taken; `final` if it can never go on."""

    seq: int
    job_id: str
    final: bool


def _take(connection: Connection, job_id: str, now: float) -> _Taken | None:
    query = f"SELECT {job_records.ROW}, seq FROM jobs WHERE id = ?"  # noqa: S608  only names
    row = connection.execute(query, (job_id,)).fetchone()
    if row is None:
        return None
    _, document, crc, before, beside, seq = cast("tuple[str, str | None, int, bytes | None, str, int]", row)
    if document is None or before is not None:  # it is there already, or went on when it had been there
        return None
    try:
        job = job_records.parse(job_id, document, crc, before, beside)
    except job_records.DamagedRecord:
        return None  # it is named and left alone
    if not _is_over(connection, job, now):
        return None
    record = _record(connection, job_id, document, beside=beside)
    if record is None:
        return None
    files = job.artifacts
    paths = (files.video_path, files.last_frame_path) if files is not None else (None, None)
    connection.execute(
        "INSERT INTO archive (seq, record, video, last_frame) VALUES (?, ?, ?, ?)",
        (seq, record, *(path and archive.number_of(path) for path in paths)),
    )
    return _Taken(seq=seq, job_id=job_id, final=not transitions.LEGAL[job.state])


def _leave_columns(connection: Connection, taken: _Taken) -> None:
    # Its number is written too, so that SQLite takes the row out of its page and puts it where it fits: so pages get free.
    connection.execute("UPDATE jobs SET seq = seq, document = NULL WHERE seq = ?", (taken.seq,))
    connection.execute("DELETE FROM events WHERE job_id = ?", (taken.job_id,))
    connection.execute("DELETE FROM answers WHERE job_id = ?", (taken.job_id,))
    if taken.final:
        connection.execute("DELETE FROM stand_ins WHERE job_id = ?", (taken.job_id,))


def _is_over(connection: Connection, job: Job, now: float) -> bool:
    if job.state not in _ARCHIVED_STATES or job.finished_at is None or job.finished_at >= now - OLD_SECONDS:
        return False
    if not job.maximum.known:  # its charge is looked up by its document before the next of unknown price
        return False
    if elapsed_time.age(connection, job, "finished_at") < _CERTAIN_SECONDS:
        return False
    open_hook = "SELECT 1 FROM hooks WHERE job_id = ? AND ended IS NOT NULL AND outcome IS NULL"
    return connection.execute(open_hook, (job.id,)).fetchone() is None


def _record(connection: Connection, job_id: str, document: str, *, beside: str) -> bytes | None:
    """Compress what is known of the job; None if it has the newest of all events, which the next one is hashed with."""
    events = connection.execute(
        "SELECT seq, at, from_state, to_state, by, detail, hash FROM events WHERE job_id = ? ORDER BY seq",
        (job_id,),
    ).fetchall()
    (newest,) = connection.execute("SELECT max(seq) FROM events").fetchone()
    if not events or events[-1][0] == newest:
        return None
    answers = connection.execute(
        "SELECT at, http_status, outcome, raw FROM answers WHERE job_id = ? ORDER BY rowid", (job_id,)
    ).fetchall()
    archived = archive.Archived(
        document=document,
        events=tuple(
            archive.Event(seq=seq, at=at, before=before, after=after, by=by, detail=detail)
            for seq, at, before, after, by, detail, _ in events
        ),
        digest=events[-1][6],
        answers=tuple(
            archive.Answer(at=at, http_status=status, outcome=outcome, raw=raw)
            for at, status, outcome, raw in answers
        ),
    )
    record = archive.encode(archived, beside)
    return record if archive.decode(record, beside) == archived else None
