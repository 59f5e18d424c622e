"""The sound of a film: cuts that do not click, music that makes room, and as loud as asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seedance_mcp.media import probe_video
from seedance_mcp.media.join import Soundtrack
from tests.media.crafting import film, plain, sine
from tests.media.joining import SAMPLES, clip, joined, level, make_clips

MUSIC_HERTZ = 3000.0


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sound")
    music = film(folder / "music.mp4", plain(2, (0, 0, 0)), sound=sine(1.0, -6, hertz=MUSIC_HERTZ))
    return {**make_clips(folder), "music": music}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "film.mp4"


async def test_at_a_cut_the_sound_goes_through_silence_for_a_moment(
    clips: dict[str, Path], out: Path
) -> None:
    _, made = await joined(out, clip(clips["loud"]), clip(clips["loud"], name="again"))
    around = np.abs(made.sound[0, SAMPLES - 4800 : SAMPLES + 4800]).reshape(-1, 48).max(axis=1)
    quiet = np.flatnonzero(around < 0.25)  # milliseconds that are 6 dB quieter
    assert len(quiet) <= 8
    assert min(quiet) < 100 <= max(quiet)  # both before and after the cut


async def test_under_a_dissolve_one_sound_gives_way_to_the_other(clips: dict[str, Path], out: Path) -> None:
    used = [clip(clips["red"]), clip(clips["blue"], entry="dissolve", overlap=1.0)]
    _, made = await joined(out, *used)
    before, middle, after = (made.sound[:, at - 1200 : at + 1200] for at in (36_000, 72_000, 108_000))
    assert level(before, 500) == pytest.approx(-12, abs=0.5)
    assert level(middle, 500) == pytest.approx(-15, abs=0.5)  # both with half of their power
    assert level(middle, 4000) == pytest.approx(-15, abs=0.5)
    assert level(after, 4000) == pytest.approx(-12, abs=0.5)
    assert level(after, 500) < -60


async def test_music_is_repeated_makes_room_for_sound_and_fades_out(
    clips: dict[str, Path], out: Path
) -> None:
    music = Soundtrack(path=str(clips["music"]), volume_db=-12, duck_db=9, fade_seconds=0.5)
    used = [clip(clips["silent"]), clip(clips["loud"]), clip(clips["silent"], name="end")]
    result, made = await joined(out, *used, music=music)
    assert result.samples == made.sound_length == 3 * SAMPLES
    alone, beneath = made.sound[:, 50_000:90_000], made.sound[:, 110_000:180_000]
    assert level(alone, MUSIC_HERTZ) == pytest.approx(-18, abs=0.7)
    assert level(beneath, MUSIC_HERTZ) == pytest.approx(-27, abs=0.7)
    assert level(made.sound[:, 250_000:262_000], MUSIC_HERTZ) == pytest.approx(-18, abs=0.7)
    assert np.abs(made.sound[:, -480:]).max() < 0.01


async def test_music_that_is_not_repeated_ends(clips: dict[str, Path], out: Path) -> None:
    music = Soundtrack(path=str(clips["music"]), loop=False)
    _, made = await joined(out, clip(clips["silent"]), music=music)
    assert np.abs(made.sound[:, 52_000:]).max() < 0.001 < np.abs(made.sound[:, 10_000:40_000]).max()


async def test_the_film_gets_as_loud_as_asked_for_without_clipping(clips: dict[str, Path], out: Path) -> None:
    used = [clip(clips["mono"]), clip(clips["loud"])]
    result, made = await joined(out, *used, loudness_lufs=-12.0)
    facts = await probe_video(out)
    assert facts.loudness_lufs == pytest.approx(-12.0, abs=0.6)
    assert result.loudness_lufs is not None
    assert np.abs(made.sound).max() < 0.95
    assert made.sound_length == 2 * SAMPLES


async def test_peaks_that_get_too_loud_are_held_back_where_they_are(
    clips: dict[str, Path], out: Path
) -> None:
    _, made = await joined(out, clip(clips["drift"]), clip(clips["silent"]), loudness_lufs=-20.0)
    assert 0.7 < np.abs(made.sound).max() < 0.95
    assert abs(int(np.abs(made.sound[0]).argmax()) - 24_000) <= 48
