"""Before a price is agreed to, a request's references and frames are looked at: what is not named, and what will not fit."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from seedance_mcp.catalog import Catalog, check_inputs, resolve
from seedance_mcp.types import MediaFile, VideoRequest

HOST = "https://media.invalid"


def advice(catalog: Catalog, model: str, sizes: Mapping[str, tuple[int, int]], **fields: object) -> list[str]:
    """The advice on a request at the sandbox; a source is its name, with the size that is known of it."""
    request = VideoRequest.model_validate({"model": model, **fields})
    media = {
        source: MediaFile(kind=kind, url=source, width=size[0], height=size[1])
        if (size := sizes.get(source.removeprefix(f"{HOST}/")))
        else MediaFile(kind=kind, url=source)
        for _, kind, source in request.media()
    }
    offer = catalog.offer("sandbox", model)
    return check_inputs(resolve(request, offer, media), offer, media)


def urls(*names: str) -> tuple[str, ...]:
    return tuple(f"{HOST}/{name}" for name in names)


NAMING = [
    ("seedance-2.0", "a cat yawns", 2, "never names Image 1, Image 2"),
    ("seedance-2.0", "the cat of Image 1 yawns", 2, "never names Image 2"),
    ("seedance-2.0", "图片1的猫打哈欠", 2, "never names Image 2"),
    ("seedance-2.5", "@Image 1 yawns", 2, "never names @Image 2"),
    ("seedance-2.0", "Image 1 meets Image 3", 2, "names Image 3, and there are 2"),
    ("seedance-2.0", "Image 0 and Image 1 meet", 1, "names Image 0, and there is 1"),
    ("seedance-2.5", "Image 1 yawns", 1, "knows its inputs as @Image 1; write that instead of 'Image 1'"),
    ("seedance-2.5", "[Image 1] yawns", 1, "knows its inputs as @Image 1; write that instead of '[Image 1]'"),
    ("seedance-2.0", "[图1]打哈欠", 1, "knows its inputs as Image 1; write that instead of '[图1]'"),
    ("seedance-2.0", "Image 1 dances like in Video 2", 1, "names Video 2, and none is attached"),
]


@pytest.mark.parametrize(("model", "prompt", "count", "said"), NAMING, ids=[row[1] for row in NAMING])
def test_a_reference_that_the_prompt_names_wrongly_or_never_is_told(
    catalog: Catalog, model: str, prompt: str, count: int, said: str
) -> None:
    images = urls(*(f"{number}.png" for number in range(count)))
    told = advice(catalog, model, {}, prompt=prompt, reference_images=images, aspect_ratio="16:9")
    assert any(said in line for line in told), told


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
    assert advice(catalog, model, {}, prompt=prompt, reference_images=images, aspect_ratio="16:9") == []


def test_a_number_in_the_text_of_a_request_without_references_is_nobodys(catalog: Catalog) -> None:
    assert advice(catalog, "seedance-2.0", {}, prompt="a sign reads Video 2, Image 3") == []


FIRST, LAST = f"{HOST}/a", f"{HOST}/b"
SHAPES = {
    "a portrait reference with a ratio that the model chooses": (
        {"a": (900, 1600)},
        {"reference_images": (FIRST,), "prompt": "Image 1"},
        "expect about 720x1280 (9:16)",
    ),
    "a square reference video": (
        {"a": (800, 800)},
        {"reference_videos": (FIRST,), "prompt": "Video 1"},
        "expect about 960x960 (1:1)",
    ),
    "a photo of 3:2 with a ratio that the model chooses": (
        {"a": (1500, 1000)},
        {"first_frame": FIRST},
        "is 1500x1000, the shape of no ratio: expect about 1112x834 (4:3)",
    ),
    "frames of two shapes": (
        {"a": (1280, 720), "b": (720, 1280)},
        {"first_frame": FIRST, "last_frame": LAST},
        "first_frame (1280x720) and last_frame (720x1280) have different shapes",
    ),
    "a frame beside the named ratio": (
        {"a": (1000, 1000)},
        {"first_frame": FIRST, "aspect_ratio": "16:9"},
        "first_frame is 1000x1000, and the video 1280x720 (16:9)",
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_shape_that_changes_the_video_is_told_with_the_size_that_comes_out(
    catalog: Catalog, case: str
) -> None:
    sizes, fields, said = SHAPES[case]
    told = advice(catalog, "seedance-2.0", sizes, resolution="720p", **fields)
    assert len(told) == 1
    assert said in told[0]


@pytest.mark.parametrize(
    ("sizes", "fields"),
    [
        ({"a": (1920, 1080)}, {"first_frame": f"{HOST}/a"}),
        ({"a": (1280, 720), "b": (640, 360)}, {"first_frame": f"{HOST}/a", "last_frame": f"{HOST}/b"}),
        ({"a": (1920, 1080)}, {"reference_images": urls("a"), "prompt": "Image 1"}),
        ({"a": (500, 900)}, {"reference_images": urls("a"), "prompt": "Image 1", "aspect_ratio": "16:9"}),
        ({}, {"first_frame": f"{HOST}/a"}),
    ],
)
def test_shapes_that_fit_get_no_advice(
    catalog: Catalog, sizes: Mapping[str, tuple[int, int]], fields: Mapping[str, object]
) -> None:
    assert advice(catalog, "seedance-2.0", sizes, resolution="720p", **fields) == []
