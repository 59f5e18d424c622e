"""Clips become one film: pictures untouched where that can be, sound to the sample, and a name only when it is right."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from seedance_mcp.errors import InvalidRequest, MediaError
from seedance_mcp.media import join as door
from seedance_mcp.media.captions import Cue, spread
from seedance_mcp.media.confine import UnfinishedInspection
from seedance_mcp.media.join import Clip, Cut, join, repeats
from tests.media.crafting import moving
from tests.media.joining import FRAMES, SAMPLES, clip, joined, make_clips, packets, pictures

KILLED_AT_THE_LAST_MOMENT = """
import os, signal, sys
from pathlib import Path
import anyio
from seedance_mcp.media import join as door
died = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
setattr({"NewFile": door.NewFile, "Path": Path}[sys.argv[3]], sys.argv[4], died)
cut = door.Cut(clips=[door.Clip(path=sys.argv[1], name="one")])
anyio.run(door.join, cut, Path(sys.argv[2]))
"""


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "films" / "film.mp4"


async def test_pictures_of_one_encoder_are_copied_bit_for_bit(clips: dict[str, Path], out: Path) -> None:
    used = [clips[name] for name in ("drift", "other", "silent", "drift")]
    result, film = await joined(out, *map(clip, used))
    assert result.copied, result.why_rendered
    assert film.packets == [packet for path in used for packet in packets(path)]
    assert (result.frames, result.seconds, result.samples) == (4 * FRAMES, 8.0, 4 * SAMPLES)
    assert all(after > before for before, after in pairwise(film.dts))
    steps = {after - before for before, after in pairwise(sorted(film.pts))}
    assert [step * film.base for step in steps] == [Fraction(1, 24)]


async def test_sound_lies_at_its_very_sample(clips: dict[str, Path], out: Path) -> None:
    result, film = await joined(out, *(clip(clips[name]) for name in ("drift", "other", "silent", "goes_on")))
    assert result.copied, result.why_rendered
    assert result.silent == ("silent",)
    assert film.sound_length == 4 * SAMPLES
    for number, at in ((0, 0.5), (1, 1.5), (3, 1.0)):
        part = np.abs(film.sound[0, number * SAMPLES : (number + 1) * SAMPLES])
        assert abs(int(part.argmax()) - round(at * 48_000)) <= 1
        assert part.max() == pytest.approx(0.8, abs=0.1)
    assert np.abs(film.sound[:, 2 * SAMPLES + 2048 : 3 * SAMPLES - 2048]).max() < 0.001


async def test_a_film_without_any_sound_has_no_track_of_it(clips: dict[str, Path], out: Path) -> None:
    result, film = await joined(out, clip(clips["silent"]), clip(clips["silent"], name="again"))
    assert (result.samples, film.sound_length) == (0, None)


async def test_a_repeated_picture_is_there_for_one_tick_only(clips: dict[str, Path], out: Path) -> None:
    used = [clip(clips["drift"]), clip(clips["goes_on"], drop_first=True)]
    result, film = await joined(out, *used)
    assert (result.copied, result.dropped) == (True, ("goes_on",))
    assert await repeats(Cut(clips=used)) == ("goes_on",)
    assert film.packets == [*packets(clips["drift"]), *packets(clips["goes_on"])]
    steps = [after - before for before, after in pairwise(sorted(film.pts))]
    assert steps.count(1) == 1
    assert steps.index(1) == FRAMES - 1
    assert all(after > before for before, after in pairwise(film.dts))
    assert result.seconds == pytest.approx(4 - 1 / 24, abs=0.001)
    assert film.sound_length == round(result.seconds * 48_000)


async def test_another_picture_is_not_taken_for_a_repeated_one(clips: dict[str, Path], out: Path) -> None:
    used = [clip(clips["drift"]), clip(clips["other"], drop_first=True)]
    result, _ = await joined(out, *used)
    assert (result.dropped, result.seconds) == ((), 4.0)
    assert await repeats(Cut(clips=used)) == ()


async def test_a_repeated_picture_is_left_out_when_rendering(clips: dict[str, Path], out: Path) -> None:
    used = [clip(clips["drift"]), clip(clips["goes_on"], drop_first=True)]
    result, _ = await joined(out, *used, size=(160, 90))
    assert (result.copied, result.dropped, result.frames) == (False, ("goes_on",), 2 * FRAMES - 1)
    seen = [picture.astype(np.float32) for picture in pictures(out)]
    steps = [float(np.abs(after - before).mean()) for before, after in pairwise(seen)]
    assert min(steps) > float(np.median(steps)) / 2


@pytest.mark.parametrize(
    ("name", "why"),
    [("square", "size"), ("fast", "frame rate"), ("coarse", "encoder's parameters")],
)
async def test_clips_of_different_formats_are_rendered_as_one(
    name: str, why: str, clips: dict[str, Path], out: Path
) -> None:
    result, film = await joined(out, clip(clips["drift"]), clip(clips[name]))
    assert not result.copied
    assert why in (result.why_rendered or "")
    seconds = 3.5 if name == "square" else 4.0
    assert (result.width, result.height, result.fps) == (320, 180, 24)
    assert (result.frames, result.seconds, film.sound_length) == (seconds * 24, seconds, seconds * 48_000)
    seen = pictures(out)
    assert len(seen) == result.frames
    source = pictures(clips["drift"])
    off = [np.abs(seen[10].astype(int) - source[number].astype(int)).mean() for number in range(8, 13)]
    assert off.index(min(off)) == 2  # the very picture of that time
    if name == "square":  # as a whole, on black
        assert seen[-1][90, 5].max() < 12
        assert abs(int(seen[-1][90, 160, 1]) - 200) < 12
    with av.open(str(out)) as opened:
        colours = opened.streams.video[0].codec_context
        assert (colours.pix_fmt, colours.colorspace, colours.color_range) == ("yuv420p", 1, 1)


async def test_a_dissolve_mixes_both_clips_and_shortens_the_film(clips: dict[str, Path], out: Path) -> None:
    used = [clip(clips["red"]), clip(clips["blue"], entry="dissolve", overlap=0.5)]
    result, film = await joined(out, *used, cues=[Cue(0.5, 1.0, "Blue.", shot="blue")])
    assert (result.frames, result.seconds, film.sound_length) == (84, 3.5, 168_000)
    assert film.chapters == [(0.0, "red"), (1.5, "blue")]
    assert film.cues == [(2.0, 2.5, "Blue.")]
    seen = pictures(out)
    red, blue = (seen[number][90, 160].astype(int) for number in (35, 48))
    assert np.abs(seen[41][90, 160] - (red + blue) / 2).max() < 12
    assert red[0] > 180 > 60 > red[2]
    assert blue[2] > 180 > 60 > blue[0]


@pytest.mark.parametrize(
    ("entry", "left", "right"),
    [
        ("fade_black", "black", "black"),
        ("fade_white", "white", "white"),
        ("wipe_left", "red", "blue"),
        ("wipe_right", "blue", "red"),
    ],
)
async def test_each_transition_looks_as_it_is_called(
    entry: str, left: str, right: str, clips: dict[str, Path], out: Path
) -> None:
    result, _ = await joined(out, clip(clips["red"]), clip(clips["blue"], entry=entry, overlap=0.5))
    middle = pictures(out)[41]
    colours = {"red": (200, 30, 30), "blue": (30, 30, 200), "black": (0, 0, 0), "white": (255, 255, 255)}
    assert result.frames == 84
    for across, colour in ((40, left), (280, right)):
        assert np.abs(middle[90, across].astype(int) - colours[colour]).max() < 45


async def test_lines_that_follow_each_other_at_once_are_captions_too(
    clips: dict[str, Path], out: Path
) -> None:
    lines = spread(["Three times?", "Three times."], 1.3, "drift")
    _, film = await joined(out, clip(clips["drift"], name="drift"), cues=lines)
    assert [text for *_, text in film.cues] == ["Three times?", "Three times."]
    assert [start for start, *_ in film.cues] == [0.3, 0.8]


async def test_captions_of_one_moment_are_one_and_no_other_is_lost(clips: dict[str, Path], out: Path) -> None:
    cues = [
        Cue(1.0004, 1.4, "Both", shot="drift"),
        Cue(1.0001, 1.6, "at once.", shot="drift"),
        Cue(1.5, 9.0, "ثلاث مرات"),
        Cue(1.4899, 1.49, "short"),
        Cue(1.9, 2.2, " \n"),
        *(Cue(1.75 + number / 1000, 2.5, f"{number}") for number in range(3)),
        Cue(1.9999, 5.0, "the last moment", shot="drift"),
        Cue(0.1, 1.0, "Under the dissolve,", shot="blue"),
    ]
    used = [clip(clips["drift"]), clip(clips["blue"], entry="dissolve", overlap=0.5)]
    result, film = await joined(out, *used, cues=cues)
    assert [(start, text) for start, _, text in film.cues] == [
        (1.0, "Both\nat once."),
        (1.44, "short"),
        (1.5, "ثلاث مرات"),
        (1.6, "Under the dissolve,"),
        (1.75, "0\n1\n2"),
        (1.95, "the last moment"),
    ]
    assert [cue.text for cue in result.cues] == [text for *_, text in film.cues]
    assert all(before[1] <= after[0] for before, after in pairwise(film.cues))


async def test_what_was_said_of_the_film_is_read_back(clips: dict[str, Path], out: Path) -> None:
    cues = [
        Cue(0.3, 1.5, "Come in,\nit rains."),
        Cue(0.25, 9.0, "雨下得很大。", shot="silent"),
        Cue(5.0, 6.0, "After the end."),
    ]
    used = [clip(clips["drift"], name="门 door"), clip(clips["silent"])]
    result, film = await joined(
        out, *used, cues=cues, language="zh-CN", title="Der Weg 路", comment="made by hand"
    )
    assert film.chapters == [(0.0, "门 door"), (2.0, "silent")]
    assert film.cues == [(0.3, 1.5, "Come in,\nit rains."), (2.25, 4.0, "雨下得很大。")]
    assert [(cue.start, cue.end) for cue in result.cues] == [(0.3, 1.5), (2.25, 4.0)]
    assert (film.tags["title"], film.tags["comment"]) == ("Der Weg 路", "made by hand")
    with av.open(str(out)) as opened:
        assert opened.streams.subtitles[0].language == "zho"
        (cover,) = [
            stream for stream in opened.streams.video if stream.disposition & Disposition.attached_pic
        ]
        assert (cover.width, cover.height) == (320, 180)
    assert out.read_bytes()[4:64].count(b"moov") == 1  # the index lies in front


@pytest.mark.parametrize("broken", ["cut off", "overwritten"])
@pytest.mark.parametrize("size", [None, (160, 90)])
async def test_a_damaged_clip_is_named_and_the_earlier_film_stays(
    broken: str, size: tuple[int, int] | None, clips: dict[str, Path], out: Path, tmp_path: Path
) -> None:
    content = bytearray(clips["other"].read_bytes())
    with av.open(str(clips["other"])) as film:  # only pictures: sound is decoded while joining
        spans = [(packet.pos or 0, packet.size) for packet in film.demux(film.streams.video[0])]
    for first, size_in_bytes in spans[20:24]:
        content[first : first + size_in_bytes] = bytes(size_in_bytes)
    if broken == "cut off":
        del content[-2000:]
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)
    out.parent.mkdir()
    out.write_bytes(b"the earlier film")
    names = ("drift", "silent", "damaged", "drift")
    used = [clip({**clips, "damaged": damaged}[name]) for name in names]
    with pytest.raises(MediaError, match=r"^damaged: "):
        await join(Cut(clips=used, size=size), out)
    assert [path.name for path in out.parent.iterdir()] == ["film.mp4"]
    assert out.read_bytes() == b"the earlier film"


async def test_a_worker_that_is_stopped_leaves_no_file(
    clips: dict[str, Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_LIMITS", replace(door._LIMITS, seconds=0.25))
    used = [clip(clips["drift"], name=f"{number}") for number in range(40)]
    with pytest.raises(UnfinishedInspection):
        await join(Cut(clips=used, size=(1280, 720)), out)
    assert list(out.parent.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no files without a name")
@pytest.mark.parametrize(("moment", "left"), [(("NewFile", "name_it"), 0), (("Path", "replace"), 1)])
async def test_killed_before_the_film_has_its_name_it_leaves_nothing_for_long(
    moment: tuple[str, str], left: int, clips: dict[str, Path], out: Path
) -> None:
    command = [sys.executable, "-c", KILLED_AT_THE_LAST_MOMENT, str(clips["drift"]), str(out), *moment]
    assert subprocess.run(command, timeout=60, check=False).returncode == -signal.SIGKILL
    assert not out.exists()
    assert len(list(out.parent.iterdir())) == left
    await join(Cut(clips=[clip(clips["drift"])]), out)
    assert [path.name for path in out.parent.iterdir()] == ["film.mp4"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
async def test_a_film_that_would_get_too_large_is_refused(
    clips: dict[str, Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_LIMITS", replace(door._LIMITS, file_bytes=60_000))
    with pytest.raises(MediaError, match="disk is full"):
        await join(Cut(clips=[clip(clips["drift"]), clip(clips["other"])]), out)
    assert list(out.parent.iterdir()) == []


async def test_no_clip_and_a_clip_that_is_not_there_are_refused(out: Path) -> None:
    with pytest.raises(InvalidRequest):
        await join(Cut(clips=[]), out)
    with pytest.raises(MediaError, match=r"no file .*gone\.mp4"):
        await join(Cut(clips=[Clip(path=str(out.parent / "gone.mp4"), name="gone")]), out)


def hevc(path: Path, seed: int, pixels: str) -> Path:
    """A small clip in HEVC."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx265", rate=24)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 180, pixels
        stream.options = {"preset": "ultrafast", "x265-params": "log-level=none:pools=1:frame-threads=1"}
        for array in moving(12, seed):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(array)))
        film.mux(stream.encode())
    return path


async def test_hevc_is_copied_with_the_tag_that_players_know(out: Path, tmp_path: Path) -> None:
    used = [clip(hevc(tmp_path / f"{number}.mp4", number, "yuv420p")) for number in range(2)]
    result, film = await joined(out, *used)
    assert (result.copied, film.codec_tag) == (True, "hvc1")


@pytest.mark.parametrize("picture", ["h264", "as bought"])
async def test_pictures_with_more_bits_stay_only_when_asked_for(
    picture: str, out: Path, tmp_path: Path
) -> None:
    used = [clip(hevc(tmp_path / f"{number}.mp4", number, "yuv420p10le")) for number in range(2)]
    result, film = await joined(out, *used, picture=picture)
    assert (result.copied, film.codec_tag) == ((True, "hvc1") if picture == "as bought" else (False, "avc1"))
    assert result.frames == 24
