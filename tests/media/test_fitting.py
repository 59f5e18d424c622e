"""The size that a picture gets when it is made to fit, and the picture drawn in that size."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seedance_mcp.errors import MediaError
from seedance_mcp.media import PictureLimits, copy_to_leave, fitted_size, inspect
from seedance_mcp.media.worker import outgoing
from seedance_mcp.media.worker.outgoing import draw_fitting
from seedance_mcp.media.worker.refusal import RefusalError
from seedance_mcp.media.worker.signatures import recognise
from seedance_mcp.types import MediaFile

from . import planting
from .crafting import picture

SIDES, RATIO = (300, 6000), (0.4, 2.5)
LIMITS = PictureLimits(formats=("image/jpeg", "image/png"), max_bytes=500_000, sides=SIDES, ratio=RATIO)
side = st.integers(1, 12_000)


@given(width=side, height=side, scale=st.floats(0.01, 1.0))
def test_every_picture_gets_a_size_inside_the_limits(width: int, height: int, scale: float) -> None:
    sizes = fitted_size(width, height, sides=SIDES, ratio=RATIO, scale=scale)
    assert sizes is not None
    (wide, tall), (inner_wide, inner_tall) = sizes
    assert 300 <= min(wide, tall) <= max(wide, tall) <= 6000
    assert 0.4 <= wide / tall <= 2.5
    assert inner_wide <= wide
    assert inner_tall <= tall
    assert inner_wide == wide or inner_tall == tall, "black is only on two sides"


@given(width=st.integers(300, 6000), height=st.integers(300, 6000))
def test_a_picture_inside_the_limits_keeps_its_size(width: int, height: int) -> None:
    sizes = fitted_size(width, height, sides=SIDES, ratio=RATIO)
    if 0.4 <= width / height <= 2.5:
        assert sizes == ((width, height), (width, height))
    else:
        assert sizes is not None
        assert sizes[0] != sizes[1] == (width, height) or max(width, height) * 0.4 > 6000


@given(width=side, height=side)
def test_the_picture_itself_is_not_distorted(width: int, height: int) -> None:
    sizes = fitted_size(width, height, sides=SIDES, ratio=RATIO)
    assert sizes is not None
    inner_wide, inner_tall = sizes[1]
    factor = max(inner_wide, inner_tall) / max(width, height)
    assert abs(inner_wide - width * factor) <= 1
    assert abs(inner_tall - height * factor) <= 1


def test_without_a_ratio_some_pictures_fit_in_no_size() -> None:
    assert fitted_size(10_000, 100, sides=SIDES, ratio=None) is None
    assert fitted_size(10_000, 100, sides=None, ratio=None) == ((10_000, 100), (10_000, 100))


def drawn(image: Image.Image, form: str, **limits: Any) -> Image.Image:
    """The picture as the worker draws it."""
    source = io.BytesIO()
    image.save(source, form)
    most = {
        "formats": ["image/jpeg", "image/png"],
        "max_bytes": 10**7,
        "sides": list(SIDES),
        "ratio": list(RATIO),
    }
    facts, content = draw_fitting(source, recognise(source), limits={**most, **limits})
    assert len(content) <= {**most, **limits}["max_bytes"]
    found = Image.open(io.BytesIO(content))
    assert facts == {"mime_type": Image.MIME[found.format or ""]}
    found.load()
    return found


def test_a_long_picture_is_whole_and_centred_on_black() -> None:
    image = drawn(Image.new("RGB", (1200, 300), "red"), "PNG")
    assert image.size == (1200, 480)
    pixels = np.asarray(image.convert("RGB"))
    assert (pixels[:90] == 0).all()
    assert (pixels[90:390] == (255, 0, 0)).all()
    assert (pixels[390:] == 0).all()


def test_a_picture_of_nearly_the_right_shape_is_scaled_whole_to_exactly_the_size() -> None:
    edges = Image.new("RGB", (1290, 720), "red")
    edges.paste("blue", (20, 20, 1270, 700))
    image = drawn(edges, "PNG", exact=[864, 496])
    assert image.size == (864, 496)
    pixels = np.asarray(image.convert("RGB"))
    for corner in (pixels[2, 2], pixels[2, -3], pixels[-3, 2], pixels[-3, -3]):
        assert tuple(corner) == (255, 0, 0), "nothing is cropped, and nothing is black"
    noise = drawn(planting.noise((900, 900)), "PNG", exact=[880, 880], max_bytes=400_000)
    assert (noise.format, noise.size) == ("JPEG", (880, 880))
    with pytest.raises(RefusalError):
        drawn(planting.noise((900, 900)), "PNG", exact=[880, 880], max_bytes=2000)


def test_what_is_clear_stays_clear_in_a_png_and_turns_white_in_a_jpeg() -> None:
    clear = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    assert drawn(clear, "PNG", sides=[500, 600]).getpixel((0, 0)) == (0, 0, 0, 0)
    pixel = drawn(clear, "PNG", formats=["image/jpeg"]).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    assert min(pixel) > 250


@pytest.mark.parametrize("mode", ["1", "P", "L", "LA", "I;16", "CMYK", "RGBA"])
def test_a_picture_of_any_kind_of_colour_can_be_drawn(mode: str) -> None:
    grey = Image.new("L", (100, 100), 128)
    image = Image.new("I;16", (100, 100), 128 * 257) if mode == "I;16" else grey.convert("RGB").convert(mode)
    shown = drawn(image, "TIFF" if mode in ("CMYK", "I;16") else "PNG")
    assert abs(np.asarray(shown.convert("L")).mean() - 128) < 4


def test_a_colour_profile_stays_only_where_it_still_fits_the_colours() -> None:
    def with_profile(mode: str, space: bytes) -> Image.Image:
        image = Image.new(mode, (400, 400))
        image.info["icc_profile"] = b"\0" * 16 + space + b"\0" * 20
        return image

    def kept(image: Image.Image, form: str) -> bool:
        source = io.BytesIO()
        image.save(source, form, icc_profile=image.info["icc_profile"])
        most = {"formats": ["image/png"], "max_bytes": 10**7, "sides": [500, 600], "ratio": None}
        _, content = draw_fitting(source, recognise(source), limits=most)
        return "icc_profile" in Image.open(io.BytesIO(content)).info

    assert kept(with_profile("RGB", b"RGB "), "JPEG")
    assert not kept(with_profile("CMYK", b"CMYK"), "JPEG")


def test_few_bytes_cost_quality_first_and_size_then() -> None:
    image = planting.noise((900, 900))
    large, small = drawn(image, "PNG", max_bytes=400_000), drawn(image, "PNG", max_bytes=60_000)
    assert (large.format, large.size) == ("JPEG", (900, 900))
    assert 300 <= small.width < 900
    lossless = drawn(image, "PNG", max_bytes=400_000, formats=["image/png"])
    assert lossless.format == "PNG"
    assert 300 <= lossless.width < 900


def test_a_size_that_cannot_be_had_in_so_few_bytes_is_refused() -> None:
    with pytest.raises(RefusalError, match="No copy"):
        drawn(planting.noise((900, 900)), "PNG", max_bytes=2000)
    with pytest.raises(RefusalError, match="No size"):
        drawn(Image.new("RGB", (5000, 50)), "PNG", ratio=None)


async def fit(path: Path, limits: PictureLimits = LIMITS) -> MediaFile:
    away = path.parent / "away"
    away.mkdir(exist_ok=True)
    file = await inspect(path, allowed=(path.parent,), forbidden=())
    return await copy_to_leave(file, away, allowed=(path.parent,), forbidden=(), fit=limits)


async def test_a_drawn_copy_is_upright_tells_nothing_and_is_the_same_each_time(tmp_path: Path) -> None:
    path = planting.jpeg(tmp_path / "a.jpg", orientation=6, size=(1600, 1000))
    first, second = await fit(path), await fit(path)
    assert first.sha256 == second.sha256
    assert first.path is not None
    assert first.bytes == first.path.stat().st_size <= 500_000
    assert (first.width or 0) < (first.height or 0)
    content = first.path.read_bytes()
    assert not [canary for canary in planting.CANARIES if canary in content]
    top = np.asarray(Image.open(first.path).convert("RGB"))[:, -50:].mean(axis=(0, 1))
    assert top[0] > 100, "what was the top of the stored picture is at the right"


async def test_only_pictures_are_drawn(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="Only images"):
        await fit(planting.wav(tmp_path / "a.wav"))


async def test_where_nothing_can_be_cut_the_picture_is_drawn_as_it_is(tmp_path: Path) -> None:
    broken = planting.gif(tmp_path / "a.gif")
    broken.write_bytes(broken.read_bytes().rpartition(b";")[0])  # without its end, which readers do not mind
    drawn_from = [
        picture(tmp_path / "a.bmp"),
        picture(tmp_path / "a.avif", quality=100),
        planting.tiff(tmp_path / "a.tiff"),
    ]
    away = tmp_path / "away"
    away.mkdir()
    for path in (*drawn_from, broken):
        file = await inspect(path, allowed=(tmp_path,), forbidden=())
        copy = await copy_to_leave(file, away, allowed=(tmp_path,), forbidden=())
        assert copy.path is not None
        assert copy.mime_type == "image/png"
        assert not [canary for canary in planting.CANARIES if canary in copy.path.read_bytes()]
        with Image.open(path) as before, Image.open(copy.path) as after:
            assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()


def test_a_copy_of_the_same_pixels_is_a_jpeg_where_it_had_far_too_many_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = io.BytesIO()
    planting.noise((300, 300)).save(source, "TIFF")
    facts, content = outgoing.find_private(source, recognise(source))
    assert facts == {"mime_type": "image/png"}
    monkeypatch.setattr(outgoing, "_MOST_BYTES", len(content) - 1)
    facts, content = outgoing.find_private(source, recognise(source))
    assert facts == {"mime_type": "image/jpeg"}
    assert Image.open(io.BytesIO(content)).size == (300, 300)
