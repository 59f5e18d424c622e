"""Which shots of a film are no longer made from what their document says, after each kind of change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from seedance_mcp.films import checked
from seedance_mcp.films.freshness import changed_keys, changed_since, differences, inputs_of, key_of

STORYBOARD: Mapping[str, Any] = {
    "title": "The lantern",
    "model": "seedance-2.0",
    "style": "35 mm, dusk; @tower is always far away",
    "cast": {
        "mira": {"looks": "a woman of thirty", "wears": "a yellow coat", "images": ["mira.png"]},
        "tower": {"kind": "place", "looks": "a white lighthouse", "images": ["tower.png"]},
        "tom": {"looks": "an old man", "voice": "tom.wav"},
    },
    "shots": [
        {"id": "a", "seconds": 5, "prompt": "@mira crosses the harbour"},
        {
            "id": "b",
            "seconds": 5,
            "prompt": "She stops",
            "says": [{"who": "tom", "text": "Wait.", "seen": False}],
        },
        {"id": "c", "seconds": 6, "prompt": "@tom waves", "continues": "last_frame"},
    ],
}
MEDIA = {"mira.png": "1", "tower.png": "2", "tom.wav": "3"}


def changed(
    change: Callable[[dict[str, Any]], None], media: Mapping[str, str] = MEDIA
) -> dict[str, set[str]]:
    """The kinds of input in which each shot differs after a change, by the place of the shot."""
    before, data = checked(_copy()), _copy()
    change(data)
    after = checked(data)
    old = [inputs_of(before, shot, media=MEDIA, parent="b.1") for shot in before.shots]
    new = [inputs_of(after, shot, media=media, parent="b.1") for shot in after.shots]
    keys = [changed_keys(then, now) for then, now in zip(old, new, strict=True)]
    return {name: set(found) for name, found in zip("abc", keys, strict=True) if found}


def _copy() -> dict[str, Any]:
    import json

    return json.loads(json.dumps(STORYBOARD))


def test_a_line_of_dialogue_changes_its_shot_alone() -> None:
    def change(data: dict[str, Any]) -> None:
        data["shots"][1]["says"][0]["text"] = "Stay."

    assert changed(change) == {"b": {"text"}}


def test_the_style_changes_every_shot() -> None:
    assert changed(lambda data: data.update(style="16 mm")) == {
        "a": {"looks", "media"},
        "b": {"looks", "media"},
        "c": {"looks", "media"},
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(title="Another", model="seedance-2.5", provider="fal", resolution="480p"),
        lambda data: data.update(music={"file": "tide.mp3"}, captions={"show": False}, loudness_lufs=None),
        lambda data: data["shots"][1].update(enter={"kind": "dissolve"}, seed=4, model="seedance-2.5"),
        lambda data: data["shots"][0].update(id="opening", prompt="@mira  crosses\nthe harbour"),
    ],
    ids=["model", "music and captions", "seam and seed", "another name of a shot"],
)
def test_what_no_picture_or_sound_comes_from_changes_nothing(
    change: Callable[[dict[str, Any]], None],
) -> None:
    assert changed(change) == {}


def test_another_name_of_one_of_the_cast_changes_nothing() -> None:
    def change(data: dict[str, Any]) -> None:
        data["cast"]["mara"] = data["cast"].pop("mira")
        data["shots"][0]["prompt"] = "@mara crosses the harbour"

    assert changed(change) == {}


def test_pictures_and_voices_count_by_their_content() -> None:
    assert changed(lambda _: None, {**MEDIA, "mira.png": "9"}) == {"a": {"media"}}
    assert changed(lambda _: None, {**MEDIA, "tom.wav": "9"}) == {"b": {"sound"}}

    def change(data: dict[str, Any]) -> None:
        data["cast"]["mira"]["images"] = ["copied/mira.png"]

    assert changed(change, {**MEDIA, "copied/mira.png": "1"}) == {}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda data: data["shots"][0].update(wears={"mira": "a red dress"}), {"a": {"looks"}}),
        (lambda data: data["cast"]["mira"].update(looks="a woman of forty"), {"a": {"looks"}}),
        (lambda data: data["cast"]["tom"].update(looks="an old sailor"), {"c": {"looks"}}),
        (lambda data: data["shots"][2].update(seconds=7), {"c": {"seconds"}}),
        (lambda data: data["shots"][2].update(continues="tail"), {"c": {"from"}}),
    ],
)
def test_only_who_is_in_a_shot_changes_it(
    change: Callable[[dict[str, Any]], None], found: dict[str, set[str]]
) -> None:
    assert changed(change) == found


def test_sound_and_ratio_are_of_the_whole_film() -> None:
    assert changed(lambda data: data.update(generate_audio=False, aspect_ratio="9:16")) == {
        name: {"sound", "ratio"} for name in "abc"
    }


def test_another_take_of_what_a_shot_continues_is_said_with_its_name() -> None:
    document = checked(_copy())
    shot = document.shot("c")
    stamped = inputs_of(document, shot, media=MEDIA, parent="b.1")
    now = inputs_of(document, shot, media=MEDIA, parent="b.2")
    assert differences(stamped, now, parent="b") == ("it continues another take of b",)
    assert key_of(stamped) != key_of(now)
    assert key_of(stamped) == key_of(dict(reversed(stamped.items())))
    cut = inputs_of(document, document.shot("a"), media=MEDIA, parent="b.1")
    assert cut == inputs_of(document, document.shot("a"), media=MEDIA, parent=None)


def test_a_voice_that_nobody_here_can_read_is_no_change_of_its_shot() -> None:
    document = checked(_copy())
    stamped = inputs_of(document, document.shots[1], media=MEDIA, parent=None)
    for voice, change in ((None, ()), ("4", ("its voices, or whether it has sound, are others",))):
        media = {**MEDIA, "tom.wav": voice}
        assert changed_since(stamped, document, "b", media=media) == change
