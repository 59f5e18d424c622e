"""What looking at a video and taking its last frame leave in the folder, and whose files they never touch."""

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
from seedance_mcp.errors import MediaError
from seedance_mcp.jobs import Viewed, Viewing
from seedance_mcp.jobs.local_files.last_frames import last_frame_of
from seedance_mcp.jobs.local_files.unfinished import Writer
from seedance_mcp.media import PlaceholderSpec, render_placeholder
from seedance_mcp.store import open_store
from seedance_mcp.types import Artifacts, Job, Look

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

    with closing(open_store(settings.state_dir)) as store, anyio.fail_after(60):
        return await Viewing(store, settings, load).view(str(video), look)


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
