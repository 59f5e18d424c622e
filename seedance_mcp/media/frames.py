"""A decoded frame as a picture the right way up."""

from __future__ import annotations

from av.video.frame import VideoFrame
from PIL import Image


def upright(frame: VideoFrame, *, longest_side: int | None = None) -> Image.Image:
    """Convert a frame to RGB as players show it, scaled down to `longest_side` pixels where that is given."""
    scale = min(1.0, (longest_side or 1 << 30) / max(frame.width, frame.height))
    width, height = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
    small = frame.reformat(width, height, "rgb24", interpolation="LANCZOS")
    pixels = small.planes[0]
    image = Image.frombytes("RGB", (small.width, small.height), bytes(pixels), "raw", "RGB", pixels.line_size)
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image
