"""The legal transitions of a job, each inside one transaction together with its money and its event."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from ..errors import JobNotFound, StoreError
from ..texts import storable, storable_value
from ..types import FINISHED_STATES, Job, JobState, Price, job_code
from . import hook_records, steady
from .ledger import Entry, from_micros, held, record
from .store import Connection, checksum

S = JobState

LEGAL: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        S.RESERVED: frozenset({S.SENDING, S.NOT_SENT}),
        S.SENDING: frozenset({S.ACCEPTED, S.REJECTED, S.UNKNOWN}),
        S.UNKNOWN: frozenset({S.ACCEPTED, S.ABSENT, S.UNRESOLVED}),
        S.ACCEPTED: frozenset({S.REMOTE_DONE, S.FAILED, S.CANCELLED, S.EXPIRED, S.STALLED, S.MISSING}),
        S.STALLED: frozenset({S.REMOTE_DONE, S.FAILED, S.CANCELLED, S.EXPIRED, S.MISSING}),
        S.REMOTE_DONE: frozenset({S.DONE, S.EXPIRED}),
        # Finished states move only when the provider lists a task of ours after all, or a person decides.
        S.MISSING: frozenset({S.ACCEPTED}),
        S.NOT_SENT: frozenset({S.ACCEPTED}),
        S.REJECTED: frozenset({S.ACCEPTED}),
        S.ABSENT: frozenset({S.ACCEPTED}),
        S.UNRESOLVED: frozenset({S.ACCEPTED, S.ABSENT}),
        S.DONE: frozenset(),
        S.FAILED: frozenset(),
        S.CANCELLED: frozenset(),
        S.EXPIRED: frozenset(),
    }
)
"""Where a job may go from each state."""

NOT_BOUGHT = frozenset({S.NOT_SENT, S.REJECTED, S.ABSENT})
"""States that prove that nothing was bought: entering one gives the reservation back."""

UNDECIDED = frozenset({S.RESERVED, S.SENDING, S.UNKNOWN})
"""States in which it is not yet known whether the purchase happened."""


_USUAL_AT_MOST_SECONDS = 48 * 3600.0
"""A job that took longer, or ended before it began, was measured by a clock that was set meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One move of a job. `at` in seconds since the epoch; `before` is None for its beginning."""

    at: float
    before: str | None
    after: str
    detail: str


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


class Stale(Exception):
    """The job is no longer at the version that the decision was based on; look again."""


@cache
def _adapter() -> TypeAdapter[Job]:
    return TypeAdapter(Job)


def _dump(job: Job) -> str:
    try:
        return _adapter().dump_json(job).decode()
    except ValueError:  # half a surrogate pair in some word of it: a paid job is not lost for that
        return to_json(storable_value(_adapter().dump_python(job))).decode()


class DamagedRecord(StoreError):
    """The record of one job cannot be read; what it counts for stands in the ledger and stays counted."""

    retryable = False
    default_hint = (
        "Its money stays counted. Its video, if finished, is still in the output folder with a .json file beside it;"
        " `seedance-mcp doctor` names the provider and the task to ask about it."
    )


def _parse(job_id: str, document: str, crc: int) -> Job:
    try:
        if checksum(document) == crc:
            return _adapter().validate_json(document)
    except ValidationError:
        pass  # written as it stands, and still no job
    raise DamagedRecord(f"The record of job {job_id} is damaged.")


def _readable(rows: Iterable[tuple[str, str, int]]) -> list[Job]:
    """Parse every record that can be read. The others keep nobody waiting; `damaged` names them."""
    jobs: list[Job] = []
    for row in rows:
        with contextlib.suppress(DamagedRecord):
            jobs.append(_parse(*row))
    return jobs


def insert(connection: Connection, job: Job, *, day: str, detail: str = "") -> Job:
    """Write a new job and its reservation."""
    job = _stamped(connection, None, job)
    document = _dump(job)
    connection.execute(
        "INSERT INTO jobs (id, document, crc) VALUES (?, ?, ?)", (job.id, document, checksum(document))
    )
    record(
        connection,
        Entry.of(job, "reserve", job.maximum, at=job.created_at, reserved_at=job.created_at, day=day),
    )
    _event(connection, job, None, job.created_at, by=job.owner, detail=detail)
    return job


def move(
    connection: Connection, job: Job, to: JobState, *, now: float, by: str, detail: str = "", **changes: Any
) -> Job:
    """
    Take the job to another state, with its money; at its end, with the hook that is owed then.

    `changes` are further fields of `Job`. Entering a state that proves that nothing was bought gives the
    reservation back; coming back from there (late adoption) takes it again; a `charge` settles it.

    Raises:
        Stale: the stored job has another version than `job`.
        ValueError: the table of legal transitions has no such arrow.
    """
    if to not in LEGAL[job.state]:
        raise ValueError(f"a job cannot go from {job.state} to {to}")
    if to in FINISHED_STATES:
        changes.setdefault("finished_at", now)
        changes.setdefault("hook_error", None)
    elif job.finished:
        changes.setdefault("finished_at", None)
    moved = replace(job, state=to, **changes)
    stored = _swap(connection, job, moved)
    if to in NOT_BOUGHT:
        _release(connection, stored, now)
    elif to is S.ACCEPTED and job.state in NOT_BOUGHT:
        _adopt(connection, stored, now)
    if stored.charge is not None and job.charge is None:
        _settle(connection, stored, stored.charge, now)
    if to in FINISHED_STATES:
        hook_records.owe(connection, stored.id, stored.version)
    _event(connection, stored, job.state, now, by=by, detail=detail)
    return stored


def note(connection: Connection, job: Job, **changes: Any) -> Job:
    """
    Change fields of a job that stays in its state (progress, a fresh URL).

    Raises:
        Stale: the stored job has another version than `job`.
    """
    return _swap(connection, job, replace(job, **changes))


def _swap(connection: Connection, job: Job, changed: Job) -> Job:
    stored = replace(_stamped(connection, job, changed), version=job.version + 1)
    if stored.error_code != job.error_code:  # what an earlier version wrote stays as it is
        stored = replace(stored, error_code=job_code(stored.error_code))
    document = _dump(stored)
    cursor = connection.execute(
        "UPDATE jobs SET document = ?, crc = ? WHERE id = ? AND version = ?",
        (document, checksum(document), job.id, job.version),
    )
    if cursor.rowcount != 1:
        raise Stale(job.id)
    return stored


def _stamped(connection: Connection, before: Job | None, job: Job) -> Job:
    """Put down what `steady` has counted beside each moment that is new."""
    new = [
        moment
        for moment in steady.MOMENTS
        if getattr(job, moment) is not None
        and (before is None or getattr(before, moment) != getattr(job, moment))
    ]
    return replace(job, steady={**job.steady, **dict.fromkeys(new, steady.note(connection))}) if new else job


def _release(connection: Connection, job: Job, now: float) -> None:
    micros, usd_micros = held(connection, job.id)
    record(connection, Entry.again(connection, job.id, "release", -micros, -usd_micros, at=now))


def _adopt(connection: Connection, job: Job, now: float) -> None:
    entry = Entry.of(job, "adopt", job.maximum, at=now, reserved_at=now, day="")
    record(connection, Entry.again(connection, job.id, "adopt", entry.micros, entry.usd_micros, at=now))


def _settle(connection: Connection, job: Job, charge: Price, now: float) -> None:
    micros, usd_micros = held(connection, job.id)
    entry = Entry.of(job, "settle", charge, at=now, reserved_at=now, day="")
    record(
        connection,
        Entry.again(
            connection, job.id, "settle", entry.micros - micros, entry.usd_micros - usd_micros, at=now
        ),
    )


def _event(
    connection: Connection, job: Job, before: JobState | None, at: float, *, by: str, detail: str
) -> None:
    row = connection.execute("SELECT hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    detail = storable(detail)
    link = [row[0] if row else "", job.id, at, before, job.state, by, detail]
    digest = hashlib.sha256(json.dumps(link).encode()).hexdigest()
    connection.execute(
        "INSERT INTO events (job_id, at, from_state, to_state, by, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (job.id, at, before, job.state, by, detail, digest),
    )


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
    row = connection.execute("SELECT id, document, crc FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise JobNotFound(job_id)
    return _parse(*cast("tuple[str, str, int]", row))


def recent(connection: Connection, limit: int) -> list[Job]:
    """Load the newest jobs, newest first, without those whose record is damaged."""
    rows = connection.execute("SELECT id, document, crc FROM jobs ORDER BY rowid DESC LIMIT ?", (limit,))
    return _readable(rows)


def in_states(connection: Connection, states: frozenset[JobState]) -> list[Job]:
    """Load every job in one of these states, oldest first, without those whose record is damaged."""
    marks = ", ".join("?" * len(states))
    rows = connection.execute(
        f"SELECT id, document, crc FROM jobs WHERE state IN ({marks}) ORDER BY rowid",  # noqa: S608  only marks
        tuple(states),
    )
    return _readable(rows)


def damaged(connection: Connection) -> list[Damaged]:
    """Name every job whose record cannot be read, newest first."""
    found: list[Damaged] = []
    for job_id, document, crc, state, provider, task_id in connection.execute(
        "SELECT id, document, crc, state, provider, task_id FROM jobs ORDER BY rowid DESC"
    ):
        try:
            _parse(job_id, document, crc)
        except DamagedRecord:
            micros = held(connection, job_id)[1]
            found.append(
                Damaged(
                    job_id=job_id, state=state, provider=provider, task_id=task_id, usd=from_micros(micros)
                )
            )
    return found


def unfinished(connection: Connection) -> list[Job]:
    """Load every job that something still happens to, oldest first."""
    return in_states(connection, frozenset(JobState) - FINISHED_STATES)


def same_request(connection: Connection, fingerprint: str) -> list[Job]:
    """Load every job for this very request, newest first."""
    rows = connection.execute(
        "SELECT id, document, crc FROM jobs WHERE fingerprint = ? ORDER BY rowid DESC",
        (fingerprint,),
    )
    return [_parse(*row) for row in rows]


def repetitions(connection: Connection, fingerprint: str) -> int:
    """Count the jobs for this very request, also those whose record is damaged."""
    query = "SELECT COUNT(*) FROM jobs WHERE fingerprint = ?"
    return int(connection.execute(query, (fingerprint,)).fetchone()[0])


def usual_seconds(connection: Connection, provider: str, model: str) -> float | None:
    """The median time from asking to the finished file over the last 20 such jobs, in seconds; None without any."""
    times = sorted(
        row[0]
        for row in connection.execute(
            "SELECT finished_at - created_at FROM jobs WHERE provider = ? AND model = ? AND state = 'done'"
            " AND finished_at - created_at BETWEEN 0 AND ? ORDER BY rowid DESC LIMIT 20",
            (provider, model, _USUAL_AT_MOST_SECONDS),
        )
    )
    return times[len(times) // 2] if times else None


def unread(connection: Connection, client: str, *, now: float) -> list[Job]:
    """List the jobs that finished within a day and that this client is not known to have read about, oldest first."""
    rows = connection.execute(
        "SELECT id, document, crc FROM jobs WHERE finished_at > ?"
        " AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.job_id = jobs.id AND seen.client = ?) ORDER BY finished_at",
        (now - 86_400, client),
    )
    return _readable(rows)


def note_read(connection: Connection, client: str, job_ids: Collection[str], *, now: float) -> None:
    """Note that this client has read that these jobs finished. Only with evidence (`Reader`): it lets others buy again."""
    connection.executemany(
        "INSERT OR IGNORE INTO seen (job_id, client, at) VALUES (?, ?, ?)",
        [(job_id, client, now) for job_id in job_ids],
    )


def was_read(connection: Connection, job_id: str) -> bool:
    """Tell whether any client has read that this job finished."""
    return connection.execute("SELECT 1 FROM seen WHERE job_id = ? LIMIT 1", (job_id,)).fetchone() is not None


def history(connection: Connection, job_id: str) -> list[Transition]:
    """List the transitions of a job, oldest first."""
    rows = connection.execute(
        "SELECT at, from_state, to_state, detail FROM events WHERE job_id = ? ORDER BY seq", (job_id,)
    )
    return [
        Transition(at=at, before=before, after=after, detail=detail) for at, before, after, detail in rows
    ]
