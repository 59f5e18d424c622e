"""The chapters of a film that was joined here, as they stand in the index at its beginning."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .access.descriptors import open_plain

_PATH = (b"moov", b"udta", b"chpl")
_UNITS_A_SECOND = 10_000_000
_MOST_BOXES = 1_000
_MOST_BYTES = 70_000
"""255 chapters, which is all that the list can hold, with titles as long as they can be."""


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A part of a film: from which second on it goes, and what it is called."""

    start: float
    title: str


def read_chapters(path: Path) -> tuple[Chapter, ...]:
    """
    Return the chapters of an MP4 of ours, the first one first; none where no list of them can be made out. Blocks.

    Raises:
        MediaError: there is no such file, or it is no regular one.
    """
    with os.fdopen(open_plain(path), "rb") as file:
        try:
            start, end = 0, os.fstat(file.fileno()).st_size
            for kind in _PATH:
                start, end = next(_inside(file, kind, start, end))
            file.seek(start)
            return tuple(_listed(file.read(min(end - start, _MOST_BYTES))))
        except (OSError, StopIteration, struct.error):
            return ()


def _inside(file: IO[bytes], wanted: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Say where the content of each box of this kind begins and ends, between two places."""
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        header = file.read(16)
        length, kind = struct.unpack(">I4s", header[:8])
        content = start + 8
        if length == 1:
            (length,) = struct.unpack(">Q", header[8:])
            content = start + 16
        if not content <= start + length <= end:
            return
        if kind == wanted:
            yield content, start + length
        start += length


def _listed(content: bytes) -> Iterator[Chapter]:
    """Read Nero's list: version, flags and four bytes of nothing, a count, then begin and title of each."""
    place = 9
    for _ in range(content[8] if len(content) > 8 else 0):
        start, length = struct.unpack_from(">QB", content, place)
        place += 9
        title = content[place : place + length].decode("utf-8", "replace")
        place += length
        yield Chapter(start=start / _UNITS_A_SECOND, title=title)
