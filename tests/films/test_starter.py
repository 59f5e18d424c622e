"""What people and assistants begin with: the document that `film new` writes, the example, the storyboard of the guide."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from seedance_mcp.catalog import Catalog, film_guide
from seedance_mcp.films import FilmDocument, Shot, checked, read_document
from seedance_mcp.films.casting import cast_shot
from seedance_mcp.films.document import Captions, Entry, Line, Member, Music
from seedance_mcp.films.starter import starter

EXAMPLE = Path(__file__).parents[2] / "docs" / "films" / "lantern.toml"


def used(text: str) -> str:
    """The starter with every field in use that stands behind a #."""
    return re.sub(r"^(\s*)# (?=\[music\]|[a-z_]+ = |\{ )", r"\1", text, flags=re.MULTILINE)


def test_the_starter_is_a_film_as_it_stands() -> None:
    document = read_document(starter("The lantern").encode(), "film.toml")
    assert document.title == "The lantern"
    assert document.seconds == 14.5
    assert document.music is None
    assert all(not member.images for member in document.cast.values())


def test_the_starter_explains_every_field_with_a_value_that_is_allowed() -> None:
    """Two of them exclude each other: a shot cannot both continue another and begin with a picture."""
    text = used(starter("The lantern"))
    document = read_document(text.replace('first_frame = "quay-begin.png"\n', "", 1).encode(), "film.toml")
    given: dict[str, Any] = tomllib.loads(text)
    [_, quay, light] = given["shots"]
    assert given.keys() == FilmDocument.model_fields.keys()
    assert given["cast"]["mira"].keys() == Member.model_fields.keys()
    assert {name for shot in given["shots"] for name in shot} == Shot.model_fields.keys()
    assert {name for line in quay["says"] for name in line} == Line.model_fields.keys()
    assert light["enter"].keys() == Entry.model_fields.keys()
    assert given["captions"].keys() == Captions.model_fields.keys()
    assert given["music"].keys() == Music.model_fields.keys()
    assert document.shot("quay").continues == "last_frame"


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ('"""\n[cast.x]', '""" [cast.x]'),
        ("\\u0041 \\", "\\u0041 \\"),
        ("灯笼 🏮", "灯笼 🏮"),
        ("\x7f\x00 \ud800", "\ufffd \ufffd"),
        ("  ", "Untitled film"),
        ("x" * 1000, "x" * 199 + "…"),
    ],
)
def test_whatever_the_title_the_starter_can_be_read(title: str, written: str) -> None:
    assert read_document(starter(title).encode(), "film.toml").title == written


def test_the_example_shows_forty_seconds_of_all_that_a_document_can_say() -> None:
    document = read_document(EXAMPLE.read_bytes(), EXAMPLE.name)
    assert len(document.shots) == 6
    assert document.seconds == 40
    assert document.aspect_ratio == "16:9"
    assert {member.kind for member in document.cast.values()} == {"person", "prop", "place"}
    assert {shot.continues for shot in document.shots} == {"cut", "last_frame"}
    assert {"cut", "dissolve"} <= {shot.enter.kind for shot in document.shots}
    assert sum(len(shot.says) for shot in document.shots) >= 4
    assert any(shot.wears for shot in document.shots)
    assert document.style
    assert document.captions.show
    assert document.loudness_lufs == -16
    assert document.music is not None
    assert document.music.duck_db > 0


def test_every_file_of_the_example_lies_beside_it_and_is_small() -> None:
    document = read_document(EXAMPLE.read_bytes(), EXAMPLE.name)
    pictures = {source for member in document.cast.values() for source in member.images}
    assert pictures
    for source in pictures:
        with Image.open(EXAMPLE.parent / source) as picture:
            assert min(picture.size) >= 300
        assert (EXAMPLE.parent / source).stat().st_size < 40_000
    assert document.music is not None
    assert (EXAMPLE.parent / document.music.file).stat().st_size < 60_000


def test_nothing_of_the_example_is_left_out_for_its_model() -> None:
    document = read_document(EXAMPLE.read_bytes(), EXAMPLE.name)
    model = Catalog.load().models[document.model or ""]
    for shot in document.shots:
        assert not [note for note in cast_shot(document, shot, model).notes if note.startswith("shot ")]
        assert model.durations.min <= shot.seconds <= model.durations.max


def test_the_guide_shows_a_storyboard_that_can_be_used_and_names_every_field() -> None:
    guide = film_guide()
    [block] = re.findall(r"```json\n(.+?)```", guide, re.DOTALL)
    document = checked(json.loads(block))
    assert document.shot("flame").continues == "last_frame"
    named = set(re.findall(r"`(\w+)`", guide)) | {"id"}
    for part in (FilmDocument, Member, Shot, Line, Entry, Music, Captions):
        assert part.model_fields.keys() <= named
    assert len(guide.splitlines()) < 90
