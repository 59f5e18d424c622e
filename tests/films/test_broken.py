"""What breaks while films are made and joined is told of the film that it concerns; all others, and all jobs, go on."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from seedance_mcp.errors import StoreError
from seedance_mcp.films import Film, FilmStatus
from seedance_mcp.media import join
from seedance_mcp.media.confine import Limits
from seedance_mcp.store import joining
from seedance_mcp.types import JobState, PurchaseTerms
from tests.emulator import Emulator
from tests.jobs.old_jobs import Installation
from tests.media import crafting
from tests.reliability import fault_market as market
from tests.reliability.waiting import until

from .place import Studio, opened, shot, states, storyboard

ANOTHER = {"title": "Another", "shots": [shot("a")]}
SAID = ("b", "was stopped", "cannot be made")
"""What is told of a clip that is damaged, a worker that is ended, and a folder that is none."""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look into the clips without a process for each."""
    market.hurry(monkeypatch)


async def made(studio: Studio) -> tuple[str, Film]:
    """Make a film of one shot for nothing."""
    film_id = await studio.read(storyboard(shot("b")))
    film = await studio.make(film_id, await studio.app.films.plan(film_id, "animatic"))
    assert film.status == "succeeded"
    return film_id, film


async def another(studio: Studio) -> str:
    """Order another film, of one shot."""
    record = await studio.app.films.take(storyboard(**ANOTHER), None)
    plan = await studio.app.films.plan(record.id, "animatic")
    await studio.app.films.make(record.id, plan.token, PurchaseTerms())
    return record.id


async def joined_again(studio: Studio, loudness: float) -> Film:
    """Have the film joined anew, for nothing: at another loudness than before."""
    film_id = await studio.read(storyboard(shot("b"), loudness_lufs=loudness))
    plan = await studio.app.films.plan(film_id, "animatic")
    assert plan.rows == ()
    return await studio.make(film_id, plan)


async def test_what_keeps_a_film_from_being_joined_is_told_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as studio:
        film_id, film = await made(studio)
        job = film.shots[0].job
        assert film.film_path
        assert job
        assert job.artifacts
        path, clip = Path(film.film_path), Path(job.artifacts.video_path)
        before, whole = path.read_bytes(), clip.read_bytes()
        told: list[str] = []
        clip.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
        told += (await joined_again(studio, -21)).problems
        clip.write_bytes(whole)
        with monkeypatch.context() as patch:
            patch.setattr(join, "_LIMITS", Limits(seconds=0.01, megabytes=4096, file_bytes=join.MAX_BYTES))
            told += (await joined_again(studio, -22)).problems
        assert path.read_bytes() == before
        assert [left.name for left in path.parent.iterdir() if "joining" in left.name] == []
        shutil.rmtree(path.parent)
        path.parent.write_text("a person's note")
        told += (await joined_again(studio, -23)).problems
        assert len(told) == 3
        assert all(problem.startswith("The film was not joined: ") for problem in told)
        for problem, words in zip(told, SAID, strict=True):
            assert words in problem
        assert path.parent.read_text() == "a person's note"
        incidents = await studio.app.incidents()
        assert [incident.doing for incident in incidents] == [f"Joining film {film_id}"]
        assert (await studio.ended(await another(studio))).status == "succeeded"


async def test_a_film_that_is_joined_already_stays_though_it_could_not_be_joined_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = tmp_path / "music.mp4"
    crafting.film(sound, crafting.plain(2, (0, 0, 0)), sound=crafting.sine(1.0, -6))
    async with opened(tmp_path) as studio:
        films = studio.app.films
        film_id = await studio.read(storyboard(shot("b"), music={"file": sound.name}))

        async def again() -> tuple[FilmStatus, int]:
            film = await studio.make(film_id, await films.plan(film_id, "animatic"))
            assert film.film_path
            return film.status, Path(film.film_path).stat().st_ino

        joined, file = await again()
        sheet = (await films.find(film_id)).sheet_path
        assert joined == "succeeded"
        assert sheet
        with monkeypatch.context() as patch:
            patch.setattr(join, "_LIMITS", Limits(seconds=0.01, megabytes=4096, file_bytes=join.MAX_BYTES))
            assert await again() == ("succeeded", file)
            Path(sheet).unlink()
            assert await again() == ("succeeded", file)
        assert (await again())[1] != file
        assert Path(sheet).is_file()
        _, file = await again()
        sound.touch()  # another piece of music may lie there now
        assert (await again())[1] != file


async def test_a_film_that_another_process_joins_keeps_no_other_waiting(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        film_id, _ = await made(studio)
        with joining(studio.app.settings.state_dir, film_id) as alone:
            assert alone
            plan = await studio.app.films.plan(film_id, "animatic")
            await studio.app.films.make(film_id, plan.token, PurchaseTerms())
            assert (await studio.ended(await another(studio))).status == "succeeded"
            assert (await studio.app.films.find(film_id)).status == "joining"
        film = await studio.ended(film_id)
        assert (film.status, film.problems) == ("succeeded", ())


async def test_a_film_with_a_damaged_record_stops_no_other_and_is_named(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        film_id, _ = await made(studio)
        plan = await studio.app.films.plan(film_id, "animatic", redo=["b"])
        await studio.app.films.make(film_id, plan.token, PurchaseTerms())
        with contextlib.closing(sqlite3.connect(tmp_path / "state" / "jobs.db", timeout=30)) as database:
            database.execute("UPDATE films SET crc = crc + 1 WHERE id = ?", (film_id,))
            database.commit()
        other = await another(studio)
        assert (await studio.ended(other)).status == "succeeded"
        with pytest.raises(StoreError, match=f"The record of film {film_id} is damaged"):
            await studio.app.films.find(film_id)
        assert [film.id for film in await studio.app.films.recent()] == [other]


async def test_a_database_that_is_held_for_a_while_only_delays_a_film(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        film_id = await studio.read(storyboard(shot("a")))
        plan = await studio.app.films.plan(film_id, "animatic")
        await studio.app.films.make(film_id, plan.token, PurchaseTerms())
        with contextlib.closing(sqlite3.connect(tmp_path / "state" / "jobs.db", timeout=30)) as database:
            database.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreError):
                await studio.app.films.advance()
            database.rollback()
        assert (await studio.ended(film_id)).status == "succeeded"


async def test_a_clock_that_is_set_forward_ends_a_film_and_none_that_comes_later(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        emulator.behaviour.endless = True
        film_id = await studio.read(storyboard())
        plan = await studio.app.films.plan(film_id)
        await studio.app.films.make(film_id, plan.token, PurchaseTerms())

        async def is_bought() -> bool:
            return len([job for job in await studio.app.unfinished() if job.state is JobState.ACCEPTED]) == 2

        await until(is_bought)
        store, ahead = studio.app.installation.store, timedelta(days=2).total_seconds()
        clock = store.clock
        store.clock = lambda: clock() + ahead
        other = await another(studio)
        assert (await studio.ended(other)).status == "succeeded"
        film = await studio.ended(film_id)
        assert film.status == "stopped"
        assert set(states(film).values()) == {"making"}
        assert len(studio.bodies) == 2


async def test_an_archived_take_is_still_the_shots_and_its_rows(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        document = storyboard(shot("a"), shot("b", continues="last_frame"))
        film_id = await studio.read(document)
        first = await studio.app.films.plan(film_id, "animatic")
        film = await studio.make(film_id, first)
        jobs = [state.job.id for state in film.shots if state.job]
        store = studio.app.installation.store
        clock, uptime, later = store.clock, store.uptime, timedelta(days=9).total_seconds()
        store.clock, store.uptime = (lambda: clock() + later), (lambda: uptime() + later)
        here = Installation(store, store.clock())
        here.wait(0)
        await studio.ended(
            await another(studio)
        )  # the newest event of all stays where the next one looks for it
        here.archive()
        assert set(jobs) <= set(here.archived())
        again = await studio.app.films.find(film_id)
        assert (again.status, states(again)) == ("succeeded", {"a": "current", "b": "current"})
        assert [state.job and state.job.id for state in again.shots] == jobs
        assert (await studio.make(film_id, first)).plan == first.token
        assert (await studio.app.films.plan(film_id, "animatic")).rows == ()
        document["shots"][1]["prompt"] = "it does not sink"
        await studio.read(document)
        plan = await studio.app.films.plan(film_id, "animatic")
        assert [(row.shot, row.take, row.parent_take) for row in plan.rows] == [("b", 2, 1)]
        film = await studio.make(film_id, plan)
        assert (film.status, film.problems) == ("succeeded", ())
        assert film.shots[1].job
        assert film.shots[1].job.request.first_frame == f"job:{jobs[0]}/last_frame"
