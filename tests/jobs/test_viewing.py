"""Looking at a video leaves its contact sheet in the folder, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

from seedance_mcp.config import load_settings
from seedance_mcp.jobs.viewing import view
from seedance_mcp.media import PlaceholderSpec, render_placeholder
from seedance_mcp.types import Job


async def test_a_link_in_the_place_of_the_sheet_is_replaced_and_not_followed(tmp_path: Path) -> None:
    folder, precious = tmp_path / "videos", tmp_path / "precious.txt"
    folder.mkdir()
    precious.write_text("keep me", "utf-8")
    (folder / "fox-sheet.jpg").symlink_to(precious)
    environ = {"SEEDANCE_OUTPUT_DIR": str(folder), "SEEDANCE_STATE_DIR": str(tmp_path / "state")}
    settings = load_settings(environ, settings_file=tmp_path / "none.toml")
    spec = PlaceholderSpec(prompt="A fox.", model="m", width=64, height=64, duration_seconds=0.5, audio=False)
    video = folder / "fox.mp4"
    render_placeholder(spec, video, last_frame=None, progress=lambda _: None, cancelled=lambda: False)

    async def load(job_id: str) -> Job:
        raise AssertionError(job_id)

    viewed = await view(str(video), 4, load=load, settings=settings)
    assert precious.read_text("utf-8") == "keep me"
    assert not viewed.sheet.is_symlink()
    assert viewed.sheet.read_bytes() == viewed.jpeg
    assert sorted(path.name for path in folder.iterdir()) == ["fox-sheet.jpg", "fox.mp4"]
