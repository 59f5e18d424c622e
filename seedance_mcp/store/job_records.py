"""The records of jobs: each one JSON document with a checksum, read by id, state, request or task."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from ..errors import JobNotFound, StoreError
from ..texts import storable, storable_value
from ..types import FINISHED_STATES, Job, JobState
from . import archive
from .accounts import joined
from .database import Connection, checksum, marks
from .money.ledger import from_micros, held
from .scoped import PERSON_OF_JOB, own, seen, seen_by_job

_USUAL_AT_MOST_SECONDS = 48 * 3600.0
"""A job that took longer, or ended before it began, was measured by a clock that was set meanwhile."""

ROW = f"id, document, crc, {archive.RECORD}, {archive.BESIDE}"
"""The columns of `jobs` that hold a record, archived or not: what `parse` takes."""

_WHAT_COLUMNS_SAY = f"{ROW}, state, provider, task_id"
BEFORE_THE_FIRST = -(2**63)
"""The place before all jobs, for `damaged_after`."""

_BEHIND_THE_LAST = 2**63 - 1

_LONGEST_PATH = 4096
"""In characters; SQLite takes no pattern of more than 50,000 bytes."""

_LIKE = "document LIKE ? ESCAPE '!'"
"""A text in a document, with small and capital letters of ASCII alike: who asks so has to look at what is found."""


@dataclass(frozen=True, kw_only=True)
class Damaged:
    """
    A job whose record cannot be read: what the columns beside it still say.

    `usd` is what it counts for. `state` and `provider` are what was there last, as far as that is readable.
    """

    job_id: str
    state: str
    provider: str
    task_id: str | None
    usd: Decimal

    @property
    def words(self) -> str:
        """One sentence for a person."""
        task = (
            f"task {self.task_id} at {self.provider}"
            if self.task_id
            else f"at {self.provider}, no task known"
        )
        return (
            f"The record of job {self.job_id} is damaged ({self.state}; {task}); it is left alone,"
            f" and its {self.usd:f} USD stay counted."
        )


_NUL = "\\u0000"
"""How JSON has a NUL; no database of PostgreSQL takes one."""


@cache
def _adapter() -> TypeAdapter[Job]:
    return TypeAdapter(Job)


def dump(job: Job) -> str:
    """Write a job as the document that is stored."""
    try:
        document = _adapter().dump_json(job).decode()
    except ValueError:  # half a surrogate pair in some word of it: a paid job is not lost for that
        document = _NUL
    if _NUL in document:
        return to_json(storable_value(_adapter().dump_python(job))).decode()
    return document


class DamagedRecord(StoreError):
    """The record of one job cannot be read; what it counts for stands in the ledger and stays counted."""

    retryable = False
    default_hint = (
        "Its money stays counted. Its video, if finished, is still in the output folder with a .json file beside it;"
        " `seedance-mcp doctor` names the provider and the task to ask about it."
    )


Row = tuple[str, str | None, int, bytes | None, str]
"""What `ROW` selects; without a document, the record is archived."""


def parse(job_id: str, document: str | None, crc: int, record: bytes | None, beside: str) -> Job:
    """Read a stored document, archived or not. Raises DamagedRecord: it is not what was written."""
    try:
        if document is None:
            document = archive.document_of(record or b"", beside)
        if checksum(document) == crc:
            return _adapter().validate_json(document)
    except (archive.Unreadable, ValidationError):
        pass  # ValidationError: written as it stands, and still no job
    raise DamagedRecord(f"The record of job {job_id} is damaged.")


def readable(rows: Iterable[Row]) -> list[Job]:
    """Parse every record that can be read. The others keep nobody waiting; `damaged` names them."""
    jobs: list[Job] = []
    for row in rows:
        with contextlib.suppress(DamagedRecord):
            jobs.append(parse(*row))
    return jobs


def keep_answer(
    connection: Connection, job_id: str, *, at: float, http_status: int | None, outcome: str, raw: bytes
) -> None:
    """Keep what the provider answered to a purchase, at most 4 kB of it."""
    connection.execute(
        "INSERT INTO answers (job_id, at, http_status, outcome, raw) VALUES (?, ?, ?, ?, ?)",
        (job_id, at, http_status, outcome, raw[:4096]),
    )


def find(connection: Connection, job_id: str) -> Job:
    """
    Load one job.

    Raises:
        JobNotFound: there is none with this id.
        DamagedRecord: its record cannot be read.
    """
    mine, whose = seen(connection, PERSON_OF_JOB)
    query = f"SELECT {ROW} FROM jobs WHERE id = ? AND {mine}"  # noqa: S608  only names
    row = connection.execute(query, (job_id, *whose)).fetchone()
    if row is None:
        mine, whose = seen_by_job(connection)
        of_set = connection.execute(
            f"SELECT job_id FROM sets WHERE set_id = ? AND {mine} ORDER BY number",  # noqa: S608  only names
            (job_id, *whose),
        )
        raise JobNotFound(job_id, [one for (one,) in of_set])
    return parse(*cast("Row", row))


def named(connection: Connection, job_ids: Sequence[str]) -> dict[str, Job]:
    """Load these jobs by their ids; those that there are not, or whose record is damaged, are left out."""
    mine, whose = seen(connection, PERSON_OF_JOB)
    query = f"SELECT {ROW} FROM jobs WHERE id IN ({marks(job_ids)}) AND {mine}"  # noqa: S608  only marks and names
    return {job.id: job for job in readable(connection.execute(query, (*job_ids, *whose)))}


def recent(connection: Connection, limit: int) -> list[Job]:
    """Load the newest jobs, newest first, without those whose record is damaged."""
    mine, whose = seen(connection)
    query = f"SELECT {ROW} FROM jobs WHERE {mine} ORDER BY seq DESC LIMIT ?"  # noqa: S608  only names
    return readable(connection.execute(query, (*whose, limit)))


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some of the jobs, newest first, those whose record is damaged, and the place of the last: `None` if there are no more."""

    jobs: tuple[Job, ...]
    damaged: tuple[Damaged, ...]
    last: int | None


def page(connection: Connection, before: int | None, most: int) -> Page:
    """Load the next `most` jobs that are older than the one at this place; without a place, the newest."""
    mine, whose = seen(connection)
    rows = connection.execute(
        f"SELECT seq, {_WHAT_COLUMNS_SAY} FROM jobs WHERE seq < ? AND {mine} ORDER BY seq DESC LIMIT ?",  # noqa: S608  only names
        (_BEHIND_THE_LAST if before is None else before, *whose, most + 1),
    ).fetchall()
    shown = rows[:most]
    jobs = readable(cast("Row", row[1:6]) for row in shown)
    good = {job.id for job in jobs}
    return Page(
        jobs=tuple(jobs),
        damaged=tuple(_unreadable(connection, (row[1:] for row in shown if row[1] not in good))),
        last=shown[-1][0] if len(rows) > most else None,
    )


def count(connection: Connection) -> int:
    """Count all jobs."""
    mine, whose = seen(connection)
    (number,) = connection.execute(f"SELECT COUNT(*) FROM jobs WHERE {mine}", whose).fetchone()  # noqa: S608  only names
    return int(number)


def in_states(connection: Connection, states: frozenset[JobState]) -> list[Job]:
    """Load every job in one of these states, oldest first, without those whose record is damaged."""
    mine, whose = seen(connection, PERSON_OF_JOB)
    rows = connection.execute(
        f"SELECT {ROW} FROM jobs WHERE state IN ({marks(states)}) AND {mine} ORDER BY seq",  # noqa: S608  only marks and names
        (*states, *whose),
    )
    return readable(rows)


def damaged_after(connection: Connection, seq: int, most: int) -> tuple[list[Damaged], int | None]:
    """
    Name those of the next `most` jobs after this place whose record cannot be read, the oldest first.

    Returns the place to go on from as well; None means that there are no more.
    """
    mine, whose = seen(connection)
    rows = connection.execute(
        f"SELECT seq, {_WHAT_COLUMNS_SAY} FROM jobs WHERE seq > ? AND {mine} ORDER BY seq LIMIT ?",  # noqa: S608  only names
        (seq, *whose, most),
    ).fetchall()
    return _unreadable(connection, (row[1:] for row in rows)), rows[-1][0] if len(rows) == most else None


def damaged_now(connection: Connection, newest: int, *, open_too: bool) -> list[Damaged]:
    """Name every job whose record cannot be read among so many of the newest and, if wished, the open ones; newest first."""
    states = sorted(frozenset(JobState) - FINISHED_STATES) if open_too else []
    (mine_of_these, whose), (mine, _) = seen(connection, PERSON_OF_JOB), seen(connection)
    rows = connection.execute(
        f"SELECT {_WHAT_COLUMNS_SAY} FROM jobs WHERE seq IN"  # noqa: S608  only marks and names
        f" (SELECT seq FROM jobs WHERE state IN ({marks(states)}) AND {mine_of_these} UNION ALL"
        f" SELECT seq FROM (SELECT seq FROM jobs WHERE {mine} ORDER BY seq DESC LIMIT ?) AS newest) ORDER BY seq DESC",
        (*states, *whose, *whose, newest),
    ).fetchall()
    return _unreadable(connection, rows)


def damaged_one(connection: Connection, job_id: str) -> Damaged | None:
    """Name this job if its record cannot be read."""
    mine, whose = seen(connection, PERSON_OF_JOB)
    query = f"SELECT {_WHAT_COLUMNS_SAY} FROM jobs WHERE id = ? AND {mine}"  # noqa: S608  only names
    return next(iter(_unreadable(connection, connection.execute(query, (job_id, *whose)).fetchall())), None)


def _unreadable(
    connection: Connection,
    rows: Iterable[tuple[str, str | None, int, bytes | None, str, str, str, str | None]],
) -> list[Damaged]:
    found: list[Damaged] = []
    for job_id, document, crc, record, beside, state, provider, task_id in rows:
        try:
            parse(job_id, document, crc, record, beside)
        except DamagedRecord:
            usd = from_micros(held(connection, job_id)[1])
            found.append(Damaged(job_id=job_id, state=state, provider=provider, task_id=task_id, usd=usd))
    return found


def unfinished(connection: Connection) -> list[Job]:
    """Load every job that something still happens to, oldest first."""
    return in_states(connection, frozenset(JobState) - FINISHED_STATES)


def same_request(connection: Connection, fingerprint: str) -> list[Job]:
    """Load every job of the person for this very request, newest first."""
    mine, whose = own(connection)
    query = f"SELECT {ROW} FROM jobs WHERE fingerprint = ? AND {mine} ORDER BY seq DESC"  # noqa: S608  only names
    return [parse(*row) for row in connection.execute(query, (fingerprint, *whose))]


def repetitions(connection: Connection, fingerprint: str) -> int:
    """Count the person's jobs for this very request, also those whose record is damaged."""
    mine, whose = own(connection)
    query = f"SELECT COUNT(*) FROM jobs WHERE fingerprint = ? AND {mine}"  # noqa: S608  only names
    return int(connection.execute(query, (fingerprint, *whose)).fetchone()[0])


def with_tasks_beside(
    connection: Connection,
    job: Job,
    task_ids: Collection[str],
    *,
    states: frozenset[JobState],
    most: int,
) -> list[Job]:
    """
    Load the newest `most` other jobs in these states of the job's account whose tasks are not among `task_ids`.

    Damaged records are left out.
    """
    ours = sorted(joined(connection, job.provider, job.account))
    rows = connection.execute(
        "SELECT task_id, seq FROM jobs WHERE provider = ? AND id != ? AND task_id IS NOT NULL"  # noqa: S608  only marks
        f" AND state IN ({marks(states)}) AND account IN ({marks(ours)}) ORDER BY seq DESC",
        (job.provider, job.id, *sorted(states), *ours),
    )
    newest = tuple(islice((seq for task_id, seq in rows if task_id not in task_ids), most))
    found = connection.execute(
        f"SELECT {ROW} FROM jobs WHERE seq IN ({marks(newest)}) ORDER BY seq DESC",  # noqa: S608  only marks and names
        newest,
    )
    return readable(found)


def with_file(connection: Connection, paths: Sequence[str]) -> Job | None:
    """Load the newest job that recorded one of these paths as its video or its last frame; None if none did."""
    # No other was recorded.
    paths = [path for path in paths if storable(path) == path and len(path) <= _LONGEST_PATH]
    if not paths:
        return None
    written = [to_json(path).decode() for path in paths]
    either = " OR ".join(_LIKE for _ in paths)
    archived = f"SELECT seq FROM archive WHERE video IN ({marks(paths)}) OR last_frame IN ({marks(paths)})"  # noqa: S608  only marks
    mine, whose = seen(connection, PERSON_OF_JOB)
    query = f"SELECT {ROW} FROM jobs WHERE ({either} OR seq IN ({archived})) AND {mine} ORDER BY seq DESC"  # noqa: S608  only marks and names
    numbers = [archive.number_of(path) for path in paths]
    rows = connection.execute(query, (*map(_within, written), *numbers, *numbers, *whose)).fetchall()
    return next((job for row in rows for job in readable([row]) if _has_file(job, paths)), None)


def _within(text: str) -> str:
    """Write the pattern of `_LIKE` for documents with this text."""
    escaped = re.sub("[!%_]", r"!\g<0>", text)
    return f"%{escaped}%"


def _has_file(job: Job, paths: Sequence[str]) -> bool:
    files = job.artifacts
    return files is not None and not {files.video_path, files.last_frame_path}.isdisjoint(paths)


def usual_seconds(connection: Connection, provider: str, model: str) -> float | None:
    """The median time from asking to the finished file over the last 20 such jobs, in seconds; None without any."""
    mine, whose = seen(connection, PERSON_OF_JOB)
    times = sorted(
        row[0]
        for row in connection.execute(
            "SELECT finished_at - created_at FROM jobs WHERE provider = ? AND model = ? AND state = 'done'"  # noqa: S608  only names
            f" AND finished_at - created_at BETWEEN 0 AND ? AND {mine} ORDER BY seq DESC LIMIT 20",
            (provider, model, _USUAL_AT_MOST_SECONDS, *whose),
        )
    )
    return times[len(times) // 2] if times else None


def unread(connection: Connection, client: str, *, now: float) -> list[Job]:
    """
    List the jobs that finished within a day and that this client is not known to have read about, oldest first.

    A film tells of its takes: they are left out.
    """
    mine, whose = seen(connection, PERSON_OF_JOB)
    rows = connection.execute(
        f"SELECT {ROW} FROM jobs WHERE finished_at > ? AND {mine}"  # noqa: S608  only names
        " AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.job_id = jobs.id AND seen.client = ?)"
        " AND NOT EXISTS (SELECT 1 FROM takes WHERE takes.job_id = jobs.id) ORDER BY finished_at, seq",
        (now - 86_400, *whose, client),
    )
    return readable(rows)


def note_read(connection: Connection, client: str, job_ids: Collection[str], *, now: float) -> None:
    """Note that this client has read that these jobs finished. Only with evidence (`ReadTracker`): it lets others buy again."""
    mine, whose = seen(connection, PERSON_OF_JOB)
    connection.executemany(
        "INSERT INTO seen (job_id, client, at) SELECT id, CAST(? AS TEXT), ? FROM jobs"  # noqa: S608  only names
        f" WHERE id = ? AND {mine} ON CONFLICT DO NOTHING",
        [(client, now, job_id, *whose) for job_id in job_ids],
    )


def was_read(connection: Connection, job_id: str) -> bool:
    """Return whether any client has read that this job finished."""
    return connection.execute("SELECT 1 FROM seen WHERE job_id = ? LIMIT 1", (job_id,)).fetchone() is not None


def people_of(connection: Connection, job_ids: Sequence[str]) -> dict[str, str]:
    """Tell whose each of these jobs is; those that there are not are left out."""
    mine, whose = seen(connection, PERSON_OF_JOB)
    rows = connection.execute(
        f"SELECT id, person FROM jobs WHERE id IN ({marks(job_ids)}) AND {mine}",  # noqa: S608  only marks and names
        (*job_ids, *whose),
    )
    return dict(rows.fetchall())
