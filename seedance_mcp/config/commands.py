"""Writes the commands that a person is told to run, so that they run as printed and find what this process works with."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

from ..audience import audience, from_afar
from . import places
from .cleaning import NotAllowed
from .environment import chosen_team
from .installation import NAME, WINDOWS, in_powershell, in_shell, server_command
from .names import ENVIRONMENT
from .settings import Settings
from .teams import common_state_dir

_STATE_DIR = "SEEDANCE_STATE_DIR"
_MEANT = re.compile(rf"`{NAME} ([^`\n]+)`")


def command(words: str, settings: Settings | None = None, *, windows: bool = WINDOWS) -> str:
    """
    Write `seedance-mcp` with these words as the platform's shell takes it; on Windows that is PowerShell.

    Where the name on the PATH does not lead to this installation, its path is written. A state folder that only the
    environment of this process names, such as a client's entry, is written in front: a terminal would look into
    another one. For somebody elsewhere no path of this machine stands in it. With a team's settings the command is for that
    team. Without `settings` it is for the very environment and
    team that this process has.
    """
    line = f"{NAME if from_afar() else _program(windows=windows)} {words}"
    team = audience().team or (chosen_team() if settings is None else settings.team)
    if team is not None and "--team" not in words.split():  # a hint can pass through here twice
        line = f"{line} --team {team}"
    if settings is None or from_afar():
        return line
    state_dir = common_state_dir(settings)
    if settings.sources.get(_STATE_DIR) != ENVIRONMENT or state_dir == _default():
        return line
    folder = str(state_dir)
    if windows:
        return f"$env:{_STATE_DIR}={in_powershell(folder)}; {line}"
    return f"{_STATE_DIR}={shlex.quote(folder)} {line}"


def way_to_agree(code: str, settings: Settings) -> str:
    """Say how a person agrees to the question of this code outside of the chat, as a clause ("they run ...")."""
    line = f"`{command(f'approve {code}', settings)}` in a terminal"
    whom = audience()
    if whom.board:
        return f"they agree on the board at {whom.board}, or whoever runs the installation runs {line}, within 15 minutes"
    return f"{'whoever runs the installation runs' if whom.afar else 'they run'} {line} within 15 minutes"


def runnable(text: str, settings: Settings | None = None) -> str:
    """Write each command of ours that stands in backticks in a text as `command` does; everything else stays as it is."""
    return _MEANT.sub(lambda found: f"`{command(found[1], settings)}`", text) if "`" in text else text


def _program(*, windows: bool) -> str:
    start, more = server_command()
    on_path = shutil.which(NAME)
    if not more and on_path and Path(on_path).samefile(start):
        return NAME
    return in_shell([start, *more], windows=windows)


def _default() -> Path | None:
    try:
        return places.default_state_dir()
    except NotAllowed:
        return None
