"""Which hooks are wished for, owed, claimed and done: the rows of `hooks`, each change inside a caller's transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..texts import storable
from .database import Connection


@dataclass(frozen=True, kw_only=True)
class OwedHook:
    """The user's command at the end of a job; `ended` is the version with which the job ended."""

    job_id: str
    ended: int


def wish(connection: Connection, job_id: str) -> None:
    """Let the command run when this job ends."""
    connection.execute("INSERT INTO hooks (job_id) VALUES (?) ON CONFLICT DO NOTHING", (job_id,))


def without_wish(connection: Connection) -> bool:
    """Return whether a job is open at whose end nothing is to run."""
    query = "SELECT 1 FROM jobs WHERE finished_at IS NULL AND id NOT IN (SELECT job_id FROM hooks) LIMIT 1"
    return connection.execute(query).fetchone() is not None


def wish_for_open_jobs(connection: Connection) -> None:
    """Let the command run when any job ends that is open now, whoever bought it."""
    connection.execute(
        "INSERT INTO hooks (job_id) SELECT id FROM jobs WHERE finished_at IS NULL ON CONFLICT DO NOTHING"
    )


def owe(connection: Connection, job_id: str, ended: int) -> None:
    """Note, in the transaction that ends a job, that its command has to run, if somebody wished for it."""
    connection.execute(
        "UPDATE hooks SET ended = ?, runner = NULL, outcome = NULL WHERE job_id = ?", (ended, job_id)
    )


_OWED = (
    "SELECT hooks.job_id, ended FROM hooks JOIN jobs ON jobs.id = hooks.job_id"
    " WHERE ended IS NOT NULL AND outcome IS NULL AND runner IS NULL AND finished_at IS NOT NULL"
    " ORDER BY finished_at, seq LIMIT 1"
)


def owed(connection: Connection) -> OwedHook | None:
    """Find a command that nobody has claimed, of the job that ended first; one of a job that goes on again is not owed."""
    row = connection.execute(_OWED).fetchone()
    return OwedHook(job_id=row[0], ended=row[1]) if row else None


def claim(connection: Connection, by: str) -> OwedHook | None:
    """Claim such a command for the process `by`, which has to run it, and once."""
    found = owed(connection)
    if found is not None:
        connection.execute("UPDATE hooks SET runner = ? WHERE job_id = ?", (by, found.job_id))
    return found


def finish(connection: Connection, hook: OwedHook, *, by: str, outcome: str) -> bool:
    """Note what came of a claimed command; False if its job went on and has ended once more since."""
    cursor = connection.execute(
        "UPDATE hooks SET outcome = ? WHERE job_id = ? AND ended = ? AND runner = ? AND outcome IS NULL",
        (storable(outcome), hook.job_id, hook.ended, by),
    )
    return cursor.rowcount == 1


def abandoned(connection: Connection, alive: Callable[[str], bool]) -> list[tuple[OwedHook, str]]:
    """List the commands whose process died after claiming them, with that process, before it said what came of them."""
    rows = connection.execute(
        "SELECT job_id, ended, runner FROM hooks"
        " WHERE ended IS NOT NULL AND outcome IS NULL AND runner IS NOT NULL"
    ).fetchall()
    return [
        (OwedHook(job_id=job_id, ended=ended), runner) for job_id, ended, runner in rows if not alive(runner)
    ]
