"""The unfinished file of a download: its bytes, where they come from, and what dead processes left of it."""

from __future__ import annotations

import errno
import json
import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import DownloadError
from ..media import LEFTOVER

_LEFTOVER = re.compile(r"(?P<job>job_[A-Za-z0-9_-]{16,64})\.(?P<instance>[0-9a-f]{16})\.part(?:\.json)?")
_UNFINISHED_SIDECAR = re.compile(r"job_[A-Za-z0-9_-]{16,64}\.[a-z0-9_]{8}\.json\.part")
_UNFINISHED_AGE_SECONDS = 3600
_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


@dataclass(frozen=True, kw_only=True)
class Origin:
    """
    What has to be unchanged for a download to go on: the URL without its query, and the server's own mark.

    `validator` is a strong ETag or a Last-Modified date; `total` is the size of the whole in bytes.
    """

    source: str
    validator: str
    total: int | None


class Part:
    """
    An unfinished file, and a small note beside it on where its bytes come from.

    All methods block and raise `OSError`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._note = _note_of(path)

    def held(self, source: str) -> tuple[int, Origin] | None:
        """Give the bytes that are here, and their origin, if a download of `source` can go on there."""
        try:
            size = self.path.stat().st_size
            origin = Origin(**json.loads(self._note.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        if not size or origin.source != source or (origin.total is not None and size > origin.total):
            return None
        return size, origin

    def begin(self, origin: Origin | None) -> BinaryIO:
        """Open it empty. Without an origin, what is written now cannot be gone on with later."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The note goes first and comes back last: it must never speak of other bytes than those here.
        self._note.unlink(missing_ok=True)
        file = self.path.open("wb")
        if origin:
            self._note.write_text(json.dumps(asdict(origin)), encoding="utf-8")
        return file

    def go_on(self) -> BinaryIO:
        """Open it at its end."""
        return self.path.open("ab")

    def discard(self) -> None:
        """Remove it and its note."""
        self._note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


def part_path(folder: Path, job_id: str, instance: str, alive: Callable[[str], bool]) -> Path:
    """
    Name the unfinished file of a job in the folder of the finished one.

    What a dead process left of it is taken over; `alive` tells whether the process with an instance id still
    runs. Blocks.
    """
    own = folder / f"{job_id}.{instance}.part"
    if not own.exists():
        for path, job, owner in _leftovers(folder):
            if job == job_id and path.suffix == ".part" and not alive(owner):
                # Another process may be quicker; then there is nothing to take over.
                with suppress(OSError):
                    _note_of(path).replace(_note_of(own))
                    path.replace(own)
                    break
    return own


def sweep(folder: Path, alive: Callable[[str], bool]) -> int:
    """
    Remove what dead processes left unfinished, and nothing else; say how many files that were.

    `alive` tells whether the process with an instance id still runs. Blocks.
    """
    removed = 0
    for path, _, owner in list(_leftovers(folder)):
        if not alive(owner):
            path.unlink(missing_ok=True)
            removed += 1
    for path in _files(folder):
        if _UNFINISHED_SIDECAR.fullmatch(path.name) or LEFTOVER.fullmatch(path.name):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - _UNFINISHED_AGE_SECONDS:
                    path.unlink()
                    removed += 1
    return removed


@contextmanager
def disk_errors(folder: Path, part: Part | None = None) -> Generator[None]:
    """Turn an `OSError` into a `DownloadError` with a hint. A full disk gets the bytes of `part` back."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            with suppress(OSError):
                if part:
                    part.discard()
            raise DownloadError(
                f"The disk with {folder} is full.",
                hint="Free some space there. The finished video waits at the provider and is fetched again.",
            ) from error
        raise DownloadError(
            f"The video cannot be written to {folder}: {error.strerror or type(error).__name__}.",
            hint="Make that folder writable, or set SEEDANCE_OUTPUT_DIR to another one.",
        ) from error


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if path.is_file() and not path.is_symlink())


def _leftovers(folder: Path) -> Iterator[tuple[Path, str, str]]:
    for path in _files(folder):
        if match := _LEFTOVER.fullmatch(path.name):
            yield path, match["job"], match["instance"]
