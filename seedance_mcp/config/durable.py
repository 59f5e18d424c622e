"""Makes what was written durable: it is there after the machine lost its power, too."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO


def flush(file: BinaryIO) -> None:
    """Put what was written to an open file on the disk. Blocks, raises OSError."""
    file.flush()
    os.fsync(file.fileno())
    if sys.platform == "darwin":  # there, the other leaves it in the disk's own memory
        import fcntl

        fcntl.fcntl(file.fileno(), fcntl.F_FULLFSYNC)


def flush_folder(folder: Path) -> None:
    """Put the names in a folder on the disk. Blocks, raises OSError."""
    if sys.platform == "win32":  # it cannot open a folder, and journals its names itself
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # it may be written to and not be listed: then only everything can be flushed
        os.sync()
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
