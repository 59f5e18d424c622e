"""Whose turn it is to put a video into the object store: one living process at a time, and never before its time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.store import Store, object_copies, open_store
from tests.test_app import made, request

PLACE, ELSEWHERE = "https://s3.test/team/", "https://other.test/team/"
"""Two stores."""

NOW = 1_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A database with a copy that is owed."""
    opened = open_store(tmp_path / "state")
    insert = "INSERT INTO object_copies (job_id, place, due_at) VALUES ('job_1', ?, ?)"
    opened.read_now(lambda connection: connection.execute("PRAGMA foreign_keys = 0"))
    opened.write_now(lambda connection: connection.execute(insert, (PLACE, NOW)))
    yield opened
    opened.close()


def claimed(store: Store, by: str, *, now: float = NOW, place: str = PLACE, alive: str = "") -> Any:
    """The job that a process may put there now; the runner `alive` lives."""
    claim = partial(object_copies.claim, place=place, now=now, by=by, is_free=lambda runner: runner != alive)
    copy = store.write_now(claim)
    return copy.job_id if copy else None


def test_one_living_process_at_a_time_puts_a_video_there(store: Store) -> None:
    assert claimed(store, "one") == "job_1"
    assert claimed(store, "two", alive="one") is None
    assert claimed(store, "two") == "job_1", "the first has died"
    assert claimed(store, "two", place=ELSEWHERE) is None


def test_a_failed_try_waits_for_its_time_by_a_clock_that_may_be_set_back(store: Store) -> None:
    assert claimed(store, "one", now=NOW - 10) is None
    copy = object_copies.ObjectCopy(job_id="job_1", place=PLACE)
    failed = partial(object_copies.note_failed, copy=copy, error="busy", due_at=NOW + 600)
    store.write_now(failed)
    assert claimed(store, "two", now=NOW + 599) is None
    assert claimed(store, "two", now=NOW + 600) == "job_1"
    store.write_now(failed)
    assert claimed(store, "two", now=NOW - 86_400) == "job_1", "the clock was set back by a day"


def test_what_is_there_is_there_for_good(store: Store) -> None:
    copy = object_copies.ObjectCopy(job_id="job_1", place=PLACE)
    store.write_now(partial(object_copies.note_stored, copy=copy, now=NOW, sha256="ab"))
    store.write_now(partial(object_copies.note_failed, copy=copy, error="late", due_at=NOW))
    assert claimed(store, "one", now=NOW + 10) is None
    kept = store.read_now(partial(object_copies.find, place=PLACE, job_id="job_1"))
    assert kept == object_copies.ObjectCopy(job_id="job_1", place=PLACE, stored_at=NOW, sha256="ab")


async def test_videos_of_the_last_week_are_owed_a_copy_at_each_store(environ: dict[str, str]) -> None:
    settings = load_settings(environ)
    async with open_app(settings) as app:
        job = await made(app, request())
        finished = job.finished_at or 0.0
        new = partial(
            app.installation.store.read_now, partial(object_copies.new, place=PLACE, now=finished + 60)
        )  # pyright: ignore[reportPrivateUsage]
        assert new() == [job.id]
        late = partial(object_copies.new, place=PLACE, now=finished + 8 * 86_400)
        assert app.installation.store.read_now(late) == []  # pyright: ignore[reportPrivateUsage]
        app.installation.store.write_now(partial(object_copies.owe, place=ELSEWHERE, now=finished))  # pyright: ignore[reportPrivateUsage]
        assert new() == [job.id], "what is owed elsewhere is not here"
        app.installation.store.write_now(partial(object_copies.owe, place=PLACE, now=finished))  # pyright: ignore[reportPrivateUsage]
        assert new() == []
