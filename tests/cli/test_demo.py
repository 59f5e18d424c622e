"""The demo: a real client, the real server, a real file."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest
from PIL import Image

from .conftest import Run


@pytest.mark.timeout(180)
def test_the_demo_makes_a_video_and_says_what_to_configure(run: Run, tmp_path: Path) -> None:
    """It costs nothing and touches no real job, whatever is set."""
    result = run("demo", SEEDANCE_PROVIDER="byteplus", BYTEPLUS_API_KEY="not-a-key", FAL_KEY="not-a-key")
    assert result.returncode == 0, result.stderr
    [video] = (tmp_path / "seedance-demo").glob("*.mp4")
    [sheet] = (tmp_path / "seedance-demo").glob("*sheet*.jpg")
    assert str(video) in result.stdout
    with av.open(str(video)) as container:
        picture = container.streams.video[0]
        assert (picture.width, picture.height) == (1280, 720)
        assert container.streams.audio
    with Image.open(sheet) as image:
        assert image.format == "JPEG"
    configuration, _ = json.JSONDecoder().raw_decode(result.stdout[result.stdout.index("{") :])
    command = configuration["mcpServers"]["seedance"]["command"]
    assert Path(command).is_absolute()
    assert Path(command).exists()
    assert "100%" in result.stderr
    assert run("jobs", "list").stdout.strip() == "No jobs yet."
    assert "not-a-key" not in result.stdout + result.stderr
