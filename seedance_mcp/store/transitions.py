"""The legal transitions of a job, each inside one transaction together with its money and its event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from ..counting import Counted, count
from ..errors import StoreError, SubmissionNotSent
from ..texts import storable
from ..types import EVERYBODY, FINISHED_STATES, NOT_BOUGHT_STATES, Job, JobState, Price, job_code
from . import archive, elapsed_time, film_orders, finish_hooks
from .database import Connection, checksum
from .job_records import DamagedRecord, dump
from .money.ledger import Booking, Entry, held, record, to_micros
from .scoped import seen_by_job

S = JobState

LEGAL: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        S.RESERVED: frozenset({S.SENDING, S.NOT_SENT, S.CANCELLED}),
        S.SENDING: frozenset({S.ACCEPTED, S.REJECTED, S.UNKNOWN}),
        S.UNKNOWN: frozenset({S.ACCEPTED, S.ABSENT, S.UNRESOLVED}),
        # From accepted to accepted: the provider shows that another task is the job's than the one it was given.
        S.ACCEPTED: frozenset(
            {S.ACCEPTED, S.REMOTE_DONE, S.FAILED, S.CANCELLED, S.EXPIRED, S.STALLED, S.MISSING}
        ),
        S.STALLED: frozenset({S.ACCEPTED, S.REMOTE_DONE, S.FAILED, S.CANCELLED, S.EXPIRED, S.MISSING}),
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

NOT_BOUGHT = NOT_BOUGHT_STATES
"""Entering one of these gives the reservation back."""

UNDECIDED = frozenset({S.RESERVED, S.SENDING, S.UNKNOWN})
"""States in which it is not yet known whether the purchase happened."""

_PASSING = frozenset({SubmissionNotSent.code, StoreError.code})
"""What kept a purchase on this machine and need not do so the next time: then a film's row pays for another one."""


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One move of a job. `at` in seconds since the epoch; `before` is None for its beginning."""

    at: float
    before: str | None
    after: str
    detail: str


class Stale(Exception):
    """The job is no longer at the version that the decision was based on; look again."""


def insert(
    connection: Connection, job: Job, *, day: str, detail: str = "", paid: Booking | None = None
) -> Job:
    """Write a new job and its reservation, which counts from now, or as that which it is `paid` from does."""
    job = _stamped(connection, None, job)
    document = dump(job)
    connection.execute(
        "INSERT INTO jobs (id, document, crc) VALUES (?, ?, ?)", (job.id, document, checksum(document))
    )
    booking = paid or Booking(reserved_at=job.created_at, day=day, steady=job.steady["created_at"])
    record(connection, Entry.of(job, "reserve", job.maximum, booking, at=job.created_at))
    _event(connection, job, None, job.created_at, by=job.owner, detail=detail)
    return job


def move(
    connection: Connection, job: Job, to: JobState, *, now: float, by: str, detail: str = "", **changes: Any
) -> Job:
    """
    Take the job to another state, with its money; at its end, with the hook that is owed then.

    `changes` are further fields of `Job`. Entering a state that proves that nothing was bought gives the
    reservation back; coming back from there (late adoption) takes it again; a `charge` settles it. A film's row whose job
    never left this machine may pay for another one, and has that job again if it turns up before.

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
        if to is S.NOT_SENT and stored.error_code in _PASSING:
            film_orders.give_back(connection, stored.id)
    elif to is S.ACCEPTED and job.state in NOT_BOUGHT:
        _adopt(connection, stored, now)
        film_orders.take_up(connection, stored.id)
    if stored.charge is not None and job.charge is None:
        _settle(connection, stored, stored.charge, now)
    if to in FINISHED_STATES:
        finish_hooks.owe(connection, stored.id, stored.version)
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
    document = dump(stored)
    cursor = connection.execute(
        "UPDATE jobs SET document = ?, crc = ? WHERE id = ? AND version = ?",
        (document, checksum(document), job.id, job.version),
    )
    if cursor.rowcount != 1:
        count(Counted.STALE_SWAP)
        raise Stale(job.id)
    return stored


def _stamped(connection: Connection, before: Job | None, job: Job) -> Job:
    """Put down what `elapsed_time` has counted beside each moment that is new."""
    new = [
        moment
        for moment in elapsed_time.MOMENTS
        if getattr(job, moment) is not None
        and (before is None or getattr(before, moment) != getattr(job, moment))
    ]
    return (
        replace(job, steady={**job.steady, **dict.fromkeys(new, elapsed_time.note(connection))})
        if new
        else job
    )


def _release(connection: Connection, job: Job, now: float) -> None:
    micros, usd_micros = held(connection, job.id)
    record(connection, Entry.again(connection, job.id, "release", -micros, -usd_micros, at=now))


def _adopt(connection: Connection, job: Job, now: float) -> None:
    micros, usd_micros = to_micros(job.maximum.amount), to_micros(job.maximum.usd)
    record(connection, Entry.again(connection, job.id, "adopt", micros, usd_micros, at=now))


def _settle(connection: Connection, job: Job, charge: Price, now: float) -> None:
    micros, usd_micros = held(connection, job.id)
    more, usd_more = to_micros(charge.amount) - micros, to_micros(charge.usd) - usd_micros
    record(connection, Entry.again(connection, job.id, "settle", more, usd_more, at=now))


def _event(
    connection: Connection, job: Job, before: JobState | None, at: float, *, by: str, detail: str
) -> None:
    with connection.within(EVERYBODY):  # one chain for all
        row = connection.execute("SELECT hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    detail = storable(detail)
    link = [row[0] if row else "", job.id, at, before, job.state, by, detail]
    digest = hashlib.sha256(json.dumps(link).encode()).hexdigest()
    connection.execute(
        "INSERT INTO events (job_id, at, from_state, to_state, by, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (job.id, at, before, job.state, by, detail, digest),
    )


def history(connection: Connection, job_id: str) -> list[Transition]:
    """
    List the transitions of a job, oldest first.

    Raises:
        DamagedRecord: they are archived, and cannot be read.
    """
    mine, whose = seen_by_job(connection)
    rows = connection.execute(
        f"SELECT at, from_state, to_state, detail FROM events WHERE job_id = ? AND {mine} ORDER BY seq",  # noqa: S608  only names
        (job_id, *whose),
    )
    return [
        *_archived_history(connection, job_id),
        *(Transition(at=at, before=before, after=after, detail=detail) for at, before, after, detail in rows),
    ]


def _archived_history(connection: Connection, job_id: str) -> list[Transition]:
    try:
        archived = archive.read(connection, job_id)
    except archive.Unreadable as error:
        raise DamagedRecord(f"The record of job {job_id} is damaged.") from error
    events = () if archived is None else archived.events
    return [
        Transition(at=event.at, before=event.before, after=event.after, detail=event.detail)
        for event in events
    ]
