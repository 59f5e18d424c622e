"""What was thought of takes: on record for good, a person's before an assistant's, found quickly among many jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import InvalidRequest, JobNotFinished, JobNotFound
from seedance_mcp.jobs import JobContext, Reviews, opinion
from seedance_mcp.store import Conflict, Connection, job_records, open_store
from seedance_mcp.store.database import SqliteStore
from seedance_mcp.types import SCORES, Artifacts, JobState

from .records import job

NOW = 1_800_000_000.0
FILES = Artifacts(
    video_path="/v.mp4",
    sha256="0",
    bytes=1,
    width=1,
    height=1,
    duration_seconds=1.0,
    fps=24.0,
    has_audio=False,
)


def _insert(connection: Connection, job_id: str, **fields: Any) -> None:
    usual: dict[str, Any] = {
        "id": job_id, "tag": job_id, "client_key": job_id, "state": JobState.DONE, "artifacts": FILES, "finished_at": NOW
    }  # fmt: skip
    record = job(**(usual | fields))
    document = job_records.dump(record)
    connection.execute(
        "INSERT INTO jobs (id, document, crc) VALUES (?, ?, crc32(?))", (job_id, document, document)
    )


@pytest.fixture
def settings(environ: dict[str, str], tmp_path: Path) -> Settings:
    return load_settings(environ, settings_file=tmp_path / "no.toml")


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[SqliteStore]:
    opened = open_store(settings.state_dir, clock=lambda: NOW)
    opened._connection.create_function("crc32", 1, _crc)
    try:
        await opened.write(partial(_insert, job_id="take"))
        yield opened
    finally:
        opened.close()


def _crc(text: str) -> int:
    from seedance_mcp.store.database import checksum

    return checksum(text)


@pytest.fixture
def reviews(store: SqliteStore, settings: Settings) -> Reviews:
    return Reviews(JobContext.of(store, settings))


async def _words(reviews: Reviews, job_id: str = "take") -> list[str]:
    return [f"{one.by} {one.opinion.verdict}" for one in await reviews.history(job_id)]


async def test_a_persons_verdict_outranks_an_assistants_whenever_it_came(reviews: Reviews) -> None:
    await reviews.add("take", opinion("good"), by="assistant")
    assert (await reviews.of(["take"]))["take"].by == "assistant"
    await reviews.add("take", opinion("bad"), by="person")
    kept, counts = await reviews.add("take", opinion("usable"), by="assistant")
    assert (kept.opinion.verdict, counts.opinion.verdict, counts.by) == ("usable", "bad", "person")
    await reviews.add("take", opinion("usable"), by="person", relayed=True)
    assert (await reviews.of(["take"]))["take"].relayed
    assert await _words(reviews) == ["person usable", "person bad", "assistant usable", "assistant good"]


async def test_the_same_verdict_again_is_no_second_one(reviews: Reviews) -> None:
    said = opinion("good", " as asked ", {"motion": 4, "sound": None})
    first, _ = await reviews.add("take", said, by="assistant")
    assert (first.opinion.notes, first.opinion.scores) == ("as asked", {"motion": 4})
    assert (await reviews.add("take", said, by="assistant"))[0] == first
    await reviews.add("take", said, by="person", relayed=True)
    await reviews.add("take", said, by="person")  # what was handed on is now the person's own entry
    await reviews.add("take", said, by="person", relayed=True)
    assert [one.relayed for one in await reviews.history("take")] == [False, True, False]
    await reviews.add("take", opinion("good"), by="assistant")
    await reviews.add("take", said, by="assistant")  # taken back and said again: the order stays on record
    assert len(await reviews.history("take")) == 5


async def test_reviews_can_be_neither_changed_nor_removed(store: SqliteStore, reviews: Reviews) -> None:
    await reviews.add("take", opinion("good"), by="assistant")
    for statement in ("UPDATE reviews SET verdict = 'bad'", "DELETE FROM reviews"):
        with pytest.raises(Conflict, match="append only"):
            store.write_now(lambda connection, statement=statement: connection.execute(statement))
    assert await _words(reviews) == ["assistant good"]


@pytest.mark.parametrize("state", sorted(set(JobState) - {JobState.DONE}))
async def test_only_a_job_with_a_video_can_be_judged(
    store: SqliteStore, reviews: Reviews, state: JobState
) -> None:
    await store.write(partial(_insert, job_id="other", state=state, artifacts=None))
    with pytest.raises((JobNotFinished, InvalidRequest)) as refused:
        await reviews.add("other", opinion("good"), by="person")
    assert "no video to judge" in refused.value.message
    assert await reviews.history("other") == []


async def test_a_job_that_does_not_exist_cannot_be_judged(reviews: Reviews) -> None:
    with pytest.raises(JobNotFound):
        await reviews.add("nothing", opinion("good"), by="person")


async def test_a_program_that_changes_its_mind_for_ever_is_stopped(reviews: Reviews) -> None:
    for number in range(100):
        await reviews.add("take", opinion("good" if number % 2 else "bad"), by="assistant")
    with pytest.raises(InvalidRequest, match="100 verdicts"):
        await reviews.add("take", opinion("usable"), by="assistant")
    await reviews.add("take", opinion("usable"), by="person")
    assert (await reviews.of(["take"]))["take"].opinion.verdict == "usable"


async def test_whoever_speaks_for_the_person_for_ever_leaves_them_room(
    reviews: Reviews,
) -> None:
    for number in range(100):
        judged = opinion("good" if number % 2 else "bad")
        await reviews.add("take", judged, by="person", relayed=True)
    with pytest.raises(InvalidRequest, match="100 verdicts"):
        await reviews.add("take", opinion("usable"), by="person", relayed=True)
    await reviews.add("take", opinion("usable"), by="person")
    assert (await reviews.of(["take"]))["take"].opinion.verdict == "usable"


def test_everything_that_is_wrong_with_an_opinion_is_named_at_once() -> None:
    scores: dict[str, Any] = {
        "taste": 3,
        "motion": 6,
        "sound": True,
        "text": "4",
        "prompt": 2.5,
        "identity": 5,
    }
    with pytest.raises(InvalidRequest) as refused:
        opinion("great", "x" * 2001, scores)
    told = refused.value.message
    assert "one of good, usable, bad" in told
    assert "2001 characters; at most 2000" in told
    assert all(f"scores.{name} must" in told for name in ("motion", "sound", "text", "prompt"))
    assert "scores.identity" not in told
    assert f"no score 'taste'. Scores are {', '.join(SCORES)}." in told


def test_a_huge_list_of_unknown_scores_is_refused_in_a_few_words() -> None:
    with pytest.raises(InvalidRequest) as refused:
        opinion("good", "", {f"{'x' * 1000}{number}": 1 for number in range(10_000)})
    assert "and 9996 more names" in refused.value.message
    assert len(refused.value.message) < 600


@pytest.mark.parametrize("notes", ["a\0b", "half \ud800 a pair"])
def test_notes_that_cannot_be_stored_are_refused(notes: str) -> None:
    with pytest.raises(InvalidRequest, match="notes has"):
        opinion("good", notes)


async def test_two_processes_that_say_the_same_at_once_leave_one_review(
    store: SqliteStore, settings: Settings, reviews: Reviews
) -> None:
    other = open_store(settings.state_dir, clock=lambda: NOW)
    try:
        beside = Reviews(JobContext.of(other, settings))
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for one in (reviews, beside) * 5:
                    tasks.start_soon(partial(one.add, "take", opinion("bad"), by="person"))
        assert await _words(beside) == ["person bad"]
    finally:
        other.close()


async def test_what_succeeded_lately_and_has_no_review_is_named_newest_first(
    store: SqliteStore, reviews: Reviews
) -> None:
    def fill(connection: Connection) -> None:
        for number in range(12):
            _insert(connection, f"new{number:02}", finished_at=NOW - 1000 + number)
        _insert(connection, "old", finished_at=NOW - 8 * 86_400)
        _insert(connection, "failed", state=JobState.FAILED, artifacts=None)

    await store.write(fill)
    await reviews.add("take", opinion("good"), by="assistant")
    await reviews.add("new11", opinion("bad"), by="person")
    found = await reviews.unjudged()
    assert found.count == 11
    assert found.job_ids == tuple(f"new{number:02}" for number in range(10, 0, -1))


async def test_what_is_asked_takes_as_many_steps_with_thousands_of_jobs_as_with_few(
    store: SqliteStore, reviews: Reviews
) -> None:
    def fill(first: int, last: int, connection: Connection) -> None:
        for number in range(first, last):
            _insert(connection, f"j{number}", finished_at=NOW - 1)
            connection.execute(
                "INSERT INTO reviews (job_id, at, author, relayed, verdict, notes, scores)"
                " VALUES (?, 0, 'assistant', 0, 'good', '', '{}')",
                (f"j{number}",),
            )

    async def steps() -> int:
        counted = 0

        def step() -> int:
            nonlocal counted
            counted += 1
            return 0

        store._connection.set_progress_handler(step, 1)
        await reviews.unjudged()
        await reviews.of([f"j{number}" for number in range(100)])
        store._connection.set_progress_handler(None, 0)
        return counted

    await store.write(partial(fill, 0, 300))
    few = await steps()
    await store.write(partial(fill, 300, 3_000))
    assert await steps() < few * 1.2


async def test_whoever_follows_the_job_hears_of_a_new_review_once(
    store: SqliteStore, settings: Settings
) -> None:
    context = JobContext.of(store, settings)
    heard: list[str] = []
    ended: list[None] = []
    context.events.on_change(heard.append)
    context.events.on_end(lambda: ended.append(None))
    for _ in range(2):
        await Reviews(context).add("take", opinion("good"), by="assistant")
    assert (heard, ended) == (["take"], [])
