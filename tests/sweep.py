"""Looks through the folders of a finished test session for the keys that tests gave to servers."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

_INPUTS = frozenset({"config.toml", "settings.toml", ".env"})
"""What a test writes for a server to read: settings, which may hold keys."""

_PROGRAMS = frozenset({".py", ".pyc"})
"""A test may copy the suite itself, in which the keys stand."""

_MOST_BYTES = 64 * 1024 * 1024
"""Nothing that is written down grows so large; films made large on purpose do."""

_FILMS = frozenset({".mp4", ".mov", ".png", ".jpg", ".part"})
_ENDS_BYTES = 256 * 1024
"""Of a film, the ends are looked at: words stand there, pictures between them."""


def sweep(folder: Path, secrets: Sequence[bytes]) -> list[str]:
    """Name each file below the folder that holds one of the secrets, and what stands before it."""
    found: list[str] = []
    for path in _files(folder):
        try:
            data = _read(path)
        except OSError:  # gone, or closed to us
            continue
        for secret in secrets:
            place = data.find(secret)
            if place >= 0:
                found.append(f"{path}: …{data[max(0, place - 60) : place]!r}")
    return found


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not Path(parent, name).is_mount()]
        paths = (Path(parent, name) for name in files if name not in _INPUTS)
        yield from (path for path in paths if path.suffix not in _PROGRAMS)


def _read(path: Path) -> bytes:
    info = path.lstat()
    if not stat.S_ISREG(info.st_mode) or info.st_size > _MOST_BYTES:
        return b""
    with path.open("rb") as file:
        if path.suffix not in _FILMS or info.st_size <= 2 * _ENDS_BYTES:
            return file.read()
        start = file.read(_ENDS_BYTES)
        file.seek(-_ENDS_BYTES, os.SEEK_END)
        return start + file.read()
