"""The picture a video ends on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from seedance_mcp.errors import MediaError
from seedance_mcp.media import extract_last_frame
from tests.media.crafting import film, plain


@pytest.mark.parametrize(("rotation", "size"), [(0, (320, 180)), (90, (180, 320))])
async def test_the_last_frame_is_drawn_as_players_show_it(
    rotation: int, size: tuple[int, int], tmp_path: Path
) -> None:
    pictures = [*plain(20, (220, 30, 30)), *plain(1, (30, 30, 220))]
    video = film(tmp_path / "a.mp4", pictures, rotation=rotation)
    picture = await extract_last_frame(video)
    with Image.open(io.BytesIO(picture)) as image:
        assert (image.format, image.size) == ("PNG", size)
        color = image.getpixel((90, 90))
    assert isinstance(color, tuple)
    red, _, blue = color
    assert blue > 150 > red
    assert await extract_last_frame(video) == picture


async def test_a_broken_video_gives_no_picture(tmp_path: Path) -> None:
    video = film(tmp_path / "a.mp4", plain(5, (220, 30, 30)))
    video.write_bytes(video.read_bytes()[:-50])
    with pytest.raises(MediaError):
        await extract_last_frame(video)
