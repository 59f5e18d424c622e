"""A film's sheet shows every shot and both sides of every cut; drift of colour over linked shots is measured."""

from __future__ import annotations

import io
from pathlib import Path

import anyio
import numpy as np
import pytest
from PIL import Image

from seedance_mcp.errors import InvalidRequest, MediaError
from seedance_mcp.media import ColourDrift, FilmSheet, ShotClip, colour_drift, film_sheets
from tests.media.crafting import Picture, film, noise, plain

RED, GREEN, BLUE, GREY, WHITE = (220, 30, 30), (30, 200, 30), (30, 30, 220), (110, 110, 110), (240, 240, 240)


def clip(path: Path, pictures: list[Picture], shot: str = "", **options: bool) -> ShotClip:
    return ShotClip(path=film(path, pictures), shot=shot or path.stem, take=2, **options)


async def sheets(clips: list[ShotClip], **options: int) -> list[Image.Image]:
    return [picture(sheet) for sheet in await drawn(clips, **options)]


async def drawn(clips: list[ShotClip], **options: int) -> tuple[FilmSheet, ...]:
    with anyio.fail_after(60):
        return await film_sheets(clips, **options)


def picture(drawn: FilmSheet) -> Image.Image:
    image = Image.open(io.BytesIO(drawn.sheet.jpeg))
    assert image.format == "JPEG"
    assert image.size == (drawn.sheet.width, drawn.sheet.height)
    return image.convert("RGB")


def seen(image: Image.Image, rows: int, columns: int) -> list[str]:
    """The strongest colour in the middle of each place, row by row; `-` where it is dark, `w` where it is grey or white."""
    found: list[str] = []
    strip_and_picture = image.height / rows
    for row in range(rows):
        line = ""
        for column in range(columns):
            place = image.width * (column + 0.5) / columns, strip_and_picture * (row + 0.5)
            pixel = image.getpixel((int(place[0]), int(place[1])))
            assert isinstance(pixel, tuple)
            plain_one = max(pixel) - min(pixel) < 40
            line += ("-" if max(pixel) < 60 else "w") if plain_one else "RGB"[pixel.index(max(pixel))]
        found.append(line)
    return found


async def test_a_row_shows_a_shot_after_the_last_frame_of_the_one_before(tmp_path: Path) -> None:
    clips = [
        clip(tmp_path / "s01.mp4", [*plain(1, RED), *plain(22, GREY), *plain(1, GREEN)]),
        clip(tmp_path / "s02.mp4", [*plain(1, BLUE), *plain(22, GREY), *plain(1, RED)]),
        clip(tmp_path / "s03.mp4", [*plain(1, GREEN), *plain(23, GREY)]),
    ]
    (image,) = await sheets(clips)
    assert seen(image, 3, 6) == ["-RwwwG", "GBwwwR", "RGwwww"]


@pytest.mark.parametrize("frames", [4, 6])
async def test_a_row_has_as_many_frames_as_are_asked_for(frames: int, tmp_path: Path) -> None:
    (image,) = await sheets([clip(tmp_path / "s01.mp4", plain(24, RED))], frames=frames)
    assert seen(image, 1, frames + 1) == ["-" + "R" * frames]


async def test_a_frame_that_the_film_leaves_out_is_not_shown(tmp_path: Path) -> None:
    pictures = [*plain(1, RED), *plain(1, BLUE), *plain(10, GREY)]
    (image,) = await sheets([clip(tmp_path / "s01.mp4", pictures, drop_first=True)])
    assert seen(image, 1, 6) == ["-Bwwww"]


async def test_a_shot_of_one_frame_has_a_row(tmp_path: Path) -> None:
    clips = [
        clip(tmp_path / "a.mp4", plain(1, RED), drop_first=True),
        clip(tmp_path / "b.mp4", plain(24, BLUE)),
    ]
    (image,) = await sheets(clips)
    assert seen(image, 2, 6) == ["-R----", "RBBBBB"]


async def test_further_shots_go_on_further_sheets_which_say_what_they_show(tmp_path: Path) -> None:
    red, blue = film(tmp_path / "red.mp4", plain(12, RED)), film(tmp_path / "blue.mp4", plain(12, BLUE))
    clips = [ShotClip(path=(red, blue)[number % 2], shot=f"s{number}") for number in range(1, 13)]
    first, second = await drawn(clips)
    assert (first.number, first.of, first.shots) == (1, 2, tuple(f"s{number}" for number in range(1, 11)))
    assert (second.number, second.of, second.shots) == (2, 2, ("s11", "s12"))
    # The last frame of the first sheet's last shot opens the second sheet.
    assert seen(picture(second), 2, 6) == ["RBBBBB", "BRRRRR"]


async def test_what_is_written_is_read_off_the_row(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", plain(12, RED))
    named, unnamed, longer = [
        (await sheets([ShotClip(path=path, shot=shot, take=take)]))[0]
        for shot, take in (("harbour", 3), ("", None), ("港口" * 20 + "x" * 300, 3))
    ]
    assert named.size == unnamed.size == longer.size
    assert _ink(named, (0, 0.4)) > _ink(unnamed, (0, 0.4))
    assert _ink(named, (0.6, 1)) > _ink(unnamed, (0.6, 1))
    assert _ink(longer, (0.93, 1)) == _ink(named, (0.93, 1))  # the take and the seconds are not written over


def _ink(image: Image.Image, across: tuple[float, float]) -> int:
    """How many bright pixels there are in this part of the strip above the first row."""
    left, right = (int(image.width * share) for share in across)
    grey = np.asarray(image.convert("L").crop((left, 0, right, 28)))
    return int((grey > 90).sum())


async def test_a_sheet_keeps_to_its_size_whatever_is_on_it(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", noise(8, (640, 360)))
    clips = [ShotClip(path=path, shot=f"s{number}") for number in range(10)]
    (sheet,) = await drawn(clips)
    assert len(sheet.sheet.jpeg) <= 150_000
    assert sheet.sheet.tokens <= 1534


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280)])
async def test_of_every_shape_the_pictures_are_large_enough_to_judge(
    size: tuple[int, int], tmp_path: Path
) -> None:
    path = film(tmp_path / "a.mp4", plain(6, GREEN, size))
    (sheet,) = await drawn([ShotClip(path=path, shot=f"s{number}") for number in range(10)])
    assert max(sheet.sheet.width, sheet.sheet.height) <= 1568
    assert sheet.sheet.width * sheet.sheet.height >= 800_000


async def test_a_damaged_clip_is_named(tmp_path: Path) -> None:
    clips = [clip(tmp_path / "good.mp4", plain(6, RED)), clip(tmp_path / "bad.mp4", plain(6, RED))]
    clips[1].path.write_bytes(clips[1].path.read_bytes()[:-100])
    with pytest.raises(MediaError, match=r"bad\.mp4"):
        await drawn(clips)


@pytest.mark.parametrize("wish", [{"frames": 3}, {"frames": 7}, {"max_bytes": 100}])
async def test_impossible_wishes_are_named(wish: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="allowed"):
        await drawn([clip(tmp_path / "a.mp4", plain(6, RED))], **wish)


async def test_a_film_without_shots_has_no_sheet() -> None:
    with pytest.raises(InvalidRequest):
        await drawn([])


async def drift(home: Path, *ends: list[Picture]) -> ColourDrift:
    """Measure a chain of clips that are white and end on these pictures."""
    links = [
        (f"s{number}", film(home / f"{number}.mp4", [*plain(6, WHITE), *end]))
        for number, end in enumerate(ends, start=1)
    ]
    with anyio.fail_after(60):
        return await colour_drift(links)


def halves(dark: int, bright: int) -> list[Picture]:
    """Grey pictures, one half dark and one bright."""
    both = np.full((180, 320, 3), dark, np.uint8)
    both[:, 160:] = bright
    return [both] * 8


async def test_the_last_frames_of_every_link_are_measured(tmp_path: Path) -> None:
    found = await drift(
        tmp_path, plain(8, (100, 110, 120)), plain(8, (112, 110, 114)), plain(8, (130, 110, 108))
    )
    assert [link.shot for link in found.links] == ["s1", "s2", "s3"]
    for link, color in zip(found.links, ((100, 110, 120), (112, 110, 114), (130, 110, 108)), strict=True):
        assert link.mean == pytest.approx(color, abs=4)
        assert link.spread == pytest.approx((0, 0, 0), abs=2)
    assert found.mean_change == pytest.approx((30, 0, -12), abs=4)
    assert found.largest_step == ("s2", "s3")
    assert found.is_seen


async def test_contrast_that_is_lost_is_measured_and_said(tmp_path: Path) -> None:
    found = await drift(tmp_path, halves(60, 180), halves(90, 150))
    assert found.links[0].spread == pytest.approx((60, 60, 60), abs=3)
    assert found.mean_change == pytest.approx((0, 0, 0), abs=3)
    assert found.spread_change == pytest.approx((-0.5, -0.5, -0.5), abs=0.05)
    assert found.is_seen
    assert "contrast by red -5" in found.words


async def test_colours_that_stay_are_said_to_stay(tmp_path: Path) -> None:
    found = await drift(tmp_path, plain(8, GREY), plain(8, GREY))
    assert not found.is_seen
    assert "no drift of colour can be seen" in found.words


async def test_the_words_name_the_shots_and_the_colours(tmp_path: Path) -> None:
    found = await drift(tmp_path, plain(8, GREY), plain(8, GREY), plain(8, (150, 110, 110)))
    assert found.words.startswith("From the end of s1 to the end of s3 (3 linked shots)")
    assert f"red {found.mean_change[0]:+.0f}" in found.words
    assert "from s2 to s3" in found.words


async def test_a_video_with_fewer_frames_than_are_measured_is_measured(tmp_path: Path) -> None:
    links = [("a", film(tmp_path / "a.mp4", plain(1, RED))), ("b", film(tmp_path / "b.mp4", plain(2, RED)))]
    with anyio.fail_after(30):
        found = await colour_drift(links)
    assert found.mean_change == pytest.approx((0, 0, 0), abs=2)


async def test_one_shot_is_no_chain(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest):
        await drift(tmp_path, plain(8, GREY))


async def test_a_damaged_link_is_named(tmp_path: Path) -> None:
    good, bad = (film(tmp_path / f"{name}.mp4", plain(6, RED)) for name in ("good", "bad"))
    bad.write_bytes(bad.read_bytes()[:-100])
    with pytest.raises(MediaError, match=r"bad\.mp4"):
        await colour_drift([("a", good), ("b", bad)])
