"""How the whole installation stands, in few numbers that hold nothing of any one job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ..types import FINISHED_STATES, WORKERS, JobState
from .database import Connection
from .money import budget
from .money.ledger import from_micros

_UNRESOLVED = (JobState.UNKNOWN, JobState.UNRESOLVED)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """
    Jobs by state, and money in USD by provider and model.

    `copies_owed` are videos that are to be put into an object store. `reserved` is what counts of jobs without a charge,
    `settled` what was charged. `oldest_open_seconds` is 0 without an open job, `oldest_order_seconds` without an order that
    no worker has taken.
    """

    jobs: Mapping[JobState, int]
    oldest_open_seconds: float
    oldest_order_seconds: float
    late_adoptions: int
    copies_owed: int
    reserved: Mapping[tuple[str, str], Decimal]
    settled: Mapping[tuple[str, str], Decimal]
    stopped: bool

    @property
    def open(self) -> int:
        """How many jobs something still happens to."""
        return sum(number for state, number in self.jobs.items() if state not in FINISHED_STATES)

    @property
    def unresolved(self) -> int:
        """Of how many purchases nobody knows whether they happened."""
        return sum(self.jobs[state] for state in _UNRESOLVED)


_MONEY = (
    "SELECT provider, model, settled, CAST(SUM(usd) AS BIGINT) FROM"
    " (SELECT provider, model, MAX(CASE WHEN kind = 'settle' THEN 1 ELSE 0 END) AS settled, SUM(usd_micros) AS usd"
    " FROM ledger GROUP BY job_id, provider, model) AS of_jobs"
    " GROUP BY provider, model, settled"
)


def read(connection: Connection, now: float) -> Figures:
    """Sum up all there is; it reads the whole ledger, so it is no question for every call."""
    jobs = dict.fromkeys(JobState, 0)
    for state, number in connection.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state").fetchall():
        jobs[JobState(state)] = number
    unfinished = [state for state in JobState if state not in FINISHED_STATES]
    (oldest,) = connection.execute(
        f"SELECT MIN(created_at) FROM jobs WHERE state IN ({', '.join('?' * len(unfinished))})",  # noqa: S608  marks alone
        unfinished,
    ).fetchone()
    (untaken,) = connection.execute(
        "SELECT MIN(created_at) FROM jobs WHERE state = ? AND owner = ?", (JobState.RESERVED.value, WORKERS)
    ).fetchone()
    (adopted,) = connection.execute("SELECT COUNT(*) FROM ledger WHERE kind = 'adopt'").fetchone()
    (owed,) = connection.execute("SELECT COUNT(*) FROM object_copies WHERE stored_at IS NULL").fetchone()
    money: tuple[dict[tuple[str, str], Decimal], dict[tuple[str, str], Decimal]] = ({}, {})
    for provider, model, settled, micros in connection.execute(_MONEY).fetchall():
        money[settled][provider, model] = from_micros(micros)
    return Figures(
        jobs=jobs,
        oldest_open_seconds=_age(oldest, now),
        oldest_order_seconds=_age(untaken, now),
        late_adoptions=adopted,
        copies_owed=owed,
        reserved=money[0],
        settled=money[1],
        stopped=budget.spending_stopped(connection),
    )


def _age(since: float | None, now: float) -> float:
    return 0.0 if since is None else max(0.0, now - since)
