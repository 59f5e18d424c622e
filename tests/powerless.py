"""Runs code in a process that has no way around file permissions, though the tests may be root's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

_RIGHTS = "-dac_override,-dac_read_search,-fowner"


@cache
def _before_the_command() -> list[str] | None:
    """What to put before a command so that file permissions hold for it; None: nothing helps."""
    if os.name != "posix":
        return None
    if os.geteuid() != 0:
        return []
    command = ["setpriv", "--bounding-set", _RIGHTS, "--inh-caps", _RIGHTS]
    if shutil.which(command[0]) is None:
        return None
    tried = subprocess.run([*command, "true"], capture_output=True, check=False, timeout=20)
    return command if tried.returncode == 0 else None


def said_by_powerless(code: str, *arguments: str | Path) -> list[str]:
    """The lines that some Python code prints in such a process; skips the test where there can be none."""
    rights = _before_the_command()
    if rights is None:
        pytest.skip("file permissions hold nobody back here")
    command = [*rights, sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
