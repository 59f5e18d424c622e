"""What leaves the machine shows the same picture, film or sound, and nothing of where and by whom it was made."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageOps

from seedance_mcp.errors import MediaError
from seedance_mcp.media import copy_to_leave, inspect
from seedance_mcp.types import MediaFile

from . import planting
from .crafting import film, moving, sine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    return tmp_path / "media"


async def leave(path: Path, **options: Any) -> MediaFile:
    """The copy, made as the server makes it."""
    away = path.parent.parent / "away"
    away.mkdir(exist_ok=True)
    file = await inspect(path, allowed=(path.parent,), forbidden=())
    return await copy_to_leave(file, away, allowed=(path.parent,), forbidden=(), **options)


def told(content: bytes) -> list[bytes]:
    """The canaries that stand in it."""
    return [canary for canary in planting.CANARIES if canary in content]


def shown(path: Path) -> list[bytes]:
    """Every frame of an image as it is seen."""
    with Image.open(path) as image:
        frames: list[bytes] = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(ImageOps.exif_transpose(image).convert("RGBA").tobytes())
        return frames


def played(path: Path) -> list[tuple[Any, ...]]:
    """Every decoded frame of picture and sound with its time."""
    with av.open(str(path)) as container:
        streams = [*container.streams.video, *container.streams.audio]
        return [
            (frame.pts, getattr(frame, "rotation", 0), frame.to_ndarray().tobytes())
            for frame in container.decode(*streams)
        ]


PICTURES: dict[str, Callable[[Path], Path]] = {
    "a.jpg": planting.jpeg,
    "turned.jpg": lambda path: planting.jpeg(path, orientation=6),
    "cmyk.jpg": lambda path: planting.jpeg(path, mode="CMYK"),
    "mirrored.jpg": lambda path: planting.jpeg(path, orientation=5),
    "a.png": planting.png,
    "turned.png": lambda path: planting.png(path, orientation=8),
    "a.webp": planting.webp,
    "turned.webp": lambda path: planting.webp(path, orientation=3),
    "a.gif": planting.gif,
    "a.tiff": planting.tiff,
}


@pytest.mark.parametrize("name", PICTURES)
async def test_a_picture_leaves_without_place_and_words_and_looks_the_same(name: str, folder: Path) -> None:
    path = PICTURES[name](folder / name)
    assert told(path.read_bytes())
    before = path.read_bytes()
    copy = await leave(path)
    assert copy.path is not None
    assert not told(copy.path.read_bytes())
    assert shown(copy.path) == shown(path)
    assert path.read_bytes() == before
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).size
    assert (copy.width, copy.height) == upright


FILMS: dict[str, Callable[[Path], Path]] = {
    "a.mp4": planting.mp4,
    "turned.mp4": lambda path: planting.mp4(path, size=(320, 240), seconds=1, rotation=90),
    "a.mov": lambda path: planting.mp4(path, size=(320, 240), seconds=1),
    "hevc.mp4": lambda path: planting.mp4(path, size=(128, 96), seconds=1, codec="libx265"),
    "a.wav": planting.wav,
    "a.mp3": planting.mp3,
    "ape.mp3": lambda path: planting.mp3(path, ape=True),
}


@pytest.mark.parametrize("name", FILMS)
async def test_a_film_or_sound_leaves_without_place_and_words_and_plays_the_same(
    name: str, folder: Path
) -> None:
    path = FILMS[name](folder / name)
    assert told(path.read_bytes())
    copy = await leave(path)
    assert copy.path is not None
    assert not told(copy.path.read_bytes())
    assert played(copy.path) == played(path)


async def test_the_same_file_gives_the_same_copy(folder: Path) -> None:
    for path in (
        planting.jpeg(folder / "a.jpg", 6),
        planting.tiff(folder / "a.tiff"),
        planting.mp4(folder / "a.mp4", size=(320, 240), seconds=1),
    ):
        first, second = await leave(path), await leave(path)
        assert (first.sha256, first.bytes) == (second.sha256, second.bytes)
        assert first.path != second.path


async def test_what_is_blanked_among_the_pictures_keeps_its_form(folder: Path) -> None:
    path = planting.mp4(folder / "a.mp4", seconds=1)
    copy = await leave(path)
    assert copy.path is not None
    before, after = path.read_bytes(), copy.path.read_bytes()
    assert len(before) == len(after)
    unit = planting.message("h264")
    places = [found.start() for found in re.finditer(re.escape(unit), before)]
    assert len(places) == 24
    for at in places:
        one, other = (re.sub(b"\0\0\3", b"\0\0", data[at : at + len(unit)]) for data in (before, after))
        assert len(one) == len(other)
        assert one[:7] == other[:7]
        assert other[7:].count(1) > 50
        second = one.index(bytes((5, len(planting.SECRET))) + planting.SECRET)
        assert other[second : second + 2] == one[second : second + 2]
        assert other[-1:] == b"\x80"
    assert b"x264 - core" in after  # decoders go by it


async def test_a_film_whose_sound_is_longer_than_its_picture_leaves(folder: Path) -> None:
    path = film(folder / "a.mp4", moving(72, 1), sound=sine(9, -20))
    copy = await leave(path)
    assert copy.path is not None
    assert played(copy.path) == played(path)
    assert copy.duration_seconds == pytest.approx(3, abs=0.1)


async def test_a_tag_that_covers_half_of_a_sound_is_read_as_players_read_it(folder: Path) -> None:
    path = planting.mp3(folder / "a.mp3")
    data = bytearray(path.read_bytes())
    second = data.index(b"ID3", 3)
    data[second + 6 : second + 10] = bytes((0, 0, len(data) // 2 >> 7, 0))
    path.write_bytes(data)
    copy = await leave(path)
    assert copy.path is not None
    assert copy.duration_seconds == pytest.approx(1.5, abs=0.1)
    assert [frame[2] for frame in played(copy.path)] == [frame[2] for frame in played(path)]


async def test_what_cannot_be_cleaned_does_not_leave_and_nothing_is_left_of_the_attempt(folder: Path) -> None:
    planting.encoded(folder / "a.flac", "flac")
    with pytest.raises(MediaError, match="cannot be removed") as caught:
        await leave(folder / "a.flac")
    assert "WAV" in caught.value.hint
    assert not list((folder.parent / "away").iterdir())


async def test_a_copy_that_is_not_what_the_file_was_is_not_sent(folder: Path) -> None:
    path = planting.png(folder / "a.png")
    file = await inspect(path, allowed=(folder,), forbidden=())
    for other in (replace(file, width=999), replace(file, video_codec="h264")):
        with pytest.raises(MediaError, match="not be the same"):
            await copy_to_leave(other, folder, allowed=(folder,), forbidden=())
    assert list(folder.iterdir()) == [path]


async def test_a_film_that_would_not_be_the_same_or_not_play_is_not_sent(folder: Path) -> None:
    path = planting.mp4(folder / "a.mp4", size=(320, 240), seconds=1)
    file = await inspect(path, allowed=(folder,), forbidden=())
    whole = path.read_bytes()
    at = whole.index(b"mdat") + 4
    damaged = whole[:at] + whole[at : at + 4] + b"\xff" * 2000 + whole[at + 2004 :]
    for other, content in ((replace(file, width=999), whole), (file, damaged)):
        path.write_bytes(content)
        other = replace(other, sha256=hashlib.sha256(content).hexdigest())
        with pytest.raises(MediaError, match="not be the same"):
            await copy_to_leave(other, folder, allowed=(folder,), forbidden=())
        assert list(folder.iterdir()) == [path]
