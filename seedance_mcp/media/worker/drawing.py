"""Draws pictures and what is written on them as one JPEG of few bytes."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from .layout import GAP, Grid, Wish, arranged

PAPER = (24, 24, 27)
INK = (228, 228, 231)
FAINT = (113, 113, 122)
ACCENT = (249, 115, 22)
LETTERS = "ABCDEF"
COLOURS = ((56, 189, 248), (251, 191, 36), (74, 222, 128), (244, 114, 182), (167, 139, 250), (248, 113, 113))
"""One for each letter, all legible on the paper."""

_NOTHING_THERE = (39, 39, 42)
_SCALES = (1.0, 0.88, 0.75, 0.62, 0.52, 0.42, 0.33, 0.26, 0.2, 0.155, 0.1)
_QUALITIES = (82, 68, 52)
_MARGIN, _HEADING = 30, 30

# Loaded now: later the worker cannot open files any more. The few formats that this loads have JPEG among them.
Image.preinit()
_FONT = ImageFont.load_default(20)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Cell = tuple[float, Image.Image]
"""The time of a frame in seconds, and how it looks."""


@dataclass(frozen=True)
class Line:
    """One video's pictures in the order of time; None where there is none any more. `label` says which video."""

    cells: Sequence[Cell | None]
    label: str = ""


def font(size: int) -> Font:
    """The one font that there is, in this size where it can be scaled."""
    return _FONT.font_variant(size=size) if isinstance(_FONT, ImageFont.FreeTypeFont) else _FONT


def frames_on(lines: Sequence[Line], *, joined: int, max_bytes: int) -> tuple[bytes, tuple[int, int]]:
    """
    Draw the lines one under the other, each picture with its time; with several lines, each has a letter.

    `joined` pictures after each other belong together. Returns a JPEG and its width and height.
    """
    several = len(lines) > 1
    wish = Wish(
        places=-(-len(lines[0].cells) // joined),
        shape=shape_of(lines),
        lines=len(lines),
        joined=joined,
        margin=_MARGIN if several else 0,
        heading=_HEADING if several else 0,
    )
    return fitted(lambda scale: _frames(lines, arranged(wish, scale)), max_bytes)


def fitted(draw: Callable[[float], Image.Image], max_bytes: int) -> tuple[bytes, tuple[int, int]]:
    """
    Encode the largest and then clearest picture that keeps to the size, or else the smallest there is.

    `draw` makes it with so much of its largest sides.
    """
    encoded, size = b"", (0, 0)
    for scale in _SCALES:
        picture = draw(scale)
        encoded, size = _encoded(picture, _QUALITIES[-1]), picture.size
        if len(encoded) <= max_bytes:
            clearer = (_encoded(picture, quality) for quality in _QUALITIES[:-1])
            return next((better for better in clearer if len(better) <= max_bytes), encoded), size
    return encoded, size


def _encoded(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def shape_of(lines: Sequence[Line]) -> float:
    """Width to height of a cell: of videos of different shapes something in between."""
    shapes: list[float] = []
    for line in lines:
        first = next((cell[1] for cell in line.cells if cell is not None), None)
        if first is not None:
            shapes.append(first.width / first.height)
    if max(shapes) / min(shapes) < 1.02:
        return shapes[0]
    product = 1.0
    for shape in shapes:
        product *= shape
    return product ** (1 / len(shapes))


def _frames(lines: Sequence[Line], grid: Grid) -> Image.Image:
    sheet = Image.new("RGB", grid.size, PAPER)
    joined = grid.wish.joined
    for number, line in enumerate(lines):
        for index, cell in enumerate(line.cells):
            place, part = divmod(index, joined)
            corner = grid.corner(number, place, part)
            sheet.paste(framed(cell, grid.cell), corner)
            if part:
                left, top = corner
                ImageDraw.Draw(sheet).rectangle(
                    (left - 2, top, left + 1, top + grid.cell[1] - 1), fill=ACCENT
                )
    if len(lines) > 1:
        _letters(sheet, [line.label for line in lines], grid)
    return sheet


def framed(cell: Cell | None, size: tuple[int, int]) -> Image.Image:
    """Draw a frame with its time at exactly this size; of another shape it stands between bars."""
    if cell is None:
        return _ended(size)
    time, image = cell
    if abs(image.width / image.height / (size[0] / size[1]) - 1) < 0.03:  # rounding alone
        shown = image.resize(size, Image.Resampling.LANCZOS)
    else:
        scale = min(size[0] / image.width, size[1] / image.height)
        inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        shown = Image.new("RGB", size, _NOTHING_THERE)
        place = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
        shown.paste(image.resize(inner, Image.Resampling.LANCZOS), place)
    _stamp(shown, f"{time:.2f} s")
    return shown


def _ended(size: tuple[int, int]) -> Image.Image:
    empty = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(empty)
    draw.rectangle((0, 0, size[0] - 1, size[1] - 1), outline=_NOTHING_THERE, width=2)
    middle = size[0] / 2, size[1] / 2
    draw.text(middle, "ended", font=font(_letter_size(size[0])), fill=FAINT, anchor="mm")
    return empty


def _letters(sheet: Image.Image, labels: Sequence[str], grid: Grid) -> None:
    """Write the letter of each line before it, and above all of them what each letter stands for."""
    draw = ImageDraw.Draw(sheet)
    size = max(11, round(20 * grid.scale))
    for number in range(len(labels)):
        for block in range(grid.blocks):
            _, top = grid.corner(number, block * grid.columns)
            place = (GAP + grid.margin) / 2, top + grid.cell[1] / 2
            draw.text(place, LETTERS[number], font=font(size), fill=COLOURS[number], anchor="mm")
    share = (sheet.width - 2 * GAP) / len(labels)
    small = font(max(10, round(17 * grid.scale)))
    for number, label in enumerate(labels):
        left, middle = GAP + number * share, (GAP + grid.heading) / 2
        draw.text((left, middle), LETTERS[number], font=small, fill=COLOURS[number], anchor="lm")
        left += draw.textlength(f"{LETTERS[number]}  ", font=small)
        room = (number + 1) * share - left
        words = cut_to(in_ascii(label), room, draw, small)
        draw.text((left, middle), words, font=small, fill=INK, anchor="lm")


def in_ascii(text: str) -> str:
    """What the font can write of a text: letters without their accents; of other scripts nothing."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join("".join(letter if letter.isprintable() else " " for letter in plain).split())


def cut_to(text: str, room: float, draw: ImageDraw.ImageDraw, small: Font) -> str:
    """The end of a text that there is room for: there the names of takes differ."""
    if draw.textlength(text, font=small) <= room:
        return text
    while text and draw.textlength(f"...{text}", font=small) > room:
        text = text[1:]
    return f"...{text}" if text else ""


def _stamp(cell: Image.Image, text: str) -> None:
    small = font(_letter_size(cell.width))
    draw = ImageDraw.Draw(cell, "RGBA")
    left, top, right, bottom = draw.textbbox((0, 0), text, font=small)
    width, height = right - left + 8, bottom - top + 6
    corner = (0, cell.height - height)
    draw.rectangle((*corner, width, cell.height), fill=(0, 0, 0, 170))
    draw.text((4 - left, corner[1] + 3 - top), text, font=small, fill="white")


def _letter_size(width: int) -> int:
    return max(9, min(24, width // 14))
