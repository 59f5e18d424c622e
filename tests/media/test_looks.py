"""Looks at a stretch of a video, at its cuts, at its sound and at several videos, each by what is seen on the picture."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import numpy as np
import pytest
from PIL import Image

from seedance_mcp.errors import InvalidRequest, MediaError
from seedance_mcp.media import Row, Sheet, comparison_sheet, contact_sheet, cut_sheet, sound_sheet
from seedance_mcp.media.confine import run_worker
from seedance_mcp.media.worker.layout import Wish, arranged
from tests.media.crafting import RATE, Picture, film, moving, noise, plain, sine

RED, GREEN, BLUE = (220, 30, 30), (30, 200, 30), (30, 30, 220)
COLOURS = {"R": RED, "G": GREEN, "B": BLUE}


def shots(pattern: str, size: tuple[int, int] = (320, 180)) -> list[Picture]:
    """A frame of the colour that each letter names."""
    return [plain(1, COLOURS[letter], size)[0] for letter in pattern]


def opened(sheet: Sheet) -> Image.Image:
    image = Image.open(io.BytesIO(sheet.jpeg))
    image.load()
    assert (image.format, image.size) == ("JPEG", (sheet.width, sheet.height))
    assert len(sheet.jpeg) <= 150_000
    assert sheet.tokens <= 1_600
    return image


def cells(image: Image.Image, columns: int, rows: int, *, left: int = 6, top: int = 6) -> list[str]:
    """Of each row which colour is strongest in each cell; a point where a cell is empty."""
    grid = Image.Image.crop(image, (left, top, image.width, image.height))
    found: list[str] = []
    for row in range(rows):
        line = ""
        for column in range(columns):
            place = int(grid.width * (column + 0.5) / columns), int(grid.height * (row + 0.4) / rows)
            pixel = grid.getpixel(place)
            assert isinstance(pixel, tuple)
            line += "RGB"[pixel.index(max(pixel))] if max(pixel) > 120 else "."
        found.append(line)
    return found


@pytest.mark.parametrize("lines", [1, 2, 3, 6])
def test_no_sheet_is_larger_than_what_a_look_may_cost(lines: int) -> None:
    shapes = (1 / 3, 9 / 16, 3 / 4, 1.0, 4 / 3, 16 / 9, 21 / 9, 4.0)
    for places, shape, joined in itertools.product(range(1, 36 // lines + 1), shapes, (1, 2)):
        wish = Wish(places=places, shape=shape, lines=lines, joined=joined, margin=30, heading=30)
        width, height = arranged(wish).size
        assert max(width, height) <= 1568
        assert width * height <= 1_150_000
        assert width * height / 750 <= 1_600
        assert min(arranged(wish).cell) >= 16


async def test_a_stretch_shows_its_own_frames_and_both_of_its_ends(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", shots("R" * 24 + "G" * 23 + "B" + "R" * 24))
    with anyio.fail_after(30):
        image = opened(await contact_sheet(path, frames=9, start=1, end=47 / 24))
    assert cells(image, 3, 3) == ["GGG", "GGG", "GGB"]


async def test_a_short_stretch_shows_each_of_its_frames_once(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", shots("R" * 12 + "GBGB" + "R" * 12))
    with anyio.fail_after(30):
        image = opened(await contact_sheet(path, frames=36, start=0.5, end=15 / 24))
    assert cells(image, 2, 2) == ["GB", "GB"]


async def test_a_stretch_that_begins_between_two_frames_shows_the_one_that_is_seen_then(
    tmp_path: Path,
) -> None:
    path = film(tmp_path / "a.mp4", shots("RRGGBB"), fps=2)
    with anyio.fail_after(30):
        image = opened(await contact_sheet(path, frames=1, start=1.9))
    assert cells(image, 1, 1) == ["G"]


async def test_what_lies_outside_of_the_stretch_is_not_decoded(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", noise(48, (320, 180)), options={"g": "12", "bf": "0"})
    content = bytearray(path.read_bytes())
    begin = content.index(b"mdat") + 4
    middle = begin + (content.index(b"moov") - begin) // 2
    content[middle : middle + 40_000] = bytes(40_000)
    path.write_bytes(content)
    with anyio.fail_after(30):
        opened(await contact_sheet(path, frames=4, start=0, end=0.4))
        opened(await contact_sheet(path, frames=4, start=1.6, end=2))


async def test_both_sides_of_each_cut_stand_side_by_side(tmp_path: Path) -> None:
    # The frames right at the cuts have colours of their own.
    path = film(tmp_path / "a.mp4", shots("R" * 23 + "G" + "B" + "R" * 22 + "B" + "G" + "R" * 23))
    with anyio.fail_after(30):
        image = opened(await cut_sheet(path, [1, 2]))
    assert cells(image, 2, 2) == ["GB", "BG"]


@pytest.mark.parametrize("count", [1, 5, 18])
async def test_so_many_cuts_have_a_sheet_that_keeps_to_its_bounds(count: int, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", noise(40, (320, 180)))
    with anyio.fail_after(30):
        opened(await cut_sheet(path, [(number + 1) / 12 for number in range(count)]))


async def test_videos_of_different_lengths_and_rates_show_the_same_times(tmp_path: Path) -> None:
    rows = [
        Row(path=film(tmp_path / "a.mp4", shots("R" * 24 + "G" * 24 + "B" * 24)), label="...a"),
        Row(path=film(tmp_path / "b.mp4", shots("R" * 10 + "G" * 10), fps=10), label="...b"),
    ]
    with anyio.fail_after(30):
        image = opened(await comparison_sheet(rows, [0.5, 1.5, 2.5]))
    assert cells(image, 3, 2, left=36, top=36) == ["RGB", "RG."]


async def test_a_video_that_is_some_frames_shorter_still_ends_on_its_last_frame(tmp_path: Path) -> None:
    rows = [
        Row(path=film(tmp_path / "a.mp4", shots("R" * 25)), label=""),
        Row(path=film(tmp_path / "b.mp4", shots("R" * 23 + "G")), label=""),
    ]
    with anyio.fail_after(30):
        image = opened(await comparison_sheet(rows, [0, 1.0]))
    assert cells(image, 2, 2, left=36, top=36) == ["RR", "RG"]


async def test_videos_of_all_shapes_are_compared_upright_and_whole(tmp_path: Path) -> None:
    half = shots("R")[0].copy()
    half[:, :160] = BLUE  # turned counter-clockwise by 90 degrees it is the bottom
    rows = [
        Row(path=film(tmp_path / "a.mp4", shots("G" * 6)), label="wide"),
        Row(path=film(tmp_path / "b.mp4", [half] * 6, rotation=90), label="turned"),
        Row(path=film(tmp_path / "c.mp4", shots("B", (96, 240))), label="one frame, высокий " * 9),
    ]
    with anyio.fail_after(30):
        image = opened(await comparison_sheet(rows, [0]))
    grid = image.crop((36, 36, image.width, image.height))
    third = grid.height // 3
    turned = grid.crop((0, third, grid.width, 2 * third))
    seen = [turned.getpixel((turned.width // 2, int(turned.height * down))) for down in (0.25, 0.75)]
    assert [pixel.index(max(pixel)) for pixel in seen if isinstance(pixel, tuple)] == [0, 2]
    assert cells(image, 1, 3, left=36, top=36)[0] == "G"
    assert cells(image, 1, 3, left=36, top=36)[2] == "B"


async def test_a_label_has_no_empty_boxes_for_what_the_font_lacks(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", shots("R"))
    drawn: list[bytes] = []
    for label in ("ete .mp4", "红狐 été\n.mp4", "other.mp4"):
        with anyio.fail_after(30):
            sheet = await comparison_sheet([Row(path=path, label=label)] * 2, [0])
        drawn.append(sheet.jpeg)
    assert drawn[0] == drawn[1] != drawn[2]


async def test_six_videos_that_no_encoder_makes_small_stay_within_the_bounds(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", noise(12, (320, 180)))
    with anyio.fail_after(60):
        opened(await comparison_sheet([Row(path=path, label="x" * 300)] * 6, [n / 24 for n in range(6)]))


@pytest.mark.parametrize(("videos", "times"), [(1, 2), (7, 2), (2, 19), (2, 0)])
async def test_a_comparison_of_too_much_or_nothing_is_refused(
    videos: int, times: int, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match="allowed"):
        await comparison_sheet([Row(path=tmp_path / "a.mp4", label="")] * videos, [0.0] * times)


async def test_the_video_that_is_broken_is_named(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.mp4", moving(12, 1))
    broken = film(tmp_path / "broken.mp4", moving(12, 2))
    broken.write_bytes(broken.read_bytes()[:-100])
    with anyio.fail_after(30), pytest.raises(MediaError, match=r"broken\.mp4: "):
        await comparison_sheet([Row(path=whole, label="a"), Row(path=broken, label="b")], [0, 0.2])


def cell(width: int, height: int) -> str:
    return f'{{"time": 0.0, "width": {width}, "height": {height}}}'


NONSENSE = {
    "too few bytes": f'{{"cells": [{cell(100, 100)}]}}',
    "enormous": f'{{"cells": [{cell(10**6, 10**6)}]}}',
    "sides below nothing": f'{{"cells": [{cell(-1, -2)}]}}',
    "more than was asked": f'{{"cells": [{cell(1, 1)}, {cell(1, 1)}]}}',
    "no list": '{"cells": "all"}',
    "nothing": "{}",
}
"""What is told of the six bytes that follow, the size of two pixels."""


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
async def test_a_decoder_that_was_taken_over_gets_nothing_onto_the_sheet(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer is all that leaves its process."""
    answer = f'{{"facts": {said}}}\npixels'
    (tmp_path / "odd_worker.py").write_text(f"print({answer!r}, end='')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(run_worker.__kwdefaults__ or {}, "module", "odd_worker")
    path = film(tmp_path / "a.mp4", moving(2, 1))
    with anyio.fail_after(30), pytest.raises(MediaError, match=r"a\.mp4: .*nonsense"):
        await comparison_sheet([Row(path=path, label="a")] * 2, [0.0])


def column(image: Image.Image, seconds: float, length: float) -> list[tuple[int, ...]]:
    """The pixels of the field at this time, from 0 dBFS down to -60."""
    across = round(62 + seconds / length * (1200 - 62 - 18 - 1))
    pixels = [image.getpixel((across, down)) for down in range(74, 420 - 40)]
    return [pixel for pixel in pixels if isinstance(pixel, tuple)]


def level(image: Image.Image, seconds: float, length: float, is_it: Callable[[Sequence[int]], bool]) -> float:
    """How high the highest such pixel stands, in dBFS."""
    pixels = column(image, seconds, length)
    return -60 * next(down for down, pixel in enumerate(pixels) if is_it(pixel)) / (len(pixels) - 1)


async def test_the_level_of_the_sound_is_drawn_where_it_is(tmp_path: Path) -> None:
    quiet = np.zeros((1, RATE), np.float32)
    left = np.concatenate((sine(1, -12, channels=1), quiet, sine(1, -30, channels=1)), axis=1)
    sound = np.concatenate((left, np.zeros_like(left)))  # the other channel is mute
    path = film(tmp_path / "a.mp4", plain(72, RED), sound=sound)
    with anyio.fail_after(30):
        image = opened(await sound_sheet(path, start=0, end=3))
    for seconds, peak in ((0.5, -12), (2.5, -30)):
        assert level(image, seconds, 3, lambda pixel: pixel[2] > 120) == pytest.approx(peak, abs=1)
        # Of one channel of two, and a sine: 3 dB less twice.
        assert level(image, seconds, 3, lambda pixel: pixel[1] > 170) == pytest.approx(peak - 6, abs=1)
    for seconds, silent in ((0.5, False), (1.2, True), (1.8, True), (2.5, False)):
        red, green, blue = np.mean(column(image, seconds, 3)[:30], axis=0)
        assert (red > 1.5 * max(green, blue)) == silent


async def test_a_stretch_of_the_sound_and_its_cuts_are_drawn(tmp_path: Path) -> None:
    sound = np.concatenate((sine(2, -12), sine(2, -36)), axis=1)
    path = film(tmp_path / "a.mp4", plain(96, RED), sound=sound)
    with anyio.fail_after(30):
        image = opened(await sound_sheet(path, start=1.5, end=2.5, cuts=(0.5, 1.75, 3.5)))
    for seconds, peak in ((0.1, -12), (0.9, -36)):
        assert level(image, seconds, 1, lambda pixel: pixel[2] > 120) == pytest.approx(peak, abs=1)
    orange = [
        across
        for across in range(62, 1182)
        if isinstance(pixel := image.getpixel((across, 68)), tuple) and pixel[0] > 150 and pixel[2] < 100
    ]
    assert np.mean(orange) == pytest.approx(62 + 1119 / 4, abs=2)


async def test_sound_shorter_than_the_picture_and_of_one_channel_is_drawn(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", plain(48, RED), sound=sine(0.5, -20, channels=1))
    with anyio.fail_after(30):
        image = opened(await sound_sheet(path, start=0, end=2))
    assert level(image, 0.2, 2, lambda pixel: pixel[2] > 120) == pytest.approx(-20, abs=1)
    assert max(max(pixel) for pixel in column(image, 1.5, 2)[5:-5]) < 100


async def test_a_video_without_sound_has_no_picture_of_it(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", plain(12, RED))
    with anyio.fail_after(30), pytest.raises(MediaError, match="no sound"):
        await sound_sheet(path, start=0, end=0.5)
