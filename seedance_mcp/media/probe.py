"""Facts of a video, and what type a picture is of, found out in a confined subprocess."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import MediaError
from .access.descriptors import open_plain
from .confine import Limits, naming, run_worker, together

_LIMITS = Limits(seconds=180)
"""A slow machine may need it for half a minute in 4k."""
_PICTURE_LIMITS = Limits(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of a video, in seconds from its beginning."""

    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """
    What a video really is: pixels as shown, seconds, frames a second, bytes.

    `loudness_lufs` is the integrated loudness by ITU-R BS.1770, None without audible sound. `cuts` are the
    times at which a new shot begins. Blacks last 0.3 s or longer, silences (below -50 dBFS) 0.5 s,
    freezes (no visible change) 1 s. The tuples are empty where only the container was checked.
    """

    path: Path
    bytes: int
    width: int
    height: int
    fps: float
    frames: int
    duration_seconds: float
    video_codec: str
    audio_codec: str | None
    has_audio: bool
    title: str | None
    comment: str | None
    loudness_lufs: float | None = None
    cuts: tuple[float, ...] = ()
    blacks: tuple[Span, ...] = ()
    freezes: tuple[Span, ...] = ()
    silences: tuple[Span, ...] = ()


async def probe_video(path: Path, *, full: bool = True) -> VideoFacts:
    """
    Decode a video from beginning to end and measure it; with `full=False` only see that it is complete.

    The path must come from us or from `inspect`: it is opened as it is.

    Raises:
        MediaError: it is not a complete playable video.
        UnfinishedInspection: decoding it crashed, or took more than three minutes or too much memory.
        InspectionFailed: it could not be looked into, for a reason of ours.
    """
    from pydantic import TypeAdapter

    source = open_plain(path)
    try:
        size = os.fstat(source).st_size
        with (
            naming(path) if full else nullcontext()
        ):  # what is only checked may be a download with a passing name
            reply = await run_worker("probe" if full else "check", {}, source=source, limits=_LIMITS)
    finally:
        os.close(source)
    return TypeAdapter(VideoFacts).validate_python({**reply.facts, "path": path, "bytes": size})


async def probe_videos(paths: Sequence[Path]) -> list[VideoFacts]:
    """Measure several videos; see `probe_video`."""
    return await together([partial(probe_video, path) for path in paths])


async def picture_type(path: Path) -> str:
    """
    Decode a picture and give its MIME type, such as "image/png"; its name is not looked at.

    The path must come from us: it is opened as it is.

    Raises:
        MediaError: it is no picture, or not a whole one.
    """
    source = open_plain(path)
    try:
        reply = await run_worker("inspect", {}, source=source, limits=_PICTURE_LIMITS)
    finally:
        os.close(source)
    if reply.facts["kind"] != "image":
        raise MediaError(f"{path} is no picture but {reply.facts['mime_type']}.")
    return str(reply.facts["mime_type"])
