"""Sizes, lengths and metadata in a file that are wrong do not make a good picture, film or sound unusable."""

from __future__ import annotations

import shutil
import struct
import zlib
from pathlib import Path

import av
import pytest

from seedance_mcp.errors import MediaError
from seedance_mcp.media import copy_to_leave, inspect, probe_video
from seedance_mcp.types import MediaFile
from tests.media.crafting import film, picture, plain, sine

FRAMES = (72, 900)
UNPACKS_TO_3_MB = zlib.compress(b"a" * 3_000_000)
PLACEHOLDERS = {
    "zero": 0,
    "32 ones": 0xFFFFFFFF,
    "31 ones": 0x7FFFFFFF,
    "espeak's": 0x7FFFF000,
    "32 ones less the header": 0xFFFFFFFF - 36,
}
NOTES = b"LIST" + struct.pack("<I", 26) + b"INFOICMT" + struct.pack("<I", 14) + b"made in secret"


def spoken(path: Path, size: int | None, behind: bytes = b"") -> Path:
    """Three seconds of a WAV with this size for its sound, and for the whole (None: the true ones)."""
    sound = (sine(3.0, -20)[:1] * 32767).astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 48_000, 96_000, 2, 16)
    told = len(sound) if size is None else size
    rest = b"WAVE" + form + struct.pack("<4sI", b"data", told) + sound + behind
    path.write_bytes(b"RIFF" + struct.pack("<I", len(rest) if size is None else size) + rest)
    return path


def lying(path: Path, factor: float) -> Path:
    """The same film with its length in every header that many times as long."""
    content = bytearray(path.read_bytes())
    for name, offset in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
        at = content.find(name)
        while at >= 0:
            (units,) = struct.unpack_from(">I", content, at + offset)
            struct.pack_into(">I", content, at + offset, min(0xFFFFFFFF, int(units * factor)))
            at = content.find(name, at + 4)
    path.write_bytes(content)
    return path


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(path: Path, *chunks: bytes, before: bytes) -> Path:
    """A PNG with more chunks in front of one of its own."""
    content = picture(path, (320, 240)).read_bytes()
    at = content.index(before) - 4
    path.write_bytes(content[:at] + b"".join(chunks) + content[at:])
    return path


async def looked_at(path: Path) -> MediaFile:
    return await inspect(path, allowed=[path.parent], forbidden=[])


async def copied(file: MediaFile, tmp_path: Path) -> Path:
    folder = tmp_path / "leaving"
    folder.mkdir()
    copy = await copy_to_leave(file, folder, allowed=[tmp_path], forbidden=[])
    assert copy.path is not None
    return copy.path


def told_seconds(path: Path) -> list[float]:
    """What the headers of a film or sound say of its length: the whole, then each track."""
    with av.open(str(path)) as container:
        tracks = [float((stream.duration or 0) * (stream.time_base or 0)) for stream in container.streams]
        return [(container.duration or 0) / av.time_base, *tracks]


@pytest.mark.parametrize("size", PLACEHOLDERS)
async def test_a_sound_whose_length_was_left_open_is_measured_and_leaves_with_a_true_one(
    size: str, tmp_path: Path
) -> None:
    file = await looked_at(spoken(tmp_path / "a.wav", PLACEHOLDERS[size]))
    assert (file.kind, file.duration_seconds) == ("audio", 3.0)
    copy = await copied(file, tmp_path)
    assert copy.read_bytes() == spoken(tmp_path / "closed.wav", None).read_bytes()


async def test_notes_behind_a_sound_of_open_length_do_not_leave(tmp_path: Path) -> None:
    file = await looked_at(spoken(tmp_path / "a.wav", 0xFFFFFFFF, behind=NOTES))
    assert file.duration_seconds == 3.0
    assert b"secret" not in (await copied(file, tmp_path)).read_bytes()


async def test_a_sound_that_is_cut_off_is_called_a_sound(tmp_path: Path) -> None:
    path = spoken(tmp_path / "a.wav", None)
    path.write_bytes(path.read_bytes()[:100_001])
    with pytest.raises(MediaError, match=r": The sound has damaged data in it, or is cut off\.$"):
        await looked_at(path)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Films with sound, by their number of frames; a long one takes a while to make."""
    folder = tmp_path_factory.mktemp("films")
    return {
        frames: film(
            folder / f"{frames}.mp4", plain(frames, (10, 20, 200), (160, 90)), sound=sine(frames / 24, -20)
        )
        for frames in FRAMES
    }


@pytest.mark.parametrize("frames", FRAMES)
@pytest.mark.parametrize("factor", [0, 0.1, 10, 100_000])
async def test_a_film_is_as_long_as_its_pictures_whatever_its_headers_say(
    frames: int, factor: float, tmp_path: Path, films: dict[int, Path]
) -> None:
    seconds = frames / 24
    made = tmp_path / "a.mp4"
    shutil.copyfile(films[frames], made)
    file = await looked_at(lying(made, factor))
    assert file.duration_seconds == pytest.approx(seconds, abs=0.05)
    assert (await probe_video(made)).frames == frames
    copy = await copied(file, tmp_path)
    assert told_seconds(copy) == pytest.approx([seconds] * 3, abs=0.1)


async def test_a_film_whose_headers_are_true_leaves_with_them(tmp_path: Path) -> None:
    made = film(tmp_path / "a.mp4", plain(72, (10, 20, 200)), sound=sine(3.0, -20))
    before = told_seconds(made)
    assert told_seconds(await copied(await looked_at(made), tmp_path)) == before


@pytest.mark.parametrize(
    ("chunks", "before"),
    [
        ([chunk(b"zTXt", b"prompt\0\0" + UNPACKS_TO_3_MB)], b"IDAT"),
        ([chunk(b"zTXt", b"prompt\0\0" + UNPACKS_TO_3_MB)], b"IEND"),
        ([chunk(b"iTXt", b"prompt\0\1\0\0\0" + UNPACKS_TO_3_MB)], b"IDAT"),
        ([chunk(b"iCCP", b"profile\0\0" + UNPACKS_TO_3_MB)], b"IDAT"),
        ([chunk(b"iCCP", b"profile\0\0rubbish")], b"IDAT"),
        ([chunk(b"eXIf", b"MM\0*\0\0\0\x08\xff\xff" + b"\1" * 30)], b"IDAT"),
        ([chunk(b"eXIf", b"rubbish")], b"IDAT"),
    ],
    ids=[
        "text",
        "text at the end",
        "international text",
        "profile",
        "broken profile",
        "broken EXIF",
        "no EXIF",
    ],
)
async def test_a_png_is_usable_whatever_its_metadata_is_like(
    chunks: list[bytes], before: bytes, tmp_path: Path
) -> None:
    file = await looked_at(with_chunk(tmp_path / "a.png", *chunks, before=before))
    assert (file.width, file.height) == (320, 240)
    copy = await copied(file, tmp_path)
    again = await inspect(copy, allowed=[copy.parent], forbidden=[])
    assert (again.width, again.height) == (320, 240)
    assert b"prompt" not in copy.read_bytes()


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
@pytest.mark.parametrize(
    "exif", [b"rubbish", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\1\0\x12\1\2\0\xff\xff\xff\xff\6\0\0\0"]
)
async def test_a_picture_with_broken_exif_is_usable(form: str, exif: bytes, tmp_path: Path) -> None:
    path = picture(tmp_path / f"a.{form.lower()}", (320, 240), exif=b"Exif\0\0" + exif)
    file = await looked_at(path)
    assert (file.width, file.height) == (320, 240)
    assert exif not in (await copied(file, tmp_path)).read_bytes()
