"""Files that go in: whether they may be read, what they are, and their hash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio.to_thread

from ..errors import MediaError
from ..types import MediaFile
from .access.descriptors import open_allowed
from .confine import Limits, naming, run_worker
from .worker.signatures import MAX_FILE_BYTES

_LIMITS = Limits(seconds=60)
_BLOCK_BYTES = 1024 * 1024


async def inspect(path: Path, *, allowed: Sequence[Path], forbidden: Sequence[Path]) -> MediaFile:
    """
    Check a file that an assistant named: it may be read, it is what it looks like, and it decodes.

    Everything, hash included, comes from one descriptor, so nothing can be swapped in between. `path` of
    the answer is the true path. Width and height are as shown (EXIF and rotation applied). What a
    model takes (size, shape, length) is not judged here.

    Raises:
        MediaError: with what is wrong, and in the hint what to do about it.
    """
    with open_allowed(path, allowed=allowed, forbidden=forbidden) as (source, found):
        before = os.fstat(source)
        if before.st_size > MAX_FILE_BYTES:
            raise MediaError(
                f"{path} has {before.st_size:,} bytes; at most {MAX_FILE_BYTES:,} are read.",
                hint="Make a smaller copy of it.",
            )
        with naming(path):
            reply = await run_worker("inspect", {}, source=source, limits=_LIMITS)
        digest = await anyio.to_thread.run_sync(_hash, source)
        after = os.fstat(source)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise _changed(path)
    return MediaFile(path=found, bytes=before.st_size, sha256=digest, **_known(reply.facts))


async def read_media(file: MediaFile, *, allowed: Sequence[Path], forbidden: Sequence[Path]) -> bytes:
    """
    Read a file that `inspect` passed, under the same rules, and only if it is still the same.

    Raises:
        MediaError: it may not be read any more, is gone, or has other content than when it was inspected.
        ValueError: `file` is a URL.
    """
    if file.path is None:
        raise ValueError("a URL has no local content")
    with open_allowed(file.path, allowed=allowed, forbidden=forbidden) as (source, _):
        content = await anyio.to_thread.run_sync(_read, source)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise _changed(file.path)
    return content


class Unchanged:
    """Opens files that `inspect` passed, to be read in parts; the content is hashed anew only where it may be another."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[int, ...]] = {}

    async def open(self, file: MediaFile, *, allowed: Sequence[Path], forbidden: Sequence[Path]) -> int:
        """
        Open the file under the rules of `read_media`; the caller closes the descriptor.

        Raises:
            MediaError: it may not be read any more, is gone, or has other content than when it was inspected.
            ValueError: `file` is a URL.
        """
        if file.path is None or file.sha256 is None:
            raise ValueError("a URL has no local content")
        name = str(file.path), file.sha256
        with open_allowed(file.path, allowed=allowed, forbidden=forbidden) as (source, _):
            found = _state(source)
            if self._seen.get(name) != found:
                if await anyio.to_thread.run_sync(_hash, source) != file.sha256 or _state(source) != found:
                    raise _changed(file.path)
                self._seen[name] = found
            return os.dup(source)


def _state(source: int) -> tuple[int, ...]:
    """What tells two states of a file apart; nobody can set the time of its last change but by changing the clock."""
    info = os.fstat(source)
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns


def _hash(source: int) -> str:
    os.lseek(source, 0, os.SEEK_SET)
    with os.fdopen(source, "rb", closefd=False) as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _read(source: int) -> bytes:
    with os.fdopen(source, "rb", closefd=False) as content:
        return content.read(MAX_FILE_BYTES)


def _known(facts: Any) -> dict[str, Any]:
    names = ("kind", "mime_type", "width", "height", "duration_seconds", "fps", "video_codec", "audio_codec")
    return {name: facts.get(name) for name in names}


def _changed(path: Path) -> MediaError:
    return MediaError(
        f"{path} changed while it was being used.", hint="Wait until it is written, then try again."
    )
