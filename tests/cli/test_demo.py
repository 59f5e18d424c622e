"""The demo: a real client, the real server, a real file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import av
import pytest
from PIL import Image

from seedance_mcp import cli

from .conftest import Run


@pytest.mark.timeout(180)
def test_the_demo_makes_a_video_and_says_what_to_configure(run: Run, run_apart: Run, tmp_path: Path) -> None:
    """It costs nothing and touches no real job, whatever is set; a module of this name in the folder is not run."""
    foreign = tmp_path / "seedance_mcp"
    foreign.mkdir()
    (foreign / "__init__.py").write_text("raise SystemExit('a stranger')\n", encoding="utf-8")
    result = run_apart(
        "demo", SEEDANCE_PROVIDER="byteplus", BYTEPLUS_API_KEY="not-a-key", FAL_KEY="not-a-key"
    )
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
    assert re.search(r"`\S*seedance-mcp setup` asks for the key", result.stdout)
    assert "100%" in result.stderr
    assert run("jobs", "list").stdout.strip() == "No jobs yet."
    assert "not-a-key" not in result.stdout + result.stderr


def test_a_tool_that_refuses_ends_the_demo_with_its_words_and_no_traceback(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should go")
    result = run("demo", "taken")
    assert result.returncode == 2
    assert "error [" in result.stderr
    assert ": The state folder" in result.stderr
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


@pytest.mark.skipif(sys.platform == "win32", reason="stands programs of POSIX in for uvx and pipx")
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("place", "marked", "command"),
    [
        ("uv/archive-v0/n8LdE-k0sPkS5X0A", False, ["uvx", "seedance-mcp"]),
        ("elsewhere/environments-v2/seedance-0a1b", False, ["uvx", "seedance-mcp"]),
        ("pipx/8d5e2bdef3ee51c", True, ["pipx", "run", "seedance-mcp"]),
        ("pipx/venvs/seedance-mcp", True, None),
        ("uv/tools/seedance-mcp", False, None),
    ],
    ids=["uvx", "uv run", "pipx run", "pipx install", "uv tool install"],
)
def test_an_entry_survives_the_cleaning_of_caches(
    tmp_path: Path, command_environ: dict[str, str], place: str, marked: bool, command: list[str] | None
) -> None:
    """An installation in a cache is named by the command that makes it anew, any other by its path."""
    installation = tmp_path / "cache" / place
    venv.create(installation, with_pip=False)
    if marked:
        (installation / "pipx_metadata.json").write_text("{}")
    packages = next(folder for folder in sys.path if folder.endswith("site-packages"))
    inside = sysconfig.get_path("purelib", vars={"base": str(installation), "platbase": str(installation)})
    record = Path(
        inside, "seedance_mcp-1.0.dist-info"
    )  # before the one of these tests, which is from a folder
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: seedance-mcp\nVersion: 1.0\n")
    Path(inside, "ours.pth").write_text(f"{packages}\n{Path(cli.__file__).parents[2]}\n", encoding="utf-8")
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("uvx", "pipx"):
        (tools / tool).write_text("#!/bin/sh\n")
        (tools / tool).chmod(0o755)
    script = (
        "import json; from seedance_mcp.config import server_command; print(json.dumps(server_command()))"
    )
    python = Path(sysconfig.get_path("scripts", vars={"base": str(installation)}), "python")
    said = subprocess.run(
        [python, "-c", script],
        env={**command_environ, "PATH": str(tools)},
        capture_output=True,
        text=True,
        check=True,
    )
    first, rest = json.loads(said.stdout)
    if command is None:
        assert Path(first).is_relative_to(installation)
    else:
        assert [first, *rest] == [str(tools / command[0]), *command[1:]]
