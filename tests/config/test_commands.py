"""The commands that a person is told to run: they find the state folder that the server works with."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from seedance_mcp.config import command, load_settings, runnable

HERE = "C:\\" if os.name == "nt" else "/"


@pytest.mark.parametrize(
    ("folder", "windows", "before"),
    [
        ("state", False, f"SEEDANCE_STATE_DIR={HERE}state "),
        ("Tom's state", False, f"""SEEDANCE_STATE_DIR='{HERE}Tom'"'"'s state' """),
        ("Tom's state", True, f"$env:SEEDANCE_STATE_DIR='{HERE}Tom''s state'; "),
    ],
)
def test_a_folder_that_only_the_environment_names_stands_before_the_command(
    tmp_path: Path, folder: str, windows: bool, before: str
) -> None:
    if os.name == "nt" and not windows:
        pytest.skip("a path of Windows is quoted otherwise in a shell of POSIX")
    given = {"SEEDANCE_STATE_DIR": f"{HERE}{folder}"}
    settings = load_settings(given, settings_file=tmp_path / "none.toml")
    assert command("approve 1a2b", settings, windows=windows) == f"{before}seedance-mcp approve 1a2b"


def test_the_default_folder_and_one_of_the_settings_file_go_without_saying(tmp_path: Path) -> None:
    default = load_settings({}, settings_file=tmp_path / "none.toml")
    assert command("approve 1a2b", default) == "seedance-mcp approve 1a2b"
    given = {"SEEDANCE_STATE_DIR": str(default.state_dir)}
    assert (
        command("watch", load_settings(given, settings_file=tmp_path / "none.toml")) == "seedance-mcp watch"
    )
    file = tmp_path / "config.toml"
    file.write_text(f"SEEDANCE_STATE_DIR = '{tmp_path}'\n", encoding="utf-8")
    assert command("watch", load_settings({}, settings_file=file)) == "seedance-mcp watch"


@pytest.mark.skipif(os.name == "nt", reason="quoted for a shell of POSIX")
def test_where_the_name_leads_nowhere_or_elsewhere_the_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings({}, settings_file=tmp_path / "none.toml")
    path = str(Path(sys.executable).with_name("seedance-mcp"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command("watch", settings) == f"{shlex.quote(path)} watch"
    other = tmp_path / "seedance-mcp"
    other.write_text("#!/bin/sh\n", encoding="utf-8")
    other.chmod(0o755)
    assert command("watch", settings) == f"{shlex.quote(path)} watch", "another installation is not ours"


def test_only_commands_in_backticks_are_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ours = command("jobs show job_1 --wait")
    assert (
        runnable("Run `seedance-mcp jobs show job_1 --wait`, or `--task`.") == f"Run `{ours}`, or `--task`."
    )
    for text in ("seedance-mcp is not running.", "Write `seedance-mcp`.", f"Run `{ours}`."):
        assert runnable(text) == text


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX runs it")
def test_what_a_command_prints_off_the_path_runs_as_it_is_printed(
    environ: dict[str, str], tmp_path: Path
) -> None:
    bare = {**os.environ, **environ, "PATH": os.defpath}
    words = [sys.executable, "-m", "seedance_mcp", "jobs", "show", "job_that_is_not_there"]
    failed = subprocess.run(words, env=bare, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    told = re.search(r"`([^`]+ jobs list)`", failed.stderr)
    assert told, failed.stderr
    listed = subprocess.run(
        told[1], shell=True, env=bare, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (listed.returncode, listed.stdout) == (0, "No jobs yet.\n"), listed.stderr


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX runs it")
def test_the_hint_of_wrong_usage_runs_as_it_is_printed(environ: dict[str, str], tmp_path: Path) -> None:
    bare = {**os.environ, **environ, "PATH": os.defpath}
    words = [sys.executable, "-m", "seedance_mcp", "jobs", "resolve", "job_1"]
    failed = subprocess.run(words, env=bare, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    hint = failed.stderr.splitlines()[-1].removeprefix("hint: ")
    told = subprocess.run(
        hint, shell=True, env=bare, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (failed.returncode, told.returncode) == (2, 0), told.stderr
    assert told.stdout.startswith("usage: seedance-mcp jobs resolve")
