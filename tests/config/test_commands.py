"""The commands that a person is told to run: they find the state folder that the server works with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seedance_mcp.config import command, load_settings

HERE = "C:\\" if os.name == "nt" else "/"


@pytest.mark.parametrize(
    ("folder", "windows", "before"),
    [
        ("state", False, f"SEEDANCE_STATE_DIR={HERE}state "),
        ("Tom's state", False, f"""SEEDANCE_STATE_DIR='{HERE}Tom'"'"'s state' """),
        ("Tom's state", True, f"$env:SEEDANCE_STATE_DIR='{HERE}Tom''s state'; "),
    ],
)
def test_a_folder_that_only_the_environment_names_stands_before_the_command_quoted_for_the_shell(
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
