"""How pictures are laid out on a sheet: in columns and rows, within bounds of side and of pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

MAX_SIDE = 1568
MAX_PIXELS = 1_150_000
"""A larger picture is scaled down before Claude sees it; of this size it costs about 1,530 tokens."""

GAP = 6
_WIDE_GAP = 3 * GAP
"""Between two blocks of lines, and around joined pictures."""
_LEAST_CELL = 16
_SHAPE = 4 / 3
"""Width to height that a sheet comes close to: chats show that well."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """
    What has to go on a sheet: `places` in the order of time, for each of `lines` videos, one line under the other.

    `shape` is the width of a picture to its height. In each place `joined` pictures stand side by side. `margin` and
    `heading` are pixels at the left and at the top, on a sheet of the largest size.
    """

    places: int
    shape: float
    lines: int = 1
    joined: int = 1
    margin: int = 0
    heading: int = 0


@dataclass(frozen=True, kw_only=True)
class Grid:
    """
    Where the pictures stand, in pixels.

    There are `columns` places beside each other. When they are full, a further block of lines begins below.
    """

    wish: Wish
    columns: int
    cell: tuple[int, int]
    scale: float

    @property
    def margin(self) -> int:
        """Pixels left of the pictures."""
        return round(self.wish.margin * self.scale)

    @property
    def heading(self) -> int:
        """Pixels above the pictures."""
        return round(self.wish.heading * self.scale)

    @property
    def blocks(self) -> int:
        """How many blocks of lines there are."""
        return math.ceil(self.wish.places / self.columns)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        right, _ = self.corner(0, self.columns - 1, self.wish.joined - 1)
        _, bottom = self.corner(self.wish.lines - 1, self.wish.places - 1)
        return right + self.cell[0] + GAP, bottom + self.cell[1] + GAP

    def corner(self, line: int, place: int, part: int = 0) -> tuple[int, int]:
        """Left and top of a picture."""
        block, column = divmod(place, self.columns)
        width, height = self.cell
        wish = self.wish
        across = wish.joined * width + (GAP if wish.joined == 1 else _WIDE_GAP)
        down = wish.lines * (height + GAP) + (0 if wish.lines == wish.joined == 1 else _WIDE_GAP - GAP)
        left = GAP + self.margin + column * across + part * width
        return left, GAP + self.heading + block * down + line * (height + GAP)


def arranged(wish: Wish, scale: float = 1.0) -> Grid:
    """Arrange pictures as large as they can be on a sheet that has `scale` of the largest sides."""
    columns = min(range(1, wish.places + 1), key=lambda columns: _cost(wish, columns))
    small, large = _LEAST_CELL, MAX_SIDE
    while small < large:
        middle = (small + large + 1) // 2
        if _fits(_grid(wish, columns, middle, scale)):
            small = middle
        else:
            large = middle - 1
    return _grid(wish, columns, small, scale)


def _grid(wish: Wish, columns: int, width: int, scale: float) -> Grid:
    height = max(_LEAST_CELL, round(width / wish.shape))
    return Grid(wish=wish, columns=columns, cell=(width, height), scale=scale)


def _fits(grid: Grid) -> bool:
    width, height = grid.size
    most = MAX_SIDE * grid.scale
    return max(width, height) <= most and width * height <= MAX_PIXELS * grid.scale**2


def _cost(wish: Wish, columns: int) -> float:
    """How bad so many columns are: a sheet should have a good shape and few empty places."""
    blocks = math.ceil(wish.places / columns)
    shape = columns * wish.joined * wish.shape / (blocks * wish.lines)
    empty = columns * blocks - wish.places
    return abs(math.log(shape / _SHAPE)) + empty / wish.places
