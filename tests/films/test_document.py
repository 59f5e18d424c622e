"""What a film document may say, and how its mistakes are told: all at once, each with its place, whatever the text holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seedance_mcp.errors import InvalidRequest
from seedance_mcp.films import FilmDocument, checked, read_document
from seedance_mcp.films.merging import merged

MIRA = {"looks": "a woman of thirty"}
SHOT = {"id": "a", "seconds": 5, "prompt": "The sea"}


def problems(data: Any) -> list[str]:
    """Everything that is said of a document that cannot be used."""
    with pytest.raises(InvalidRequest) as refused:
        checked(data)
    assert "nothing was bought" in (refused.value.hint or "")
    return list(refused.value.problems)


def film(*shots: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A document with these shots, each with the fields that every shot has to have."""
    return {"title": "The lantern", "shots": [SHOT | shot for shot in shots or ({},)], **fields}


def unread(content: bytes, name: str) -> str:
    """What is said of a file that is no document at all."""
    with pytest.raises(InvalidRequest) as refused:
        read_document(content, name)
    [problem] = refused.value.problems
    return problem


TOML = """
title = "The lantern"
[cast.mira]
looks = "a woman of thirty"
[[shots]]
id = "a"
seconds = 5
prompt = "@mira waits"
says = [{ who = "mira", text = "Now." }]
enter = { kind = "cut" }
"""


def test_toml_and_json_of_the_same_words_are_the_same_film() -> None:
    told = {"says": [{"who": "mira", "text": "Now."}], "prompt": "@mira waits", "enter": {"kind": "cut"}}
    as_json = json.dumps(film(told, cast={"mira": MIRA}))
    assert read_document(TOML.encode(), "film.toml") == read_document(as_json.encode(), "FILM.JSON")


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + TOML.encode(), TOML.replace("\n", "\r\n").encode()])
def test_a_document_written_on_windows_reads_the_same(content: bytes) -> None:
    assert read_document(content, "film.toml") == read_document(TOML.encode(), "film.toml")


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"title = ", "film.toml", "The document cannot be read: "),
        (b"{", "film.json", "The document cannot be read: "),
        (b"seed = " + b"9" * 5000, "film.toml", "The document cannot be read: "),
        (b'{"seed": ' + b"9" * 5000 + b"}", "film.json", "The document cannot be read: "),
        (b"\xff\xfe", "film.toml", "The document is no UTF-8, from byte 0 on."),
        (b"title: x", "film.yaml", "film.yaml is neither .toml nor .json."),
        (b"[" * 100_000, "film.json", "The document is nested too deeply."),
        (b"[]", "film.json", "The document has to be a table with `title` and `shots`."),
        (b" " * 1_000_001, "film.toml", "The document has 1000001 bytes; at most 1000000 are read."),
    ],
    ids=["toml", "json", "toml number", "json number", "utf-8", "ending", "depth", "list", "size"],
)
def test_a_file_that_is_no_document_is_refused_in_one_sentence(content: bytes, name: str, said: str) -> None:
    assert unread(content, name).startswith(said)


def test_every_problem_is_told_at_once_with_its_place() -> None:
    assert problems(
        {
            "titel": "The lantern",
            "aspect_ratio": 16,
            "style": "as @tower sees it",
            "cast": {"mira": {"look": "short hair"}, "a b": MIRA},
            "shots": [
                {"id": "a", "seconds": "long", "prompt": "@mria waits", "continues": "tail"},
                {"id": "b", "seconds": 5, "prompt": "", "says": [{"text": ""}, "Now."]},
                {"seconds": 5, "prompt": "The sea", "after": "c", "enter": {"kind": "blur"}},
                {"id": "a", "seconds": 5, "prompt": "The sea", "wears": {"tom": "a coat"}},
            ],
            "music": {"file": "tide.m4a", "duck_db": 90},
            "captions": {"language": "English, please"},
        }
    ) == [
        "title: is missing.",
        "aspect_ratio: must be text.",
        "cast.mira.looks: is missing.",
        "cast.mira.look: there is no such field. Did you mean looks?",
        "cast.a b: may have letters, digits, `-` and `_`, at most 40 in all.",
        "shot a.seconds: must be a whole number.",
        "shot b.prompt: must not be empty.",
        "shot b.says[1].text: must not be empty.",
        "shot b.says[2]: must be a table of fields.",
        "shot s03.enter.kind: must be 'cut', 'dissolve', 'fade_black', 'fade_white', 'wipe_left' or 'wipe_right'.",
        "music.duck_db: must be less than or equal to 40.",
        "captions.language: must be the code of a language, such as en or zh-Hant.",
        "titel: there is no such field. Did you mean title?",
        "style: nobody is called tower; the cast has mira and a b.",
        "shot a.prompt: nobody is called mria; did you mean mira?",
        "shot a.continues: nothing comes before the first shot; leave it out.",
        "shot s03.after: only a shot that continues another has it; set continues to last_frame or tail.",
        "shot a: there are two shots of this name.",
        "shot a.wears: nobody is called tom; the cast has mira and a b.",
    ]


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("@mria waits", "did you mean mira?"),
        ("@mira走过港口", "if mira is meant, put a space after the name."),
        ("@nobody waits", "the cast has mira and tower."),
    ],
)
def test_a_name_of_nobody_is_told_with_who_may_be_meant(prompt: str, said: str) -> None:
    [problem] = problems(film({"prompt": prompt}, cast={"mira": MIRA, "tower": MIRA}))
    assert problem.startswith("shot a.prompt: nobody is called ")
    assert problem.endswith(said)


def test_mentions_are_names_and_neither_addresses_nor_numbered_inputs() -> None:
    prompt = "@mira's friend @米拉, seen as in @Image 1, @image2 and 3@Video; mail a@b.example, @tom."
    shot = checked(film({"prompt": prompt}, cast={"mira": MIRA, "米拉": MIRA, "tom": MIRA})).shots[0]
    assert shot.mentioned == ("mira", "米拉", "tom")


@pytest.mark.parametrize("name", ["image", "Video", "图片1"])
def test_nobody_can_be_called_as_a_model_calls_its_inputs(name: str) -> None:
    assert problems(film(cast={name: MIRA})) == [
        f"cast.{name}: a model's inputs are called so; choose another name."
    ]


def test_shots_without_an_id_are_named_by_their_place_and_never_twice() -> None:
    shots = [{"seconds": 5, "prompt": "The sea"}, SHOT | {"id": "s02"}, {"seconds": 5, "prompt": "The sea"}]
    named = checked({"title": "The lantern", "shots": [*shots[:2], *shots]} | {"shots": [shots[0], *shots]})
    assert [shot.id for shot in named.shots] == ["s01", "s03", "s02", "s04"]


@pytest.mark.parametrize(
    ("shots", "said"),
    [
        (
            [{"continues": "last_frame"}],
            "shot a.continues: nothing comes before the first shot; leave it out.",
        ),
        (
            [{"enter": {"kind": "dissolve"}}],
            "shot a.enter: nothing comes before the first shot; leave it out.",
        ),
        (
            [{}, {"id": "b", "continues": "tail", "after": "c"}, {"id": "c"}],
            "shot b.after: has to be an earlier shot; such as a.",
        ),
        (
            [{}, {"id": "b", "continues": "tail", "after": "b"}],
            "shot b.after: has to be an earlier shot; such as a.",
        ),
        (
            [{}, {"id": "b", "continues": "last_frame", "first_frame": "b.png"}],
            "shot b.first_frame: the shot begins with what it continues; leave one of the two out.",
        ),
        (
            [{}, {"id": "b", "continues": "tail", "last_frame": "b.png"}],
            "shot b.last_frame: a shot that goes on from a clip takes no picture to end on; leave one of the two out.",
        ),
        (
            [{"seconds": 4}, {"id": "b", "enter": {"kind": "wipe_left", "seconds": 2.5}}],
            "shot b.enter.seconds: at most half of the shorter of a and b.",
        ),
    ],
)
def test_a_seam_that_cannot_be_is_refused(shots: list[dict[str, Any]], said: str) -> None:
    assert problems(film(*shots)) == [said]


def test_a_shot_continues_the_one_before_or_the_one_that_it_names() -> None:
    document = checked(
        film({}, {"id": "b", "continues": "last_frame"}, {"id": "c", "continues": "tail", "after": "a"})
    )
    a, b, c = document.shots
    assert [document.parent(shot) for shot in (a, b, c)] == [None, a, a]


def test_a_film_is_as_long_as_its_shots_without_what_overlaps() -> None:
    document = checked(
        film(
            {},
            {"id": "b", "enter": {"kind": "dissolve", "seconds": 0.5}},
            {"id": "c", "enter": {"kind": "cut", "seconds": 2}},
        )
    )
    assert document.seconds == 14.5


HOSTILE = "\x1b[31m\u202eevil\x00" + "x" * 100_000


@pytest.mark.parametrize(
    "data",
    [
        film(**{HOSTILE: 1}),
        film(cast={HOSTILE: MIRA}),
        film({"id": HOSTILE}),
        film({HOSTILE: "x"}),
        film({"prompt": "@nobody"}, cast={HOSTILE: MIRA}),
        film({"wears": {HOSTILE: "x"}}),
        film(*({"prompt": f"@{number}"} for number in range(5000))),
        film(**{f"field {number}": 1 for number in range(20_000)}),
    ],
    ids=["field", "cast", "id", "shot's field", "names told", "wears", "shots", "fields"],
)
def test_what_is_told_of_a_hostile_document_is_short_and_plain(data: dict[str, Any]) -> None:
    told = "\n".join(problems(data))
    assert len(told) < 20_000
    assert not set(told) & {"\x1b", "\u202e", "\x00"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\x00b", "has a NUL character."),
        ("\ud800", "must be text without halves of surrogate pairs, which are no characters."),
    ],
)
def test_text_that_can_be_neither_stored_nor_sent_is_refused(text: str, said: str) -> None:
    shot = {"prompt": text, "says": [{"text": text}], "first_frame": text}
    data = film(shot, title=text, style=text, cast={"mira": {"looks": text, "voice": text}})
    places = [problem.removesuffix(f": {said}") for problem in problems(data)]
    assert sorted(places) == [
        "cast.mira.looks", "cast.mira.voice", "shot a.first_frame", "shot a.prompt", "shot a.says[1].text",
        "style", "title",
    ]  # fmt: skip


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_is_refused(number: float) -> None:
    data = film({"enter": {"seconds": number}}, music={"file": "a.m4a", "volume_db": number})
    assert [problem.partition(":")[0] for problem in problems(data)] == [
        "shot a.enter.seconds",
        "music.volume_db",
    ]


def test_yes_is_no_length() -> None:
    assert problems(film({"seconds": True})) == ["shot a.seconds: must be a number."]


def test_what_was_checked_can_be_written_and_read_again() -> None:
    document = read_document(TOML.encode(), "film.toml")
    assert FilmDocument.model_validate_json(document.model_dump_json()) == document


def test_halves_of_surrogates_in_the_name_of_a_field_are_told_as_any_mistake() -> None:
    said = problems(film({"\ud800": 1, "prompt": "@nobody"}))
    assert any("text without halves of surrogate pairs" in problem for problem in said)


@pytest.mark.parametrize("name", [[], {}, 7])
def test_changes_to_a_shot_whose_id_is_no_text_are_refused(name: object) -> None:
    there, changes = film({}), {"shots": [{"id": name, "seconds": 5, "prompt": "x"}]}
    with pytest.raises(InvalidRequest, match="id: must be text"):
        checked(merged(there, changes))
