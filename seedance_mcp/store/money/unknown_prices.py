"""Jobs whose price nobody knew when they were bought."""

from __future__ import annotations

import json
from typing import Any

from ...types import FINISHED_STATES, JobState, VideoRequest
from ..database import Connection, marks
from ..scoped import PERSON_OF_JOB, own

_MAY_BE_UNKNOWN = """document LIKE '%"known":false%'"""
"""What can be said of such a record without reading it."""


def open_job(connection: Connection) -> str | None:
    """A job of the person, of unknown price, that something still happens to, and whose charge is not known yet."""
    mine, whose = own(connection, PERSON_OF_JOB)
    states = sorted(frozenset(JobState) - FINISHED_STATES)
    rows = connection.execute(
        f"SELECT id, document FROM jobs WHERE state IN ({marks(states)}) AND {_MAY_BE_UNKNOWN} AND {mine}",  # noqa: S608  only marks and names
        (*states, *whose),
    )
    for job_id, document in rows:
        said = _of_unknown_price(document)
        if said is not None and said.get("charge") is None:
            return job_id
    return None


def dearest(connection: Connection, provider: str, endpoint: str, request: VideoRequest) -> int:
    """The most that such a video of the person was charged while its price was unknown, in micro-USD; 0 if none was yet."""
    mine, whose = own(connection, PERSON_OF_JOB)
    rows = connection.execute(
        "SELECT document, CAST(SUM(usd_micros) AS BIGINT) FROM jobs JOIN ledger ON ledger.job_id = jobs.id"  # noqa: S608  only the text above
        f" WHERE jobs.provider = ? AND {_MAY_BE_UNKNOWN} AND {mine} GROUP BY jobs.id, document",
        (provider, *whose),
    )
    wanted = endpoint, request.duration, request.resolution
    most = 0
    for document, micros in rows:
        said = _of_unknown_price(document)
        if said is None or said.get("charge") is None:
            continue
        asked = said.get("request", {})
        if (said.get("endpoint"), asked.get("duration"), asked.get("resolution")) == wanted:
            most = max(most, micros)
    return most


def _of_unknown_price(document: str) -> dict[str, Any] | None:
    """Read a record; None if its price was known, or it is damaged: that must not end every other purchase."""
    try:
        said = json.loads(document)
        return said if said["maximum"]["known"] is False else None
    except (ValueError, LookupError, TypeError):
        return None
