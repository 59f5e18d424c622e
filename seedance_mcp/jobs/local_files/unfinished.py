"""Unfinished files in the output folder: what their names say of who writes them, and which of them are left over."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...store import Store

_ABANDONED_SECONDS = 30 * 86_400.0
"""
So long after its last change nobody can go on with a file: twice the longest time that any provider keeps a result
(14 days, `result_hours` in the catalogue), so that a clock which is days wrong does not matter.
"""

_WATCHED_SECONDS = 3600.0
"""
For so long, by the steady clock, this process must have seen the file unchanged. Times of files can lie (a clock that was
set, a file system that shows none), but what is being written grows: a download without 64 KiB in 30 seconds ends, and is
tried again within minutes.
"""

_JOB, _ID = r"job_[A-Za-z0-9_-]{16,64}", r"[0-9a-f]{16}"
_OURS = re.compile(
    rf"(?:(?P<job>{_JOB})\.(?P<installation>{_ID})\.(?P<instance>{_ID})\.part(?P<note>\.json)?"
    rf"|\.(?P<also>{_ID})\.(?P<process>{_ID})\.[0-9a-f]{{8}}\.unfinished)"
)
_EARLIER = re.compile(
    rf"{_JOB}\.{_ID}\.part(?P<note>\.json)?|{_JOB}\.[a-z0-9_]{{8}}\.json\.part|\.{_ID}\.unfinished"
)
"""Names that earlier versions gave, which do not say whose installation it was."""


@dataclass(frozen=True, kw_only=True)
class Name:
    """What the name of an unfinished file says; `installation` and `instance` are None where it does not say that."""

    job: str | None = None
    installation: str | None = None
    instance: str | None = None
    is_note: bool = False


@dataclass(frozen=True, kw_only=True)
class Writer:
    """
    Who writes files: this installation and this process, each by 16 hex digits.

    `alive` tells whether the process with an instance id still runs. It knows those of this installation only.
    """

    installation: str
    instance: str
    alive: Callable[[str], bool]

    def left(self, name: Name) -> bool:
        """Return whether a dead process of this installation left the file with this name."""
        return (
            name.installation == self.installation
            and name.instance is not None
            and not self.alive(name.instance)
        )


def writer_of(store: Store) -> Writer:
    """Who writes files for this store."""
    return Writer(installation=store.installation, instance=store.local.instance, alive=store.local.alive)


def unfinished_file(folder: Path, writer: Writer) -> Path:
    """Name a new file to be written before it gets its final name in `folder`; hidden, because it is short-lived."""
    return folder / f".{writer.installation}.{writer.instance}.{secrets.token_hex(4)}.unfinished"


def note_of(part: Path) -> Path:
    """Name the note beside a part that says where its bytes come from."""
    return part.with_name(f"{part.name}.json")


def unfinished_files(folder: Path) -> Iterator[tuple[Path, Name]]:
    """List the files in a folder that have the name of an unfinished one; links are none. Blocks."""
    if folder.is_dir():
        for path in folder.iterdir():
            name = _read(path.name)
            if name and path.is_file() and not path.is_symlink():
                yield path, name


class Leftovers:
    """
    Removes what was left unfinished in a folder.

    What a dead process of this installation left goes at once. Another installation (with another state folder, or on
    another machine that shares the folder) may be writing at this moment: its file goes only when it is old and this
    process has watched it for a while. `clock` gives epoch seconds, `uptime` those of a clock that nobody can set.
    """

    def __init__(
        self, folder: Path, writer: Writer, *, clock: Callable[[], float], uptime: Callable[[], float]
    ) -> None:
        self._folder = folder
        self._writer = writer
        self._clock = clock
        self._uptime = uptime
        self._watched: dict[Path, tuple[float, tuple[int, int, int]]] = {}

    def sweep(self) -> int:
        """Remove what may go; say how many files that were. Blocks, raises `OSError` if the folder cannot be listed."""
        removed, watched = 0, self._watched
        self._watched = {}
        for path, name in list(unfinished_files(self._folder)):
            with suppress(OSError):  # somebody was quicker, or it is in use
                if name.is_note and path.with_name(path.name.removesuffix(".json")).exists():
                    continue  # it goes with its part
                if not (self._writer.left(name) or self._abandoned(path, name, watched.get(path))):
                    continue
                for gone in (note_of(path), path):
                    removed += gone.exists()
                    gone.unlink(missing_ok=True)
        return removed

    def _abandoned(self, path: Path, name: Name, before: tuple[float, tuple[int, int, int]] | None) -> bool:
        if name.installation == self._writer.installation:
            return False
        facts, now = path.stat(), self._uptime()
        mark = (facts.st_size, facts.st_mtime_ns, facts.st_ino)
        since = before[0] if before and before[1] == mark else now
        self._watched[path] = (since, mark)
        # Synchronising programs set the time of the last change to that of the original; the other time is the copy's own.
        age = self._clock() - max(facts.st_mtime, facts.st_ctime)
        return age >= _ABANDONED_SECONDS and now - since >= _WATCHED_SECONDS


def _read(name: str) -> Name | None:
    if match := _OURS.fullmatch(name):
        return Name(
            job=match["job"],
            installation=match["installation"] or match["also"],
            instance=match["instance"] or match["process"],
            is_note=match["note"] is not None,
        )
    if match := _EARLIER.fullmatch(name):
        return Name(is_note=match["note"] is not None)
    return None
