"""Which process looks after an open job: a lease that only saves requests, and is never relied on."""

from __future__ import annotations

from functools import partial

from .database import Connection, Store

LEASE_SECONDS = 60.0


class Leases:
    """This process's leases. With `on=False` every process looks after every job."""

    def __init__(self, store: Store, *, on: bool = True) -> None:
        self._store = store
        self._on = on

    async def take(self, job_id: str) -> bool:
        """Take or renew the lease of a job; False if another process, which is at work, has it. Raises StoreError."""
        if not self._on:
            return True
        me, now = self._store.ownership.instance, self._store.clock()
        owner, until = await self._store.read(partial(_held, job_id=job_id))
        if owner == me and _runs(until, now + LEASE_SECONDS / 2):
            return True  # no need for a write at every step
        return await self._store.write(partial(self._take, job_id=job_id, now=now))

    def _take(self, connection: Connection, *, job_id: str, now: float) -> bool:
        ownership = self._store.ownership
        owner, until = _held(connection, job_id)
        if owner not in (None, ownership.instance) and _runs(until, now) and ownership.at_work(owner):
            return False
        connection.execute(
            "UPDATE jobs SET lease_owner = ?, lease_until = ? WHERE id = ?",
            (ownership.instance, now + LEASE_SECONDS, job_id),
        )
        return True


def _held(connection: Connection, job_id: str) -> tuple[str | None, float]:
    return connection.execute("SELECT lease_owner, lease_until FROM jobs WHERE id = ?", (job_id,)).fetchone()


def _runs(until: float, now: float) -> bool:
    """Return whether a lease runs. One that would run for longer than any was taken under another clock, and does not."""
    return now < until <= now + LEASE_SECONDS
