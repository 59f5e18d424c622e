"""The picture a video ends on, taken out in a confined subprocess."""

from __future__ import annotations

import os
from pathlib import Path

from .access.descriptors import open_plain
from .confine import Limits, run_worker

_LIMITS = Limits(seconds=60)


async def extract_last_frame(video: Path) -> bytes:
    """
    Draw the last frame of a video as a PNG of the video's own size; the same video gives the same bytes.

    The path of the video must come from us or from `inspect`: it is opened as it is.

    Raises:
        MediaError: the file is no video that decodes.
    """
    source = open_plain(video)
    try:
        reply = await run_worker("last_frame", {}, source=source, limits=_LIMITS)
    finally:
        os.close(source)
    return reply.payload
