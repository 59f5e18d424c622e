"""What making a film would buy, after each kind of change, and that nothing else is ever bought."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from seedance_mcp.errors import BudgetExceeded, ConfirmationRequired, InvalidRequest, PlanChanged
from seedance_mcp.jobs import opinion
from seedance_mcp.types import PurchaseTerms
from tests.emulator import Emulator

from .place import opened, rows, shot, states, storyboard


async def test_a_new_film_is_all_missing_and_priced_at_every_quality(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        film_id = await studio.read(storyboard())
        plan = await studio.app.films.plan(film_id)
        assert rows(plan) == {"a": 1, "b": 1}
        assert states(plan) == {"a": "missing", "b": "missing"}
        assert (plan.problems, plan.quality) == ((), "final")
        assert {row.provider for row in plan.rows} == {"ark"}
        assert plan.maximum.usd == sum(row.maximum.usd for row in plan.rows) > 0
        assert plan.totals["animatic"].usd == 0
        assert plan.totals["draft"] == plan.maximum
        assert (await studio.app.films.plan(film_id, "draft")).notes == (
            "shots a and b: no draft would be cheaper, so what is bought is as the final.",
        )
        assert plan.totals["final"] == plan.maximum
        assert (await studio.app.films.plan(film_id)).token == plan.token
        assert studio.bodies == []
        assert (tmp_path / "film.film").stat().st_mode & 0o777 == 0o600
        assert await studio.read() == film_id


async def test_without_a_token_that_fits_nothing_is_bought_and_the_differences_are_told(
    tmp_path: Path,
) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        film_id = await studio.read(storyboard())
        films, terms = studio.app.films, PurchaseTerms()
        with pytest.raises(PlanChanged):
            await films.make(film_id, "0" * 16, terms)
        old = await films.plan(film_id)
        await studio.read(storyboard(shot("a"), shot("c")))
        with pytest.raises(PlanChanged) as refused:
            await films.make(film_id, old.token, terms)
        assert refused.value.differences == (
            "a is made from something else now.",
            "b is no longer bought.",
            f"c is bought as well: take 1, seedance-1.0-pro-fast at ark, {old.rows[0].maximum.usd:f} USD.",
        )
        assert rows(refused.value.plan) == {"a": 1, "c": 1}
        assert studio.bodies == []
        assert (await films.find(film_id)).status == "planned"


@pytest.mark.parametrize("continues", ["last_frame", "tail"])
async def test_what_is_wrong_with_a_shot_is_told_beside_what_it_continues(
    continues: str, tmp_path: Path
) -> None:
    model = {"model": "seedance-2.0", "resolution": "480p"}
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        films = studio.app.films
        chained = shot("b", seconds=1, continues=continues), shot("c", seconds=5, continues=continues)
        film_id = await studio.read(storyboard(shot("a", seconds=60), *chained, **model))
        plan = await films.plan(film_id)
        assert [problem.partition(": ")[0] for problem in plan.problems] == [
            "shot a.seconds",
            "shot b.seconds",
        ]
        assert plan.rows == ()
        film_id = await studio.read(storyboard(shot("a", seconds=5), *chained, **model))
        plan = await films.plan(film_id)
        assert [problem.partition(": ")[0] for problem in plan.problems] == ["shot b.seconds"]


async def test_a_shot_that_cannot_be_made_is_named_and_refuses_the_whole(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        others = shot("c", continues="last_frame"), shot("d", continues="last_frame")
        film_id = await studio.read(storyboard(shot("a"), shot("b", seconds=50), *others))
        plan = await studio.app.films.plan(film_id)
        assert (len(plan.problems), plan.notes) == (1, ())
        assert plan.problems[0].startswith("shot b.seconds")
        with pytest.raises(InvalidRequest, match=r"shot b\.seconds"):
            await studio.app.films.make(film_id, plan.token, PurchaseTerms())
        assert studio.bodies == []


@pytest.mark.parametrize(
    ("seconds", "continues", "ratio"),
    [
        (45, "cut", "16:9"),
        (45, "last_frame", "16:9"),
        (2, "last_frame", "16:9"),
        (3, "last_frame", "adaptive"),
    ],
)
async def test_without_a_model_only_the_shot_of_a_wrong_length_is_told_of(
    tmp_path: Path, seconds: int, continues: str, ratio: str
) -> None:
    wrong = shot("b", seconds=seconds, continues=continues)
    shots = [shot("a", seconds=5), wrong, shot("c", seconds=6)]
    async with opened(tmp_path) as studio:
        film_id = await studio.read({"title": "x", "aspect_ratio": ratio, "shots": shots})
        plan = await studio.app.films.plan(film_id, "animatic")
    (problem,) = plan.problems
    assert problem.startswith(f"shot b.seconds: {seconds} is not possible with seedance-2.5 at sandbox")
    assert (rows(plan), "animatic" in plan.totals) == ({"a": 1, "c": 1}, False)


@pytest.mark.parametrize("name", ["model", "provider"])
async def test_a_name_of_nothing_is_told_once_for_the_film_and_where_a_shot_has_it(
    tmp_path: Path, name: str
) -> None:
    shots = [shot("a"), shot("b"), shot("c", **({"model": "nobody"} if name == "model" else {}))]
    async with opened(tmp_path) as studio:
        film_id = await studio.read(storyboard(*shots, **{name: "nobody"}))
        plan = await studio.app.films.plan(film_id)
    places = [problem.partition(f": There is no {name} 'nobody'")[0] for problem in plan.problems]
    assert places == ([name, "shot c.model"] if name == "model" else [name])


async def test_a_picture_that_is_a_sound_is_told_once_with_its_place(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(32_000))
    cast = {"anna": {"looks": "short hair", "images": ["a.wav"]}}
    shots = [shot("a", seconds=5, prompt="@anna waits"), shot("b", seconds=5, prompt="@anna goes")]
    async with opened(tmp_path) as studio:
        film_id = await studio.read(storyboard(*shots, model="seedance-2.0", cast=cast))
        plan = await studio.app.films.plan(film_id, "animatic")
    told = f"takes image files, and {tmp_path / 'a.wav'} is an audio."
    assert plan.problems == (f"cast.anna.images[1]: {told}",)


async def test_an_object_is_merged_by_the_ids_of_its_shots_and_none_removes(tmp_path: Path) -> None:
    async with opened(tmp_path) as studio:
        films = studio.app.films
        film = await films.take(storyboard(shot("a"), shot("b"), shot("c")), None)
        changes = {"shots": {"b": {"seconds": 5}, "c": None}, "style": "dusk", "resolution": None}
        changed = await films.take(changes, film.id)
        document = (await films.find(film.id)).document
        assert (changed.id, changed.version) == (film.id, 2)
        assert [(one.id, one.seconds) for one in document.shots] == [("a", 2), ("b", 5)]
        assert (document.style, document.resolution) == ("dusk", None)
        moved = await films.take({"shots": [{"id": "b"}, shot("d"), {"id": "a"}]}, film.id)
        assert [one.id for one in (await films.find(moved.id)).document.shots] == ["b", "d", "a"]
        assert (await films.take({}, film.id)).version == moved.version


async def test_a_draft_is_carried_to_its_final_where_its_provider_finishes_drafts(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        films = studio.app.films
        document = storyboard(
            shot("a", seconds=4), shot("b", seconds=4), model="seedance-2.5", resolution="1080p"
        )
        film_id = await studio.read(document)
        draft = await films.plan(film_id, "draft")
        assert draft.problems == ()
        assert draft.maximum.usd < draft.totals["final"].usd
        film = await studio.make(film_id, draft)
        assert (film.status, film.quality) == ("succeeded", "draft")
        document["shots"][1]["prompt"] = "a boat of another name"
        await studio.read(document)
        jobs = {state.shot: state.job for state in film.shots}
        draft_job = jobs["a"].id if jobs["a"] else ""
        await studio.app.reviews.add(draft_job, opinion("bad"), by="assistant")
        assert [row.request.based_on for row in (await films.plan(film_id)).rows] == [None, None]
        await studio.app.reviews.add(draft_job, opinion("good"), by="person")
        plan = await films.plan(film_id)
        assert rows(plan) == {"a": 2, "b": 2}
        assert [row.request.based_on for row in plan.rows] == [draft_job, None]
        assert "shot a: the very take of the draft, in full." in plan.notes
        film = await studio.make(film_id, plan)
        assert (film.status, film.quality, film.problems) == ("succeeded", "final", ())
        assert len(studio.bodies) == 4


async def test_where_no_draft_can_be_finished_the_final_is_said_to_be_another_video(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        films = studio.app.films
        film_id = await studio.read(storyboard(shot("a"), model="seedance-1.0-pro", resolution="1080p"))
        draft = await films.plan(film_id, "draft")
        assert draft.notes == (
            "shot a: drafts are takes of seedance-1.0-pro-fast in 480p; the final will be another video.",
        )
        film = await studio.make(film_id, draft)
        assert (film.status, film.problems) == ("succeeded", ())
        plan = await films.plan(film_id)
        assert plan.notes == ("shot a: another video than the draft, of the same request.",)
        assert plan.rows[0].request.seed == draft.rows[0].request.seed


async def test_the_end_of_a_clip_is_priced_before_it_is_there(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        document = storyboard(
            shot("a", seconds=5),
            shot("b", seconds=5, continues="tail"),
            model="seedance-2.0",
            resolution="720p",
        )
        film_id = await studio.read(document)
        plan = await studio.app.films.plan(film_id)
        assert plan.problems == ()
        assert plan.rows[1].request.reference_videos == ("take:a.1",)
        assert plan.rows[1].maximum.usd > plan.rows[0].maximum.usd
        emulator.behaviour.true_size = True
        film = await studio.make(film_id, plan)
        assert (film.status, film.problems) == ("succeeded", ())


async def test_one_question_is_asked_for_the_whole_film(tmp_path: Path) -> None:
    async with (
        Emulator("ark") as emulator,
        opened(tmp_path, emulator, SEEDANCE_CONFIRM="ask", SEEDANCE_CONFIRM_ABOVE_USD="0") as studio,
    ):
        film_id = await studio.read(storyboard())
        plan = await studio.app.films.plan(film_id)
        with pytest.raises(ConfirmationRequired) as question:
            await studio.app.films.make(film_id, plan.token, PurchaseTerms())
        assert studio.bodies == []
        terms = PurchaseTerms(confirm_token=question.value.token)
        await studio.app.films.make(film_id, plan.token, terms)
        assert (await studio.ended(film_id)).status == "succeeded"
        assert len(studio.bodies) == 2


async def test_a_film_above_the_limit_of_its_call_or_of_the_day_is_not_begun(tmp_path: Path) -> None:
    async with (
        Emulator("ark") as emulator,
        opened(tmp_path, emulator, SEEDANCE_MAX_USD_PER_DAY="0.01") as studio,
    ):
        film_id = await studio.read(storyboard())
        plan = await studio.app.films.plan(film_id)
        for terms in (PurchaseTerms(), PurchaseTerms(max_usd=plan.maximum.usd / 2)):
            with pytest.raises(BudgetExceeded):
                await studio.app.films.make(film_id, plan.token, terms)
        assert studio.bodies == []
