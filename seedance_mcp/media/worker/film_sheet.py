"""The worker's task `film_sheet`: the shots of a film, one row for each, on one JPEG."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

from PIL import Image, ImageDraw

from .compose import read_cell
from .drawing import ACCENT, FAINT, INK, PAPER, Line, cut_to, fitted, font, framed, in_ascii, shape_of
from .layout import GAP, MAX_PIXELS, MAX_SIDE

_LEAST_CELL = 16
_BETWEEN = 4 * GAP
"""Pixels between two blocks of rows."""
_STRIP = 26
"""Pixels above each row for what is written about it, on a sheet of the largest size."""


@dataclass(frozen=True, kw_only=True)
class _Row(Line):
    """
    One shot: its pictures, the last one of the shot before it ahead of them; `label` is its name.

    `number` is its place in the film, `words` its facts.
    """

    number: int
    words: str


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """
    Where everything stands, in pixels: `columns` pictures beside each other, above each row a strip of text.

    With two `blocks` the later half of the rows stands beside the first, as upright pictures need it.
    """

    rows: int
    blocks: int
    columns: int
    cell: tuple[int, int]
    strip: int
    heading: int

    @property
    def rows_down(self) -> int:
        """How many rows stand under each other."""
        return -(-self.rows // self.blocks)

    @property
    def row_width(self) -> int:
        """How wide the pictures of a row are together."""
        return self.columns * (self.cell[0] + GAP) - 2 * GAP

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        across = self.blocks * (self.row_width + _BETWEEN) - _BETWEEN + 2 * GAP
        return across, GAP + self.heading + self.rows_down * (self.strip + self.cell[1] + GAP)

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Left and top of a picture. The first two of a row touch: between them the film cuts."""
        block, line = divmod(row, self.rows_down)
        width, height = self.cell
        left = GAP + block * (self.row_width + _BETWEEN) + column * width + max(0, column - 1) * GAP
        return left, GAP + self.heading + line * (self.strip + height + GAP) + self.strip


def draw_film_sheet(source: IO[bytes], *, max_bytes: int) -> tuple[dict[str, Any], bytes]:
    """
    Draw what `source` holds: a line of JSON, then the bytes of all pictures as `draw_shot` gives them.

    The JSON has a `heading`, which may be empty, and `rows` with `number`, `label`, `words` and `cells`. The first cell of
    a row is the last picture of the shot before, or null.
    """
    source.seek(0)
    head = json.loads(source.readline())
    rows = [
        _Row(
            [read_cell(cell, source) for cell in row["cells"]],
            row["label"],
            number=row["number"],
            words=row["words"],
        )
        for row in head["rows"]
    ]
    columns, shape, heading = max(len(row.cells) for row in rows), shape_of(rows), head["heading"]

    def draw(scale: float) -> Image.Image:
        return _drawn(rows, heading, _arranged(len(rows), columns, shape, scale, bool(heading)))

    jpeg, size = fitted(draw, max_bytes)
    return {"width": size[0], "height": size[1]}, jpeg


def _arranged(rows: int, columns: int, shape: float, scale: float, headed: bool) -> _Layout:
    """Make the pictures as large as they can be on a sheet that has `scale` of the largest sides."""
    blocks = (1, 2) if rows > 1 else (1,)
    layouts = [_largest(rows, number, columns, shape, scale, headed) for number in blocks]
    return max(layouts, key=lambda layout: layout.cell)


def _largest(rows: int, blocks: int, columns: int, shape: float, scale: float, headed: bool) -> _Layout:
    strip = max(14, round(_STRIP * scale))
    width = int(MAX_SIDE * scale / columns)
    while True:
        layout = _Layout(
            rows=rows,
            blocks=blocks,
            columns=columns,
            cell=(max(_LEAST_CELL, width), max(_LEAST_CELL, round(width / shape))),
            strip=strip,
            heading=strip if headed else 0,
        )
        across, down = layout.size
        fits = max(across, down) <= MAX_SIDE * scale and across * down <= MAX_PIXELS * scale**2
        if fits or width <= _LEAST_CELL:
            return layout
        width -= 1


def _drawn(rows: Sequence[_Row], heading: str, layout: _Layout) -> Image.Image:
    sheet = Image.new("RGB", layout.size, PAPER)
    draw = ImageDraw.Draw(sheet)
    letters = font(max(9, round(layout.strip * 0.68)))
    draw.text((GAP, GAP + layout.heading / 2), heading, font=letters, fill=INK, anchor="lm")
    for place, row in enumerate(rows):
        for column, cell in enumerate(row.cells):
            if cell is not None:
                sheet.paste(framed(cell, layout.cell), layout.corner(place, column))
        seam, top = layout.corner(place, 1)
        if row.cells[0] is not None:
            draw.rectangle((seam - 2, top, seam + 1, top + layout.cell[1] - 1), fill=ACCENT)
        left, middle = layout.corner(place, 0)[0], top - layout.strip / 2
        right = left + layout.row_width
        draw.text((right, middle), row.words, font=letters, fill=FAINT, anchor="rm")
        number = f"{row.number}  "
        draw.text((left, middle), number, font=letters, fill=INK, anchor="lm")
        left += draw.textlength(number, font=letters)
        room = right - left - draw.textlength(f"{row.words}   ", font=letters)
        name = cut_to(in_ascii(row.label), room, draw, letters)
        draw.text((left, middle), name, font=letters, fill=INK, anchor="lm")
    return sheet
