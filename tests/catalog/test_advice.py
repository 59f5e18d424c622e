"""Prompts get advice that fits the model and the seconds, each with its code, and good prompts get none."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from seedance_mcp.catalog import Catalog, advice_codes, advise, resolve
from seedance_mcp.types import VideoRequest
from tests.architecture.source import modules

from .advising import HOST, advice, urls
from .natural import NATURAL, REFERRING

ADVISED: list[tuple[str, str, str, str]] = [
    ("seedance-2.0", "prompt_long", "word " * 1001, "long"),
    ("seedance-2.0", "prompt_long", "猫" * 501, "long"),
    ("seedance-2.0", "prompt_language", "고양이가 하품한다", "Korean"),
    ("seedance-1.5-pro", "prompt_language", "ねこがあくびをする", "Japanese"),
    ("seedance-2.5", "prompt_language", "кошка зевает", "Cyrillic"),
    ("seedance-2.0", "prompt_command", "a cat --ar 16x9", "--ar"),
    ("seedance-2.0", "prompt_parameter", "a cat in 1080p", "resolution"),
    ("seedance-2.0", "prompt_parameter", "a cat, 16:9, film look", "ratio"),
    ("seedance-2.0", "prompt_address", "the cat from https://h/cat.png yawns", "Image 1"),
    ("seedance-2.5", "prompt_address", "the cat of asset-20260401123823-6d8x2 yawns", "@Image 1"),
    ("seedance-1.0-pro", "silent_model", 'He says: "Hello."', "silent"),
    ("seedance-1.0-pro", "silent_model", "a cat", "no sound"),
    ("seedance-2.0", "dialogue_marks", "He says in a low voice: remember this", "double quotes"),
    ("seedance-2.5", "dialogue_marks", 'He says: "Remember this."', "braces"),
    ("seedance-2.0", "dialogue_marks", "男人说：记住这句话。", "double quotes"),
    ("seedance-2.0", "shot_form", "0-3s: a cat. 3-5s: a dog.", "shot numbers"),
    ("seedance-1.5-pro", "shot_form", "Shot 1: a cat. Shot 2: a dog.", "cut to"),
    ("seedance-2.5", "timeline_gaps", "0-2s: a cat. 3-5s: a dog.", "without gaps"),
    ("seedance-2.5", "timeline_gaps", "1-3s: a cat. 3-5s: a dog.", "from 0"),
    ("seedance-2.5", "timeline_rhythm", "the light blinks every 0.5 s", "every n seconds"),
    ("seedance-2.5", "negative_prompt", "a street without cars", "ruled out"),
    ("seedance-2.5", "negative_prompt", "a street at noon, no people", "ruled out"),
    ("seedance-1.5-pro", "negative_prompt", "a cat. Negative prompt: blur", "negative"),
    ("seedance-1.0-pro", "negative_prompt", "A fox. No blur, no watermark, no extra limbs.", "no negative prompts"),
    ("seedance-2.0", "negative_prompt", "A fox. No blur, no watermark, no extra limbs.", "no negative prompts"),
    ("seedance-1.5-pro", "negative_prompt", "A fox walks in snow, no people, no text", "no negative prompts"),
    ("seedance-2.0", "negative_prompt", "A fox. Please avoid: motion blur.", "no negative prompts"),
    ("seedance-2.0", "negative_prompt", "A fox. Style: no grain and no people walking around", "no negative prompts"),
    ("seedance-2.0", "negative_prompt", "一只狐狸。不要模糊，不要变形。", "no negative prompts"),
    ("seedance-2.5", "negative_prompt", "一只狐狸。不要模糊，不要变形。", "ruled out"),
    ("seedance-2.5", "negative_prompt", "一只狐狸，无字幕，画面中不要出现路人", "ruled out"),
    ("seedance-2.0", "negative_prompt", "一只狐狸，无水印", "no negative prompts"),
    ("seedance-2.0", "prompt_parameter", "竖屏9:16,一只狐狸", "ratio"),
    ("seedance-2.0", "prompt_parameter", "一只狐狸，1080p画质", "ratio"),
    ("seedance-2.0", "prompt_parameter", "A fox in 16:9 with film grain", "ratio"),
    ("seedance-2.0", "prompt_parameter", "4K cinematic video of a fox", "ratio"),
    ("seedance-2.0", "prompt_parameter", "a fox in the snow 9:16", "ratio"),
    ("seedance-2.0", "prompt_language", "лиса", "it knows Chinese, English, Spanish"),
    ("seedance-2.0", "dialogue_marks", "She says: {Hello there}", "double quotes"),
    ("seedance-2.5", "timeline_gaps", "1-5s: fox walks.", "from 0"),
    ("seedance-2.5", "timeline_gaps", "A forest. [1-5s]: fox walks.", "from 0"),
    ("seedance-2.0", "dialogue_too_long", f'She says: "{"tell me more " * 8}"', "about 10 s, and the video lasts 5 s"),
    ("seedance-2.5", "dialogue_too_long", f"She speaks in English: {{{'again ' * 30}}}", "duration of 12"),
    ("seedance-2.0", "dialogue_too_long", f"她说：“{'我们今天一定要把这件事情说清楚' * 3}”", "about 10 s"),
    ("seedance-2.0", "dialogue_too_long", f"「{'きょうはいいてんきですね' * 5}」と言う", "about 9 s"),
    ("seedance-2.0", "dialogue_too_long", f'"{"wait for me please " * 5}" he shouts.', "about 8 s"),
    ("seedance-2.0", "too_many_actions", "A cat wakes, then yawns, then leaps, then naps.", "4 things"),
    ("seedance-2.0", "too_many_actions", "猫醒来，然后打哈欠，接着跳下桌子，随后跑向门口，最后睡着。", "5 things"),
    ("seedance-2.0", "too_many_actions", "Shot 1: a. Shot 2: b. Shot 3: c. Shot 4: d.", "4 things"),
    ("seedance-1.5-pro", "too_many_actions", "A. Cut to B. Cut to C. Cut to D.", "4 things"),
    ("seedance-2.5", "too_many_actions", "0-1s: a. 1-2s: b. 2-3s: c. 3-5s: d.", "4 things"),
    ("seedance-2.5", "timeline_too_long", "0-4s: a cat. 4-8s: a dog.", "until 8 s, and the video lasts 5 s"),
    ("seedance-2.5", "timeline_too_long", "0-4秒：一只猫。4-9秒：一只狗。", "duration of 9"),
    ("seedance-2.5", "timeline_too_long", "[0:00-0:40] a cat sleeps", "fit them into it."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "code", "prompt", "said"), ADVISED, ids=[f"{row[0]} {row[1]} {row[2][:40]}" for row in ADVISED]
)
def test_what_a_model_does_not_understand_is_advised_against(
    catalog: Catalog, model: str, code: str, prompt: str, said: str
) -> None:
    silent = code != "silent_model" and model == "seedance-1.0-pro"
    (told,) = advice(catalog, model, prompt, generate_audio=False if silent else None)
    assert (told.code, said in told.text) == (code, True), told


CAMERA: list[tuple[str, bool | None, str]] = [
    ("The camera slowly pushes in on a cup.", True, "camera_fixed is true"),
    ("Tracking shot of a runner.", True, "camera_fixed is true"),
    ("镜头缓缓推近，猫打哈欠。", True, "camera_fixed is true"),
    ("Handheld camera follows a girl", True, "camera_fixed is true"),
    ("A handheld camera circles a girl.", True, "camera_fixed is true"),
    ("Dolly zoom on a man", True, "camera_fixed is true"),
    ("Aerial drone flight over a city", True, "camera_fixed is true"),
    ("Slow push-in on a cup", True, "camera_fixed is true"),
    ("手持镜头，女孩在奔跑。", True, "camera_fixed is true"),
    ("无人机飞越城市。", True, "camera_fixed is true"),
    ("Static shot of a harbour.", False, "camera_fixed is false"),
    ("固定镜头，海浪拍打礁石。", False, "camera_fixed is false"),
]


@pytest.mark.parametrize(("prompt", "fixed", "said"), CAMERA, ids=[row[0] for row in CAMERA])
def test_a_camera_that_moves_and_stands_still_at_once_is_told(
    catalog: Catalog, prompt: str, fixed: bool, said: str
) -> None:
    (told,) = advice(catalog, "seedance-1.5-pro", prompt, camera_fixed=fixed)
    assert told.code == "camera_contradiction"
    assert said in told.text


@pytest.mark.parametrize(
    ("prompt", "fixed"),
    [
        ("The camera slowly pushes in on a cup.", False),
        ("The camera slowly pushes in on a cup.", None),
        ("Static shot of a harbour.", True),
        ("Static shot of a harbour.", None),
        ("The camera does not move. A man with a security camera follows a cat.", True),
        ("A photographer raises her camera and follows a bird with it.", True),
        ("镜头固定，一只猫跟着老鼠跑。", True),
        ('A sign reads "The camera pushes in".', True),
        ("She pushes in the door.", True),
        ("He pushes in, shouting.", True),
        ("A handheld camera lies on a table.", True),
        ("A drone flight is called off.", True),
    ],
)
def test_a_camera_that_agrees_with_its_argument_is_left_alone(
    catalog: Catalog, prompt: str, fixed: bool | None
) -> None:
    assert advice(catalog, "seedance-1.5-pro", prompt, camera_fixed=fixed) == ()


def test_of_a_silent_model_nothing_is_said_where_no_sound_is_asked_for(catalog: Catalog) -> None:
    assert advice(catalog, "seedance-1.0-pro", "a cat", generate_audio=False) == ()
    assert advice(catalog, "seedance-1.0-pro", 'He says: "Hi."', generate_audio=False) != ()


def test_a_camera_that_a_seller_fixes_unasked_counts_as_fixed(catalog: Catalog) -> None:
    offers = [offer for offer in catalog.offers() if "camera_fixed" in offer.parameters]
    offer = next(offer for offer in offers if offer.parameters["camera_fixed"].default)
    asked = VideoRequest(prompt="The camera pulls back from a boat.", first_frame=f"{HOST}/a.png")
    told = advise(resolve(asked, offer, {}), offer, {}, asked=asked)
    assert [one.text for one in told if one.code == "camera_contradiction"] == [
        "Here camera_fixed is true unless it is given, and the text moves the camera: say camera_fixed false, or take the"
        " movement out."
    ]


@pytest.mark.parametrize(("model", "seconds", "prompt"), NATURAL, ids=[row[2][:40] for row in NATURAL])
def test_a_natural_prompt_gets_no_advice(catalog: Catalog, model: str, seconds: int, prompt: str) -> None:
    told = advice(catalog, model, prompt, duration=seconds)
    assert [one for one in told if one.code != "silent_model" or "nobody will be heard" in one.text] == []


@pytest.mark.parametrize(("model", "given", "prompt"), REFERRING, ids=[row[2][:40] for row in REFERRING])
def test_a_natural_prompt_with_references_gets_no_advice(
    catalog: Catalog, model: str, given: dict[str, int], prompt: str
) -> None:
    files: dict[str, Any] = {
        field: urls(*(f"{field}{number}" for number in range(count))) for field, count in given.items()
    }
    told = advice(catalog, model, prompt, duration=5, **files)
    assert [one for one in told if one.code != "silent_model"] == []


@pytest.mark.parametrize(
    ("prompt", "seconds"),
    [
        (f'She says: "{"no " * 15}"', 5),
        (f'The sign reads "{"word " * 60}"', 5),
        (f"她说：“{'好' * 28}”", 5),
        (f'He says: "{"yes " * 40}"', 15),
    ],
)
def test_words_that_can_be_said_in_time_are_left_alone(catalog: Catalog, prompt: str, seconds: int) -> None:
    assert advice(catalog, "seedance-2.0", prompt, duration=seconds) == ()


def test_where_the_model_chooses_the_length_its_longest_counts(catalog: Catalog) -> None:
    lines = {words: f'She says: "{"tell me " * words}"' for words in (20, 60)}
    told = {words: advice(catalog, "seedance-2.0", line, duration=-1) for words, line in lines.items()}
    assert told[20] == ()
    assert "the video lasts 15 s: shorten them." in told[60][0].text


def test_of_a_model_that_nobody_knows_only_the_seconds_are_looked_at(catalog: Catalog) -> None:
    offer = catalog.offer("ark", "ep-20261130-abcde")
    asked = VideoRequest(prompt=f'кошка, 16:9. She says: "{"never mind " * 30}"', duration=5)
    told = advise(resolve(asked, offer, {}), offer, {}, asked=asked)
    assert [one.code for one in told] == ["dialogue_too_long"]


HOSTILE = [
    "",
    "--",
    "{",
    "0-0s 0-0s",
    "「」<>",
    "a" * 19_000,
    " \n" * 9_000 + "x",
    "\n" * 19_000 + "x",
    "1 " * 9_000,
    "9" * 19_000 + "s-" + "9" * 900 + "s",
    "image 1, " * 2_200,
    "@ [" * 6_000,
    "the camera " * 1_800,
    "says " * 3_900,
    '"' * 19_999,
    "“" * 19_999,
    "then " * 4_000,
    "--" + "x" * 19_000,
    "without " * 2_400,
    "every 1" * 2_800,
    "no x " * 3_900,
    ", no a b c d" * 1_600,
    "16:9 a " * 2_800,
    "says: no" * 2_400,
    "1-5s" * 4_900,
    "<" * 19_000 + "image 1",
    ", 不要" * 4_700,
    "说" * 19_000,
    "all the " * 2_400,
]


def test_any_text_is_read_in_no_time_and_quoted_in_few_words(catalog: Catalog) -> None:
    started = time.process_time()
    for model in ("seedance-2.5", "seedance-2.0", "seedance-1.0-lite"):
        for prompt in HOSTILE:
            advice(catalog, model, prompt[:19_999] + "!", reference_images=urls("a", "b"))
    assert time.process_time() - started < 20


def test_codes_in_the_data_are_those_that_the_code_gives() -> None:
    text = "".join(
        module.text for module in modules() if module.path.startswith(("catalog/advice", "films/"))
    )
    given = set(re.findall(r'Advice\(\s*"(\w+)"', text))
    assert given == set(advice_codes())
    assert all(said.endswith(".") for said in advice_codes().values())
