"""What a plan showed is what is bought: files that changed meanwhile are not sent, and nothing is mistaken for another."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image

from seedance_mcp.app import App
from seedance_mcp.errors import InvalidRequest
from seedance_mcp.films import FilmPlan, planned_as_written
from seedance_mcp.films.as_written import Rewritten
from seedance_mcp.films.film_id import id_beside, new_id
from seedance_mcp.types import FilmRecord, PurchaseTerms
from tests.emulator import Emulator

from .place import opened, rows, shot, states, storyboard


class Hurried:
    """Another program that writes its own words into a film so many times, each time before what was written is planned."""

    def __init__(self, app: App, times: int) -> None:
        self.app, self.times = app, times

    async def plan(self, film: FilmRecord, **wish: Any) -> FilmPlan:
        if self.times:
            self.times -= 1
            words = f"words of another {self.times}"
            await self.app.films.take({"shots": [{"id": "a", "prompt": words}]}, film.id)
        return await self.app.films.plan(film.id, "animatic", version=film.version, **wish)


async def test_the_plan_of_a_document_is_of_what_stands_in_it(tmp_path: Path) -> None:
    async with opened(tmp_path, watch=False) as studio:
        films = studio.app.films
        film_id = await studio.read(storyboard())
        write = partial(films.read, studio.path)
        plan = await planned_as_written(write, Hurried(studio.app, 1).plan)
        assert (plan.film_id, plan.rows[0].request.prompt) == (film_id, "a boat of paper")
        with pytest.raises(InvalidRequest, match="Another program changes"):
            await planned_as_written(write, Hurried(studio.app, 9).plan)


async def test_a_changed_line_is_planned_with_what_another_wrote_and_never_without_it(tmp_path: Path) -> None:
    async with opened(tmp_path, watch=False) as studio:
        films = studio.app.films
        film_id = await studio.read(storyboard())
        mine = partial(films.take, {"shots": [{"id": "b", "prompt": "it swims"}]}, film_id)
        plan = await planned_as_written(mine, Hurried(studio.app, 1).plan)
        assert [row.request.prompt for row in plan.rows] == ["words of another 0", "it swims"]
        again = await films.plan(film_id, "animatic")
        assert again.token == plan.token


async def test_what_was_written_at_the_same_moment_is_not_lost(tmp_path: Path) -> None:
    async with opened(tmp_path, watch=False) as studio:
        films = studio.app.films
        film_id = await studio.read(storyboard())
        kept: set[str] = set()

        async def write(name: str) -> None:
            with contextlib.suppress(Rewritten):
                await films.take({"shots": [shot(name)]}, film_id)
                kept.add(name)

        async with anyio.create_task_group() as tasks:
            for number in range(6):
                tasks.start_soon(write, f"n{number}")
        assert kept
        document = (await films.find(film_id)).document
        assert {one.id for one in document.shots} == {"a", "b"} | kept


async def test_what_is_kept_is_kept_for_the_words_that_were_meant(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        films = studio.app.films
        film_id = await studio.read(storyboard())
        await studio.make(film_id, await films.plan(film_id, "animatic"))
        mine = {"shots": [{"id": "a", "prompt": "a boat of wood"}]}
        plan = await planned_as_written(
            partial(films.take, mine, film_id), partial(Hurried(studio.app, 1).plan, keep=["a"])
        )
        assert states(plan)["a"] == "current"
        await films.take({"shots": [{"id": "a", "prompt": "words of another 0"}]}, film_id)
        assert states(await films.plan(film_id, "animatic"))["a"] == "stale"


async def test_a_picture_that_changed_after_the_plan_was_agreed_to_is_not_sent(tmp_path: Path) -> None:
    picture = tmp_path / "lena.png"
    Image.new("RGB", (640, 480), "red").save(picture)
    document = storyboard(shot("a", first_frame="lena.png"), shot("b"), model="seedance-1.0-pro")
    async with Emulator("ark") as emulator:
        async with opened(tmp_path, emulator, watch=False) as studio:
            film_id = await studio.read(document)
            plan = await studio.app.films.plan(film_id)
            await studio.app.films.make(film_id, plan.token, PurchaseTerms())
        Image.new("RGB", (640, 480), "blue").save(picture)
        async with opened(tmp_path, emulator) as studio:
            film = await studio.ended(film_id)
            assert states(film) == {"a": "failed", "b": "current"}
            assert "lena.png is not what it was when take 1 of shot 'a' was agreed to" in film.problems[0]
            assert str(tmp_path) not in film.problems[0]
            assert len(studio.bodies) == 1
            again = await studio.app.films.plan(film_id)
            assert rows(again) == {"a": 2}
            film = await studio.make(film_id, again)
            assert (film.status, len(studio.bodies)) == ("succeeded", 2)


async def test_a_shot_that_is_changed_before_its_turn_is_not_bought(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator:
        async with opened(tmp_path, emulator, watch=False) as asked:
            film_id = await asked.read(storyboard(shot("a"), shot("b"), shot("c")))
            plan = await asked.app.films.plan(film_id)
            await asked.app.films.make(film_id, plan.token, PurchaseTerms())
            renamed = shot("third", prompt="a boat called c")
            await asked.read(storyboard(shot("a"), shot("b", prompt="it flies"), renamed))
        async with opened(tmp_path, emulator) as later:
            film = await later.ended(film_id)
            assert film.status == "stopped"
            assert states(film) == {"a": "current", "b": "failed", "third": "current"}
            assert film.shots[1].why == (
                "It is another shot than was agreed to: its prompt or dialogue is another.",
            )
            assert len(later.bodies) == 2
            again = await later.app.films.plan(film_id)
            assert rows(again) == {"b": 2}
            film = await later.make(film_id, again)
            assert (film.status, len(later.bodies)) == ("succeeded", 3)
            assert "it flies" in str(later.bodies[2])


async def test_shots_whose_names_look_like_one_another_in_a_key_are_bought_each(tmp_path: Path) -> None:
    twin = hashlib.sha256("é".encode()).hexdigest()[:12]
    async with opened(tmp_path) as studio:
        film_id = await studio.read(storyboard(*(shot(name, prompt="a boat") for name in ("é", twin))))
        plan = await studio.app.films.plan(film_id, "animatic")
        film = await studio.make(film_id, plan)
        assert states(film) == {"é": "current", twin: "current"}
        assert len({state.job and state.job.id for state in film.shots}) == 2


def test_a_film_whose_id_would_be_another_each_time_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lantern.film").symlink_to(tmp_path / "gone" / "lantern.film")
    with pytest.raises(InvalidRequest, match=r"lantern\.film leads to nothing"):
        id_beside(tmp_path / "lantern.toml", new_id())
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "lantern.film").write_text("flm_abcdefgh2345\n")
    assert id_beside(tmp_path / "lantern.toml", new_id()) == "flm_abcdefgh2345"


async def test_a_second_document_with_the_id_of_another_is_refused_while_that_is_there(
    tmp_path: Path,
) -> None:
    copied = tmp_path / "copied"
    copied.mkdir()
    async with opened(tmp_path, watch=False) as studio:
        read = studio.app.films.read
        first, second = tmp_path / "lantern.toml", tmp_path / "lantern.json"
        first.write_text('title = "A"\nshots = [{ seconds = 2, prompt = "a boat" }]\n', encoding="utf-8")
        second.write_text(json.dumps(storyboard()), encoding="utf-8")
        film_id = (await read(first)).id
        with pytest.raises(InvalidRequest, match=r"lantern\.film is that of lantern\.toml") as refused:
            await read(second)
        assert "Give lantern.json another name" in refused.value.hint
        assert (await studio.app.films.find(film_id)).document.title == "A"
        for name in ("lantern.toml", "lantern.film"):
            shutil.copy(tmp_path / name, copied / name)
        with pytest.raises(InvalidRequest, match=r"has the id of another document's film") as refused:
            await read(copied / "lantern.toml")
        assert f"Remove {copied.resolve() / 'lantern.film'}" in refused.value.hint
        (copied / "lantern.film").unlink()
        assert (await read(copied / "lantern.toml")).id != film_id
        first.unlink()
        assert (await read(second)).id == film_id
        assert (await read(second)).name == "lantern.json"
