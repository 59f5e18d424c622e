"""
Time that has certainly passed, whatever was done to the clock on the wall.

The clock on the wall can be set; the machine's steady clock cannot, but it begins anew with every start of the machine and is
another one on another machine. Between two looks at both, the smaller step is believed, and the steps are added up in the
database. The sum never goes back and never runs ahead of the true time, unless both clocks do. It falls behind while the
machine sleeps, while it is switched off, and over the step in which the clock on the wall was set back.
"""

from __future__ import annotations

from ..types import Job
from .database import Connection

LOOK_SECONDS = 300.0
"""How often a process that runs notes both clocks: no longer stretch is lost when the clock on the wall is set back."""

MOMENTS = (
    "created_at",
    "sent_at",
    "unknown_at",
    "accepted_at",
    "remote_done_at",
    "finished_at",
    "not_found_at",
)
"""The moments of a job whose age decides something."""


def passed(connection: Connection) -> float:
    """How many seconds have certainly passed since the database began to count them."""
    row = connection.execute("SELECT passed, wall, uptime FROM steady").fetchone()
    if row is None:
        return 0.0
    before, wall, uptime = row
    now, up = connection.execute("SELECT wall_clock(), steady_clock()").fetchone()
    # A machine that has been up for less than it had been then was started since: so long it has been at least.
    steps = (now - wall, up - uptime if up >= uptime else up)
    return before + max(0.0, min(steps))


def note(connection: Connection) -> float:
    """Do what `passed` does and begin the next step here. Whoever stores what it returns has to call this, not `passed`."""
    counted = passed(connection)
    connection.execute(
        "INSERT INTO steady (one, passed, wall, uptime) VALUES (1, ?, wall_clock(), steady_clock())"
        " ON CONFLICT (one) DO UPDATE SET passed = excluded.passed, wall = excluded.wall, uptime = excluded.uptime",
        (counted,),
    )
    return counted


def is_due(connection: Connection) -> bool:
    """Return whether nobody has noted the clocks for a while, or the clock on the wall was set back since."""
    row = connection.execute("SELECT wall_clock() - wall FROM steady").fetchone()
    return row is None or not 0.0 <= row[0] < LOOK_SECONDS


def age(connection: Connection, job: Job, moment: str) -> float:
    """
    How many seconds have certainly passed since a moment of the job, one of `MOMENTS`.

    For a moment that an earlier version wrote: since the database began to count.
    """
    return passed(connection) - job.steady.get(moment, 0.0)
