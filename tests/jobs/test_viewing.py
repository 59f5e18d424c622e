"""What a look at videos tells, what it and taking a last frame leave in the folder, and whose files they never touch."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from PIL import Image

from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import InvalidRequest, MediaError
from seedance_mcp.jobs import Viewed, Viewing
from seedance_mcp.jobs.local_files.last_frames import last_frame_of
from seedance_mcp.jobs.local_files.unfinished import Writer
from seedance_mcp.media import PlaceholderSpec, is_marked, render_placeholder
from seedance_mcp.store import open_store
from seedance_mcp.types import Artifacts, Job, Look, VideoSet
from tests.media.crafting import film, moving, sine

from . import records

WRITER = Writer(installation="a" * 16, instance="1" * 16, alive=lambda _: True)
links = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few make links")


@pytest.fixture(scope="module")
def fox(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video."""
    spec = PlaceholderSpec(prompt="A fox.", model="m", width=64, height=64, duration_seconds=0.5, audio=False)
    path = tmp_path_factory.mktemp("fox") / "fox.mp4"
    render_placeholder(spec, path, last_frame=None, progress=lambda _: None, cancelled=lambda: False)
    return path.read_bytes()


@pytest.fixture
def video(output_dir: Path, fox: bytes) -> Iterator[Path]:
    """A video of the user's in the output folder; no test leaves anything unfinished there."""
    output_dir.mkdir()
    path = output_dir / "fox.mp4"
    path.write_bytes(fox)
    yield path
    assert not [entry.name for entry in output_dir.iterdir() if entry.suffix not in (".mp4", ".jpg", ".png")]


@pytest.fixture
def settings(environ: dict[str, str], tmp_path: Path) -> Settings:
    return load_settings(environ, settings_file=tmp_path / "none.toml")


async def look(video: Path, settings: Settings, frames: int = 4) -> tuple[Path, bytes]:
    """The file of the sheet, and the sheet."""
    viewed = await see(video, settings, Look(frames=frames))
    assert viewed.file
    assert viewed.sheet
    return viewed.file, viewed.sheet.jpeg


async def see(video: Path, settings: Settings, look: Look) -> Viewed:
    async def load(job_id: str) -> Job:
        raise AssertionError(job_id)

    async def load_set(set_id: str) -> VideoSet:
        raise AssertionError(set_id)

    with closing(open_store(settings.state_dir)) as store, anyio.fail_after(60):
        return await Viewing(store, settings, load, load_set).view(str(video), look)


async def test_a_sheet_is_written_beside_the_video_as_it_is_shown(video: Path, settings: Settings) -> None:
    sheet, jpeg = await look(video, settings)
    assert sheet == video.with_name("fox-sheet.jpg")
    assert sheet.read_bytes() == jpeg
    assert len(jpeg) <= 150_000
    with Image.open(io.BytesIO(jpeg)) as image:
        image.load()
        assert image.format == "JPEG"
        assert image.info["jfif_version"] == (1, 1)


async def test_an_earlier_sheet_is_replaced(video: Path, settings: Settings) -> None:
    first, before = await look(video, settings, frames=2)
    second, after = await look(video, settings, frames=6)
    assert first == second
    assert before != after == second.read_bytes()
    assert len(list(video.parent.iterdir())) == 2


@pytest.mark.parametrize("content", [b"my own picture", b""], ids=["a picture", "an empty file"])
async def test_a_file_of_the_users_in_the_place_of_the_sheet_is_left_alone(
    video: Path, settings: Settings, content: bytes
) -> None:
    own = video.with_name("fox-sheet.jpg")
    own.write_bytes(content)
    for frames in (2, 4):
        sheet, jpeg = await look(video, settings, frames)
        assert sheet == video.with_name("fox-sheet-2.jpg")
        assert sheet.read_bytes() == jpeg
    assert own.read_bytes() == content
    assert len(list(video.parent.iterdir())) == 3


async def test_a_sheet_that_the_user_has_changed_is_the_users(video: Path, settings: Settings) -> None:
    sheet, _ = await look(video, settings)
    changed = sheet.read_bytes() + b" "
    sheet.write_bytes(changed)
    assert (await look(video, settings))[0] == video.with_name("fox-sheet-2.jpg")
    assert sheet.read_bytes() == changed


async def test_a_folder_in_the_place_of_the_sheet_is_no_trouble(video: Path, settings: Settings) -> None:
    video.with_name("fox-sheet.jpg").mkdir()
    assert (await look(video, settings))[0] == video.with_name("fox-sheet-2.jpg")


@links
async def test_a_link_in_the_place_of_the_sheet_is_neither_followed_nor_replaced(
    video: Path, settings: Settings, tmp_path: Path
) -> None:
    sheet, _ = await look(video, settings)
    elsewhere = tmp_path / "elsewhere.jpg"
    sheet.rename(elsewhere)
    content = elsewhere.read_bytes()
    sheet.symlink_to(elsewhere)
    assert (await look(video, settings, frames=2))[0] == video.with_name("fox-sheet-2.jpg")
    assert sheet.is_symlink()
    assert elsewhere.read_bytes() == content


async def test_a_sheet_that_cannot_be_written_is_an_error_that_says_so(
    video: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder")
    environ |= {"SEEDANCE_OUTPUT_DIR": str(blocked / "videos"), "SEEDANCE_MEDIA_DIRS": str(video.parent)}
    settings = load_settings(environ, settings_file=tmp_path / "none.toml")
    with pytest.raises(MediaError, match="contact sheet cannot be written"):
        await look(video, settings)


@pytest.fixture
def boat(video: Path) -> Path:
    """A video of two shots without sound, longer than the other."""
    shots = [frame for seed in range(2) for frame in moving(12, seed, (64, 64))]
    return film(video.with_name("boat.mp4"), shots)


async def test_each_kind_of_look_has_a_sheet_of_its_own(video: Path, boat: Path, settings: Settings) -> None:
    heard = film(video.with_name("heard.mp4"), moving(12, 1, (64, 64)), sound=sine(0.5, -20))
    for source, look, name in (
        (boat, Look(), "boat-sheet.jpg"),
        (boat, Look(show="cuts"), "boat-cuts.jpg"),
        (heard, Look(show="sound"), "heard-sound.jpg"),
        (boat, Look(compare=(str(video),)), "boat-compare.jpg"),
    ):
        viewed = await see(source, settings, look)
        assert viewed.sheet
        assert viewed.file
        assert viewed.file == source.with_name(name)
        assert viewed.file.read_bytes() == viewed.sheet.jpeg
        assert is_marked(viewed.sheet.jpeg)
        assert viewed.facts.path == source
        assert viewed.notes == ()


async def test_the_facts_are_of_the_whole_video_whatever_stretch_is_shown(
    boat: Path, settings: Settings
) -> None:
    viewed = await see(boat, settings, Look(start=0.7, end=0.9))
    assert viewed.facts.duration_seconds == 1
    assert viewed.facts.cuts == (0.5,)


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (Look(show="sound"), "no sound track"),
        (Look(show="cuts", start=0.6), "no cut between 0.60 and 1.00 s"),
        (Look(show="cuts", end=0.4), "no cut between 0.00 and 0.40 s"),
    ],
)
async def test_where_there_is_nothing_to_draw_that_is_said_and_nothing_drawn(
    boat: Path, settings: Settings, look: Look, said: str
) -> None:
    viewed = await see(boat, settings, look)
    assert (viewed.sheet, viewed.file) == (None, None)
    [note] = viewed.notes
    assert said in note
    assert viewed.facts.cuts == (0.5,)
    assert not list(boat.parent.glob("*.jpg"))


async def test_cuts_for_which_there_is_no_room_are_named(video: Path, settings: Settings) -> None:
    many = film(
        video.with_name("many.mp4"), [frame for seed in range(16) for frame in moving(6, seed, (64, 64))]
    )
    first = await see(many, settings, Look(show="cuts"))
    assert first.notes == ("12 of 15 cuts are drawn. With start 3.25 the next are: 3.25, 3.5, 3.75 s.",)
    assert (await see(many, settings, Look(show="cuts", start=3.25))).notes == ()


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (Look(start=1), "start is 1; the video ends at 1 s"),
        (Look(start=-1), "start is -1"),
        (Look(start=float("nan")), "start is nan"),
        (Look(start=float("inf")), "start is inf"),
        (Look(start=0.5, end=0.5), "end is 0.5; it has to be later than start, which is 0.5"),
        (Look(start=0.5, end=0.2), "end is 0.2"),
        (Look(end=float("nan")), "end is nan"),
        (Look(frames=37), "allowed are 1 to 36"),
        (Look(compare=("a.mp4",) * 6), "compare names 6 videos; allowed are 5"),
        (Look(compare=("a.mp4",), show="sound"), "several videos are compared by their frames only"),
    ],
)
async def test_a_look_that_cannot_be_is_refused_in_words(
    boat: Path, settings: Settings, look: Look, said: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await see(boat, settings, look)
    assert said in refused.value.message


async def test_videos_are_compared_with_what_was_measured_of_each(
    video: Path, boat: Path, settings: Settings
) -> None:
    viewed = await see(video, settings, Look(compare=(str(boat),), start=0.6))
    assert (viewed.facts.path, viewed.facts.duration_seconds) == (video, 0.5)
    [other] = viewed.others
    assert (other.source, other.facts.path, other.facts.cuts) == (str(boat), boat, (0.5,))
    with pytest.raises(InvalidRequest, match="the longest video ends at 1 s"):
        await see(video, settings, Look(compare=(str(boat),), start=1))


async def test_of_many_videos_each_has_fewer_frames(video: Path, boat: Path, settings: Settings) -> None:
    copies = [video.with_name(f"{number}.mp4") for number in range(4)]
    for copy in copies:
        copy.write_bytes(boat.read_bytes())
    viewed = await see(video, settings, Look(compare=tuple(map(str, copies))))
    assert viewed.notes == ("7 frames of each: a sheet has 36 in all.",)
    assert [other.facts.path for other in viewed.others] == copies


async def test_a_video_is_not_compared_with_itself(video: Path, settings: Settings) -> None:
    for source in (str(video), f"{video.parent}/./fox.mp4"):
        with pytest.raises(InvalidRequest, match="is the same video as"):
            await see(video, settings, Look(compare=(source,)))


async def test_every_video_of_a_comparison_has_to_be_one_that_may_be_read(
    video: Path, settings: Settings, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(video.read_bytes())
    with pytest.raises(MediaError, match="outside the folders that may be read"):
        await see(video, settings, Look(compare=(str(secret),)))
    assert [entry.name for entry in video.parent.iterdir()] == ["fox.mp4"]


async def test_a_broken_video_of_a_comparison_is_named(video: Path, boat: Path, settings: Settings) -> None:
    content = bytearray(boat.read_bytes())
    middle = content.index(b"mdat") + 400
    content[middle : middle + 300] = bytes(300)
    boat.write_bytes(content)
    with pytest.raises(MediaError, match=r"boat\.mp4: "):
        await see(video, settings, Look(compare=(str(boat),)))


@pytest.mark.parametrize("look", [Look(), Look(show="cuts"), Look(show="sound"), Look(start=0.02, end=9)])
async def test_a_video_of_one_frame_can_be_looked_at(video: Path, settings: Settings, look: Look) -> None:
    one = film(video.with_name("one.mp4"), moving(1, 1, (64, 64)), sound=sine(0.04, -20))
    viewed = await see(one, settings, look)
    assert (viewed.sheet is None) == (look.show == "cuts")


async def test_a_look_that_is_cancelled_leaves_no_sheet(video: Path, boat: Path, settings: Settings) -> None:
    with anyio.move_on_after(0.05) as cancelled:
        await see(video, settings, Look(compare=(str(boat),)))
    assert cancelled.cancelled_caught
    assert sorted(entry.name for entry in video.parent.iterdir()) == ["boat.mp4", "fox.mp4"]


def finished(video: Path) -> Job:
    made = Artifacts(
        video_path=str(video), sha256="0", bytes=1, width=64, height=64, duration_seconds=0.5, fps=24.0,
        has_audio=False,
    )  # fmt: skip
    return replace(records.job(), artifacts=made)


async def test_the_last_frame_of_a_job_is_drawn_once_and_never_over_another_file(video: Path) -> None:
    own = video.with_name("fox-last-frame.png")
    own.write_bytes(b"my own picture")
    for _ in range(2):
        assert await last_frame_of(finished(video), WRITER) == video.with_name("fox-last-frame-2.png")
    assert own.read_bytes() == b"my own picture"
    assert len(list(video.parent.iterdir())) == 3


@links
async def test_a_link_in_the_place_of_the_last_frame_is_not_taken_for_it(video: Path, tmp_path: Path) -> None:
    """What lies there would be sent to a provider."""
    precious = tmp_path / "precious.png"
    precious.write_bytes(b"keep me")
    video.with_name("fox-last-frame.png").symlink_to(precious)
    picture = await last_frame_of(finished(video), WRITER)
    assert picture == video.with_name("fox-last-frame-2.png")
    with Image.open(picture) as image:
        assert image.size == (64, 64)
    assert precious.read_bytes() == b"keep me"


async def test_a_last_frame_that_cannot_be_written_is_an_error_that_says_so(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(MediaError, match=r"last frame cannot be written.*No space left"):
        await last_frame_of(finished(video), WRITER)
