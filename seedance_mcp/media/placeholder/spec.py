"""What a placeholder video is to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class PlaceholderSpec:
    """
    What to draw: the same specification always gives the same video.

    `width` and `height` in pixels, both even; the video has `duration_seconds` times `fps` frames, rounded.
    A picture is a file (image, or video of which the first frame is shown) or the words of a card that stands
    for one which cannot be shown. The video begins with `first_frame` and ends on `last_frame`. `notes` are
    shown below the mark.
    """

    prompt: str
    model: str
    width: int
    height: int
    duration_seconds: float
    fps: int = 24
    seed: int = 0
    audio: bool = True
    first_frame: Path | str | None = None
    last_frame: Path | str | None = None
    references: tuple[Path | str, ...] = ()
    camera_fixed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        """How many pictures the video has."""
        return max(1, round(self.duration_seconds * self.fps))
