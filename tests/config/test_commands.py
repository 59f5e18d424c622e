"""The commands that a person is told to run: they find the state folder that the server works with."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from seedance_mcp.config import command, extra_command, load_settings, runnable, server_command

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


CACHE = "archive-v0/n8LdE-k0sPkS5X0A"


def installed_in(place: Path, monkeypatch: pytest.MonkeyPatch, origin: object = None) -> None:
    """Make this process one of an installation in this folder; `origin` is what its record says it is from."""
    info = place / "seedance_mcp-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: seedance-mcp\nVersion: 1.0\n"
        "Requires-Dist: anyio>=4\nRequires-Dist: keyring<26,>=25; extra == 'keyring'\n",
        encoding="utf-8",
    )
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin), encoding="utf-8")
    monkeypatch.setattr(sys, "prefix", str(place))
    monkeypatch.syspath_prepend(place)
    monkeypatch.setenv("PATH", "")


@pytest.mark.skipif(os.name == "nt", reason="paths of POSIX")
@pytest.mark.parametrize(
    ("origin", "source"),
    [
        (None, []),
        ({"url": "file:///home/me/my%20clone", "dir_info": {}}, ["/home/me/my clone"]),
        ({"url": "file:///tmp/s-1.0.whl", "archive_info": {}}, ["/tmp/s-1.0.whl"]),
        (
            {"url": "https://a.example/s", "vcs_info": {"vcs": "git", "commit_id": "0a1b"}},
            ["git+https://a.example/s@0a1b"],
        ),
        ({"url": "https://a.example/s.whl", "archive_info": {}}, ["https://a.example/s.whl"]),
        (["not what it should be"], []),
    ],
    ids=["index", "folder", "file", "repository", "address", "unreadable"],
)
def test_what_starts_a_cached_server_anew_takes_it_from_where_it_was(
    origin: object, source: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        installed_in(tmp_path / CACHE, patched, origin)
        option = ["--from"] if source else []
        assert server_command() == ("uvx", [*option, *source, "seedance-mcp"])
        extra = shlex.join(["uvx", "--with", "keyring<26,>=25", *option, *source, "seedance-mcp"])
        assert extra_command("keyring") == extra
    installed_in(tmp_path / "pipx" / "8d5e2bdef3ee51c", monkeypatch, origin)
    (Path(sys.prefix) / "pipx_metadata.json").write_text("{}", encoding="utf-8")
    option = ["--spec"] if source else []
    assert server_command() == ("pipx", ["run", *option, *source, "seedance-mcp"])


@pytest.mark.skipif(os.name == "nt", reason="quoted for a shell of POSIX")
def test_an_extra_is_installed_into_the_environment_that_lacks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_spec("pip"), "the environment of the tests has it"
    installed_in(tmp_path / "lasting", monkeypatch, {"url": tmp_path.as_uri(), "dir_info": {}})
    python = shlex.quote(sys.executable)
    assert extra_command("keyring") == f"{python} -m pip install 'keyring<26,>=25'"
    assert extra_command("keyring", windows=True).endswith(" -m pip install 'keyring<26,>=25'")
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n", encoding="utf-8")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pip", None)
    into = shlex.join([str(uv), "pip", "install", "--python", sys.executable])
    assert extra_command("keyring") == f"{into} 'keyring<26,>=25'"


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


@pytest.mark.skipif(os.name == "nt", reason="a path of Windows is quoted otherwise")
def test_a_command_for_a_team_names_it_and_the_folder_of_all(tmp_path: Path) -> None:
    given = {
        "SEEDANCE_TEAMS": "red,blue",
        "SEEDANCE_DATABASE_URL": "postgresql://db.example/videos",
        "SEEDANCE_STATE_DIR": str(tmp_path),
    }
    red, blue = load_settings(given, settings_file=tmp_path / "none.toml").of_teams
    before = f"SEEDANCE_STATE_DIR={tmp_path} seedance-mcp"
    assert command("approve 1a2b", red) == f"{before} approve 1a2b --team red"
    assert runnable("Run `seedance-mcp jobs`.", blue) == f"Run `{before} jobs --team blue`."
    named = load_settings({**given, "SEEDANCE_TEAM": "red"}, settings_file=tmp_path / "none.toml")
    assert command("watch", named) == f"{before} watch --team red"
    unplaced = replace(red, sources={})
    once = runnable("Run `seedance-mcp approve 1a2b`.", unplaced)
    assert once.endswith("approve 1a2b --team red`.")
    assert runnable(once, unplaced) == once, "a hint can pass through here twice"


def test_a_command_names_the_team_that_was_chosen_for_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEEDANCE_TEAM", raising=False)
    alone = command("jobs")
    monkeypatch.setenv("SEEDANCE_TEAM", "red")
    assert command("jobs") == f"{alone} --team red"
    assert command("jobs --team blue") == f"{alone} --team blue"
    monkeypatch.setenv("SEEDANCE_TEAM", "no; team")
    assert command("jobs") == alone
