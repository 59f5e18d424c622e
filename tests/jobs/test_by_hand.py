"""A person's word on a purchase, while the server itself goes on looking for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.errors import InvalidRequest, StoreError
from seedance_mcp.jobs.tracking.manual_resolution import FoundTask, resolve
from seedance_mcp.store import Store, open_store
from seedance_mcp.store.job_records import find
from seedance_mcp.store.transitions import insert, move, note
from seedance_mcp.types import Job, JobState, Submission

from . import records


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "state")) as opened:
        opened.write_now(lambda connection: insert(connection, records.job(), day="2023-11-14"))
        go(opened, JobState.SENDING)
        go(opened, JobState.UNKNOWN)
        yield opened


def go(store: Store, to: JobState, **changes: Any) -> None:
    store.write_now(
        lambda connection: move(
            connection, find(connection, "j"), to, now=records.START, by="another", **changes
        )
    )


async def test_a_job_that_changes_while_its_task_is_looked_for_is_resolved_all_the_same(store: Store) -> None:
    looks: list[int] = []

    async def look(job: Job, task_id: str) -> FoundTask:
        looks.append(job.version)
        if len(looks) < 3:
            store.write_now(
                lambda connection: note(connection, find(connection, "j"), progress=0.1 * len(looks))
            )
        return FoundTask(Submission(task_id=task_id), "It is there.")

    job, looked = await resolve("j", "cgt-1", store=store, find=look)
    assert (job.state, looked) == (JobState.ACCEPTED, "It is there.")
    assert job.submission == Submission(task_id="cgt-1")
    assert looks == sorted(set(looks))


async def test_a_job_that_was_found_while_a_person_spoke_is_left_as_it_is(store: Store) -> None:
    async def look(job: Job, task_id: str) -> FoundTask:
        go(store, JobState.ACCEPTED, submission=Submission(task_id="cgt-true"), accepted_at=records.START)
        return FoundTask(Submission(task_id=task_id), "")

    with pytest.raises(InvalidRequest, match="there is nothing to decide"):
        await resolve("j", "cgt-wrong", store=store, find=look)
    stored = await store.read(lambda connection: find(connection, "j"))
    assert stored.submission == Submission(task_id="cgt-true")


async def test_a_job_that_never_stands_still_is_told_as_a_passing_trouble(store: Store) -> None:
    async def look(job: Job, task_id: str) -> FoundTask:
        store.write_now(
            lambda connection: note(connection, find(connection, "j"), progress=job.version / 100)
        )
        return FoundTask(Submission(task_id=task_id), "")

    with pytest.raises(StoreError, match="changes all the time"):
        await resolve("j", "cgt-1", store=store, find=look)
