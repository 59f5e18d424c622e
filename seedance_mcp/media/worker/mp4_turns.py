"""By how much players turn a picture of an MP4 or MOV: phones lie on their side and say so in the track's header."""

from __future__ import annotations

import math
import os
import struct
from typing import IO

from .mp4_boxes import Box, read, walk


def turns(source: IO[bytes], track: int) -> int:
    """
    Return how many quarter turns to the left bring the pictures of a track upright, 0 to 3.

    Raises:
        RefusalError: the file's boxes do not add up.
    """
    for box in walk(source, b"", 0, source.seek(0, os.SEEK_END)):
        if box.kind == b"tkhd" and _number(source, box) == track:
            return _turns(source, box)
    return 0


def _wide(source: IO[bytes], box: Box) -> bool:
    return read(source, box.content, 1) == b"\x01"


def _number(source: IO[bytes], box: Box) -> int:
    return int.from_bytes(read(source, box.content + (20 if _wide(source, box) else 12), 4))


def _turns(source: IO[bytes], box: Box) -> int:
    matrix = read(source, box.content + (52 if _wide(source, box) else 40), 8)
    if len(matrix) < 8:
        return 0
    along, across = struct.unpack(">ii", matrix)
    return round(-math.degrees(math.atan2(across, along)) / 90) % 4
