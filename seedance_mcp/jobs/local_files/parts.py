"""The unfinished file of a download: its name, its bytes, and where they come from."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import DownloadError
from .unfinished import Writer, note_of, unfinished_files

_FIELDS: Callable[[Any], tuple[Any, Any, Any]] = itemgetter("source", "validator", "total")
_SENDABLE = re.compile(r"[!-~]([ -~]{0,998}[!-~])?")
_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


@dataclass(frozen=True, kw_only=True)
class Origin:
    """
    What has to be unchanged for a download to go on: the URL without its query, and the server's own mark.

    `validator` is a strong ETag or a Last-Modified date, "" if there is none; `total` is the size of the whole in bytes.
    """

    source: str
    validator: str
    total: int | None


def is_sendable(validator: str) -> bool:
    """Return whether a server's mark can be sent back to it: one that cannot is none."""
    return _SENDABLE.fullmatch(validator) is not None


class FolderUnusable(DownloadError):
    """A folder does not take the file: it cannot be made or written to, or its disk is full."""


class Part:
    """
    An unfinished file, and a small note beside it on where its bytes come from.

    All methods block and raise `OSError`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._note = note_of(path)

    def held(self, source: str) -> tuple[int, Origin] | None:
        """Return the bytes that are here, and their origin, if a download of `source` can go on there."""
        size, origin = self._size(), self._origin()
        if not size or origin is None or origin.source != source:
            return None
        if size != origin.total and not is_sendable(origin.validator):
            return None
        return None if origin.total is not None and size > origin.total else (size, origin)

    @property
    def is_whole(self) -> bool:
        """Whether all of a download is here, wherever it came from."""
        size, origin = self._size(), self._origin()
        return size > 0 and origin is not None and origin.total == size

    def end(self, source: str) -> None:
        """Note that what is here is the whole of `source`: then it need not be fetched again, also without a validator."""
        origin = self._origin()
        known = origin.validator if origin is not None and origin.source == source else ""
        self._write(Origin(source=source, validator=known, total=self._size()))

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _origin(self) -> Origin | None:
        """Read the note; None if there is none that makes sense."""
        try:
            source, validator, total = _FIELDS(json.loads(self._note.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError, LookupError, RecursionError):
            return None
        sound = (
            isinstance(source, str) and isinstance(validator, str) and (total is None or type(total) is int)
        )
        return Origin(source=source, validator=validator, total=total) if sound else None

    def _write(self, origin: Origin) -> None:
        self._note.write_text(json.dumps(asdict(origin)), encoding="utf-8")

    def begin(self, origin: Origin | None) -> BinaryIO:
        """Open it empty. Without an origin, what is written now cannot be gone on with later."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The note goes first and comes back last: it must never speak of other bytes than those here.
        self._note.unlink(missing_ok=True)
        file = self.path.open("wb")
        if origin:
            self._write(origin)
        return file

    def go_on(self) -> BinaryIO:
        """Open it at its end."""
        return self.path.open("ab")

    def discard(self) -> None:
        """Remove it and its note."""
        self._note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


def part_path(folder: Path, job_id: str, writer: Writer) -> Path:
    """
    Name the unfinished file of a job in the folder of the finished one.

    What a dead process of this installation left of it is taken over; of another's, nothing is known. Blocks.
    """
    own = folder / f"{job_id}.{writer.installation}.{writer.instance}.part"
    if not own.exists():
        # Another process may be quicker, or the folder may not be listed; then there is nothing to take over.
        with suppress(OSError):
            for path, name in unfinished_files(folder):
                if name.job == job_id and not name.is_note and writer.left(name):
                    with suppress(OSError):
                        note_of(path).replace(note_of(own))
                        path.replace(own)
                        break
    return own


def discard_left(folder: Path, job_id: str, writer: Writer) -> None:
    """Remove what dead processes of this installation left of a job's download. Blocks, raises `OSError`."""
    for path, name in list(unfinished_files(folder)):
        if name.job == job_id and writer.left(name):
            path.unlink(missing_ok=True)


@contextmanager
def disk_errors(folder: Path, part: Part | None = None) -> Generator[None]:
    """Turn an `OSError` into a `FolderUnusable` with a hint. A full disk gets the bytes of `part` back."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            with suppress(OSError):
                if part:
                    part.discard()
            raise FolderUnusable(
                f"The disk with {folder} is full.",
                hint="Free some space there. The finished video waits at the provider and is fetched again.",
            ) from error
        raise FolderUnusable(
            f"The video cannot be written to {folder}: {error.strerror or type(error).__name__}.",
            hint="Make that folder writable, or set SEEDANCE_OUTPUT_DIR to another one.",
        ) from error
