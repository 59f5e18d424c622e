"""What a program of somebody else's gets to see of this process's environment, and whether that has a screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")
_TEAM = "SEEDANCE_TEAM"
_HOLD_PASSWORDS = ("SEEDANCE_PROXY", "SEEDANCE_DATABASE_URL")


def environment_without_keys(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    Copy the environment without every variable that is named like a key, a token, a secret or a password.

    Among them are all variables from which a provider's key, or the keys of the bucket, may be read. The proxy that is
    ours alone and the database are left out as well, because their addresses may hold passwords.
    """
    environ = os.environ if environ is None else environ  # noqa: TID251  config/ is the one place that reads it
    return {
        name: value
        for name, value in environ.items()
        if not any(word in name.upper() for word in _SECRET_WORDS) and name.upper() not in _HOLD_PASSWORDS
    }


def choose_team(name: str) -> None:
    """Have this command, and whatever it starts, be for a team, as if SEEDANCE_TEAM had been set."""
    os.environ[_TEAM] = name  # noqa: TID251  config/ is the one place that knows it


def chosen_team() -> str | None:
    """Return the team that this command is for, by its option or by SEEDANCE_TEAM; None if it is for none, or for all."""
    name = os.environ.get(_TEAM, "")  # noqa: TID251  config/ is the one place that reads it
    return name if name.isascii() and name.isidentifier() else None


def has_display(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether a browser that is opened would be seen: not over a connection to another machine, or without a screen."""
    environ = os.environ if environ is None else environ  # noqa: TID251  config/ is the one place that reads it
    if environ.get("BROWSER"):
        return True
    if environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("win32", "darwin") or any(
        environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
