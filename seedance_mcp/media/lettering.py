"""The words on a placeholder: the prompt as a subtitle, and the plain mark that this is no real video."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from .placeholder import PlaceholderSpec

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

_MOST_LINES = 3


@lru_cache(maxsize=8)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The shipped font at a size in pixels."""
    with resources.as_file(
        resources.files("seedance_mcp.media").joinpath("fonts", "NotoSansSC-Subset.otf")
    ) as path:
        return ImageFont.truetype(str(path), size)


def draw_words(spec: PlaceholderSpec) -> tuple[Pixels, Pixels]:
    """Draw subtitle and mark once: RGB pixels, and their opacity (0 to 255)."""
    layer = Image.new("RGBA", (spec.width, spec.height))
    draw = ImageDraw.Draw(layer)
    unit = min(spec.width, spec.height)
    letters = font(max(14, round(unit * 0.044)))
    small = font(max(11, round(unit * 0.03)))
    margin = round(unit * 0.05)
    lines = wrapped(" ".join(spec.prompt.split()), letters, spec.width - 2 * margin)
    line_height = round(letters.size * 1.35)
    band = len(lines) * line_height + margin
    if lines:
        top = spec.height - band - margin // 2
        draw.rectangle((0, top, spec.width, spec.height - margin // 2), fill=(8, 10, 16, 150))
        for number, line in enumerate(lines):
            draw.text(
                (spec.width / 2, top + margin / 2 + number * line_height),
                line,
                font=letters,
                fill="white",
                anchor="ma",
            )
    mark = f"PLACEHOLDER · {spec.model} · {spec.duration_seconds:g} s"
    if spec.unseen:
        mark += f" · {spec.unseen} input{'s' if spec.unseen > 1 else ''} by URL not shown"
    for line_number, line in enumerate(wrapped(mark, small, spec.width - 2 * margin)):
        box = draw.textbbox((margin, margin + line_number * small.size * 1.8), line, font=small)
        pad = round(small.size * 0.4)
        draw.rounded_rectangle(
            (box[0] - pad, box[1] - pad, box[2] + pad, box[3] + pad), radius=pad, fill=(8, 10, 16, 170)
        )
        draw.text(
            (margin, margin + line_number * small.size * 1.8), line, font=small, fill=(255, 214, 102, 255)
        )
    pixels = np.asarray(layer)
    return pixels[..., :3], pixels[..., 3]


def wrapped(text: str, letters: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Break a text into at most three lines: at spaces where there are any, else between characters."""
    lines: list[str] = []
    rest = text.strip()
    while rest and len(lines) < _MOST_LINES:
        cut = len(rest)
        if letters.getlength(rest) > width:
            low, high = 1, len(rest)
            while low < high:
                middle = (low + high + 1) // 2
                low, high = (middle, high) if letters.getlength(rest[:middle]) <= width else (low, middle - 1)
            space = rest.rfind(" ", 0, low + 1)
            cut = space if space > low // 2 else low
        lines.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    if rest and lines:
        lines[-1] = lines[-1][:-1].rstrip() + "…"
    return lines
