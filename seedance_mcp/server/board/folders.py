"""Opens the folder of a video in the system's file manager."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

from ...config import environment_without_keys
from ...errors import MediaError

_PROGRAM = {"win32": "explorer", "darwin": "open"}
_OTHERWISE = "xdg-open"
_SECONDS = 3.0
"""How long a program may take that only hands the folder on to another."""


def open_folder(folder: Path) -> None:
    """
    Show a folder to the person; blocks for at most 3 seconds.

    The program is given one argument and none of our keys, and no shell reads it.

    Raises:
        MediaError: the folder is gone, or nothing here can open it.
    """
    if not folder.is_dir():
        raise MediaError(f"There is no folder {folder}.")
    name = _PROGRAM.get(sys.platform, _OTHERWISE)
    program = shutil.which(name)
    if program is None:
        raise MediaError(
            f"This system has no {name}, so the folder cannot be opened.", hint=f"It is {folder}."
        )
    process = subprocess.Popen(  # noqa: S603  a program of the system, and a folder of ours
        [program, str(folder)],
        env=environment_without_keys(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = process.wait(_SECONDS)
    except subprocess.TimeoutExpired:  # it is the file manager itself
        threading.Thread(target=process.wait, daemon=True).start()
        return
    if code and name != "explorer":  # which says 1 whatever happens
        raise MediaError(f"{name} could not open the folder.", hint=f"It is {folder}.")
