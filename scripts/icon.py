"""Draws the icon that shops show, 512 x 512, from nothing: `python scripts/icon.py` writes `publish/mcpb/icon.png`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

ICON = Path(__file__).resolve().parents[1] / "publish" / "mcpb" / "icon.png"
SIDE = 512
_FINER = 4  # drawn so many times as large, for smooth edges
_DUSK, _DAWN = (28, 24, 64), (232, 96, 76)
_LIGHT, _LEAF = (255, 248, 236), (150, 214, 140)


def draw() -> Image.Image:
    """Return the icon: a seed with a play mark in it, two leaves above, on a dawn sky."""
    side = SIDE * _FINER
    sky = Image.linear_gradient("L").resize((side, side))
    picture = Image.composite(Image.new("RGB", sky.size, _DAWN), Image.new("RGB", sky.size, _DUSK), sky)
    pen = ImageDraw.Draw(picture)
    pen.line((side * 0.5, side * 0.38, side * 0.5, side * 0.52), fill=_LEAF, width=round(side * 0.028))
    for leaf in (_leaf(side, lean=1), _leaf(side, lean=-1)):
        picture.paste(_LEAF, mask=leaf)
    pen.ellipse((side * 0.27, side * 0.42, side * 0.73, side * 0.88), fill=_LIGHT)
    triangle = ((0.44, 0.54), (0.44, 0.76), (0.63, 0.65))
    pen.polygon([(side * x, side * y) for x, y in triangle], fill=_DUSK)
    picture.putalpha(_rounded(side))
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _leaf(side: int, *, lean: int) -> Image.Image:
    """Where two circles meet, a leaf is left; `lean` 1 leans right, -1 left."""
    shapes: list[Image.Image] = []
    for x, y in ((0.5, 0.17), (0.72, 0.39)):
        shape = Image.new("L", (side, side))
        centre = (side * (0.5 + lean * (x - 0.5)), side * y)
        ImageDraw.Draw(shape).circle(centre, side * 0.22, fill=255)
        shapes.append(shape)
    return ImageChops.darker(*shapes)


def _rounded(side: int) -> Image.Image:
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, side - 1, side - 1), radius=side * 0.22, fill=255)
    return mask.filter(ImageFilter.SMOOTH)


if __name__ == "__main__":
    draw().save(ICON, optimize=True)
