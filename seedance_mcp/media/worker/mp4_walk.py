"""Walks the boxes of an MP4 or MOV file to see that it is all there."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

from .refusal import RefusalError

_AGAIN = "Fetch or export the file again."
_MAX_BOXES = 100_000


def check_complete(source: IO[bytes]) -> None:
    """
    Refuse an ISO base media file that is cut off, lacks its index or content, or has other data behind it.

    Raises:
        RefusalError: with what is missing, and where.
    """
    size = source.seek(0, 2)
    kinds: set[str] = set()
    for kind, _, _ in top_boxes(source, size):
        kinds.add(kind)
    if not kinds & {"moov"}:
        raise RefusalError(
            "The video has no index (no 'moov' box): it was cut off or is still being written.", _AGAIN
        )
    if not kinds & {"mdat"}:
        raise RefusalError("The video has an index but no content (no 'mdat' box).", _AGAIN)


def top_boxes(source: IO[bytes], end: int) -> Iterator[tuple[str, int, int]]:
    """The boxes at the top level as (type, start and end of the content in bytes)."""
    position = 0
    for _ in range(_MAX_BOXES):
        if position == end:
            return
        source.seek(position)
        header = source.read(16)
        if len(header) < 8:
            raise RefusalError(f"The video ends in the middle of a box header at byte {position}.", _AGAIN)
        length, kind = struct.unpack(">I4s", header[:8])
        start = position + 8
        if length == 1 and len(header) == 16:
            length = struct.unpack(">Q", header[8:])[0]
            start = position + 16
        elif length == 0 and kind == b"mdat":  # by the standard: up to the end of the file
            length = end - position
        if not all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind) or length < start - position:
            raise RefusalError(f"The bytes from {position} on do not belong to a video.", _AGAIN)
        name = kind.decode("latin-1")
        if position + length > end:
            raise RefusalError(
                f"The video is cut off: of its box {name!r} {end - position:,} of {length:,} bytes are there.",
                _AGAIN,
            )
        yield name, start, position + length
        position += length
    raise RefusalError("The video consists of far too many boxes.")
