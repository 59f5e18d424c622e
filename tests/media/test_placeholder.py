"""The videos of the sandbox: exact in size and length, the same per seed, alive, and marked as what they are."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import anyio
import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from seedance_mcp.media import PlaceholderSpec, probe_video, render_placeholder
from seedance_mcp.media.placeholder.render import RenderingStopped

Pixels = NDArray[np.int16]

SMALL = PlaceholderSpec(
    prompt="A red fox runs through fresh snow",
    model="seedance-2.0",
    width=320,
    height=180,
    duration_seconds=1,
    seed=7,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with nothing in it."""
    empty = tmp_path / "empty"
    empty.mkdir()
    return empty


def render(spec: PlaceholderSpec, path: Path, *, last_frame: Path | None = None) -> Path:
    """Draw a placeholder to its end."""
    render_placeholder(spec, path, last_frame=last_frame, progress=lambda _: None, cancelled=lambda: False)
    return path


def frames(path: Path) -> list[Pixels]:
    """Every picture of a video as RGB, in a type whose differences do not overflow."""
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24").astype(np.int16) for frame in film.decode(video=0)]


def difference(one: Pixels, other: Pixels) -> float:
    """The mean distance of two pictures, 0 to 255."""
    return float(np.abs(one - other).mean())


def photo(path: Path, size: tuple[int, int] = (640, 360)) -> Path:
    """A picture with structure everywhere, so that any shift of it shows."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    layers = [128 + 100 * np.sin(x / 23), 128 + 90 * np.sin(y / 17), 128 + 80 * np.sin((x + y) / 31)]
    Image.fromarray(np.stack(layers, axis=-1).astype(np.uint8)).save(path)
    return path


def covering(path: Path, size: tuple[int, int]) -> Pixels:
    """What an image looks like when it fills a frame of this size."""
    with Image.open(path) as image:
        scale = max(size[0] / image.width, size[1] / image.height)
        grown = image.resize(
            (round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS
        )
    left, top = (grown.width - size[0]) // 2, (grown.height - size[1]) // 2
    return np.asarray(grown.crop((left, top, left + size[0], top + size[1]))).astype(np.int16)


def boxes(path: Path) -> list[str]:
    """The names of the outermost boxes of an MP4 file, in order."""
    content = path.read_bytes()
    found: list[str] = []
    place = 0
    while place < len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        found.append(content[place + 4 : place + 8].decode())
        place += length
    return found


@pytest.mark.parametrize(
    ("size", "seconds", "fps", "audio"),
    [
        ((864, 496), 2, 24, True),
        ((496, 864), 1, 24, False),
        ((640, 640), 1.5, 24, True),
        ((960, 416), 29 / 24, 24, True),
        ((752, 560), 1, 30, True),
        ((1280, 720), 1, 24, False),
        ((1920, 1088), 0.25, 24, True),
        ((2206, 946), 0.125, 24, False),
        ((4398, 1886), 0.125, 24, True),
    ],
)
def test_size_length_rate_and_sound_are_exact(
    tmp_path: Path, size: tuple[int, int], seconds: float, fps: int, audio: bool
) -> None:
    spec = replace(SMALL, width=size[0], height=size[1], duration_seconds=seconds, fps=fps, audio=audio)
    path = render(spec, tmp_path / "v.mp4")
    with av.open(str(path)) as film:
        picture = film.streams.video[0]
        assert (picture.width, picture.height) == size
        assert picture.codec_context.name == "h264"
        assert picture.pix_fmt == "yuv420p"
        assert picture.average_rate == fps
        assert picture.duration
        assert picture.time_base
        assert picture.duration * picture.time_base == pytest.approx(round(seconds * fps) / fps)
        assert len(film.streams.audio) == int(audio)
        for sound in film.streams.audio:
            assert sound.codec_context.name == "aac"
            assert sound.duration
            assert sound.time_base
            assert float(sound.duration * sound.time_base) == pytest.approx(
                round(seconds * fps) / fps, abs=1e-3
            )
    assert len(frames(path)) == round(seconds * fps)


def test_a_player_can_begin_before_the_file_has_loaded(tmp_path: Path) -> None:
    names = boxes(render(SMALL, tmp_path / "v.mp4"))
    assert names.index("moov") < names.index("mdat")


def test_the_file_says_what_it_is_and_what_it_stands_for(tmp_path: Path) -> None:
    spec = replace(SMALL, prompt="雪原上的狐狸 ❄ \x00 \ud83d end")
    with av.open(str(render(spec, tmp_path / "v.mp4"))) as film:
        assert film.metadata["title"] == "雪原上的狐狸 ❄   ? end"
        assert film.metadata["comment"] == "placeholder; model=seedance-2.0; seed=7"


def test_the_same_seed_gives_the_same_file_and_another_one_another_video(tmp_path: Path) -> None:
    one = render(SMALL, tmp_path / "one.mp4")
    same = render(SMALL, tmp_path / "same.mp4")
    other = render(replace(SMALL, seed=8), tmp_path / "other.mp4")
    assert one.read_bytes() == same.read_bytes()
    assert difference(frames(one)[0], frames(other)[0]) > 5


async def test_it_is_alive_from_the_first_to_the_last_second_and_neither_silent_nor_loud(
    tmp_path: Path,
) -> None:
    with anyio.fail_after(60):
        for seed in (1, 2, 3):
            path = render(replace(SMALL, duration_seconds=5, seed=seed), tmp_path / f"{seed}.mp4")
            facts = await probe_video(path)
            assert (facts.cuts, facts.blacks, facts.freezes, facts.silences) == ((), (), (), ())
            assert facts.loudness_lufs is not None
            assert -23 <= facts.loudness_lufs <= -20


async def test_a_picture_of_one_colour_does_not_look_frozen(tmp_path: Path) -> None:
    plain = tmp_path / "plain.png"
    Image.new("RGB", (64, 64), "teal").save(plain)
    for camera_fixed in (False, True):
        spec = replace(SMALL, prompt="", duration_seconds=4, first_frame=plain, camera_fixed=camera_fixed)
        with anyio.fail_after(30):
            facts = await probe_video(render(spec, tmp_path / "v.mp4"))
        assert facts.freezes == ()


def test_the_sound_begins_and_ends_without_a_click(tmp_path: Path) -> None:
    with av.open(str(render(SMALL, tmp_path / "v.mp4"))) as film:
        sound = np.concatenate([frame.to_ndarray() for frame in film.decode(audio=0)], axis=1)
    assert np.abs(sound[:, 24_000]).max() < 0.9
    assert np.abs(sound[:, :24]).max() < 0.01
    assert np.abs(sound[:, -24:]).max() < 0.01
    assert np.abs(np.diff(sound, axis=1)).max() < 0.05


def test_it_starts_on_the_first_frame_cut_to_its_own_shape(tmp_path: Path) -> None:
    first = photo(tmp_path / "first.png", (500, 500))
    shown = frames(render(replace(SMALL, first_frame=first), tmp_path / "v.mp4"))
    wanted = covering(first, (320, 180))
    assert difference(shown[0][40:], wanted[40:]) < 4
    assert difference(shown[-1], wanted) > 12


def test_it_ends_on_the_last_frame_and_says_where_from(tmp_path: Path) -> None:
    first, last = photo(tmp_path / "first.png"), photo(tmp_path / "last.jpg", (360, 640))
    spec = replace(SMALL, first_frame=first, last_frame=last)
    shown = frames(render(spec, tmp_path / "v.mp4", last_frame=tmp_path / "end.png"))
    wanted = covering(last, (320, 180))
    assert difference(shown[0][40:], covering(first, (320, 180))[40:]) < 4
    assert difference(shown[-1][40:], wanted[40:]) < 4
    with Image.open(tmp_path / "end.png") as end:
        assert end.format == "PNG"
        assert difference(np.asarray(end).astype(np.int16), wanted) < 3


def test_a_very_large_one_is_always_alike_and_ends_on_a_picture_of_its_size(tmp_path: Path) -> None:
    size = (2400, 1350)
    last = photo(tmp_path / "last.png", (1200, 675))
    spec = replace(SMALL, width=size[0], height=size[1], last_frame=last, duration_seconds=0.125)
    videos = [render(spec, tmp_path / f"{n}.mp4", last_frame=tmp_path / "end.png") for n in (1, 2)]
    assert videos[0].read_bytes() == videos[1].read_bytes()
    wanted = covering(last, size)
    assert difference(frames(videos[0])[-1][600:], wanted[600:]) < 4
    with Image.open(tmp_path / "end.png") as end:
        assert difference(np.asarray(end).astype(np.int16), wanted) < 3


def test_the_last_frame_carries_no_words_so_that_a_next_video_can_start_from_it(tmp_path: Path) -> None:
    ends = []
    for prompt in ("One thing", "Quite another thing"):
        end = tmp_path / f"{len(prompt)}.jpg"
        render(replace(SMALL, prompt=prompt, duration_seconds=0.5), tmp_path / "v.mp4", last_frame=end)
        ends.append(end.read_bytes())
    assert ends[0] == ends[1]
    assert ends[0][:3] == b"\xff\xd8\xff"


def test_a_turned_photo_is_shown_the_right_way_up(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (320, 180), "blue")
    image.paste("red", (0, 0, 160, 180))
    image.save(tmp_path / "turned.jpg", exif=exif)
    spec = replace(SMALL, width=180, height=320, first_frame=tmp_path / "turned.jpg", prompt="")
    shown = frames(render(spec, tmp_path / "v.mp4"))[0]
    red, blue = shown[120, 90], shown[300, 90]
    assert red[0] > 200 > red[2]
    assert blue[2] > 200 > blue[0]


def test_references_are_all_to_be_seen(tmp_path: Path) -> None:
    for name, color in (("a.png", (255, 0, 0)), ("b.png", (0, 255, 0))):
        Image.new("RGB", (300, 200), color).save(tmp_path / name)
    film = render(replace(SMALL, first_frame=tmp_path / "a.png"), tmp_path / "film.mp4")
    spec = replace(
        SMALL, references=(tmp_path / "a.png", tmp_path / "b.png", film, "https://example.com/x.png")
    )
    shown = frames(render(spec, tmp_path / "v.mp4"))[12]
    red = (shown[..., 0] > 220) & (shown[..., 1] < 40)
    green = (shown[..., 1] > 220) & (shown[..., 0] < 40)
    assert red.mean() > 0.04
    assert green.mean() > 0.02
    without = frames(render(SMALL, tmp_path / "w.mp4"))[12]
    assert difference(shown, without) > 10


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_cannot_be_read_becomes_a_card(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.png").write_bytes(content)
    spec = replace(SMALL, first_frame=tmp_path / "broken.png", duration_seconds=0.25)
    assert len(frames(render(spec, tmp_path / "v.mp4"))) == 6
    gone = replace(SMALL, first_frame=tmp_path / "gone.png", duration_seconds=0.25)
    assert len(frames(render(gone, tmp_path / "w.mp4"))) == 6


def test_every_frame_is_marked_and_shows_the_prompt(tmp_path: Path) -> None:
    marked = frames(render(SMALL, tmp_path / "v.mp4"))
    silent = frames(render(replace(SMALL, prompt=""), tmp_path / "s.mp4"))
    other = frames(render(replace(SMALL, model="seedance-1.0-pro", prompt=""), tmp_path / "m.mp4"))
    for one, without, named in zip(marked[::6], silent[::6], other[::6], strict=True):
        assert difference(one[120:], without[120:]) > 8
        assert difference(one[40:110], without[40:110]) < 1
        assert difference(without[:24, :200], named[:24, :200]) > 1
        red, green, blue = np.moveaxis(one[:24, :100], -1, 0)
        assert ((red > 170) & (green > 130) & (blue < 150) & (red - blue > 60)).sum() > 100


def test_progress_rises_to_one(tmp_path: Path) -> None:
    said: list[float] = []
    render_placeholder(
        SMALL, tmp_path / "v.mp4", last_frame=None, progress=said.append, cancelled=lambda: False
    )
    assert said == sorted(said)
    assert said[-1] == 1.0
    assert len(said) == 24


@pytest.mark.parametrize("after", [0, 1, 13])
def test_stopping_leaves_nothing_behind(folder: Path, after: int) -> None:
    said: list[float] = []
    with pytest.raises(RenderingStopped):
        render_placeholder(
            SMALL,
            folder / "v.mp4",
            last_frame=folder / "end.png",
            progress=said.append,
            cancelled=lambda: len(said) >= after,
        )
    assert len(said) == after
    assert list(folder.iterdir()) == []


def test_a_last_frame_that_cannot_be_written_takes_the_video_along(folder: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        render(SMALL, folder / "v.mp4", last_frame=folder / "nowhere" / "end.png")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("wrong", [{"width": 321}, {"height": 8}, {"duration_seconds": 0}])
def test_what_no_file_can_hold_is_refused(folder: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        render(replace(SMALL, **wrong), folder / "v.mp4")
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes are limited by POSIX means")
def test_a_disk_without_room_is_an_os_error_and_leaves_nothing(folder: Path) -> None:
    code = f"""
import errno, resource, signal
from pathlib import Path
from seedance_mcp.media import PlaceholderSpec, render_placeholder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
spec = PlaceholderSpec(prompt="fox", model="m", width=640, height=360, duration_seconds=2)
try:
    render_placeholder(spec, Path({str(folder / "v.mp4")!r}), last_frame=None,
                       progress=lambda _: None, cancelled=lambda: False)
except OSError as error:
    print(error.errno == errno.EFBIG)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "True", done.stderr
    assert list(folder.iterdir()) == []
