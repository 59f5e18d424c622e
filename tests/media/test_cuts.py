"""The cuts themselves: films of many makes stay what they are, and no malformed file confuses them."""

from __future__ import annotations

import io
import random
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from seedance_mcp.media.cuts import Cut, pieces, read, written
from seedance_mcp.media.worker.refusal import RefusalError
from seedance_mcp.media.worker.signatures import recognise
from seedance_mcp.media.worker.strip_audio import SOUNDS
from seedance_mcp.media.worker.strip_image import PICTURES
from seedance_mcp.media.worker.strip_mp4 import film_cuts

from . import planting
from .crafting import RATE, moving, sine, sound_frames


def made(
    form: str = "mp4",
    *,
    codec: str = "libx264",
    sound: str = "aac",
    options: dict[str, str] | None = None,
    encoder: dict[str, str] | None = None,
) -> bytes:
    """Two seconds of picture and sound with a place in the tags."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{form}"
        with av.open(str(path), "w", format=form, options=options or {}) as film:
            film.metadata.update({"location": planting.PLACE, "comment": planting.SECRET.decode()})
            shown, heard = film.add_stream(codec, rate=24), film.add_stream(sound, rate=RATE)
            assert isinstance(shown, av.VideoStream)
            assert isinstance(heard, av.AudioStream)
            shown.width, shown.height, shown.pix_fmt = 160, 96, "yuv420p"
            shown.options = {"preset": "ultrafast", **(encoder or {})}
            heard.layout = "stereo"
            for array in moving(48, 3, (160, 96)):
                film.mux(shown.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(array))))
            film.mux(shown.encode())
            resampler = av.AudioResampler(heard.format, "stereo", RATE)
            for frame in sound_frames(sine(2, -20)):
                for one in resampler.resample(frame):
                    film.mux(heard.encode(one))
            film.mux(heard.encode())
        return path.read_bytes()


def cut(data: bytes) -> bytes:
    source = io.BytesIO(data)
    return b"".join(pieces(source, read(written(film_cuts(source, recognise(source))))))


def packets(data: bytes, **options: str) -> list[tuple[Any, ...]]:
    with av.open(io.BytesIO(data), "r", options=options) as film:
        streams = [*film.streams.video, *film.streams.audio]
        return [(p.stream.index, p.pts, p.dts, bytes(p)) for p in film.demux(*streams) if p.size]


def frames(data: bytes) -> Iterator[tuple[Any, ...]]:
    with av.open(io.BytesIO(data), "r") as film:
        for frame in film.decode(*film.streams.video, *film.streams.audio):
            assert isinstance(frame, av.VideoFrame | av.AudioFrame)
            yield frame.pts, frame.to_ndarray().tobytes()


FILMS: dict[str, Callable[[], bytes]] = {
    "index behind": made,
    "index before": lambda: made(options={"movflags": "faststart"}),
    "fragmented": lambda: made(options={"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    "fragmented, old offsets": lambda: made(options={"movflags": "frag_keyframe"}),
    "streaming segments": lambda: made(options={"movflags": "dash+frag_keyframe+global_sidx"}),
    "pictures out of order, with an edit": lambda: made(encoder={"preset": "medium", "bf": "3"}),
    "negative times": lambda: made(
        options={"movflags": "negative_cts_offsets"}, encoder={"preset": "medium"}
    ),
    "uncompressed sound": lambda: made("mov", sound="pcm_s16le"),
    "uncompressed sound, the other way round": lambda: made("mov", sound="pcm_s24be"),
    "mp3 sound": lambda: made(sound="libmp3lame"),
    "hevc": lambda: made(codec="libx265", encoder={"x265-params": "log-level=none"}),
    "mpeg4": lambda: made("mov", codec="mpeg4"),
}


@pytest.mark.parametrize("make", FILMS)
def test_a_film_of_any_make_stays_the_same(make: str) -> None:
    data = FILMS[make]()
    assert planting.SECRET in data
    clean = cut(data)
    assert not [canary for canary in planting.CANARIES if canary in clean]
    assert len(clean) == len(data)
    assert packets(clean) == packets(data)
    assert packets(clean, ignore_editlist="1") == packets(data, ignore_editlist="1")
    assert list(frames(clean)) == list(frames(data))
    assert cut(clean) == clean, "there is nothing left to cut"


def test_what_an_edit_hides_is_kept_for_those_who_do_not_heed_it() -> None:
    """Blanked pictures would break the film for a reader that plays what is stored."""
    data = bytearray(made(encoder={"g": "6"}))
    at = data.index(b"elst") + 4
    entries = struct.unpack_from(">I", data, at + 4)[0]
    assert entries == 1
    struct.pack_into(">Ii", data, at + 8, 500, 6144)  # half a second, after the first half
    clean = cut(bytes(data))
    assert packets(clean, ignore_editlist="1") == packets(bytes(data), ignore_editlist="1")


def test_a_fragmented_film_with_a_track_of_positions_is_refused() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as film:
        shown, track = film.add_stream("libx264", rate=24), film.add_data_stream("bin_data")
        shown.width, shown.height, shown.pix_fmt = 160, 96, "yuv420p"
        packet = av.Packet(planting.SECRET)
        packet.stream, packet.pts, packet.dts, packet.duration = track, 0, 0, 500
        encoded = [p for array in moving(24, 3, (160, 96))
                   for p in shown.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(array)))]  # fmt: skip
        for one in (packet, *encoded, *shown.encode()):
            film.mux(one)
    with pytest.raises(RefusalError, match="fragmented"):
        cut(buffer.getvalue())


def test_samples_outside_the_media_data_are_refused() -> None:
    data = made()
    at = data.index(b"mdat")
    with pytest.raises(RefusalError):
        cut(data[:at] + b"juNk" + data[at + 4 :])


def test_edits_that_overlap_lose_no_byte_and_keep_none_that_is_to_go() -> None:
    source = io.BytesIO(b"0123456789")
    cuts = (Cut(2, 5, zeros=True), Cut(4, 6, b"xy"), Cut(8, 8, b"in"), Cut(9, 10))
    assert b"".join(pieces(source, read(written(cuts)))) == b"01\0\0\x0067in8"
    assert b"".join(pieces(source, ())) == b"0123456789"
    assert b"".join(pieces(source, (Cut(0, 10), Cut(3, 4, b"no")))) == b""


def damaged(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Cut off, overwritten, doubled and emptied in places."""
    chance = random.Random(seed)
    for _ in range(count):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                yield data[:at]
            case 1:
                yield data[:at] + chance.randbytes(chance.randrange(1, 9)) + data[at + 8 :]
            case 2:
                yield data[:at] + data[chance.randrange(len(data)) :]
            case _:
                number = chance.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF))
                yield data[:at] + number.to_bytes(4, chance.choice(("big", "little"))) + data[at + 4 :]


SMALL: dict[str, Callable[[Path], Path]] = {
    "image/jpeg": lambda path: planting.jpeg(path, size=(64, 64)),
    "image/png": planting.png,
    "image/webp": planting.webp,
    "image/gif": planting.gif,
    "wav": planting.wav,
    "mp3": planting.mp3,
}


@pytest.mark.parametrize("kind", SMALL)
def test_damage_in_a_picture_or_sound_raises_nothing_but_what_is_expected(kind: str, tmp_path: Path) -> None:
    whole = SMALL[kind](tmp_path / f"a.{kind.rpartition('/')[2].replace('jpeg', 'jpg')}").read_bytes()
    head = whole[:3000]  # where the structure is
    made_cuts = 0
    for data in (*damaged(head, 1500, 1), *damaged(whole, 60, 2), b"", whole[:9], head):
        try:
            cuts = PICTURES[kind](data, 6) if kind in PICTURES else SOUNDS[kind](data)
        except (ValueError, IndexError, struct.error):
            continue
        made_cuts += 1
        assert len(b"".join(pieces(io.BytesIO(data), cuts))) <= len(data) + 200
    assert made_cuts


def test_damage_in_a_film_is_refused_or_leads_to_a_file_of_the_same_length() -> None:
    whole = made()
    index = whole.index(b"moov") - 4
    refused = passed = 0
    for part in damaged(whole[index:], 400, 4):
        data = whole[:index] + part
        try:
            clean = cut(data)
        except RefusalError:
            refused += 1
            continue
        passed += 1
        assert len(clean) == len(data)
    assert refused > 50
    assert passed > 50


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff", bytes(4)])
def test_a_stream_of_sound_whose_length_was_not_known_keeps_all_of_it(size: bytes, tmp_path: Path) -> None:
    """Programs that write WAV into a pipe say as much as the field can hold, or nothing."""
    whole = planting.wav(tmp_path / "a.wav").read_bytes()
    at, behind = whole.index(b"data"), whole.index(b"id3 ")
    for notes in (b"", whole[behind:]):
        streamed = whole[: at + 4] + size + whole[at + 8 : behind] + notes
        clean = b"".join(pieces(io.BytesIO(streamed), SOUNDS["wav"](streamed)))
        assert planting.SECRET not in clean
        assert clean.endswith(whole[at:behind])


def test_sound_in_a_code_that_nobody_here_knows_is_kept() -> None:
    data = made("mov").replace(b"mp4a", b"apac", 1)
    clean = cut(data)
    for index in (0, 1):
        with av.open(io.BytesIO(data), "r") as one, av.open(io.BytesIO(clean), "r") as other:
            pairs = [
                [bytes(packet) for packet in film.demux(film.streams[index]) if packet.size]
                for film in (one, other)
            ]
        assert pairs[0] == pairs[1]
        assert pairs[0]


def test_of_an_mp3_only_the_frames_are_left(tmp_path: Path) -> None:
    frames = planting.encoded(tmp_path / "a.mp3", "mp3")
    first = frames.index(b"\xff\xfb")
    middle = first + 20 * 384  # 128 kilobits at 48,000 samples a second: frames of 384 bytes
    sounds = frames[first:]
    slower = planting.encoded(tmp_path / "b.mp3", "mp3", rate=32_000)
    slower = slower[slower.index(b"\xff\xfb") :]
    together = frames + slower
    assert b"".join(pieces(io.BytesIO(together), SOUNDS["mp3"](together))) == sounds + slower
    hidden = b"TAG" + b"\xff\xfb" + planting.SECRET + b"\xff\xfb\x90\x44" + planting.SECRET * 40
    for data in (
        frames,
        hidden + frames,
        frames + hidden,
        frames[:middle] + hidden + frames[middle:],
        b"ID3\4\0\0\0\0\0\x04\xff\xfb\x90\x44" + hidden + sounds[:384] + sounds[384:] + hidden[:7],
    ):
        assert b"".join(pieces(io.BytesIO(data), SOUNDS["mp3"](data))) == sounds
