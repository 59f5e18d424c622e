"""What is to be seen of a video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MAX_SHEET_FRAMES = 36
"""Most frames on one sheet, of all its videos together; the least is 1."""

MAX_COMPARED = 6
"""Most videos side by side."""

Show = Literal["frames", "cuts", "sound"]
"""Frames in the order of time; the frames on both sides of each cut; how loud the sound is over time."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """
    One look at a video, or at several side by side.

    `start` and `end` are seconds; without `end` it goes on to the end of the video. `frames` are those of each video
    where frames are shown; `compare` are further sources.
    """

    show: Show = "frames"
    frames: int = 9
    start: float = 0.0
    end: float | None = None
    compare: tuple[str, ...] = ()
