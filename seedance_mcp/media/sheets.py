"""Contact sheets: a video at a glance, drawn in a confined subprocess."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InvalidRequest
from ..types import MAX_SHEET_FRAMES
from .confine import Limits, run_worker
from .descriptors import open_plain

MIN_BYTES = 8_000
_LIMITS = Limits(seconds=120)


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
