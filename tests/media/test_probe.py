"""Facts of videos that were made to have them."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import anyio
import numpy as np
import pytest
from numpy.typing import NDArray

from seedance_mcp.errors import MediaError
from seedance_mcp.media import Span, VideoFacts, probe_video
from tests.media.crafting import RATE, film, moving, noise, picture, plain, sine

BLACK = (0, 0, 0)


async def facts(path: Path, *, full: bool = True) -> VideoFacts:
    with anyio.fail_after(30):
        return await probe_video(path, full=full)


def near(spans: tuple[Span, ...], *expected: tuple[float, float]) -> bool:
    """True when these are the stretches, within two frames."""
    found = [(span.start, span.end) for span in spans]
    return len(found) == len(expected) and np.allclose(found, expected, atol=0.09)


def quiet(seconds: float, channels: int = 2) -> NDArray[np.float32]:
    return np.zeros((channels, round(seconds * RATE)), np.float32)


async def test_a_crafted_video_is_described_as_it_was_made(tmp_path: Path) -> None:
    last = moving(24, 3)
    pictures = [*moving(24, 1), *moving(24, 2), *plain(24, BLACK), *last, *[last[-1]] * 48]
    sound = np.concatenate((sine(3, -23), quiet(1.5), sine(1.5, -23)), axis=1)
    path = film(
        tmp_path / "a.mp4",
        pictures,
        sound=sound,
        tags={"title": "A fox\x1b[2J", "comment": "made by hand\nhere"},
    )
    found = await facts(path)
    assert (found.path, found.bytes) == (path, path.stat().st_size)
    assert (found.width, found.height, found.fps, found.frames) == (320, 180, 24, 144)
    assert found.duration_seconds == pytest.approx(6, abs=0.05)
    assert (found.video_codec, found.audio_codec, found.has_audio) == ("h264", "aac", True)
    assert found.cuts == pytest.approx((1, 2, 3), abs=0.05)
    assert near(found.blacks, (2, 3))
    # The black second is a picture that stands still as well.
    assert near(found.freezes, (2, 3), (4, 6))
    assert near(found.silences, (3, 4.5))
    assert found.loudness_lufs == pytest.approx(-23, abs=1)
    assert (found.title, found.comment) == ("A fox[2J", "made by hand\nhere")


@pytest.mark.parametrize(
    ("channels", "dbfs", "lufs"), [(2, -23, -23), (2, -33, -33), (1, -20, -23), (2, -3, -3)]
)
async def test_the_loudness_of_a_known_tone_is_right(
    channels: int, dbfs: float, lufs: float, tmp_path: Path
) -> None:
    found = await facts(
        film(tmp_path / "a.mp4", plain(72, (90, 90, 90), (64, 48)), sound=sine(3, dbfs, channels=channels))
    )
    assert found.loudness_lufs == pytest.approx(lufs, abs=0.3)


async def test_low_rumble_counts_less_and_treble_more(tmp_path: Path) -> None:
    pictures = plain(72, (90, 90, 90), (64, 48))
    rumble = await facts(film(tmp_path / "a.mp4", pictures, sound=sine(3, -23, hertz=40)))
    treble = await facts(film(tmp_path / "b.mp4", pictures, sound=sine(3, -23, hertz=4000)))
    assert rumble.loudness_lufs is not None
    assert treble.loudness_lufs is not None
    assert rumble.loudness_lufs < -27
    assert treble.loudness_lufs == pytest.approx(-20, abs=0.5)


async def test_a_quiet_part_does_not_pull_the_loudness_down(tmp_path: Path) -> None:
    sound = np.concatenate((sine(4, -45), sine(4, -23)), axis=1)
    found = await facts(film(tmp_path / "a.mp4", plain(24, (90, 90, 90), (64, 48)), sound=sound))
    assert found.loudness_lufs == pytest.approx(-23, abs=0.6)


async def test_a_sound_longer_than_one_chunk_has_no_seams(tmp_path: Path) -> None:
    found = await facts(film(tmp_path / "a.mp4", plain(24, (90, 90, 90), (64, 48)), sound=sine(25, -23)))
    assert found.loudness_lufs == pytest.approx(-23, abs=0.1)
    assert found.silences == ()


async def test_a_silent_video_has_no_loudness_and_no_silences(tmp_path: Path) -> None:
    found = await facts(film(tmp_path / "a.mp4", moving(24, 1)))
    assert (found.has_audio, found.audio_codec, found.loudness_lufs) == (False, None, None)
    assert found.silences == ()


async def test_a_mute_sound_track_is_one_long_silence(tmp_path: Path) -> None:
    found = await facts(film(tmp_path / "a.mp4", moving(24, 1), sound=quiet(1)))
    assert found.has_audio
    assert found.loudness_lufs is None
    assert near(found.silences, (0, 1))


@pytest.mark.parametrize("fps", [12, 24, 30, 60])
async def test_each_cut_is_told_to_the_very_frame(fps: int, tmp_path: Path) -> None:
    pictures = [*moving(13, 1), *moving(20, 2), *moving(9, 3), *moving(18, 4)]
    found = await facts(film(tmp_path / "a.mp4", pictures, fps=fps))
    assert found.cuts == pytest.approx((13 / fps, 33 / fps, 42 / fps), abs=0.002)


async def test_a_jump_within_one_scene_is_a_cut(tmp_path: Path) -> None:
    shot = moving(60, 1)
    assert (await facts(film(tmp_path / "a.mp4", [*shot[:20], *shot[40:]]))).cuts == pytest.approx(
        (20 / 24,), abs=0.002
    )


async def test_a_cut_between_two_shots_by_night_is_found(tmp_path: Path) -> None:
    dark = [(frame // 6).astype(np.uint8) for frame in (*moving(20, 1), *moving(20, 2))]
    assert (await facts(film(tmp_path / "a.mp4", dark))).cuts == pytest.approx((20 / 24,), abs=0.002)


async def test_a_title_that_appears_at_once_is_no_cut(tmp_path: Path) -> None:
    shot = [plain(1, (60, 60, 70))[0].copy() for _ in range(48)]
    for frame in shot[24:]:
        frame[130:150, 100:220] = (250, 250, 250)
    assert (await facts(film(tmp_path / "a.mp4", shot))).cuts == ()


async def test_a_fade_through_black_is_no_cut(tmp_path: Path) -> None:
    light = [*np.linspace(1, 0, 12), *np.zeros(12), *np.linspace(0, 1, 12)]
    shots = [*moving(18, 1), *moving(18, 2)]
    faded = [(frame * share).astype(np.uint8) for frame, share in zip(shots, light, strict=True)]
    assert (await facts(film(tmp_path / "a.mp4", faded))).cuts == ()


@pytest.mark.parametrize("fps", [24, 30])
async def test_freezes_and_blacks_are_told_to_the_frame(fps: int, tmp_path: Path) -> None:
    shot = moving(21, 1)
    pictures = [*shot, *[shot[-1]] * 40, *moving(10, 2), *plain(15, BLACK), *moving(10, 3)]
    found = await facts(film(tmp_path / "a.mp4", pictures, fps=fps, options={"crf": "10"}))
    frame = 1.05 / fps
    [freeze], [black] = found.freezes, found.blacks
    # The frame that is held is the first of its freeze.
    assert (freeze.start, freeze.end) == pytest.approx((20 / fps, 61 / fps), abs=frame)
    assert (black.start, black.end) == pytest.approx((71 / fps, 86 / fps), abs=frame)


async def test_silences_are_told_to_a_few_hundredths_of_a_second(tmp_path: Path) -> None:
    sound = np.concatenate((sine(1, -20), quiet(0.7), sine(0.5, -20), quiet(0.8)), axis=1)
    found = await facts(film(tmp_path / "a.mp4", plain(72, (90, 90, 90), (64, 48)), sound=sound))
    assert [(span.start, span.end) for span in found.silences] == [
        pytest.approx((1, 1.7), abs=0.05),
        pytest.approx((2.2, 3), abs=0.05),
    ]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("hertz", [60.0, 997.0, 6000.0])
async def test_the_loudness_is_that_which_ffmpeg_measures(hertz: float, tmp_path: Path) -> None:
    sound = np.concatenate((sine(2, -18, hertz=hertz), quiet(1), sine(2, -30, hertz=hertz)), axis=1)
    path = film(tmp_path / "a.mp4", plain(24, (90, 90, 90), (64, 48)), sound=sound)
    listening = ["ffmpeg", "-nostdin", "-i", str(path), "-af", "ebur128=framelog=verbose", "-f", "null", "-"]
    with anyio.fail_after(30):
        said = (await anyio.run_process(listening)).stderr.decode()
    told = re.findall(r"I:\s+(-?[0-9.]+) LUFS", said)
    assert (await facts(path)).loudness_lufs == pytest.approx(float(told[-1]), abs=0.3)


async def test_motion_alone_is_no_cut_and_no_freeze(tmp_path: Path) -> None:
    found = await facts(film(tmp_path / "a.mp4", moving(48, 1)))
    assert (found.cuts, found.freezes, found.blacks) == ((), (), ())


async def test_a_slow_change_of_light_is_no_freeze(tmp_path: Path) -> None:
    columns = np.arange(320)[None, :, None]
    pictures = [
        np.broadcast_to(100 + (index + columns % 4) // 4, (180, 320, 3)).astype(np.uint8)
        for index in range(72)
    ]
    found = await facts(film(tmp_path / "a.mp4", pictures, options={"crf": "0"}))
    assert found.freezes == ()


async def test_wild_motion_is_no_row_of_cuts(tmp_path: Path) -> None:
    found = await facts(
        film(tmp_path / "a.mp4", [frame for index in range(24) for frame in moving(1, index)])
    )
    assert found.cuts == ()


async def test_a_flash_of_one_frame_is_no_cut(tmp_path: Path) -> None:
    shot = moving(48, 1)
    shot[24] = plain(1, (255, 255, 255))[0]
    assert (await facts(film(tmp_path / "a.mp4", shot))).cuts == ()


async def test_a_fade_is_no_cut(tmp_path: Path) -> None:
    one, two = moving(48, 1), moving(48, 2)
    mix = [
        np.clip(a + (b.astype(float) - a) * i / 47, 0, 255).astype(np.uint8)
        for i, (a, b) in enumerate(zip(one, two, strict=True))
    ]
    assert (await facts(film(tmp_path / "a.mp4", mix))).cuts == ()


async def test_short_blacks_and_freezes_are_not_mentioned(tmp_path: Path) -> None:
    shot = moving(24, 1)
    held = [*shot, *[shot[-1]] * 12, *plain(5, BLACK), *moving(24, 2)]
    found = await facts(film(tmp_path / "a.mp4", held))
    assert (found.blacks, found.freezes) == ((), ())


async def test_a_turned_video_is_measured_as_it_is_shown(tmp_path: Path) -> None:
    found = await facts(film(tmp_path / "a.mp4", plain(12, (90, 0, 0)), rotation=90))
    assert (found.width, found.height) == (180, 320)


async def test_a_single_frame_is_a_video(tmp_path: Path) -> None:
    found = await facts(film(tmp_path / "a.mp4", plain(1, (90, 0, 0))))
    assert found.frames == 1
    assert found.duration_seconds == pytest.approx(1 / 24, abs=0.01)


async def test_the_quick_check_measures_no_picture_and_no_sound(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [*moving(24, 1), *moving(24, 2)], sound=sine(2, -23))
    found = await facts(path, full=False)
    assert (found.width, found.frames, found.has_audio) == (320, 48, True)
    assert (found.cuts, found.loudness_lufs) == ((), None)


@pytest.mark.parametrize("faststart", [True, False])
@pytest.mark.parametrize("full", [True, False])
async def test_a_video_cut_off_anywhere_is_refused(full: bool, faststart: bool, tmp_path: Path) -> None:
    options = {"movflags": "faststart"} if faststart else {}
    path = film(tmp_path / "a.mp4", moving(24, 1), sound=sine(1, -23), options=options)
    whole = path.read_bytes()
    for kept in (7, 30, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(MediaError):
            await facts(path, full=full)


async def test_a_video_with_strange_bytes_behind_it_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", moving(12, 1))
    path.write_bytes(path.read_bytes() + b"\0\0\0\0 and more")
    with pytest.raises(MediaError):
        await facts(path)


async def test_a_video_without_its_index_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", moving(12, 1))
    path.write_bytes(path.read_bytes().replace(b"moov", b"free"))
    with pytest.raises(MediaError, match="index"):
        await facts(path)


@pytest.mark.parametrize("damage", [16, 4000])
async def test_a_video_damaged_in_the_middle_is_refused(damage: int, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", noise(12, (160, 90)))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + damage] = bytes(damage)
    path.write_bytes(content)
    with pytest.raises(MediaError) as error:
        await facts(path, full=False)
    assert "again" in error.value.hint


@pytest.mark.parametrize("name", ["a.png", "missing.mp4", "."])
async def test_what_is_no_video_is_refused(name: str, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    with pytest.raises(MediaError):
        await facts(tmp_path / name)


async def test_five_seconds_of_720p_are_looked_at_quickly(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", moving(120, 1, (1280, 720)), sound=sine(5, -23))
    began = time.perf_counter()
    await facts(path)
    assert time.perf_counter() - began < 5  # 0.5 s on a free machine; this one may be busy
