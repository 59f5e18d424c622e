"""
What is different on macOS and Windows, played here: the system's name and its own calls are put in from outside.

`docs/platforms.md` says what was run on the systems themselves.
"""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import anyio
import platformdirs
import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows, get_win_folder_from_env_vars

from seedance_mcp.config import flush, flush_folder, load_settings, places, server_command
from seedance_mcp.jobs.detached import start_detached
from seedance_mcp.jobs.local_files import final_files
from seedance_mcp.media.access.folders import parts_below
from seedance_mcp.store.machine import machine_time, process_locks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the other systems are played on Linux")

SUPPORT = "Library/Application Support/seedance-mcp"


@pytest.mark.parametrize(
    ("system", "settings_file", "state", "videos"),
    [
        (MacOS, f"{SUPPORT}/config.toml", SUPPORT, "Movies/Seedance"),
        (Windows, "Local/seedance-mcp/config.toml", "Local/seedance-mcp", "Videos/Seedance"),
        (Unix, ".config/seedance-mcp/config.toml", ".local/share/seedance-mcp", "Videos/Seedance"),
    ],
)
def test_folders_are_by_default_where_each_system_has_them(
    system: type, settings_file: str, state: str, videos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_VIDEOS_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, folder in (("HOME", ""), ("USERPROFILE", ""), ("LOCALAPPDATA", "Local")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setattr("platformdirs.windows.get_win_folder", get_win_folder_from_env_vars)
    monkeypatch.setattr(platformdirs, "PlatformDirs", system)
    assert places.default_settings_file() == tmp_path / settings_file
    assert places.default_state_dir() == tmp_path / state
    assert places.default_output_dir() == tmp_path / videos


@pytest.mark.parametrize(("system", "inside"), [("linux", False), ("darwin", True), ("win32", True)])
def test_names_are_compared_as_the_file_system_does(
    system: str, inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    composed, taken_apart = "/Videos/caf\u00e9/fox.mp4", Path("/videos/cafe\u0301")
    assert (parts_below(Path(composed), taken_apart) is not None) is inside


def test_macos_is_told_to_write_to_the_disk_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda _, command: told.append(command))
    with (tmp_path / "receipt").open("wb") as file:
        flush(file)
    assert told == [51]


def test_windows_is_not_asked_to_open_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(FileNotFoundError):
        flush_folder(missing)
    monkeypatch.setattr(sys, "platform", "win32")
    flush_folder(missing)


def test_on_windows_a_watcher_leaves_the_job_object_of_the_client_where_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detached, group, away = 0x8, 0x200, 0x1000000
    for name, value in (
        ("DETACHED_PROCESS", detached),
        ("CREATE_NEW_PROCESS_GROUP", group),
        ("CREATE_BREAKAWAY_FROM_JOB", away),
    ):
        monkeypatch.setattr(subprocess, name, value, raising=False)
    started: list[dict[str, Any]] = []

    def run(command: tuple[str, ...], **options: Any) -> None:
        started.append({"flags": int(command[5]), **options})
        if options["creationflags"] & away:
            raise PermissionError(errno.EACCES, "the job object keeps its processes")

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(subprocess, "run", run)
    start_detached(
        load_settings({"SEEDANCE_STATE_DIR": str(tmp_path)}, settings_file=tmp_path / "x"), "watch"
    )
    assert [call["flags"] for call in started] == [detached | group | away, detached | group]
    assert {call["creationflags"] == call["flags"] for call in started} == {True}
    assert {call["start_new_session"] for call in started} == {False}


async def test_on_windows_a_file_that_a_virus_scanner_holds_gets_its_name_a_little_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Held(type(tmp_path)):
        tries = 0

        def rename(self, target: Any) -> Any:
            Held.tries += 1
            if Held.tries < 3:
                raise PermissionError(errno.EACCES, "used by another process")
            return super().rename(target)

    monkeypatch.setattr(sys, "platform", "win32")
    part, target = Held(tmp_path, "fox.part"), tmp_path / "fox.mp4"
    part.write_bytes(b"video")
    with anyio.fail_after(5):
        await final_files._rename(part, target)
    assert (Held.tries, target.read_bytes()) == (3, b"video")


def test_on_windows_the_command_of_an_entry_is_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python.exe"))
    assert server_command() == (str(tmp_path / "python.exe"), ["-P", "-m", "seedance_mcp"])
    program = tmp_path / "seedance-mcp.exe"
    program.touch()
    assert server_command() == (str(program), [])


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_the_time_since_the_start_goes_on_where_the_start_has_no_name(
    system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert 0 < machine_time.running() <= machine_time.running()
    assert machine_time.start() is None


def test_the_locks_of_windows_tell_the_living_from_the_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lock is one byte of the file: here that of POSIX stands for it, which refuses other openings as well."""

    def locking(descriptor: int, mode: int, size: int) -> None:
        assert (mode, size) == (2, 1)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(LK_NBLCK=2, locking=locking))
    name = f"{process_locks.__name__}_of_windows"
    spec = importlib.util.spec_from_file_location(name, process_locks.__file__)
    assert spec
    assert spec.loader
    windows = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(windows)
    folder = tmp_path / "instances"
    with windows.Ownership(folder) as here, windows.Ownership(folder) as other:
        assert here.alive(other.instance)
        assert other.anyone_else()
        assert here.sweep() == 0, "nobody living is swept away"
        (folder / "dead.lock").touch()
        assert not here.alive("dead")
        assert here.sweep() == 1
        other.close()
        assert not here.alive(other.instance)
    assert list(folder.iterdir()) == []
