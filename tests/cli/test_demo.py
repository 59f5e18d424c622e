"""The demo: a real client, the real server, a real file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import av
import pytest
from PIL import Image

from seedance_mcp import cli

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


def test_a_tool_that_refuses_ends_the_demo_with_its_words_and_no_traceback(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should go")
    result = run("demo", "taken")
    assert result.returncode == 2
    assert "error [" in result.stderr
    assert "estimate_cost: The state folder" in result.stderr
    assert "hint: " in result.stderr
    assert "Traceback" not in result.stderr
    assert "mcpServers" not in result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="stands a program of POSIX in for Python")
def test_a_server_that_dies_ends_the_demo_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    dead = tmp_path / "python"
    dead.symlink_to("/bin/false")
    monkeypatch.setattr(sys, "executable", str(dead))
    assert cli.run(["demo"]) == 2
    said = capfd.readouterr().err
    assert "The server did not answer" in said
    assert "Traceback" not in said
