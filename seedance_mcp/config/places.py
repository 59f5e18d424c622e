"""Reads folders and files: whole paths only, by the rules of the platform that the server runs on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import platformdirs

from ..texts import storable
from .cleaning import NotAllowed

_PROGRAM = "seedance-mcp"
_WINDOWS = os.name == "nt"
_OF_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_ESCAPED = re.compile(r"\\[\s'\"()&]")


def whole(text: str, *, windows: bool = _WINDOWS) -> PurePath:
    """
    Read a path that is the same whatever folder the server was started in.

    Raises:
        NotAllowed: it begins nowhere, or is written as another platform or a shell wants it.
    """
    read = PureWindowsPath(text) if windows else PurePosixPath(text)
    if not windows and _OF_WINDOWS.match(text):
        raise NotAllowed("it is a path of Windows, and the server runs elsewhere; in WSL, C:\\x is /mnt/c/x")
    if not windows and _ESCAPED.search(text):
        raise NotAllowed(
            "there is a backslash in it, as a shell wants it before a blank; write the blank alone"
        )
    if not read.is_absolute():
        start = "C:\\" if windows else "/"
        raise NotAllowed(
            f"it has to be a whole path ({start}... or ~{os.sep}...): clients start the server in different folders"
        )
    return read


def path(text: str) -> Path:
    """Read a whole path; `~` is the home folder. Raises NotAllowed."""
    if text.startswith("~"):
        try:
            text = str(Path(text).expanduser())
        except RuntimeError:
            raise NotAllowed(
                "the home folder that it begins with is not known; it must be written in full"
            ) from None
    return _nameable(Path(whole(text)))


def paths(text: str) -> tuple[Path, ...]:
    """Read whole paths as the platform separates them in `PATH`. Raises NotAllowed."""
    return tuple(path(part.strip()) for part in text.split(os.pathsep) if part.strip())


def default_output_dir() -> Path:
    """Return the user's Videos folder, `Seedance` in it. Raises NotAllowed where nobody knows a home folder."""
    return _known(platformdirs.user_videos_dir) / "Seedance"


def default_state_dir() -> Path:
    """Return the platform's data folder for this program. Raises NotAllowed where nobody knows a home folder."""
    return _known(lambda: platformdirs.user_data_dir(_PROGRAM, appauthor=False))


def default_settings_file() -> Path | None:
    """Return `config.toml` in the platform's config folder for this program; None where nobody knows a home folder."""
    try:
        return _known(lambda: platformdirs.user_config_dir(_PROGRAM, appauthor=False)) / "config.toml"
    except NotAllowed:
        return None


def _known(find: Callable[[], str]) -> Path:
    try:
        found = Path(find())
    except RuntimeError:
        found = Path("~")
    if not found.is_absolute():  # some versions leave `~` in it, which would be a folder of that name
        raise NotAllowed("it is not set, and there is no home folder for its default; set it to a whole path")
    return _nameable(found)


def _nameable(path: Path) -> Path:
    """Refuse a folder that no JSON can name: its name is in the records of jobs and in answers."""
    if storable(str(path)) != str(path):
        raise NotAllowed("the name of the folder is no UTF-8; set it to a whole path that is")
    return path
