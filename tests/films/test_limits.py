"""What no model takes of a document is told together with what is wrong elsewhere in it, and never more than is certain."""

from __future__ import annotations

from typing import Any

import pytest

from seedance_mcp.catalog import Catalog
from seedance_mcp.films import Market, limits
from seedance_mcp.types import FilmQuality

PRO, FAST = "seedance-1.0-pro", "seedance-1.0-pro-fast"
CROWD = {f"p{number}": {"looks": "somebody", "images": [f"{number}.png"]} for number in range(10)}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def told(catalog: Catalog, data: Any, quality: FilmQuality = "final", **named: str) -> list[str]:
    return list(limits(data, Market(catalog, named.get("provider"), named.get("model")), quality))


def document(*shots: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A document with a field that there is not."""
    usual = {"seconds": 5, "prompt": "the sea"}
    return {"title": "A", "titel": "B", "model": PRO, "shots": [usual | shot for shot in shots], **fields}


def places(problems: list[str]) -> list[str]:
    return [problem.partition(": ")[0] for problem in problems]


def test_limits_are_told_with_their_places_beside_other_mistakes(catalog: Catalog) -> None:
    problems = told(
        catalog,
        document(
            {"seconds": 20},
            {"seconds": "x", "continues": "tail"},
            {"model": "seedance-2.0", "prompt": " ".join(f"@{name}" for name in CROWD)},
            {"prompt": "@nobody comes", "continues": "last_frame"},
            aspect_ratio="5:3",
            cast={**CROWD, "q": {"lookes": "x"}},
        ),
    )
    assert problems[0].startswith("shot s01.seconds: 20 is not possible with seedance-1.0-pro at ")
    assert problems[0].endswith("; it can be 2 to 12 seconds")
    assert set(places(problems)) == {"shot s01.seconds", "aspect_ratio", "shot s02.continues", "shot s03"}
    assert "shot s03: p0, p1, p2, p3, p4, p5, p6, p7, p8 and p9 each need a picture" in " ".join(problems)


@pytest.mark.parametrize("shots", [[{"seed": -5}], [{"seed": -5}, {"seconds": "x"}]])
def test_where_every_shot_is_wrong_the_rest_is_told_all_the_same(
    catalog: Catalog, shots: list[dict[str, Any]]
) -> None:
    problems = told(catalog, document(*shots, titel=None, resolution="4k"))
    assert places(problems) == ["resolution"]


def test_only_what_is_certain_is_told(catalog: Catalog) -> None:
    fine = document(
        {}, {"continues": "last_frame"}, {"first_frame": "a.png"}, {"prompt": "@nobody", "seconds": None}
    )
    assert told(catalog, fine) == []
    assert told(catalog, document({"seconds": 20}, model=None)) == []
    assert told(catalog, document({"seconds": 20}, model="of-nobody")) == []
    assert places(told(catalog, document({"seconds": 20}, model=None), model=PRO)) == ["shot s01.seconds"]
    assert told(catalog, document({"seconds": 20}), provider="of-nobody") == []


def test_a_rehearsal_is_held_against_the_sandbox_alone(catalog: Catalog) -> None:
    (problem,) = told(catalog, document({"seconds": 20}, resolution="8k"), "animatic")
    assert "shot s01.seconds: 20 is not possible with seedance-1.0-pro at sandbox" in problem


@pytest.mark.parametrize("seconds", [2, 45])
def test_the_ratio_is_not_blamed_for_the_length_of_a_continued_shot(catalog: Catalog, seconds: int) -> None:
    shots: tuple[dict[str, Any], ...] = ({}, {"seconds": seconds, "continues": "last_frame"})
    wrong = document(*shots, model="seedance-2.5", aspect_ratio="16:9")
    assert places(told(catalog, wrong, "animatic")) == ["shot s02.seconds"]


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"shots": 5},
        {"shots": [5, None, {}]},
        {"shots": [{"continues": "tail"}, {"after": "z", "continues": "last_frame"}], "model": PRO},
        {"shots": [{"id": []}, {"id": "a", "says": [{"who": "x"}, 5]}], "model": PRO, "cast": {"a b": 5}},
        {"shots": [{"seconds": 10**400, "seed": "x", "enter": 5}], "model": PRO, "style": "@x"},
        {"shots": [{"aspect_ratio": "\ud800", "prompt": "\ud800"}], "model": PRO, "music": {"file": {}}},
        {"shots": [{"id": "a"}, {"id": "a", "continues": "last_frame", "after": "a"}], "model": PRO},
        {"shots": [{"prompt": "@a"}] * 130, "model": FAST, "cast": {"a": {"images": [1, "x"]}}},
    ],
)
def test_whatever_a_document_holds_it_is_read_as_far_as_possible(catalog: Catalog, data: Any) -> None:
    told(catalog, data)
