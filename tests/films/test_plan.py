"""What making a film would buy, after each kind of change, and that nothing else is ever bought."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedance_mcp.errors import InvalidRequest, PlanChanged
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


async def test_a_shot_that_cannot_be_made_is_named_and_refuses_the_whole(tmp_path: Path) -> None:
    async with Emulator("ark") as emulator, opened(tmp_path, emulator) as studio:
        film_id = await studio.read(storyboard(shot("a"), shot("b", seconds=50)))
        plan = await studio.app.films.plan(film_id)
        assert len(plan.problems) == 1
        assert plan.problems[0].startswith("shot b: duration")
        with pytest.raises(InvalidRequest, match="shot b: duration"):
            await studio.app.films.make(film_id, plan.token, PurchaseTerms())
        assert studio.bodies == []


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
