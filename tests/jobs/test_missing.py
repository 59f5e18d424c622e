"""When a task that the provider had accepted counts as missing: not while its list still shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from seedance_mcp.catalog import Catalog
from seedance_mcp.errors import ProviderError, TaskNotFound
from seedance_mcp.jobs.tracking.polling import poll
from seedance_mcp.providers import Recovery
from seedance_mcp.store import job_records, transitions
from seedance_mcp.store.database import SqliteStore, open_store
from seedance_mcp.types import Job, JobState, Submission, TaskState

from . import records
from .records import START

OFFER = Catalog.load().offer("byteplus", "seedance-2.0")
OURS, OTHER = Submission(task_id="ours"), Submission(task_id="other")
STORED = Submission(task_id="ours", handle={"status": "https://provider.example/somewhere/ours"})


class Forgetful:
    """Knows no task by its id; its list shows these."""

    def __init__(self, listed: Recovery) -> None:
        self.listed = listed

    async def poll(self, submission: Submission) -> TaskState:
        raise TaskNotFound("Who is that?")

    def submission(self, task_id: str, *_: object) -> Submission:
        return Submission(task_id=task_id)

    async def recover(self, *_: object) -> Recovery:
        return self.listed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(open_store(tmp_path / "state", clock=lambda: START)) as opened:
        opened.uptime = lambda: 50_000.0
        yield opened


def accepted(store: SqliteStore) -> Job:
    with store._connection as connection:
        reserved = transitions.insert(connection, records.job(), day="2023-11-14")
        job = transitions.move(connection, reserved, JobState.SENDING, now=START, by="me", sent_at=START)
        return transitions.move(
            connection, job, JobState.ACCEPTED, now=START, by="me", submission=STORED, accepted_at=START
        )


async def after(
    store: SqliteStore, seconds: float, listed: Recovery, *, by_the_steady_clock: float | None = None
) -> JobState:
    """What becomes of a job whose task was not found now and is not found so much later, by both clocks."""
    job = accepted(store)

    async def look(job: Job) -> Job:
        provider = Forgetful(listed)
        return await poll(job, OFFER, provider=provider, store=store, cny_per_usd=Decimal(7))  # type: ignore[arg-type]

    with pytest.raises(ProviderError, match="at the moment"):
        await look(job)
    job = await store.read(lambda connection: job_records.find(connection, job.id))
    wall, up = store.clock(), store.uptime()
    store.clock, store.uptime = lambda: wall + seconds, lambda: up + (by_the_steady_clock or seconds)
    return (await look(job)).state


@pytest.mark.parametrize("listed", [Recovery(submission=OURS), Recovery(alike=(OTHER, OURS))])
async def test_a_task_that_is_listed_is_not_missing(store: SqliteStore, listed: Recovery) -> None:
    assert await after(store, 301, listed) is JobState.ACCEPTED


@pytest.mark.parametrize("listed", [Recovery(), Recovery(alike=(OTHER,)), Recovery(proves_absence=True)])
async def test_a_task_that_nobody_knows_for_five_minutes_is_missing(
    store: SqliteStore, listed: Recovery
) -> None:
    assert await after(store, 301, listed) is JobState.MISSING


async def test_a_clock_that_is_set_forward_makes_no_task_missing(store: SqliteStore) -> None:
    with pytest.raises(ProviderError, match="at the moment"):
        await after(store, 301, Recovery(), by_the_steady_clock=299)


async def test_a_task_that_is_not_found_for_less_is_asked_for_again(store: SqliteStore) -> None:
    with pytest.raises(ProviderError, match="at the moment"):
        await after(store, 299, Recovery())
