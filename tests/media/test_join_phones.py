"""Clips that no model made, such as those of phones: turned upright, of their own rates, in HDR; and as long as they were."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.media.crafting import Picture, film, moving
from tests.media.joining import clip, joined, pictures

SIZE = (160, 90)
FRAMES = 24
BROADCAST = Fraction(24_000, 1001)
TICKS = 600
RED, BLUE, WHITE = (200, 30, 30), (30, 30, 200), (235, 235, 235)


def halves() -> Picture:
    """Red to the left, blue to the right, white on top."""
    made = np.full((SIZE[1], SIZE[0], 3), RED, np.uint8)
    made[:, SIZE[0] // 2 :] = BLUE
    made[: SIZE[1] // 3] = WHITE
    return made


def recorded(
    path: Path, stamps: Sequence[int], *, rate: Fraction = Fraction(30), hertz: int | None = None
) -> Path:
    """A clip whose pictures are to be seen at these ticks, and with `hertz` mono sound of a second at this rate."""
    with av.open(str(path), "w") as made:
        shown = made.add_stream("libx264", rate=rate)
        assert isinstance(shown, av.VideoStream)
        (shown.width, shown.height), shown.pix_fmt = SIZE, "yuv420p"
        shown.options = {"preset": "ultrafast"}
        shown.codec_context.time_base = Fraction(1, TICKS)
        heard = made.add_stream("aac", rate=hertz, layout="mono") if hertz else None
        for stamp, array in zip(stamps, moving(len(stamps), 3, SIZE), strict=True):
            frame = av.VideoFrame.from_ndarray(array)
            frame.pts, frame.time_base = stamp, Fraction(1, TICKS)
            made.mux(shown.encode(frame))
        made.mux(shown.encode())
        if heard is not None and hertz:
            sound = av.AudioFrame.from_ndarray(np.full((1, hertz), 0.1, np.float32), "fltp", "mono")
            sound.sample_rate, sound.pts = hertz, 0
            made.mux(heard.encode(sound))
            made.mux(heard.encode())
    return path


@pytest.mark.parametrize(
    ("rotation", "corners"), [(90, (WHITE, BLUE, WHITE, RED)), (180, (BLUE, RED, WHITE, WHITE))]
)
async def test_a_clip_that_lies_on_its_side_is_joined_upright(
    rotation: int, corners: tuple[tuple[int, int, int], ...], tmp_path: Path
) -> None:
    side = film(tmp_path / "side.mp4", [halves()] * FRAMES, rotation=rotation)
    result, _ = await joined(tmp_path / "film.mp4", clip(side))
    assert (result.width, result.height) == (SIZE[::-1] if rotation % 180 else SIZE)
    assert "side" in (result.why_rendered or "")
    seen = pictures(tmp_path / "film.mp4")[FRAMES // 2].astype(int)
    for place, colour in zip((seen[4, 4], seen[4, -5], seen[-5, 4], seen[-5, -5]), corners, strict=True):
        assert np.abs(place - colour).max() < 30


async def test_among_others_it_is_seen_as_a_whole(tmp_path: Path) -> None:
    side = film(tmp_path / "side.mp4", [halves()] * FRAMES, rotation=90)
    plain = film(tmp_path / "plain.mp4", [halves()] * 2 * FRAMES)
    result, _ = await joined(tmp_path / "film.mp4", clip(plain), clip(side))
    assert (result.width, result.height, result.frames) == (*SIZE, 3 * FRAMES)
    seen = pictures(tmp_path / "film.mp4")[-4].astype(int)
    assert seen[45, 10].max() < 16
    assert seen[45, -10].max() < 16
    assert np.abs(seen[20, 85] - BLUE).max() < 30


async def test_clips_of_any_rate_keep_their_length_and_their_sound(tmp_path: Path) -> None:
    steady = [20 * number for number in range(30)]
    lingering = [
        *steady[:10],
        *(300 + 20 * number for number in range(15)),
    ]  # a third of a second in one picture
    used = [
        film(tmp_path / "broadcast.mp4", moving(FRAMES, 1, SIZE), fps=BROADCAST),
        film(tmp_path / "pal.mp4", moving(25, 2, SIZE), fps=25),
        recorded(tmp_path / "mono.mp4", steady, hertz=44_100),
        recorded(tmp_path / "lingering.mp4", lingering),
    ]
    result, made = await joined(tmp_path / "film.mp4", *map(clip, used))
    assert result.why_rendered == "pal differs from broadcast in its frame rate"
    assert (result.frames, result.seconds, made.sound_length) == (96, 4.0, 192_000)
    assert result.starts == (0.0, 1.0, 2.0, 3.0)
    assert result.silent == ("broadcast", "pal", "lingering")
    heard = np.abs(made.sound[0]).reshape(-1, 4800).max(axis=1)  # a tenth of a second each
    assert heard[21:29].min() > 0.05
    assert max(heard[:19].max(), heard[31:].max()) < 0.001
    seen = [picture.astype(int) for picture in pictures(tmp_path / "film.mp4")[72:96]]
    still = [number for number in range(1, 24) if np.abs(seen[number] - seen[number - 1]).mean() < 0.3]
    assert still
    assert all(7 < number < 13 for number in still)


async def test_of_clips_of_one_broadcast_rate_the_pictures_are_copied(tmp_path: Path) -> None:
    used = [
        film(tmp_path / f"{number}.mp4", moving(FRAMES, number, SIZE), fps=BROADCAST) for number in (1, 2)
    ]
    result, _ = await joined(tmp_path / "film.mp4", *map(clip, used))
    assert (result.copied, result.fps, result.frames) == (True, 23.976, 2 * FRAMES)
    assert result.seconds == pytest.approx(2 * FRAMES / float(BROADCAST), abs=1e-6)


async def test_hdr_is_compressed_to_what_every_screen_shows(tmp_path: Path) -> None:
    pq, value = 16, 510
    path = tmp_path / "bright.mp4"
    with av.open(str(path), "w") as made:
        stream = made.add_stream("libx265", rate=24)
        assert isinstance(stream, av.VideoStream)
        (stream.width, stream.height), stream.pix_fmt = SIZE, "yuv420p10le"
        stream.options = {"preset": "ultrafast", "x265-params": "log-level=none:pools=1:frame-threads=1"}
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = 9, 9, pq
        for _ in range(6):
            frame = av.VideoFrame(*SIZE, "yuv420p10le")
            for number, plane in enumerate(frame.planes):
                plane.update(np.full(plane.buffer_size // 2, 512 if number else value, np.uint16).tobytes())
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    result, _ = await joined(tmp_path / "film.mp4", clip(path))
    assert result.why_rendered == "bright is in HDR"
    plainly = (value - 64) / 876 * 255
    assert pictures(tmp_path / "film.mp4")[2].mean() > plainly + 20  # white on paper is white again
