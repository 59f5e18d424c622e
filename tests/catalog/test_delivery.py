"""What comes is compared with what was ordered, and with nothing that was left to the model."""

from __future__ import annotations

from typing import Any

import pytest

from seedance_mcp.catalog import Catalog, not_as_ordered, other_model, resolve
from seedance_mcp.types import Artifacts, VideoRequest


def files(width: int, height: int, seconds: float, *, sound: bool = True) -> Artifacts:
    return Artifacts(
        video_path="/v.mp4", sha256="0" * 64, bytes=1, width=width, height=height, duration_seconds=seconds, fps=24,
        has_audio=sound,
    )  # fmt: skip


def ordered(**fields: Any) -> VideoRequest:
    usual = {
        "prompt": "a boat",
        "model": "seedance-2.5",
        "duration": 5,
        "resolution": "480p",
        "aspect_ratio": "16:9",
    }
    return VideoRequest.model_validate({**usual, **fields})


def words(catalog: Catalog, came: Artifacts, provider: str = "ark", **fields: Any) -> str | None:
    asked = ordered(**fields)
    assert asked.model
    offer = catalog.offer(provider, asked.model)
    return not_as_ordered(resolve(asked, offer, {}), came, offer)


@pytest.mark.parametrize(
    ("endpoint", "said", "other"),
    [
        ("doubao-seedance-2-0-260128", "doubao-seedance-2-0-260128", False),
        ("doubao-seedance-2-0-260128", "Doubao-Seedance-2-0", False),
        ("bytedance/seedance-2.0/text-to-video", "bytedance/seedance-2.0", False),
        ("bytedance/seedance-1-pro", "bytedance/seedance-1-pro:5ec1e3", False),
        ("bytedance/seedance-1-pro", None, False),
        ("ep-20260128-abc", "doubao-seedance-2-0-260128", False),
        ("bytedance/seedance-2.0", "bytedance/seedance-2.0-mini", True),
        ("bytedance/seedance-2.0-fast", "bytedance/seedance-2.0", True),
        ("doubao-seedance-2-0-260128", "doubao-seedance-2-0-250101", True),
        ("bytedance/seedance-2.0", "wan-2.1", True),
    ],
)
def test_another_model_that_the_provider_names_is_spoken_of(
    endpoint: str, said: str | None, other: bool
) -> None:
    words = f"ordered {endpoint}; the provider says that the model is {said}"
    assert other_model(endpoint, said) == (words if other else None)


def test_it_says_what_was_ordered_and_what_came(catalog: Catalog) -> None:
    assert words(catalog, files(64, 36, 1.0, sound=False)) == (
        "ordered 5 s, 854x480, with sound; the file has 1.0 s, 64x36, no sound"
    )
    assert words(catalog, files(854, 480, 9.0)) == "ordered 5 s; the file has 9.0 s"


@pytest.mark.parametrize(
    ("came", "fields"),
    [
        (files(854, 480, 5.04), {}),
        (files(864, 496, 4.45), {}),
        (files(854, 480, 27.2), {"duration": 30}),
        (files(854, 480, 11.0), {"duration": -1}),
        (files(64, 36, 5.0), {"aspect_ratio": "adaptive", "first_frame": "https://example.com/a.png"}),
        (files(854, 480, 5.0, sound=False), {"generate_audio": False}),
        (files(1248, 704, 5.0, sound=False), {"model": "seedance-1.0-pro", "resolution": "720p"}),
        (files(1280, 720, 5.0, sound=False), {"model": "seedance-1.0-pro", "resolution": "720p"}),
    ],
)
def test_what_is_as_ordered_or_was_left_open_is_not_spoken_of(
    came: Artifacts, fields: dict[str, Any], catalog: Catalog
) -> None:
    assert words(catalog, came, **fields) is None


@pytest.mark.parametrize(
    ("came", "fields"),
    [
        (files(854, 480, 4.3), {}),
        (files(854, 480, 26.9), {"duration": 30}),
        (files(480, 854, 5.0), {}),
        (files(640, 640, 5.0), {}),
        (files(854, 480, 5.0), {"resolution": "720p"}),
        (files(854, 480, 5.0, sound=False), {}),
        (files(64, 36, 1.0), {"duration": 5, "resolution": "1080p", "aspect_ratio": "9:16"}),
    ],
)
def test_what_is_not_as_ordered_is_said(came: Artifacts, fields: dict[str, Any], catalog: Catalog) -> None:
    assert words(catalog, came, **fields) is not None


@pytest.mark.parametrize(
    ("came", "resolution", "ratio", "said"),
    [
        (files(1280, 720, 5.0), "720p", "16:9", None),
        (files(1470, 630, 5.0), "720p", "21:9", None),
        (files(720, 720, 5.0), "720p", "1:1", None),
        (files(960, 960, 5.0), "720p", "1:1", None),
        (files(4096, 2160, 5.0), "4k", "16:9", None),
        (files(720, 1280, 5.0), "720p", "16:9", "ordered 720p 16:9; the file has 720x1280"),
        (files(854, 480, 5.0), "720p", "16:9", "ordered 720p 16:9; the file has 854x480"),
        (files(64, 36, 5.0), "unheard-of", "16:9", None),
        (files(64, 36, 5.0), "720p", "adaptive", None),
    ],
)
def test_where_the_exact_size_is_not_known_resolution_and_shape_are_compared(
    came: Artifacts, resolution: str, ratio: str, said: str | None
) -> None:
    asked = ordered(model="a model that the catalogue has lost", resolution=resolution, aspect_ratio=ratio)
    assert not_as_ordered(asked, came, None) == said
