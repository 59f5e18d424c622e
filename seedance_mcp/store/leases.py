"""Which process looks after an open job: a lease that only saves requests, and is never relied on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from ..types import FINISHED_STATES, WORKERS, JobState
from .connection import Connection, Store
from .database import marks

LEASE_SECONDS = 60.0
_APART_SECONDS = 5.0
"""How far the clocks of two processes may be apart: where they ask a database for the time, some milliseconds are usual."""

_OPEN_STATES = tuple(sorted(frozenset(JobState) - FINISHED_STATES))
_ORDER, _WAITS = "state = ? AND jobs.owner = ?", (JobState.RESERVED.value, WORKERS)


@dataclass(frozen=True, kw_only=True)
class OpenJob:
    """What is known of an open job without its record; `elsewhere` if another process, at work, looks after it."""

    id: str
    provider: str
    state: JobState
    version: int
    elsewhere: bool


class Leases:
    """This process's leases. With `on=False` every process looks after every job."""

    def __init__(self, store: Store, *, on: bool = True) -> None:
        self._store = store
        self._on = on
        self._until: dict[str, float] = {}

    async def take(self, job_id: str) -> bool:
        """
        Take or renew the lease of a job; False if another process, which is at work, has it. Raises StoreError.

        All of this process's leases are renewed together, so that most calls need no look at the database.
        """
        if not self._on or self._lasts(job_id):
            return True
        ends = await self._store.write(lambda connection: self._take(connection, job_id))
        for held, end in ends.items():
            if end is None:
                self._until.pop(held, None)
            elif held == job_id or held in self._until:  # and not let go meanwhile
                self._until[held] = end
        return ends[job_id] is not None

    def want(self, job_id: str) -> None:
        """Take the lease of this job, which can be asked about from here, together with the next one that is taken."""
        self._until.setdefault(job_id, 0.0)

    def let_go(self, job_id: str) -> None:
        """Renew the lease of this job no more."""
        self._until.pop(job_id, None)

    async def give_up(self, job_id: str) -> None:
        """Leave the job to whoever takes its lease next: this process can do nothing for it now. Raises StoreError."""
        self.let_go(job_id)
        row = job_id, self._store.ownership.instance
        change = "DELETE FROM leases WHERE job_id = ? AND owner = ?"
        await self._store.write(lambda connection: connection.execute(change, row))

    def open_jobs(self, connection: Connection) -> list[OpenJob]:
        """List the jobs that something still happens to, oldest first, without `orders`."""
        where = f"state IN ({marks(_OPEN_STATES)}) AND NOT ({_ORDER})"
        return self._jobs(connection, where, (*_OPEN_STATES, *_WAITS))

    def orders(self, connection: Connection) -> list[OpenJob]:
        """List the jobs that wait for a worker, oldest first."""
        return self._jobs(connection, _ORDER, _WAITS)

    def _jobs(self, connection: Connection, where: str, values: tuple[str, ...]) -> list[OpenJob]:
        at_work = cache(self._store.ownership.at_work)
        rows = connection.execute(
            "SELECT id, provider, state, version, leases.owner, until FROM jobs LEFT JOIN leases ON job_id = id"  # noqa: S608  ours
            f" WHERE {where} ORDER BY seq",
            values,
        )
        return [
            OpenJob(
                id=job_id,
                provider=provider,
                state=JobState(state),
                version=version,
                elsewhere=self._is_elsewhere(owner, until, at_work),
            )
            for job_id, provider, state, version, owner, until in rows
        ]

    def _take(self, connection: Connection, job_id: str) -> dict[str, float | None]:
        """Take or renew this lease, and all others if one of them is due; returns the end of each, None: another has it."""
        ownership, now = self._store.ownership, self._store.clock()
        row = connection.execute("SELECT owner, until FROM leases WHERE job_id = ?", (job_id,)).fetchone()
        owner, until = row or (None, None)
        if self._is_elsewhere(owner, until, ownership.at_work):
            return {job_id: None}
        connection.execute("DELETE FROM leases WHERE job_id = ?", (job_id,))
        end = now + LEASE_SECONDS
        wanted = [job_id]
        others = [held for held in list(self._until) if held != job_id]
        if not all(map(self._lasts, others)):
            wanted += others
            connection.execute(
                "DELETE FROM leases WHERE owner = ? OR NOT until BETWEEN ? AND ?",
                (ownership.instance, now, end + _APART_SECONDS),
            )
        return {held: end if self._insert(connection, held, end) else None for held in wanted}

    def _insert(self, connection: Connection, job_id: str, end: float) -> bool:
        """Write down a lease; False if another process has taken it since."""
        row = (job_id, self._store.ownership.instance, end)
        change = "INSERT INTO leases (job_id, owner, until) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        return connection.execute(change, row).rowcount == 1

    def _is_elsewhere(self, owner: str | None, until: float | None, at_work: Callable[[str], bool]) -> bool:
        if not self._on or owner is None or until is None or owner == self._store.ownership.instance:
            return False
        return runs(until, self._store.clock()) and at_work(owner)

    def _lasts(self, job_id: str) -> bool:
        return runs(self._until.get(job_id, 0.0), self._store.clock() + LEASE_SECONDS / 2)


def runs(until: float, now: float) -> bool:
    """Return whether a lease runs. One that would run for much longer than any was taken under another clock, and does not."""
    return now < until <= now + LEASE_SECONDS + _APART_SECONDS
