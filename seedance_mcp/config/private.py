"""Makes files and folders that nobody but the user may read, whatever the umask says: for all that the state folder holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing. Raises OSError."""
    for place in (*reversed(folder.parents), folder):
        if not place.is_dir():
            place.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path, *, new: bool = False) -> BinaryIO:
    """
    Open a file for writing, empty; `new` refuses one that is there.

    Raises:
        OSError: it cannot be made, or it is there and had to be new.
    """
    flags = os.O_WRONLY | os.O_CREAT | (os.O_EXCL if new else os.O_TRUNC) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")
