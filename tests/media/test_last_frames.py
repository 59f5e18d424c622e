"""The picture a video ends on."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from seedance_mcp.errors import MediaError
from seedance_mcp.media import extract_last_frame
from tests.media.crafting import film, plain


@pytest.mark.parametrize(("rotation", "size"), [(0, (320, 180)), (90, (180, 320))])
async def test_the_last_frame_is_written_as_players_show_it(
    rotation: int, size: tuple[int, int], tmp_path: Path
) -> None:
    pictures = [*plain(20, (220, 30, 30)), *plain(1, (30, 30, 220))]
    video = film(tmp_path / "a.mp4", pictures, rotation=rotation)
    await extract_last_frame(video, tmp_path / "last.png")
    with Image.open(tmp_path / "last.png") as image:
        assert (image.format, image.size) == ("PNG", size)
        red, _, blue = image.getpixel((90, 90))
    assert blue > 150 > red
    assert not list(tmp_path.glob(".last*"))


async def test_a_broken_video_leaves_no_picture(tmp_path: Path) -> None:
    video = film(tmp_path / "a.mp4", plain(5, (220, 30, 30)))
    video.write_bytes(video.read_bytes()[:-50])
    with pytest.raises(MediaError):
        await extract_last_frame(video, tmp_path / "last.png")
    assert not (tmp_path / "last.png").exists()


async def test_a_folder_that_cannot_be_written_is_a_media_error(tmp_path: Path) -> None:
    video = film(tmp_path / "a.mp4", plain(2, (220, 30, 30)))
    with pytest.raises(MediaError, match="cannot be written"):
        await extract_last_frame(video, tmp_path / "missing/last.png")
