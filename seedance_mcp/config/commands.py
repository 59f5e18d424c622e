"""Writes the commands that a person is told to run, so that they run as printed and find what this process works with."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

from . import places
from .cleaning import NotAllowed
from .names import ENVIRONMENT
from .settings import Settings

_STATE_DIR = "SEEDANCE_STATE_DIR"
_WINDOWS = os.name == "nt"
_NAME = "seedance-mcp"
_UV_CACHE = re.compile(r"(archive|builds|environments)-v\d+")
"""Folders of uv's cache that hold the installations of `uvx` and `uv run` (seen in uv 0.13.9)."""
_MEANT = re.compile(rf"`{_NAME} ([^`\n]+)`")


def server_command() -> tuple[str, list[str]]:
    """
    Return the command and the arguments that start the server, wherever it is called from.

    A path where there is one that lasts. `uvx` and `pipx run` install into caches that get cleaned, so that there
    it is the command that makes the installation anew.
    """
    installation = Path(sys.prefix)
    if any(_UV_CACHE.fullmatch(folder) for folder in installation.parent.parts):
        return shutil.which("uvx") or "uvx", [_NAME]
    if (installation / "pipx_metadata.json").exists() and installation.parent.name != "venvs":
        return shutil.which("pipx") or "pipx", ["run", _NAME]
    script = Path(sys.executable).with_name(f"{_NAME}.exe" if sys.platform == "win32" else _NAME)
    return (str(script), []) if script.exists() else (sys.executable, ["-m", "seedance_mcp"])


def command(words: str, settings: Settings | None = None, *, windows: bool = _WINDOWS) -> str:
    """
    Write `seedance-mcp` with these words as the platform's shell takes it; on Windows that is PowerShell.

    Where the name on the PATH does not lead to this installation, its path is written. A state folder that only the
    environment of this process names, such as a client's entry, is written in front: a terminal would look into
    another one. Without `settings` the command is for the very environment that this process has.
    """
    line = f"{_program(windows=windows)} {words}"
    if (
        settings is None
        or settings.sources.get(_STATE_DIR) != ENVIRONMENT
        or settings.state_dir == _default()
    ):
        return line
    folder = str(settings.state_dir)
    if windows:
        return f"$env:{_STATE_DIR}={_in_powershell(folder)}; {line}"
    return f"{_STATE_DIR}={shlex.quote(folder)} {line}"


def runnable(text: str, settings: Settings | None = None) -> str:
    """Write each command of ours that stands in backticks in a text as `command` does; everything else stays as it is."""
    return _MEANT.sub(lambda found: f"`{command(found[1], settings)}`", text) if "`" in text else text


def _program(*, windows: bool) -> str:
    start, more = server_command()
    on_path = shutil.which(_NAME)
    if not more and on_path and Path(on_path).samefile(start):
        return _NAME
    if not windows:
        return shlex.join([start, *more])
    quoted = f"& {_in_powershell(start)}" if re.search(r"[^\w:.\\/-]", start) else start
    return " ".join([quoted, *more])


def _in_powershell(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _default() -> Path | None:
    try:
        return places.default_state_dir()
    except NotAllowed:
        return None
