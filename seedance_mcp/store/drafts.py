"""Which jobs are drafts, and of what: kept beside their records, so that no server of an earlier version drops it."""

from __future__ import annotations

from ..types import VideoRequest
from .database import Connection
from .scoped import seen_by_job


def keep(connection: Connection, job_id: str, final: VideoRequest) -> None:
    """Keep what a job is a draft of: the request in full, as it would have been bought without a draft."""
    connection.execute(
        "INSERT INTO drafts (job_id, final) VALUES (?, ?)",
        (job_id, final.model_dump_json(exclude_defaults=True)),
    )


def final_of(connection: Connection, job_id: str) -> VideoRequest | None:
    """Return what a job is a draft of; None: it is no draft."""
    mine, whose = seen_by_job(connection)
    row = connection.execute(
        f"SELECT final FROM drafts WHERE job_id = ? AND {mine}",  # noqa: S608  only names
        (job_id, *whose),
    ).fetchone()
    return None if row is None else VideoRequest.model_validate_json(row[0])
