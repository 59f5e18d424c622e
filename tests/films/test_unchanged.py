"""A clip that was changed after it was bought is not joined, drawn, exported or continued, and nothing is bought for that."""

from __future__ import annotations

from os import SEEK_END
from pathlib import Path

import pytest

from seedance_mcp.errors import InvalidRequest, MediaError
from seedance_mcp.films import Film, exported_shots, sheets_of
from seedance_mcp.types import PurchaseTerms
from tests.reliability import fault_market as market

from .place import Studio, opened, rows, shot, states, storyboard

DOCUMENT = storyboard(shot("a"), shot("b", continues="last_frame"))
REWRITTEN = storyboard(shot("a"), shot("b", continues="last_frame", prompt="it does not sink"))


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look into the clips without a process for each."""
    market.hurry(monkeypatch)


async def made(studio: Studio) -> Film:
    film_id = await studio.read(DOCUMENT)
    film = await studio.make(film_id, await studio.app.films.plan(film_id, "animatic"))
    assert (film.status, film.problems) == ("succeeded", ())
    return film


def clip_of(film: Film, name: str) -> Path:
    (job,) = (state.job for state in film.shots if state.shot == name)
    assert job
    assert job.artifacts
    return Path(job.artifacts.video_path)


def damaged_through_a_link(clip: Path) -> bytes:
    """Write into a hard link of a clip, as a program may that opens an export; what was there before."""
    before = clip.read_bytes()
    link = clip.with_name("link.mp4")
    link.hardlink_to(clip)
    with link.open("r+b") as file:
        file.seek(-1, SEEK_END)
        file.write(bytes([before[-1] ^ 1]))
    link.unlink()
    return before


async def test_a_changed_clip_is_neither_joined_nor_drawn_nor_exported(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        film = await made(studio)
        assert film.film_path
        joined, clip = Path(film.film_path).read_bytes(), clip_of(film, "a")
        whole = damaged_through_a_link(clip)
        plan = await studio.app.films.plan(film.id, "animatic")
        assert (plan.rows, plan.problems) == ((), ())
        again = await studio.make(film.id, plan)
        told = f"The video of shot a at {clip} was changed after it was made."
        assert again.status == "stopped"
        assert again.problems == (
            f"The film was not joined: {told} Put the file back as it was, or have that shot made anew (redo).",
        )
        assert Path(film.film_path).read_bytes() == joined
        assert len(again.jobs) == 2
        for hand_out in (sheets_of, exported_shots):
            with pytest.raises(MediaError) as refused:
                await hand_out(again)
            assert refused.value.message == told
        clip.write_bytes(whole)
        again = await studio.make(film.id, await studio.app.films.plan(film.id, "animatic"))
        assert (again.status, again.problems, len(again.jobs)) == ("succeeded", (), 2)


@pytest.mark.parametrize("is_gone", [True, False])
async def test_a_clip_that_is_lost_is_told_before_the_film_is_joined(is_gone: bool, tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        film = await made(studio)
        clip = clip_of(film, "b")
        if is_gone:
            clip.unlink()
        else:
            clip.write_bytes(b"cut by hand")
        shown = await studio.app.films.find(film.id)
        plan = await studio.app.films.plan(film.id, "animatic")
        words = f"is not at {clip} any more" if is_gone else f"at {clip} was changed after it was made"
        told = f"shot b: The video {words}. Put the file back as it was, or have that shot made anew (redo)."
        assert shown.problems == plan.problems == (told,)
        with pytest.raises(InvalidRequest, match="shot b: The video"):
            await studio.app.films.make(film.id, plan.token, PurchaseTerms())
        anew = await studio.app.films.plan(film.id, "animatic", redo=["b"])
        assert (anew.problems, rows(anew)) == ((), {"b": 2})
        film = await studio.make(film.id, anew)
        assert (film.status, film.problems) == ("succeeded", ())


async def test_no_shot_is_planned_that_would_continue_a_changed_clip(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        film = await made(studio)
        damaged_through_a_link(clip_of(film, "a"))
        await studio.read(REWRITTEN)
        plan = await studio.app.films.plan(film.id, "animatic")
        (problem,) = plan.problems
        assert problem.startswith("shot b.continues: The video of shot a at ")
        with pytest.raises(InvalidRequest, match="was changed after it was made"):
            await studio.app.films.make(film.id, plan.token, PurchaseTerms())
        anew = await studio.app.films.plan(film.id, "animatic", redo=["a"])
        assert (anew.problems, rows(anew)) == ((), {"a": 2, "b": 2})
        film = await studio.make(film.id, anew)
        assert (film.status, film.problems) == ("succeeded", ())


async def test_a_clip_that_changes_after_the_plan_was_agreed_to_is_not_continued(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        film = await made(studio)
        await studio.read(REWRITTEN)
    async with opened(tmp_path, watch=False) as studio:
        plan = await studio.app.films.plan(film.id, "animatic")
        await studio.app.films.make(film.id, plan.token, PurchaseTerms())
        whole = damaged_through_a_link(clip_of(film, "a"))
    async with opened(tmp_path) as studio:
        film = await studio.ended(film.id)
        assert (film.status, len(film.jobs)) == ("stopped", 2)
        assert "The video of shot a at " in film.problems[0]
        clip_of(film, "a").write_bytes(whole)
        film = await studio.make(film.id, await studio.app.films.plan(film.id, "animatic"))
        assert (film.status, states(film), len(film.jobs)) == (
            "succeeded",
            {"a": "current", "b": "current"},
            3,
        )
