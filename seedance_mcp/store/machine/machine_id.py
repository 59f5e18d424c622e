"""What tells the machines that share a database apart: a number that each has drawn once and keeps in its state folder."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

from ...config import flush, open_private
from ...errors import StoreError

_FILE = "machine"
_FORM = re.compile(r"[0-9a-f]{16}")


def machine_id(folder: Path) -> str:
    """
    Return this machine's number, by 16 hex digits, drawn at the first call. All processes on a state folder have the same.

    Raises:
        OSError: it cannot be kept.
        StoreError: the file holds something else: with a new number, what this machine began would be nobody's.
    """
    path = folder / _FILE
    if not path.exists():
        _draw(path)
    found = path.read_text(encoding="ascii", errors="replace").strip()
    if not _FORM.fullmatch(found):
        raise StoreError(
            f"{path} does not hold the number of this machine.",
            hint="Remove it: another one is drawn. Films that this machine was making have to be cancelled then.",
        )
    return found


def _draw(path: Path) -> None:
    """Keep a new number, whole, unless another process was quicker."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open_private(beside, new=True) as file:
            file.write(f"{secrets.token_hex(8)}\n".encode())
            flush(file)
        with contextlib.suppress(FileExistsError):
            try:
                os.link(beside, path)
            except FileExistsError:
                raise
            except OSError:  # a file system without hard links
                with path.open("xb") as file:
                    file.write(beside.read_bytes())
                    flush(file)
    finally:
        beside.unlink(missing_ok=True)
