"""Contact sheets: a video at a glance, drawn in a confined subprocess."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ..errors import InvalidRequest
from ..types import MAX_SHEET_FRAMES
from .access.descriptors import open_plain
from .confine import Limits, run_worker

MIN_BYTES = 8_000
_LIMITS = Limits(seconds=120)

_COMMENT = b"seedance-mcp contact sheet, sha256 of the rest: "
_HEADER = b"\xff\xfe" + (2 + len(_COMMENT) + 64).to_bytes(2) + _COMMENT
MARK_BYTES = len(_HEADER) + 64
"""How many bytes `mark` adds."""


async def contact_sheet(path: Path, *, frames: int = 9, max_bytes: int = 150_000) -> bytes:
    """
    Draw evenly spaced frames with their times, the first and the last among them, as one JPEG.

    A video with fewer frames gives a smaller sheet. Size and quality go down until the JPEG has at most
    `max_bytes`. The path must come from us or from `inspect`: it is opened as it is.

    Raises:
        InvalidRequest: `frames` is not 1 to 36, or `max_bytes` is below 8,000.
        MediaError: the file is no video that decodes.
    """
    problems = (
        []
        if 1 <= frames <= MAX_SHEET_FRAMES
        else [f"frames is {frames}; allowed are 1 to {MAX_SHEET_FRAMES}"]
    )
    if max_bytes < MIN_BYTES:
        problems.append(f"max_bytes is {max_bytes}; allowed is {MIN_BYTES} or more")
    if problems:
        raise InvalidRequest(problems)
    source = open_plain(path)
    try:
        reply = await run_worker(
            "sheet", {"frames": frames, "max_bytes": max_bytes}, source=source, limits=_LIMITS
        )
    finally:
        os.close(source)
    return reply.payload


def mark(jpeg: bytes) -> bytes:
    """Put a comment into a sheet that says whose it is and, as a hash, that nobody has changed it since."""
    # A JPEG begins with its start (2 bytes) and the segment JFIF (2 bytes, then a length that counts itself).
    place = 4 + int.from_bytes(jpeg[4:6]) if jpeg[2:4] == b"\xff\xe0" else 2
    digest = hashlib.sha256(jpeg).hexdigest().encode()
    return jpeg[:place] + _HEADER + digest + jpeg[place:]


def is_marked(content: bytes) -> bool:
    """Return whether this is a sheet of ours, unchanged."""
    before, _, after = content.partition(_HEADER)
    return hashlib.sha256(before + after[64:]).hexdigest().encode() == after[:64]
