"""What verdicts and failures of earlier takes say about the next one, and that they outlive the process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from seedance_mcp.jobs import opinion
from seedance_mcp.types import PurchaseTerms
from tests.emulator import Emulator

from .place import Studio, opened, rows, shot, states, storyboard


async def test_a_bad_take_is_planned_anew_with_why_and_three_call_for_other_words(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        films = studio.app.films
        film_id = await studio.read(storyboard(shot("a")))
        for number in (1, 2, 3):
            plan = await films.plan(film_id)
            assert (rows(plan), [one.code for one in plan.advice if one.code == "shot_bad_again"]) == (
                {"a": number},
                [],
            )
            await studio.make(film_id, plan)
            assert (await films.plan(film_id)).rows == ()
            await _judge(studio, film_id, "bad", f"Wobbles {number}.")
        plan = await films.plan(film_id)
        assert [row.why for row in plan.rows] == ["take 3 was judged bad by the person: Wobbles 3."]
        assert [one.text for one in plan.advice if one.code == "shot_bad_again"] == [
            "Shot a: 3 takes of these words were judged bad. Change the shot's words before another is bought."
            " What was noted: Wobbles 1; Wobbles 2; Wobbles 3."
        ]
        film = await films.choose(film_id, "a", 2)
        assert [state.take for state in film.shots] == [2]
        assert (await films.plan(film_id)).rows == ()
        await films.choose(film_id, "a", None)
        await studio.read(storyboard(shot("a", prompt="a boat at night")))
        plan = await films.plan(film_id)
        assert (rows(plan), [one.code for one in plan.advice if one.code == "shot_bad_again"]) == (
            {"a": 4},
            [],
        )


async def _judge(studio: Studio, film_id: str, verdict: str, notes: str) -> None:
    (state,) = (await studio.app.films.find(film_id)).shots
    assert state.job is not None
    await studio.app.reviews.add(state.job.id, opinion(verdict, notes), by="person")


async def test_a_moderated_shot_is_told_by_every_process_and_in_the_next_plan(
    tmp_path: Path,
) -> None:
    async with Emulator("ark") as emulator:
        async with opened(tmp_path, emulator) as studio:
            film_id = await studio.read(storyboard(shot("a", prompt="[moderated]"), shot("b")))
            film = await studio.make(film_id, await studio.app.films.plan(film_id))
            assert (film.status, states(film)) == ("stopped", {"a": "failed", "b": "current"})
        async with opened(tmp_path, emulator) as later:
            plan = await later.app.films.plan(film_id)
            (state, _) = (await later.app.films.find(film_id)).shots
            (told,) = (one.text for one in plan.advice if one.code == "shot_refused")
            assert plan.rows[0].why == f"failed: {state.why[0]}"
            assert state.why[0].rstrip(".") in told
            assert "Change its words" in told
            await later.read(storyboard(shot("a"), shot("b")))
            plan = await later.app.films.plan(film_id)
            assert [one.code for one in plan.advice if one.code == "shot_refused"] == []


async def test_a_row_that_could_not_be_bought_is_told_and_not_tried_again(
    tmp_path: Path,
) -> None:
    picture = tmp_path / "still.png"
    Image.new("RGB", (854, 480), "red").save(picture)
    document = storyboard(
        shot("a", first_frame="still.png"), shot("b", continues="last_frame"), model="seedance-1.0-pro"
    )
    async with opened(tmp_path, watch=False) as studio:
        film_id = await studio.read(document)
        plan = await studio.app.films.plan(film_id, "animatic")
        await studio.app.films.make(film_id, plan.token, PurchaseTerms())
        picture.unlink()
    async with opened(tmp_path) as making:
        film = await making.ended(film_id)
        assert (film.status, states(film)) == ("stopped", {"a": "failed", "b": "blocked"})
    Image.new("RGB", (854, 480), "red").save(picture)
    async with opened(tmp_path) as later:
        film = await later.app.films.find(film_id)
        assert (film.status, states(film)) == ("stopped", {"a": "failed", "b": "blocked"})
        assert film.problems[0].startswith("shot a: ")
        assert film.shots[0].why[0] in film.problems[0]
        plan = await later.app.films.plan(film_id, "animatic")
        assert (rows(plan), plan.problems) == ({"a": 2, "b": 2}, ())
        assert "shot_not_possible" in [one.code for one in plan.advice]
        film = await later.make(film_id, plan)
        assert (film.status, film.problems) == ("succeeded", ())


async def test_a_stale_take_that_is_kept_goes_into_the_film_and_is_not_bought_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        films = studio.app.films
        whole = {"model": "seedance-1.0-pro"}
        film_id = await studio.read(storyboard(shot("a"), shot("b", continues="last_frame"), **whole))
        first = await studio.make(film_id, await films.plan(film_id, "animatic"))
        changed = shot("a", prompt="a boat at night"), shot("b", continues="last_frame", prompt="it sinks")
        await studio.read(storyboard(*changed, **whole))
        plan = await films.plan(film_id, "animatic", keep=["a"])
        assert (states(plan), rows(plan)) == ({"a": "current", "b": "stale"}, {"b": 2})
        assert plan.rows[0].parent_take == 1
        film = await studio.make(film_id, plan)
        assert (film.status, film.problems) == ("succeeded", ())
        assert states(film) == {"a": "current", "b": "current"}
        assert film.shots[0].job == first.shots[0].job
        assert (await films.plan(film_id, "animatic")).rows == ()
        await studio.read(storyboard(*changed, **whole, style="dusk"))
        assert rows(await films.plan(film_id, "animatic")) == {"a": 2, "b": 3}


async def test_a_kept_take_stays_the_shots_and_its_followers_under_another_name(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        films = studio.app.films

        def document(name: str, prompt: str) -> dict[str, Any]:
            chain = shot("one"), shot(name, prompt=prompt), shot("three", continues="last_frame")
            return storyboard(*chain, model="seedance-1.0-pro")

        film_id = await studio.read(document("two", "a boat"))
        await studio.make(film_id, await films.plan(film_id, "animatic"))
        await studio.read(document("two", "a red boat"))
        await films.plan(film_id, "animatic", keep=["two"])
        await studio.read(document("second", "a red boat"))
        plan = await films.plan(film_id, "animatic")
        assert states(plan) == {"one": "current", "second": "current", "three": "current"}
        assert (plan.rows, plan.shots[1].why) == ((), ("kept, although its prompt or dialogue is another",))
        film = await films.choose(film_id, "second", None)  # what takes the keeping back as well
        assert states(film) == {"one": "current", "second": "missing", "three": "stale"}
        await studio.read(document("two", "a red boat"))
        assert states(await films.find(film_id)) == {"one": "current", "two": "stale", "three": "current"}
