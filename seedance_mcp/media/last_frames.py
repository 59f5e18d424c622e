"""The picture a video ends on, taken out in a confined subprocess."""

from __future__ import annotations

import os
from pathlib import Path

from anyio.to_thread import run_sync

from ..errors import MediaError
from .confine import Limits, run_worker
from .descriptors import open_plain
from .writing import write_whole

_LIMITS = Limits(seconds=60)


async def extract_last_frame(video: Path, picture: Path) -> None:
    """
    Write the last frame of a video as a PNG of the video's own size.

    The path of the video must come from us or from `inspect`: it is opened as it is. An existing picture is
    replaced whole.

    Raises:
        MediaError: the file is no video that decodes, or the picture cannot be written.
    """
    source = open_plain(video)
    try:
        reply = await run_worker("last_frame", {}, source=source, limits=_LIMITS)
    finally:
        os.close(source)
    try:
        await run_sync(write_whole, picture, reply.payload)
    except OSError as error:
        raise MediaError(
            f"The last frame cannot be written to {picture}: {error.strerror}.",
            hint="Free some space there, or make the folder writable.",
        ) from error
