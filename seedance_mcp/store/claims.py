"""Which jobs have which of a provider's tasks: an id means a task only at the address that gave it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ..types import Job
from .accounts import Account, is_same, joined
from .database import Connection, in_parts, marks


class Claims(NamedTuple):
    """
    Tasks that other jobs of the same account have: `here`, with the jobs' ids, those at the job's own address.

    `elsewhere` are those at another address: that may lead to the same service or to one that counts for itself.
    """

    here: Mapping[str, str]
    elsewhere: frozenset[str]


def claimed(connection: Connection, job: Job, task_ids: Collection[str]) -> Claims:
    """Return which of these tasks belong to other jobs. Another account's ids mean other tasks."""
    rows = [row for some in in_parts(sorted(task_ids)) for row in _holders(connection, job, some)]
    ours = joined(connection, job.provider, job.account) if rows else ()
    here: dict[str, str] = {}
    elsewhere: set[str] = set()
    for other, account, address, task_id in rows:
        there = Account(provider=job.provider, fingerprint=account, address=address or None)
        if account not in ours:
            continue
        if is_same(connection, Account.of(job), there):
            here[task_id] = other
        else:
            elsewhere.add(task_id)
    return Claims(here=here, elsewhere=frozenset(elsewhere))


def _holders(connection: Connection, job: Job, task_ids: Sequence[str]) -> list[tuple[str, str, str, str]]:
    return connection.execute(
        "SELECT id, account, address, task_id FROM jobs WHERE provider = ? AND id != ?"  # noqa: S608  only marks
        f" AND task_id IN ({marks(task_ids)})",
        (job.provider, job.id, *task_ids),
    ).fetchall()
