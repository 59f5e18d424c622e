"""Jobs whose price nobody knew when they were bought."""

from __future__ import annotations

from ...types import FINISHED_STATES, JobState, VideoRequest
from ..database import Connection, marks


def open_job(connection: Connection) -> str | None:
    """A job of unknown price that something still happens to, and whose charge is not known yet."""
    states = sorted(frozenset(JobState) - FINISHED_STATES)
    row = connection.execute(
        f"SELECT id FROM jobs WHERE state IN ({marks(states)})"  # noqa: S608  only marks
        # A damaged record says nothing here, and must not end every other purchase.
        " AND CASE WHEN json_valid(document) THEN NOT json_extract(document, '$.maximum.known')"
        " AND json_extract(document, '$.charge') IS NULL END LIMIT 1",
        states,
    ).fetchone()
    return row and row[0]


def dearest(connection: Connection, provider: str, endpoint: str, request: VideoRequest) -> int:
    """The most that such a video was charged while its price was unknown, in micro-USD; 0 if none was yet."""
    (micros,) = connection.execute(
        "SELECT COALESCE(MAX(charged), 0) FROM (SELECT SUM(usd_micros) AS charged"
        " FROM jobs JOIN ledger ON ledger.job_id = jobs.id"
        " WHERE jobs.provider = ? AND CASE WHEN json_valid(document)"
        " THEN NOT json_extract(document, '$.maximum.known') AND json_extract(document, '$.charge') IS NOT NULL"
        " AND json_extract(document, '$.endpoint') = ? AND json_extract(document, '$.request.duration') IS ?"
        " AND json_extract(document, '$.request.resolution') IS ? END GROUP BY jobs.id)",
        (provider, endpoint, request.duration, request.resolution),
    ).fetchone()
    return micros
