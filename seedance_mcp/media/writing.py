"""Writes a file whole or not at all."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

LEFTOVER = re.compile(r"\.[0-9a-f]{16}\.unfinished")
"""The name of what a process leaves that dies while it writes."""


def write_whole(path: Path, content: bytes) -> None:
    """
    Put a file at a path, in the place of whatever lies there: a link is replaced, never followed. Blocks.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    unfinished = path.with_name(f".{secrets.token_hex(8)}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
