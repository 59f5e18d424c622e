"""Callers' own names for purchases: what each was first asked for, and the jobs that it stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...types import Job
from .. import job_records
from ..database import Connection
from ..scoped import own


@dataclass(frozen=True, kw_only=True)
class KeptKey:
    """A key as it was first used: the fields that were given, and the digest of each media source."""

    asked: Mapping[str, Any]
    digests: Mapping[str, str]


def find(connection: Connection, key: str) -> KeptKey | None:
    """Return what the key was first asked for; None if the person has not used it."""
    mine, whose = own(connection)
    row = connection.execute(
        f"SELECT asked, digests FROM request_keys WHERE key = ? AND {mine}",  # noqa: S608  only names
        (key, *whose),
    ).fetchone()
    return None if row is None else KeptKey(asked=json.loads(row[0]), digests=json.loads(row[1]))


def jobs_of(connection: Connection, key: str) -> list[Job]:
    """
    Load every job that the key ever stood for, the newest first.

    Raises:
        DamagedRecord, JobNotFound: one of them cannot be read.
    """
    mine, whose = own(connection, "key_jobs.person")
    rows = connection.execute(
        # A job that is not there any more, in a database that is damaged, must be missed, not left out.
        f"SELECT job_id FROM key_jobs LEFT JOIN jobs ON jobs.id = job_id WHERE key = ? AND {mine} ORDER BY seq DESC",  # noqa: S608  only names
        (key, *whose),
    )
    return [job_records.find(connection, job_id) for (job_id,) in rows.fetchall()]


def keep(connection: Connection, key: str, kept: KeptKey, job: Job) -> None:
    """Let the key stand for this job as well; what it was first asked for stays."""
    connection.execute(
        "INSERT INTO request_keys (person, key, asked, digests, at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (person, key) DO NOTHING",
        (job.person, key, json.dumps(dict(kept.asked)), json.dumps(dict(kept.digests)), job.created_at),
    )
    connection.execute(
        "INSERT INTO key_jobs (person, key, job_id) VALUES (?, ?, ?)", (job.person, key, job.id)
    )
