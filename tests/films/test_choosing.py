"""Which take of a shot a film shows: what was chosen, until something that counts for more."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.errors import FilmNotFound, InvalidRequest
from seedance_mcp.films import exported_shots
from seedance_mcp.jobs import opinion

from .place import opened, rows, shot, states, storyboard


async def test_a_chosen_take_is_shown_and_joined_and_what_continues_it_is_stale(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as studio:
        films = studio.app.films
        chained = storyboard(shot("a"), shot("b", continues="last_frame"), model="seedance-1.0-pro")
        film_id = await studio.read(chained)
        first = await studio.make(film_id, await films.plan(film_id, "animatic"))
        await studio.make(film_id, await films.plan(film_id, "animatic", redo=["a"]))
        assert _stands(await films.choose(film_id, "a", 1)) == {"a": ("current", 1), "b": ("current", 1)}
        film = await films.choose(film_id, "b", 2)
        assert _stands(film) == {"a": ("current", 1), "b": ("stale", 2)}
        assert film.shots[1].why == ("it continues another take of a",)
        assert [one.number for one in film.shots[0].takes] == [1, 2]
        plan = await films.plan(film_id, "animatic")
        assert (rows(plan), [row.shot for row in plan.waiting]) == ({}, ["b"])
        assert _stands(await films.choose(film_id, "a", None)) == {"a": ("current", 2), "b": ("current", 2)}
        await films.choose(film_id, "b", None)
        await films.choose(film_id, "a", 1)
        film = await studio.make(film_id, await films.plan(film_id, "animatic"))
        assert [one.job_id for one in await exported_shots(film)] == [
            one.job.id for one in first.shots if one.job
        ]
        plan = await films.plan(film_id, "animatic", redo=["a"])
        assert rows(plan) == {"a": 3, "b": 3}
        assert _stands(await studio.make(film_id, plan)) == {"a": ("current", 3), "b": ("current", 3)}


async def test_a_chosen_take_is_shown_under_another_name_of_its_shot(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        films = studio.app.films
        film_id = await studio.read(storyboard(shot("a")))
        await studio.make(film_id, await films.plan(film_id, "animatic"))
        await studio.make(film_id, await films.plan(film_id, "animatic", redo=["a"]))
        await films.choose(film_id, "a", 1)
        await studio.read(storyboard(shot("opening", prompt="a boat called a")))
        assert _stands(await films.find(film_id)) == {"opening": ("current", 1)}
        assert _stands(await films.choose(film_id, "opening", 2)) == {"opening": ("current", 2)}


async def test_of_a_choice_and_a_verdict_the_later_counts_though_the_clock_goes_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        films, now = studio.app.films, [time.time()]
        films._store.clock = lambda: now[0]  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
        film_id = await studio.read(storyboard(shot("a")))
        await studio.make(film_id, await films.plan(film_id, "animatic"))
        film = await studio.make(film_id, await films.plan(film_id, "animatic", redo=["a"]))
        first = next(take.job_id for take in film.takes if take.number == 1)
        assert first is not None
        await films.choose(film_id, "a", 1)
        for number, verdict in enumerate(("bad", "usable", "bad")):
            now[0] -= 3600
            await studio.app.reviews.add(first, opinion(verdict, str(number)), by="person")
            shown = 1 if verdict == "usable" else 2
            assert _stands(await films.find(film_id)) == {"a": ("current", shown)}
            now[0] -= 3600
            assert _stands(await films.choose(film_id, "a", 1)) == {"a": ("current", 1)}


async def test_only_a_take_with_a_finished_video_can_be_chosen(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        films = studio.app.films
        film_id = await studio.read(storyboard(shot("a"), shot("b")))
        with pytest.raises(InvalidRequest, match="Shot a has no take 1 with a finished video"):
            await films.choose(film_id, "a", 1)
        await studio.make(film_id, await films.plan(film_id, "animatic"))
        for name, number, words in (("a", 2, "no take 2"), ("c", 1, "There is no shot 'c'")):
            with pytest.raises(InvalidRequest, match=words):
                await films.choose(film_id, name, number)
        with pytest.raises(FilmNotFound):
            await films.choose("flm_aaaaaaaaaaaa", "a", 1)
        assert states(await films.choose(film_id, "a", None)) == {"a": "current", "b": "current"}


def _stands(film: Any) -> dict[str, tuple[str, int]]:
    return {state.shot: (state.state, state.chosen.number) for state in film.shots}
