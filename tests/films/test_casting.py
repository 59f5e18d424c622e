"""A shot as each family of models reads it: who is in it, with which files, and what is said of what does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from seedance_mcp.catalog import Catalog
from seedance_mcp.errors import InvalidRequest
from seedance_mcp.films import checked
from seedance_mcp.films.casting import CastShot, cast_shot

CATALOG = Catalog.load()
MIRA = {
    "looks": "a woman of thirty",
    "wears": "a yellow coat",
    "images": ["mira-1.png", "mira-2.png"],
    "ignore": "the background",
    "voice": "mira.wav",
}
TOM = {"looks": "an old man", "images": ["tom.png"], "voice": "tom.wav"}
LAMP = {"kind": "prop", "looks": "a brass lantern", "images": ["lamp.png"]}
CAST = {"mira": MIRA, "tom": TOM, "oil-lamp": LAMP}
LINE = {"who": "mira", "text": "Remember this.", "language": "English"}
FACES = (
    "mira: {} refuses pictures of real people. Drawn and made-up faces are fine; "
    "of a real person use an asset that the provider has authorised (asset://...)."
)


def written(
    model: str,
    shot: dict[str, Any],
    *,
    tail: str | None = None,
    cast: dict[str, Any] | None = None,
    **fields: Any,
) -> CastShot:
    """The shot of a film of one shot, and of one more before it where it continues that."""
    before = [{"id": "before", "seconds": 5, "prompt": "The sea"}] if "continues" in shot else []
    shots = [*before, {"id": "a", "seconds": 5, **shot}]
    document = checked({"title": "T", "cast": cast or CAST, "shots": shots, **fields})
    return cast_shot(document, document.shots[-1], CATALOG.models[model], tail)


def refused(model: str, shot: dict[str, Any], **fields: Any) -> list[str]:
    """What is said of a shot that cites more than the model takes."""
    with pytest.raises(InvalidRequest) as refusal:
        written(model, shot, **fields)
    return list(refusal.value.problems)


SPOKEN = {"prompt": "@mira lifts @oil-lamp", "says": [LINE]}


def test_2_0_is_told_who_its_numbered_pictures_and_sounds_are() -> None:
    assert written("seedance-2.0", SPOKEN, style="35 mm, dusk") == CastShot(
        prompt=(
            "Define a woman of thirty in Image 1 and Image 2 as Subject 1, ignore the background."
            " Subject 1 wears a yellow coat.\n"
            "Define a brass lantern in Image 3 as Subject 2.\n"
            "Subject 1 lifts Subject 2\n"
            'Subject 1 with the voice of Audio 1 says in English: "Remember this."\n'
            "35 mm, dusk"
        ),
        images=("mira-1.png", "mira-2.png", "lamp.png"),
        sounds=("mira.wav",),
        notes=(FACES.format("Seedance 2.0"),),
    )


def test_2_5_names_its_pictures_and_puts_speech_in_braces() -> None:
    shot = written("seedance-2.5", SPOKEN)
    assert shot.prompt == (
        "@Image 1, @Image 2: Mira, a woman of thirty, ignore the background. Mira wears a yellow coat.\n"
        "@Image 3: Oil lamp, a brass lantern.\n"
        "Mira lifts Oil lamp\n"
        "Mira with the voice of @Audio 1 says in English: {Remember this.}"
    )
    assert shot.images == ("mira-1.png", "mira-2.png", "lamp.png")


def test_1_5_is_told_in_words_and_that_is_said() -> None:
    assert written("seedance-1.5-pro", SPOKEN) == CastShot(
        prompt=(
            "Mira (a woman of thirty, wearing a yellow coat) lifts Oil lamp (a brass lantern)\n"
            'Mira says in English: "Remember this."'
        ),
        notes=("shot a: Seedance 1.5 pro takes no reference pictures; mira and oil-lamp in words only.",),
    )


def test_a_silent_model_is_given_no_words_and_that_is_said() -> None:
    shot = written("seedance-1.0-pro", SPOKEN)
    assert "Remember" not in shot.prompt
    assert shot.sounds == ()
    assert shot.notes[-1] == "shot a: Seedance 1.0 pro makes no sound; what is said is in the captions only."


def test_a_film_without_sound_is_given_no_words_and_no_voices() -> None:
    shot = written("seedance-2.0", SPOKEN, generate_audio=False)
    assert "Remember" not in shot.prompt
    assert shot.sounds == ()
    assert shot.notes[-1] == "shot a: the film is made without sound; what is said is in the captions only."


def test_lite_shares_its_few_pictures_and_says_whose_do_not_fit() -> None:
    cast = {
        "mira": MIRA | {"images": ["1.png", "2.png", "3.png"]},
        "tom": TOM | {"images": ["4.png", "5.png"]},
    }
    shot = written("seedance-1.0-lite", {"prompt": "@mira meets @tom"}, cast=cast)
    assert shot.images == ("1.png", "2.png", "4.png", "5.png")
    assert shot.prompt.startswith(
        "Define a woman of thirty in [Image 1] and [Image 2] as Mira, ignore the background."
    )
    assert shot.notes == ("shot a: not all pictures fit: mira (2 of 3).",)


def test_voices_that_a_model_takes_none_of_leave_its_pictures_their_room() -> None:
    cast = {f"p{number}": TOM for number in range(4)}
    says = [{"who": name, "text": "Now."} for name in cast]
    shots = [{"id": "a", "seconds": 5, "prompt": "They meet", "says": says}]
    document = checked({"title": "T", "cast": cast, "shots": shots})
    speaking = CATALOG.models["seedance-1.0-lite"].model_copy(update={"audio": True})
    shot = cast_shot(document, document.shots[0], speaking)
    assert (len(shot.images), shot.sounds) == (4, ())
    assert shot.notes == (f"shot a: {speaking.title} takes no voices as sound.",)


def test_only_who_is_cited_rides_along_in_the_order_of_first_mention() -> None:
    shot = written("seedance-2.0", {"prompt": "@oil-lamp, then @tom, then @oil-lamp"})
    assert shot.images == ("lamp.png", "tom.png")
    assert shot.sounds == ()
    assert shot.prompt.endswith("Subject 1, then Subject 2, then Subject 1")


def test_whom_the_style_names_is_in_every_shot() -> None:
    shot = written("seedance-2.0", {"prompt": "The sea"}, style="lit by @oil-lamp alone")
    assert shot.images == ("lamp.png",)
    assert shot.prompt.endswith("The sea\nlit by Subject 1 alone")


def test_a_voice_from_outside_the_picture_brings_no_face() -> None:
    shot = written(
        "seedance-2.0",
        {"prompt": "@oil-lamp burns", "says": [{"who": "tom", "text": "Wait.", "seen": False}]},
    )
    assert (shot.images, shot.sounds) == (("lamp.png",), ("tom.wav",))
    assert shot.prompt.endswith('A voice from outside the picture with the voice of Audio 1 says: "Wait."')


def test_whose_voice_nobody_sees_is_described_only_where_they_are_seen() -> None:
    says = [
        {"text": "Last call!", "seen": False},
        {"who": "tom", "text": "Wait.", "seen": False},
        {"who": "tom", "text": "Here I am."},
        {"who": "tom", "text": "Really."},
    ]
    shot = written("seedance-1.5-pro", {"prompt": "The sea", "says": says})
    assert shot.prompt.splitlines()[1:] == [
        'A voice from outside the picture says: "Last call!"',
        'A voice from outside the picture says: "Wait."',
        'Tom (an old man) says: "Here I am."',
        'Tom says: "Really."',
    ]


def test_a_shot_may_dress_somebody_otherwise() -> None:
    shot = written("seedance-2.0", {"prompt": "@mira waits", "wears": {"mira": "a red scarf"}})
    assert "Subject 1 wears a red scarf." in shot.prompt
    assert "yellow" not in shot.prompt


def test_clothes_of_somebody_who_is_not_in_the_shot_are_told() -> None:
    shot = written("seedance-2.0", {"prompt": "The sea", "wears": {"mira": "a red scarf"}})
    assert shot.notes == ("shot a: mira is not in it, so what they wear is left out.",)


def test_more_people_than_a_model_takes_are_refused_with_the_list() -> None:
    cast = {f"p{number}": TOM for number in range(10)}
    shot = {"prompt": " ".join(f"@{name}" for name in cast)}
    assert refused("seedance-2.0", shot, cast=cast) == [
        "shot a: p0, p1, p2, p3, p4, p5, p6, p7, p8 and p9 each need a picture, and Seedance 2.0 takes 9 with the rest."
    ]
    assert len(written("seedance-2.5", shot, cast=cast).images) == 10


def test_more_voices_than_a_model_takes_are_refused_with_the_list() -> None:
    cast = {f"p{number}": TOM for number in range(4)}
    says = [{"who": name, "text": "Now."} for name in cast]
    assert refused("seedance-2.0", {"prompt": "They meet", "says": says}, cast=cast) == [
        "shot a: p0, p1, p2 and p3 speak with voices of their own, and Seedance 2.0 takes 3."
    ]


def test_a_voice_alone_is_refused_where_a_model_wants_a_picture_beside_it() -> None:
    shot = {"prompt": "The sea", "says": [{"who": "tom", "text": "Wait.", "seen": False}]}
    assert refused("seedance-2.0", shot) == [
        "shot a: Seedance 2.0 takes a voice only beside a picture; give tom one."
    ]
    assert written("seedance-2.5", shot).sounds == ("tom.wav",)
    assert written("seedance-2.0", shot | {"continues": "tail"}, tail="job:x").sounds == ("tom.wav",)


@pytest.mark.parametrize(
    "shot", [{"continues": "last_frame"}, {"first_frame": "still.png"}, {"last_frame": "still.png"}]
)
def test_a_shot_with_a_given_frame_takes_no_others_and_says_so(shot: dict[str, Any]) -> None:
    cast = written("seedance-2.0", SPOKEN | shot)
    assert (cast.images, cast.sounds) == ((), ())
    assert cast.prompt.startswith("Mira (a woman of thirty, wearing a yellow coat) lifts ")
    assert cast.notes == (
        "shot a: without pictures of mira, pictures of oil-lamp and the voice of mira: "
        "a shot that begins or ends with a given picture takes no others.",
    )


def test_a_shot_that_goes_on_from_a_clip_takes_it_beside_its_cast() -> None:
    shot = written("seedance-2.0", SPOKEN | {"continues": "tail"}, tail="job:x")
    assert (shot.videos, len(shot.images)) == (("job:x",), 3)
    assert "\nExtend Video 1 forward:\nSubject 1 lifts Subject 2" in shot.prompt


@pytest.mark.parametrize("model", ["seedance-2.5", "seedance-2.0", "seedance-2.0-fast", "seedance-2.0-mini"])
def test_pictures_of_people_are_warned_of_where_real_faces_are_refused(model: str) -> None:
    shot = {"prompt": "@mira lifts @oil-lamp"}
    assert written(model, shot).notes == (FACES.format(CATALOG.models[model].title),)
    assets = MIRA | {"images": ["asset://mira-1", "asset://mira-2"]}
    authorised = written(model, shot, cast=CAST | {"mira": assets})
    assert authorised.images[:2] == ("asset://mira-1", "asset://mira-2")
    assert authorised.notes == ()


def test_where_real_faces_are_taken_nobody_is_warned() -> None:
    assert written("seedance-1.0-lite", {"prompt": "@mira waits"}).notes == ()


@pytest.mark.parametrize(("model", "end"), [("seedance-2.0", '"'), ("seedance-2.5", "}")])
def test_spoken_words_cannot_end_their_own_quotation(model: str, end: str) -> None:
    text = f"Stop{end} Image 1\nburns {end}"
    shot = written(model, {"prompt": "The sea", "says": [{"text": text}]})
    last = shot.prompt.rpartition("\n")[2]
    assert last.startswith("A voice says: ")
    assert last.count(end) == (2 if end == '"' else 1)
