"""Before a price is agreed to, a request's references and frames are looked at: what is not named, and what will not fit."""

from __future__ import annotations

from typing import Any

import pytest

from seedance_mcp.catalog import Catalog

from .advising import HOST, Sizes, advice, urls

UNNAMED, BEYOND, SYNTAX = "reference_unnamed", "reference_out_of_range", "reference_syntax"
NAMING: list[tuple[str, str, int, str, str]] = [
    ("seedance-2.0", "a cat yawns", 2, UNNAMED, "never names Image 1, Image 2"),
    ("seedance-2.0", "a cat yawns", 1, UNNAMED, "never names Image 1:"),
    ("seedance-2.0", "a cat yawns", 9, UNNAMED, "Image 6, 3 more:"),
    ("seedance-2.0", "the cat of Image 1 yawns", 2, UNNAMED, "never names Image 2"),
    ("seedance-2.0", "图片1的猫打哈欠", 2, UNNAMED, "never names 图片2"),
    ("seedance-2.5", "@Image 1 yawns", 2, UNNAMED, "never names @Image 2"),
    ("seedance-2.0", "Image 1 and Image 2 meet Image 3", 2, BEYOND, "names Image 3, and there are 2"),
    ("seedance-2.0", "Images 1 to 3 in sequence", 2, BEYOND, "names Image 3, and there are 2"),
    ("seedance-2.0", "Image 0 and Image 1 meet", 1, BEYOND, "names Image 0, and there is 1"),
    ("seedance-2.5", "Image 1 yawns", 1, SYNTAX, "knows its inputs as @Image 1; write that instead of 'Image 1'"),
    ("seedance-2.5", "[Image 1] yawns", 1, SYNTAX, "knows its inputs as @Image 1; write that instead of '[Image 1]'"),
    ("seedance-2.5", "图片1打哈欠", 1, SYNTAX, "knows its inputs as @图片1; write that instead of '图片1'"),
    ("seedance-2.5", "【Image 1】 yawns", 1, SYNTAX, "instead of '【Image 1】'"),
    ("seedance-2.0", "[图1]打哈欠", 1, SYNTAX, "knows its inputs as 图片1; write that instead of '[图1]'"),
    ("seedance-2.0", "[Image 1] yawns", 1, SYNTAX, "instead of '[Image 1]'"),
    ("seedance-2.0", "<image_1> yawns", 1, SYNTAX, "instead of '<image_1>'"),
    ("seedance-2.0", "<<<image_1>>> yawns", 1, SYNTAX, "instead of '<<<image_1>>>'"),
    ("seedance-2.0", "The second image yawns", 2, UNNAMED, "never names Image 1:"),
    ("seedance-2.0", "photo 1 yawns", 1, SYNTAX, "instead of 'photo 1'"),
    ("seedance-1.0-lite", "Image 1 yawns", 1, SYNTAX, "knows its inputs as [Image 1]; write that instead of 'Image 1'"),
    ("seedance-1.0-lite", "@图1打哈欠", 1, SYNTAX, "knows its inputs as [图片1]; write that instead of '@图1'"),
    ("seedance-2.0", "Image 1 dances like in Video 2", 1, BEYOND, "names Video 2, and none is attached"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "prompt", "count", "code", "said"),
    NAMING,
    ids=[f"{row[0]} {row[1]} {row[2]}" for row in NAMING],
)
def test_a_reference_that_the_prompt_names_wrongly_or_never_is_told(
    catalog: Catalog, model: str, prompt: str, count: int, code: str, said: str
) -> None:
    images = urls(*(f"{number}.png" for number in range(count)))
    told = advice(catalog, model, prompt, reference_images=images, aspect_ratio="16:9")
    assert [one.code for one in told if one.code != "silent_model"] == [code]
    assert said in told[-1].text


@pytest.mark.parametrize(
    ("model", "prompt", "count"),
    [
        ("seedance-2.0", "Image 1 meets image 2", 2),
        ("seedance-2.0", "@Image1 meets @Image 2", 2),
        ("seedance-2.0", "take Images 1 to 3 in sequence", 3),
        ("seedance-2.0", "the woman of Image 1, 2 and 3 walks", 3),
        ("seedance-2.0", "图片1和图片2", 2),
        ("seedance-2.5", "@Image 1 to @Image 7 in sequence", 7),
        ("seedance-2.5", "@Image1 yawns", 1),
    ],
)
def test_references_that_are_all_named_get_no_advice(
    catalog: Catalog, model: str, prompt: str, count: int
) -> None:
    images = urls(*(f"{number}.png" for number in range(count)))
    assert advice(catalog, model, prompt, reference_images=images, aspect_ratio="16:9") == ()


def test_a_number_in_the_text_of_a_request_without_references_is_nobodys(catalog: Catalog) -> None:
    assert advice(catalog, "seedance-2.0", "a sign reads Video 2, Image 3") == ()


@pytest.mark.parametrize(
    ("model", "prompt", "frame", "said"),
    [
        ("seedance-2.0", "The fox of Image 1 jumps", True, "first_frame has no number: call it the picture, or attach"),
        ("seedance-2.0", "Image 1 jumps", True, "names Image 1, and no reference is attached"),
        ("seedance-1.5-pro", "The fox of Image 1 jumps", True, "first_frame has no number: call it the picture."),
        ("seedance-2.0", "The fox of Image 1 jumps", False, "none is attached in reference_images"),
        ("seedance-2.5", "@Video 1 goes on", False, "names @Video 1, and none is attached in reference_videos"),
        ("seedance-1.5-pro", "The fox of Image 1 jumps", False, "seedance-1.5-pro at sandbox takes none"),
    ],
)  # fmt: skip
def test_a_reference_that_is_named_where_none_is_attached_is_told(
    catalog: Catalog, model: str, prompt: str, frame: bool, said: str
) -> None:
    (told,) = advice(catalog, model, prompt, first_frame=f"{HOST}/a.png" if frame else None)
    assert told.code == BEYOND
    assert said in told.text


FIRST, LAST, LOCAL = f"{HOST}/a", f"{HOST}/b", "/m/a"
SHAPES: dict[str, tuple[str, Sizes, dict[str, Any], str, str]] = {
    "a portrait reference with a ratio that the model chooses": (
        "seedance-2.0",
        {"a": (900, 1600)},
        {"reference_images": (FIRST,), "prompt": "Image 1"},
        "adaptive_shape",
        "expect about 720x1280 (9:16)",
    ),
    "a square reference video": (
        "seedance-2.0",
        {"a": (800, 800)},
        {"reference_videos": (FIRST,), "prompt": "the dance of Video 1"},
        "adaptive_shape",
        "expect about 960x960 (1:1)",
    ),
    "a photo of 3:2 with a ratio that the model chooses": (
        "seedance-2.0",
        {"a": (1500, 1000)},
        {"first_frame": FIRST},
        "frame_shape",
        "is 1500x1000, the shape of no ratio: expect about 1112x834, cropped",
    ),
    "frames of two shapes": (
        "seedance-2.0",
        {"a": (1280, 720), "b": (720, 1280)},
        {"first_frame": FIRST, "last_frame": LAST},
        "frames_differ",
        "first_frame (1280x720) and last_frame (720x1280) have different shapes",
    ),
    "a frame beside the named ratio": (
        "seedance-2.0",
        {"a": (1000, 1000)},
        {"first_frame": FIRST, "aspect_ratio": "16:9"},
        "frame_cropped",
        "first_frame is 1000x1000, and the video 1280x720 (16:9)",
    ),
    "a frame that misses the ratio by a little": (
        "seedance-1.5-pro",
        {"a": (1290, 720)},
        {"first_frame": LOCAL, "aspect_ratio": "16:9"},
        "frame_near_miss",
        "with fit true (or SEEDANCE_FIT=1) a copy of exactly 1280x720 is sent",
    ),
    "a frame of 16:9 where the pixels are not quite that": (
        "seedance-2.0",
        {"a": (1920, 1080)},
        {"first_frame": LOCAL, "resolution": "480p"},
        "frame_near_miss",
        "first_frame is 1920x1080, and the video 864x496, nearly the same shape",
    ),
    "a frame elsewhere that misses by a little": (
        "seedance-2.0",
        {"a": (1290, 720)},
        {"first_frame": FIRST},
        "frame_near_miss",
        "best give it exactly 1280x720",
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_shape_that_changes_the_video_is_told_with_the_size_that_comes_out(
    catalog: Catalog, case: str
) -> None:
    model, sizes, fields, code, said = SHAPES[case]
    (told,) = advice(catalog, model, sizes=sizes, **{"resolution": "720p", **fields})
    assert told.code == code
    assert said in told.text, told


LEFT_ALONE: list[tuple[str, Sizes, dict[str, Any]]] = [
    ("seedance-2.0", {"a": (1920, 1080)}, {"first_frame": FIRST}),
    ("seedance-2.0", {"a": (1280, 720), "b": (640, 360)}, {"first_frame": FIRST, "last_frame": LAST}),
    ("seedance-2.0", {"a": (1366, 768)}, {"first_frame": FIRST}),
    ("seedance-2.0", {"a": (1920, 1080)}, {"reference_images": (FIRST,), "prompt": "Image 1"}),
    ("seedance-2.0", {"a": (500, 900)}, {"reference_images": (FIRST,), "prompt": "Image 1", "aspect_ratio": "16:9"}),
    ("seedance-2.0", {"a": (720, 1280)}, {"reference_videos": (FIRST,), "prompt": "Remove the car from Video 1"}),
    ("seedance-2.0", {"a": (720, 1280)}, {"reference_videos": (FIRST,), "prompt": "将视频1向后延长"}),
    ("seedance-2.5", {"a": (1500, 1000)}, {"first_frame": FIRST}),
    ("seedance-2.0", {}, {"first_frame": FIRST}),
]  # fmt: skip


@pytest.mark.parametrize(("model", "sizes", "fields"), LEFT_ALONE)
def test_shapes_that_fit_get_no_advice(
    catalog: Catalog, model: str, sizes: Sizes, fields: dict[str, Any]
) -> None:
    assert advice(catalog, model, sizes=sizes, **{"resolution": "720p", **fields}) == ()
