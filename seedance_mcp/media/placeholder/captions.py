"""The words on a placeholder: the mark that it is none of a model's work, and the prompt as a subtitle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from .lettering import draw_line, plain, width, wrapped

_MOST_LETTERS = 700
"""What fits at the smallest size, with some to spare: more is not even looked at."""
_SIZES = ((1.0, 3), (0.86, 4), (0.74, 5))
"""Sizes of the subtitle against the normal one, and how many lines each may take."""
_SMALLEST = 13
_TALLEST = 0.34
"""The most of the frame that the subtitle may take, as a share of its height."""
_LINE = 1.38
_INK = (250, 250, 252, 255)
_PAPER = (10, 12, 20, 150)
_MARK_PAPER = (10, 12, 20, 185)
_MARK_INK = (255, 205, 92, 255)


@dataclass(frozen=True)
class Label:
    """Words drawn once, to be laid over every frame at the same place. `x`, `y`: its upper left corner."""

    x: int
    y: int
    colours: Image.Image
    opacity: Image.Image

    @classmethod
    def cut(cls, layer: Image.Image) -> Label | None:
        """Keep the part of a transparent layer on which something is drawn; None if there is nothing."""
        box = layer.getchannel("A").getbbox()
        if box is None:
            return None
        part = layer.crop(box)
        return cls(box[0], box[1], part.convert("RGB"), part.getchannel("A"))

    def onto(self, frame: Image.Image, strength: float = 1.0) -> None:
        """Lay it over a frame, in place. `strength` from 0, nothing, to 1."""
        if strength <= 0:
            return
        opacity = self.opacity
        if strength < 1:
            opacity = opacity.point([round(value * strength) for value in range(256)])
        frame.paste(self.colours, (self.x, self.y), opacity)


def draw_mark(size: tuple[int, int], words: Sequence[str], notes: Sequence[str]) -> Label | None:
    """Draw PLACEHOLDER and what it stands in for at the upper left; each note on a line below."""
    layer = Image.new("RGBA", size)
    draw = ImageDraw.Draw(layer)
    unit = _unit(size)
    letters = max(_SMALLEST, round(unit * 0.030))
    margin = round(unit * 0.038)
    space = size[0] - 2 * margin - letters
    top = margin
    lines = [line for text in (" · ".join(words), *notes) for line in wrapped(text, letters, space, 2)]
    first = "PLACEHOLDER"
    while letters > 6 and width(first, letters) * 1.1 > space:
        letters -= 1
    draw_bold = width(first, letters) + letters * 0.6
    rows = [first, *lines] if draw_bold + width(lines[0] if lines else "", letters) > space else lines
    beside = rows is lines and bool(lines)
    for number, line in enumerate(rows):
        marked = number == 0
        wide = width(line, letters) + (draw_bold if beside and marked else 0)
        height = round(letters * 1.75)
        pad = round(letters * 0.62)
        draw.rounded_rectangle(
            (margin, top, margin + wide + 2 * pad, top + height), radius=height // 2, fill=_MARK_PAPER
        )
        x, baseline = margin + pad, top + round(letters * 1.22)
        if marked:
            _bold(draw, first, x, baseline, letters)
        if not marked or beside:
            x += draw_bold if marked else 0
            draw_line(draw, line, x=x, baseline=baseline, size=letters, fill=_INK)
        top += round(height * 1.12)
    return Label.cut(layer)


def draw_subtitle(size: tuple[int, int], text: str) -> Label | None:
    """Draw the prompt in a translucent band at the bottom: smaller when it is long, cut with an ellipsis at the end."""
    words = plain(text[:_MOST_LETTERS])
    if not words:
        return None
    layer = Image.new("RGBA", size)
    draw = ImageDraw.Draw(layer)
    unit = _unit(size)
    margin = round(unit * 0.045)
    pad = round(unit * 0.026)
    space = min(size[0] - 2 * margin - 2 * pad, round(unit * 1.6))
    letters, lines = _fitted(words, size, space)
    line_height = round(letters * _LINE)
    band = line_height * len(lines) + round(pad * 1.3)
    top = size[1] - margin - band
    widest = max(width(line, letters) for line in lines)
    left = (size[0] - widest) / 2 - pad
    draw.rounded_rectangle(
        (left, top, left + widest + 2 * pad, top + band), radius=round(letters * 0.5), fill=_PAPER
    )
    for number, line in enumerate(lines):
        baseline = top + round(pad * 0.65) + number * line_height + round(letters * 1.05)
        draw_line(
            draw,
            line,
            x=(size[0] - width(line, letters)) / 2,
            baseline=baseline,
            size=letters,
            fill=_INK,
        )
    return Label.cut(layer)


def draw_card(size: tuple[int, int], title: str, words: str) -> Image.Image:
    """Draw a neutral card with a title and some words: it stands for a picture that cannot be shown."""
    card = Image.linear_gradient("L").resize(size).point([58 + value // 6 for value in range(256)])
    card = Image.merge(
        "RGB",
        (
            card,
            card.point([v + 2 if v < 254 else v for v in range(256)]),
            card.point([min(255, v + 9) for v in range(256)]),
        ),
    )
    draw = ImageDraw.Draw(card)
    unit = _unit(size)
    letters = max(_SMALLEST, round(unit * 0.075))
    small = max(_SMALLEST - 2, round(unit * 0.046))
    space = size[0] * 0.84
    lines = [(line, letters) for line in wrapped(title, letters, space, 2)]
    lines += [(line, small) for line in wrapped(words, small, space, 3)]
    height = sum(round(line_size * _LINE) for _, line_size in lines)
    y = (size[1] - height) / 2
    for line, line_size in lines:
        draw_line(
            draw,
            line,
            x=(size[0] - width(line, line_size)) / 2,
            baseline=y + line_size,
            size=line_size,
            fill=_INK[:3] if line_size == letters else (190, 194, 206),
        )
        y += round(line_size * _LINE)
    edge = max(2, round(unit * 0.012))
    draw.rectangle(
        (edge, edge, size[0] - 1 - edge, size[1] - 1 - edge), outline=(128, 132, 146), width=max(1, edge // 3)
    )
    return card


def draw_number(layer: Image.Image, number: int, corner: tuple[int, int], letters: int) -> None:
    """Draw a small tag with a number at the upper left `corner` of something on a transparent layer."""
    draw = ImageDraw.Draw(layer)
    wide = width(str(number), letters)
    side = round(max(wide + 0.9 * letters, 1.5 * letters))
    left, top = corner[0] + letters // 3, corner[1] + letters // 3
    draw.rounded_rectangle(
        (left, top, left + side, top + round(1.5 * letters)), letters // 3, (10, 12, 20, 225)
    )
    draw_line(
        draw,
        str(number),
        x=left + (side - wide) / 2,
        baseline=top + round(1.1 * letters),
        size=letters,
        fill=_INK,
    )


def _unit(size: tuple[int, int]) -> float:
    """What sizes of letters and margins are counted in, in pixels: the shorter side, or less in a very long frame."""
    return min(size[0], size[1], 0.62 * max(size))


def _fitted(words: str, size: tuple[int, int], space: float) -> tuple[int, list[str]]:
    """The largest letters in which all of it fits; the smallest, with what fits, if there are none."""
    letters, lines = _SMALLEST, [""]
    for scale, most in _SIZES:
        letters = max(_SMALLEST, round(_unit(size) * 0.046 * scale))
        room = int(_TALLEST * size[1] / (letters * _LINE))
        lines = wrapped(words, letters, space, max(1, min(room, most + (size[1] > size[0]))))
        if not lines[-1].endswith("…"):
            return letters, _balanced(words, letters, space, lines)
    return letters, lines


def _balanced(words: str, letters: int, space: float, lines: list[str]) -> list[str]:
    """Break as many lines as evenly as a narrower space makes them, so that no last word stands alone."""
    for share in (0.55, 0.65, 0.75, 0.85):
        narrower = wrapped(words, letters, space * share, len(lines) + 1)
        if len(narrower) == len(lines):
            return narrower
    return lines


def _bold(draw: ImageDraw.ImageDraw, text: str, x: float, baseline: float, letters: int) -> None:
    """Draw twice, a little apart: no second font file for one word."""
    for offset in (0.0, letters / 22):
        draw_line(draw, text, x=x + offset, baseline=baseline, size=letters, fill=_MARK_INK)
