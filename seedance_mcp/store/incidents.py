"""What failed in a way that nobody planned, kept for a day so that every process can tell it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ..texts import storable
from .database import Connection
from .scoped import seen

TOLD_SECONDS = 24 * 3600.0
"""For so long after the last time an incident is told."""


@dataclass(frozen=True, kw_only=True)
class Incident:
    """
    Something that failed in a way that nobody planned.

    `person` is whose job or film it was about; empty where it was about nobody's. `doing` is what was being done, as the
    beginning of a sentence ("Following it"), `why` what came in between. Times are seconds since the epoch.
    """

    job_id: str | None
    doing: str
    why: str
    times: int
    first_at: float
    last_at: float
    person: str = ""

    @property
    def words(self) -> str:
        """One sentence for a person."""
        often = f"{self.times} times since {_moment(self.first_at)}, last" if self.times > 1 else "once,"
        return f"{self.doing} failed: {self.why} ({often} at {_moment(self.last_at)})."


def write(connection: Connection, incidents: list[Incident], now: float) -> None:
    """Add these to what is kept, and forget what is no longer told."""
    connection.executemany(
        "INSERT INTO troubles (job_id, doing, why, times, first_at, last_at, person)"
        " VALUES (?, ?, ?, ?, ?, ?, COALESCE((SELECT person FROM jobs WHERE id = ?), CAST(? AS TEXT)))"
        " ON CONFLICT (job_id, doing) DO UPDATE SET"
        " why = excluded.why, times = troubles.times + excluded.times, last_at = excluded.last_at",
        [
            (
                *(one.job_id or "", one.doing, storable(one.why), one.times, one.first_at, one.last_at),
                *(one.job_id or "", one.person),
            )
            for one in incidents
        ],
    )
    connection.execute("DELETE FROM troubles WHERE last_at NOT BETWEEN ? AND ?", _told(now))


def read(connection: Connection, now: float) -> list[Incident]:
    """List what is told at this moment, what failed first before the others."""
    mine, whose = seen(connection)
    rows = connection.execute(
        "SELECT job_id, person, doing, why, times, first_at, last_at FROM troubles"  # noqa: S608  only names
        f" WHERE last_at BETWEEN ? AND ? AND {mine} ORDER BY first_at, job_id, doing",
        (*_told(now), *whose),
    )
    return [
        Incident(
            job_id=job_id or None,
            person=person,
            doing=doing,
            why=why,
            times=times,
            first_at=first_at,
            last_at=last_at,
        )
        for job_id, person, doing, why, times, first_at, last_at in rows
    ]


def _told(now: float) -> tuple[float, float]:
    """Between which times an incident is told; one from the future was noted by a clock that ran ahead."""
    return now - TOLD_SECONDS, now + 60.0


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
