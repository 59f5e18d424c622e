"""Detects network drives and shared folders: file locks can be trusted on local disks alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

_MOUNT_TABLE = Path("/proc/self/mountinfo")
_MOUNT_COMMAND = "/sbin/mount"
_DRIVE_REMOTE = 4
"""What `GetDriveTypeW` says of a drive letter that stands for a share."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """A place that more than this system may write to: what that is, in words, and the type of its file system."""

    what: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class _Mount:
    number: int
    parent: int
    place: str
    kind: str
    source: str


def find_share(folder: Path) -> Share | None:
    """Return the share that a folder is on; None for a local disk, and where the system does not say. Blocks."""
    resolved = str(folder.resolve())
    if sys.platform == "win32":
        import ctypes

        return share_on_windows(resolved, ctypes.windll.kernel32.GetDriveTypeW)
    if sys.platform == "darwin":
        return share_on_macos(resolved, _mounted_on_macos())
    return share_on_linux(resolved, _MOUNT_TABLE.read_bytes()) if _MOUNT_TABLE.is_file() else None


def share_on_linux(folder: str, table: bytes) -> Share | None:
    """Look an absolute path without links up in the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5))."""
    mounts = [mount for line in table.splitlines() if (mount := _mount(line))]
    numbers = {mount.number for mount in mounts}
    found, parent = None, None
    while True:
        # From the root on, the next mount on the way: whatever was mounted below it before is hidden.
        below = [
            mount
            for mount in mounts
            if (mount.parent if mount.parent in numbers - {mount.number} else None) == parent
            and _inside(folder, mount.place)
        ]
        if not below:
            return _share(found.kind, found.source) if found else None
        found = min(reversed(below), key=lambda mount: len(mount.place))
        parent = found.number


def share_on_macos(folder: str, mounted: str) -> Share | None:
    """Look an absolute path without links up in what `mount` prints: `SOURCE on PLACE (TYPE, FLAGS)`, nothing escaped."""
    path, best = _folded(folder), None
    for line in mounted.splitlines():
        match = re.fullmatch(r"(.*) \(([^()]+)\)", line)
        if not match:
            continue
        kind, *flags = match[2].split(", ")
        # Names may hold " on /" themselves; then every reading counts.
        for seam in re.finditer(" on (?=/)", match[1]):
            place = _folded(match[1][seam.end() :])
            if _inside(path, place) and (best is None or len(place) >= len(best[0])):
                best = (place, kind, match[1][: seam.start()], "local" in flags)
    if best is None:
        return None
    _, kind, source, local = best
    return _share(kind, source) or (None if local else Share(what="a network drive", kind=kind))


def share_on_windows(folder: str, drive_type: Callable[[str], int]) -> Share | None:
    r"""
    Judge an absolute path by its beginning: `\\server\share`, or a drive letter that stands for one.

    `drive_type` is the system's `GetDriveTypeW`.
    """
    path = folder.replace("/", "\\")
    if path[:8].upper() == "\\\\?\\UNC\\":
        return Share(what="a network drive", kind="UNC path")
    path = path[4:] if path.startswith(("\\\\?\\", "\\\\.\\")) else path
    if path.startswith("\\\\"):
        return Share(what="a network drive", kind="UNC path")
    if path[1:2] == ":" and drive_type(f"{path[0]}:\\") == _DRIVE_REMOTE:
        return Share(what="a network drive", kind=f"mapped drive {path[:2]}")
    return None


def _mount(line: bytes) -> _Mount | None:
    head, _, tail = line.partition(b" - ")
    fields, rest = head.split(b" "), tail.split(b" ")
    if len(fields) < 5 or len(rest) < 2 or not (fields[0].isdigit() and fields[1].isdigit()):
        return None
    return _Mount(
        number=int(fields[0]),
        parent=int(fields[1]),
        place=_unescaped(fields[4]),
        kind=_unescaped(rest[0]),
        source=_unescaped(rest[1]),
    )


def _unescaped(field: bytes) -> str:
    """Blanks, line ends and backslashes stand there as three octal digits."""
    return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda digits: bytes([int(digits[1], 8) & 255]), field))


def _inside(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip("/") + "/")


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _mounted_on_macos() -> str:
    try:
        done = subprocess.run(  # noqa: S603  the system's own command
            [_MOUNT_COMMAND], stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""  # it cannot be told
    return os.fsdecode(done.stdout)


def _share(kind: str, source: str) -> Share | None:
    name = kind.lower().removeprefix("fuse.")
    for share in _table():
        unnamed: list[str] = share.get("sources", []) if name == "fuse" else []
        if _fits(name, share["kinds"]) or _fits(source.lower(), unnamed):
            return Share(what=share["what"], kind=kind)
    return None


def _fits(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


@cache
def _table() -> list[dict[str, Any]]:
    text = (
        resources.files(__name__.rpartition(".")[0])
        .joinpath("network_drives.toml")
        .read_text(encoding="utf-8")
    )
    return tomllib.loads(text)["share"]
