"""How the installation stands is told alike by both databases."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from seedance_mcp.store import Connection, budget, figures, open_store, transitions
from seedance_mcp.store.connection import Database
from seedance_mcp.store.postgres.database import open_postgres
from seedance_mcp.types import Job, JobState, Price, Submission
from tests.jobs import records


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_states_ages_and_money_are_summed_up_alike(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database: Database = (
        open_store(tmp_path) if kind == "SQLite" else open_postgres(request.getfixturevalue("url"))
    )
    with contextlib.closing(database):
        database.write_now(_fill)
        read = database.read_now(lambda connection: figures.read(connection, now=1100.0))
    jobs = {state: number for state, number in read.jobs.items() if number}
    assert jobs == {JobState.RESERVED: 1, JobState.ACCEPTED: 1, JobState.FAILED: 1, JobState.UNRESOLVED: 1}
    assert (read.open, read.unresolved, read.late_adoptions, read.copies_owed) == (2, 1, 1, 0)
    assert read.oldest_open_seconds == 100.0
    assert set(read.reserved) == set(read.settled) == {("ark", "m")}
    assert read.reserved["ark", "m"] == 3 * records.job().maximum.usd
    assert read.settled["ark", "m"] == Decimal("0.25")
    assert read.stopped


def _fill(connection: Connection) -> None:
    """One reserved, one that was found after all, one that failed and cost a quarter, one that nobody knows of."""
    at = 1000.0
    made = [
        transitions.insert(
            connection,
            replace(
                records.job(), id=f"job_{number}", tag=f"tag {number}", client_key=f"key {number}", provider="ark",
                model="m", created_at=at,
            ),
            day="1970-01-01",
        )
        for number in range(4)
    ]  # fmt: skip

    def move(job: Job, to: JobState, **changes: object) -> Job:
        return transitions.move(connection, job, to, now=at, by="me", **changes)  # type: ignore[arg-type]

    sent = [move(job, JobState.SENDING, sent_at=at) for job in made[1:]]
    refused = move(sent[0], JobState.REJECTED)
    move(refused, JobState.ACCEPTED, submission=Submission(task_id="a", handle={}))
    failed = move(sent[1], JobState.ACCEPTED, submission=Submission(task_id="b", handle={}))
    quarter = Price(amount=Decimal("0.25"), currency="USD", usd=Decimal("0.25"))
    move(failed, JobState.FAILED, charge=quarter)
    unknown = move(sent[2], JobState.UNKNOWN, unknown_at=at, unknown_uptime=1.0)
    move(unknown, JobState.UNRESOLVED)
    budget.stop_spending(connection)
