"""Contact sheets keep to their size and show the beginning and the end."""

from __future__ import annotations

import io
from pathlib import Path

import anyio
import pytest
from PIL import Image

from seedance_mcp.errors import InvalidRequest, MediaError
from seedance_mcp.media import contact_sheet
from tests.media.crafting import film, moving, noise, plain, sine

RED, GREEN, BLUE = (220, 30, 30), (30, 200, 30), (30, 30, 220)


async def sheet(path: Path, **options: int) -> Image.Image:
    with anyio.fail_after(30):
        drawn = await contact_sheet(path, **options)
    content = drawn.jpeg
    assert len(content) <= options.get("max_bytes", 150_000)
    image = Image.open(io.BytesIO(content))
    assert image.format == "JPEG"
    image.load()
    assert image.size == (drawn.width, drawn.height)
    return image


def color(image: Image.Image, across: float, down: float) -> str:
    """Which of red, green and blue is strongest at this place, given as fractions of the sheet."""
    pixel = image.getpixel((int(image.width * across), int(image.height * down)))
    assert isinstance(pixel, tuple)
    return "RGB"[pixel.index(max(pixel))]


@pytest.mark.parametrize("key_frames", ["1", "6", "250"])
async def test_the_first_and_the_last_frame_appear(key_frames: str, tmp_path: Path) -> None:
    pictures = [*plain(1, RED), *plain(46, GREEN), *plain(1, BLUE)]
    image = await sheet(film(tmp_path / "a.mp4", pictures, options={"g": key_frames}), frames=9)
    thirds = [color(image, across, down) for down in (0.15, 0.5, 0.82) for across in (0.15, 0.5, 0.85)]
    assert "".join(thirds) == "RGGGGGGGB"


async def test_each_place_shows_the_very_frame_of_its_time(tmp_path: Path) -> None:
    pictures = [plain(1, (RED, GREEN, BLUE)[number % 3])[0] for number in range(25)]
    # Frames that no other is drawn from, which can be left out, are every second one then.
    image = await sheet(film(tmp_path / "a.mp4", pictures, options={"bf": "3", "b_strategy": "0"}), frames=9)
    thirds = [color(image, across, down) for down in (0.15, 0.5, 0.82) for across in (0.15, 0.5, 0.85)]
    assert "".join(thirds) == "R" * 9


async def test_two_frames_are_the_first_and_the_last(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [*plain(1, RED), *plain(20, GREEN), *plain(1, BLUE)], sound=sine(1, -20))
    image = await sheet(path, frames=2)
    beside = image.width > image.height
    assert color(image, 0.25, 0.2) == "R"
    assert color(image, *((0.75, 0.2) if beside else (0.25, 0.7))) == "B"


async def test_one_frame_asked_for_is_the_first(tmp_path: Path) -> None:
    image = await sheet(film(tmp_path / "a.mp4", [*plain(5, RED), *plain(5, BLUE)]), frames=1)
    assert color(image, 0.5, 0.5) == "R"


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_a_video_of_few_frames_has_a_sheet(count: int, tmp_path: Path) -> None:
    image = await sheet(film(tmp_path / "a.mp4", plain(count, BLUE)))
    assert color(image, 0.1, 0.1) == "B"


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (720, 720), (1680, 720)])
async def test_the_sheet_has_a_shape_that_fits_a_chat(size: tuple[int, int], tmp_path: Path) -> None:
    image = await sheet(film(tmp_path / "a.mp4", plain(18, GREEN, size)))
    assert 0.7 <= image.width / image.height <= 2.2
    assert max(image.size) <= 1600
    assert min(image.size) >= 500


@pytest.mark.parametrize("max_bytes", [150_000, 60_000, 8_000])
async def test_the_sheet_keeps_to_its_size_whatever_is_on_it(max_bytes: int, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", noise(16, (640, 360)))
    image = await sheet(path, max_bytes=max_bytes, frames=16)
    assert image.width >= 150


async def test_each_frame_carries_its_time(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", plain(48, RED, (640, 360)))
    image = await sheet(path, frames=1)
    corner = image.crop((6, image.height - 40, 120, image.height - 6)).convert("L")
    darkest, brightest = corner.getextrema()
    assert isinstance(darkest, int | float)
    assert isinstance(brightest, int | float)
    assert darkest < 60
    assert brightest > 220


async def test_a_turned_video_is_shown_upright(tmp_path: Path) -> None:
    pictures = plain(4, RED)
    half = pictures[0].copy()
    half[:, :160] = BLUE  # left half; turned counter-clockwise by 90 degrees it is the bottom
    image = await sheet(film(tmp_path / "a.mp4", [half] * 4, rotation=90), frames=1)
    assert image.height > image.width
    assert (color(image, 0.5, 0.2), color(image, 0.5, 0.75)) == ("R", "B")


@pytest.mark.parametrize(("frames", "max_bytes"), [(0, 60_000), (37, 60_000), (9, 100)])
async def test_impossible_wishes_are_named(frames: int, max_bytes: int, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="allowed"):
        await contact_sheet(tmp_path / "a.mp4", frames=frames, max_bytes=max_bytes)


async def test_a_broken_video_has_no_sheet(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", moving(12, 1))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(MediaError):
        await contact_sheet(path)
