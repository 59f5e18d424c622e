"""Writes the commands that a person is told to run, so that they find what this process works with."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from . import places
from .cleaning import NotAllowed
from .names import ENVIRONMENT
from .settings import Settings

_STATE_DIR = "SEEDANCE_STATE_DIR"
_WINDOWS = os.name == "nt"


def command(words: str, settings: Settings, *, windows: bool = _WINDOWS) -> str:
    """
    Write `seedance-mcp` with these words as the platform's shell takes it; on Windows that is PowerShell.

    A state folder that only the environment of this process names, such as a client's entry, is written in front:
    a terminal would look into another one.
    """
    plain = f"seedance-mcp {words}"
    if settings.sources.get(_STATE_DIR) != ENVIRONMENT or settings.state_dir == _default():
        return plain
    folder = str(settings.state_dir)
    if windows:
        quoted = folder.replace("'", "''")
        return f"$env:{_STATE_DIR}='{quoted}'; {plain}"
    return f"{_STATE_DIR}={shlex.quote(folder)} {plain}"


def _default() -> Path | None:
    try:
        return places.default_state_dir()
    except NotAllowed:
        return None
