"""Posters: the first picture of a video, drawn small in a confined subprocess."""

from __future__ import annotations

import os
from pathlib import Path

from .access.descriptors import open_plain
from .confine import Limits, run_worker

_LIMITS = Limits(seconds=60)


async def poster(video: Path, *, max_bytes: int) -> bytes:
    """
    Draw the first picture of a video as a JPEG of at most `max_bytes` bytes (8,000 are always enough), with nothing on it.

    The path of the video must come from us or from `inspect`: it is opened as it is.

    Raises:
        MediaError: the file is no video that decodes.
    """
    source = open_plain(video)
    try:
        reply = await run_worker("poster", {"max_bytes": max_bytes}, source=source, limits=_LIMITS)
    finally:
        os.close(source)
    return reply.payload
