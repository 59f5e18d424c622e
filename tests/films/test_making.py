"""Films that are made: each row bought once, only what changed bought again, and the rest kept when a shot fails."""

from __future__ import annotations

import os
import sys
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from PIL import Image

from seedance_mcp.films import Film
from seedance_mcp.remarks import Advice
from seedance_mcp.types import JobState, PurchaseTerms
from tests.emulator import Emulator
from tests.reliability.waiting import until

from .place import Studio, environment, opened, rows, shot, states, storyboard

_MAKER = """
import sys, anyio
from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.types import PurchaseTerms

async def main(film_id, plan):
    async with open_app(load_settings()) as app:
        await app.films.make(film_id, plan, PurchaseTerms())
        await anyio.sleep(60)

anyio.run(main, *sys.argv[1:])
"""


async def test_a_film_on_the_sandbox_is_made_whole_for_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        film_id = await studio.read(storyboard())
        plan = await studio.app.films.plan(film_id, "animatic")
        film = await studio.make(film_id, plan)
        assert (film.status, film.quality, film.problems) == ("succeeded", "animatic", ())
        assert states(film) == {"a": "current", "b": "current"}
        assert film.film_path is not None
        assert film.spent_usd == 0
        Path(film.film_path).unlink()
        film = await studio.app.films.find(film_id)
        assert (film.status, film.problems[0][:12]) == ("stopped", "There is no ")
        again = await studio.app.films.plan(film_id, "animatic")
        assert again.rows == ()
        assert (await studio.make(film_id, again)).status == "succeeded"


async def test_each_row_is_bought_once_and_a_changed_line_buys_its_shot_alone(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        document = storyboard(shot("a"), shot("b"), shot("c"))
        film_id = await studio.read(document)
        first = await studio.app.films.plan(film_id)
        film = await studio.make(film_id, first)
        assert (film.status, len(studio.bodies)) == ("succeeded", 3)
        budget = await studio.app.budget()
        assert budget.spent_today_usd == film.spent_usd > 0
        again = await studio.make(film_id, first)
        assert len(studio.bodies) == 3
        kept = {state.shot: state.job for state in again.shots}
        document["shots"][1]["prompt"] = "a boat called something else"
        await studio.read(document)
        plan = await studio.app.films.plan(film_id)
        assert (rows(plan), states(plan)) == ({"b": 2}, {"a": "current", "b": "stale", "c": "current"})
        film = await studio.make(film_id, plan)
        assert (film.status, len(studio.bodies)) == ("succeeded", 4)
        assert {s.shot: s.job == kept[s.shot] for s in film.shots} == {"a": True, "b": False, "c": True}


async def test_other_names_another_order_and_another_model_buy_nothing_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        document = storyboard(shot("a"), shot("b"), shot("c"))
        film_id = await studio.read(document)
        await studio.make(film_id, await studio.app.films.plan(film_id, "animatic"))
        document["shots"] = [
            document["shots"][2],
            {**document["shots"][0], "id": "opening"},
            document["shots"][1],
        ]
        document |= {"title": "Another", "model": "seedance-2.0", "captions": {"show": False}}
        await studio.read(document)
        plan = await studio.app.films.plan(film_id, "animatic")
        assert set(states(plan).values()) == {"current"}
        assert plan.rows == ()


async def test_a_shot_waits_for_the_one_that_it_continues_and_is_made_from_its_end(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        emulator.behaviour.true_size = True
        document = storyboard(shot("a"), shot("b", continues="last_frame"), model="seedance-1.0-pro")
        film_id = await studio.read(document)
        plan = await studio.app.films.plan(film_id)
        assert [(row.shot, row.parent, row.parent_take) for row in plan.rows] == [
            ("a", None, None),
            ("b", "a", 1),
        ]
        film = await studio.make(film_id, plan)
        assert (film.status, film.problems, states(film)) == (
            "succeeded",
            (),
            {"a": "current", "b": "current"},
        )
        # The emulator's clips begin on pictures of their own.
        told = Advice("seam_seen", "Shot b does not begin on the picture on which a ends: look at that cut.")
        assert (film.advice, told in (await studio.app.films.plan(film_id)).advice) == ((told,), True)
        first, second = (state.job for state in film.shots)
        assert first is not None
        assert second is not None
        assert second.request.first_frame == f"job:{first.id}/last_frame"
        redo = await studio.app.films.plan(film_id, redo=["a"])
        assert [(row.shot, row.take, row.why) for row in redo.rows] == [
            ("a", 2, "asked for"),
            ("b", 2, "a, which it continues, is made anew"),
        ]


async def test_a_refused_shot_stops_what_continues_it_and_nothing_else(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        emulator.behaviour.true_size = True
        others = shot("b", continues="last_frame"), shot("c")
        document = storyboard(shot("a", prompt="[refused]"), *others, model="seedance-1.0-pro")
        film_id = await studio.read(document)
        plan = await studio.app.films.plan(film_id)
        film = await studio.make(film_id, plan)
        assert film.status == "stopped"
        assert states(film) == {"a": "failed", "b": "blocked", "c": "current"}
        assert film.film_path is None
        budget = await studio.app.budget()
        assert budget.reserved_usd == Decimal(0)
        assert rows(await studio.app.films.plan(film_id)) == {"a": 2, "b": 2}
        await studio.read({**document, "shots": [shot("a"), *others]})
        again = await studio.app.films.plan(film_id)
        assert rows(again) == {"a": 2, "b": 2}
        film = await studio.make(film_id, again)
        assert (film.status, states(film)) == ("succeeded", {"a": "current", "b": "current", "c": "current"})


async def test_two_installations_that_make_the_same_plan_buy_each_row_once(tmp_path: Path) -> None:
    async with (
        Emulator("ark") as emulator,
        opened(tmp_path, emulator) as one,
        opened(tmp_path, emulator) as two,
    ):
        film_id = await one.read(storyboard())
        plan = await one.app.films.plan(film_id)
        assert (await two.app.films.plan(film_id)).token == plan.token
        made: list[Film] = []

        async def make(studio: Studio) -> None:
            made.append(await studio.make(film_id, plan))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(make, one)
            tasks.start_soon(make, two)
        assert [film.status for film in made] == ["succeeded", "succeeded"]
        assert len(one.bodies) == 2


@pytest.mark.parametrize("key", ["another-account-0123456789", ""])
async def test_a_film_is_bought_from_the_account_it_was_agreed_to_for(key: str, tmp_path: Path) -> None:
    async with Emulator("ark") as emulator:
        async with opened(tmp_path, emulator, watch=False) as asked:
            film_id = await asked.read(storyboard())
            plan = await asked.app.films.plan(film_id)
            await asked.app.films.make(film_id, plan.token, PurchaseTerms())
        async with opened(tmp_path, emulator, watch=False, ARK_API_KEY=key) as other:
            for _ in range(2):
                await other.app.films.advance()
            seen = await other.app.films.find(film_id)
            assert (seen.status, [shot.state for shot in seen.shots]) == ("making", ["making", "making"])
            assert "shot a is bought from an account of ark whose key is not set here" in seen.problems[0]
            assert other.bodies == []
        async with opened(tmp_path, emulator) as asked:
            made = await asked.ended(film_id)
            assert (made.status, made.problems, len(asked.bodies)) == ("succeeded", (), 2)


async def test_a_program_whose_own_settings_are_wrong_leaves_a_film_to_others(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator:
        async with opened(tmp_path, emulator, watch=False) as asked:
            film_id = await asked.read(storyboard())
            plan = await asked.app.films.plan(film_id)
            await asked.app.films.make(film_id, plan.token, PurchaseTerms())
        async with opened(tmp_path, emulator, watch=False, SEEDANCE_MAX_USD_PER_DY="3") as wrong:
            for _ in range(2):
                await wrong.app.films.advance()
            seen = await wrong.app.films.find(film_id)
            assert [shot.state for shot in seen.shots] == ["making", "making"]
            assert wrong.bodies == []
        async with opened(tmp_path, emulator) as asked:
            made = await asked.ended(film_id)
            assert (made.status, len(asked.bodies)) == ("succeeded", 2)


async def test_a_film_whose_maker_is_killed_is_finished_by_the_next_one(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator:
        emulator.behaviour.true_size = True
        emulator.behaviour.running_seconds = 3.0
        async with opened(tmp_path, emulator, watch=False) as studio:
            document = storyboard(shot("a"), shot("b", continues="last_frame"), model="seedance-1.0-pro")
            film_id = await studio.read(document)
            token = (await studio.app.films.plan(film_id)).token
            environ = {**os.environ, **environment(tmp_path), **emulator.environment()}
            command = [sys.executable, "-c", _MAKER, film_id, token]

            async def accepted() -> bool:
                return any(job.state is JobState.ACCEPTED for job in await studio.app.unfinished())

            async with await anyio.open_process(command, env=environ) as maker:
                with anyio.fail_after(30):
                    await until(accepted)
                maker.kill()
        assert len(studio.bodies) == 1
        async with opened(tmp_path, emulator) as later:
            film = await later.ended(film_id)
            assert (film.status, film.problems) == ("succeeded", ())
            assert len(later.bodies) == 2


async def test_a_watcher_stays_while_a_film_has_shots_to_buy(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator, watch=False) as studio:
        film_id = await studio.read(storyboard())
        lease = studio.app.installation.watcher_lease()
        assert await lease.take()
        plan = await studio.app.films.plan(film_id)
        await studio.app.films.make(film_id, plan.token, PurchaseTerms())
        with anyio.move_on_after(1.5) as waiting:
            await lease.until_idle()
        assert waiting.cancelled_caught
        assert await studio.app.unfinished() == []
        await studio.app.films.cancel(film_id)
        with anyio.fail_after(10):
            await lease.until_idle()


@pytest.mark.parametrize("kept", [True, False])
async def test_a_stale_shot_that_is_kept_is_current_and_a_cancelled_film_keeps_its_shots(
    tmp_path: Path, kept: bool
) -> None:
    async with opened(tmp_path) as studio:
        films = studio.app.films
        film_id = await studio.read(storyboard())
        await studio.make(film_id, await films.plan(film_id, "animatic"))
        await studio.read(storyboard(style="dusk"))
        plan = await films.plan(film_id, "animatic", keep=["a"] if kept else [])
        assert states(plan) == {"a": "current" if kept else "stale", "b": "stale"}
        if kept:
            assert states(await films.choose(film_id, "a", None)) == {"a": "stale", "b": "stale"}
            again = await films.plan(film_id, "animatic", keep=["a"])
            assert states(again) == {"a": "current", "b": "stale"}
        _, words = await films.cancel(film_id)
        assert words == "Nothing of this film is being made."


async def test_a_picture_that_was_drawn_anew_makes_the_shots_stale_that_show_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        picture = tmp_path / "mira.png"
        Image.new("RGB", (640, 360), "red").save(picture)
        cast = {"mira": {"looks": "a woman", "images": ["mira.png"]}}
        document = storyboard(
            shot("a", prompt="@mira waves", seconds=4), shot("b", seconds=4), cast=cast, model="seedance-2.0"
        )
        film_id = await studio.read(document)
        film = await studio.make(film_id, await studio.app.films.plan(film_id, "animatic"))
        assert (film.status, film.problems) == ("succeeded", ())
        Image.new("RGB", (640, 360), "blue").save(picture)
        plan = await studio.app.films.plan(film_id, "animatic")
        assert states(plan) == {"a": "stale", "b": "current"}
        assert [(row.shot, row.why) for row in plan.rows] == [("a", "its pictures are others")]
        picture.unlink()
        film = await studio.app.films.find(film_id)
        assert states(film) == {"a": "stale", "b": "current"}
        assert film.problems[0].startswith("cast.mira.images[1]: There is no file")
