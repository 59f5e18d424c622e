"""Where files may be read and where not, and which of these folders a path lies in."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folders:
    """Where files may be read and where not, by true path; `named`: the allowed ones as written."""

    named: tuple[Path, ...]
    allowed: tuple[Path, ...]
    forbidden: tuple[Path, ...]

    @classmethod
    def of(cls, allowed: Sequence[Path], forbidden: Sequence[Path]) -> Folders:
        """Look up the true paths; folders that do not exist allow and forbid nothing."""
        return cls(
            named=tuple(allowed),
            allowed=tuple(found for folder in allowed if (found := _true_folder(folder))),
            forbidden=tuple(found for folder in forbidden if (found := _true_folder(folder))),
        )

    def root(self, path: Path) -> Path | None:
        """The innermost allowed folder that holds `path`."""
        holding = [folder for folder in self.allowed if parts_below(path, folder) is not None]
        return max(holding, key=lambda folder: len(folder.parts), default=None)

    def is_forbidden(self, path: Path) -> bool:
        """True inside a forbidden folder, unless an allowed folder lies between it and the path."""
        root = self.root(path)
        return any(
            parts_below(path, folder) is not None and not (root and parts_below(root, folder))
            for folder in self.forbidden
        )

    def forbidden_files(self) -> frozenset[tuple[int, int]]:
        """Device and inode of every file in the forbidden folders: their other names are known by them."""
        found: set[tuple[int, int]] = set()
        for folder in self.forbidden:
            for parent, folders, files in os.walk(folder):
                folders[:] = [name for name in folders if self.is_forbidden(Path(parent, name))]
                for name in files:
                    try:
                        info = os.lstat(Path(parent, name))
                    except OSError:  # gone in the meantime
                        continue
                    found.add((info.st_dev, info.st_ino))
        return frozenset(found)


def lies_in(folder: Path, allowed: Sequence[Path]) -> bool:
    """Return whether a folder that is there is one of these or lies in one, links followed. Blocks."""
    found = _true_folder(folder)
    return found is not None and Folders.of(allowed, ()).root(found) is not None


def parts_below(path: Path, folder: Path) -> tuple[str, ...] | None:
    """The parts of `path` below `folder`, () for the folder itself, None if it is elsewhere."""
    if not path.is_absolute():
        return None
    depth = len(folder.parts)
    inside = tuple(map(_folded, path.parts[:depth])) == tuple(map(_folded, folder.parts))
    return path.parts[depth:] if inside else None


def path_of(descriptor: int) -> Path | None:
    """The true path as macOS knows it, in the letters that are on disk; None elsewhere."""
    if sys.platform != "darwin":
        return None
    import fcntl

    return Path(os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0")))


def _true_folder(folder: Path) -> Path | None:
    if sys.platform == "win32":
        from . import windows

        return windows.true_path(folder)
    try:
        found = folder.resolve(strict=True)
        if not found.is_dir():
            return None
        if sys.platform != "darwin":
            return found
        descriptor = os.open(found, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, RuntimeError, ValueError):  # a link loop is a RuntimeError up to Python 3.12
        return None
    try:
        return path_of(descriptor)
    finally:
        os.close(descriptor)


def _folded(part: str) -> str:
    """A name as the file system compares it: Linux byte by byte, the others without case and composition."""
    return part if sys.platform == "linux" else unicodedata.normalize("NFC", part).casefold()
