"""The user's pictures in a placeholder: opened, filling the frame under a slow camera, or laid out as cards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from av import open as open_film
from av.error import FFmpegError
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from ..frames import upright
from .captions import draw_card, draw_number
from .scenery import soft_light

Picture = Path | str
"""A file, or the words of the card that stands for a picture which cannot be shown."""

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_ROOM = 1.12
"""How much larger than the frame a picture is kept, so that the camera can move in without blur."""
_PUSH = 0.10
_MOST_CARDS = 12


def eased(share: float) -> float:
    """Slow at both ends: 0 to 1 for 0 to 1."""
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def load_picture(picture: Picture, size: tuple[int, int], *, title: str) -> Image.Image:
    """
    Open a picture, the first frame of a video included, the right way up and no larger than the frame needs.

    What cannot be shown becomes a card of `size` with `title` and the words, or the file's name, on it.
    """
    if isinstance(picture, str):
        return draw_card(size, title, picture)
    image = _still(picture, size) or _first_of_film(picture)
    return draw_card(size, title, f"{picture.name} cannot be read") if image is None else image


def _still(path: Path, size: tuple[int, int]) -> Image.Image | None:
    try:
        with Image.open(path, formats=_FORMATS) as image:
            side = round(2 * _ROOM * max(size))
            image.draft("RGB", (side, side))
            turned = ImageOps.exif_transpose(image)
            if not turned.has_transparency_data:
                return turned.convert("RGB")
            paper = Image.new("RGBA", turned.size, (236, 236, 238, 255))
            return Image.alpha_composite(paper, turned.convert("RGBA")).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _first_of_film(path: Path) -> Image.Image | None:
    try:
        with open_film(str(path)) as film:
            return upright(next(film.decode(video=0)))
    except (FFmpegError, OSError, ValueError, IndexError, StopIteration):
        return None


class Shot:
    """
    A picture that fills the frame, cut to its shape, under a slow camera.

    The camera stands still on the whole picture at `near` 0 and has moved in at 1.
    """

    def __init__(self, image: Image.Image, size: tuple[int, int], seed: int) -> None:
        self._size = size
        wanted = (round(size[0] * _ROOM), round(size[1] * _ROOM))
        self._image = ImageOps.fit(image, wanted, Image.Resampling.LANCZOS)
        self._still = self._image.resize(size, Image.Resampling.LANCZOS)
        turn = np.random.default_rng(seed).uniform(0, 2 * math.pi)
        self._aim = (0.5 + 0.42 * math.cos(turn), 0.5 + 0.42 * math.sin(turn))

    def draw(self, near: float) -> Image.Image:
        """Draw the picture from a distance: `near` from 0 to 1."""
        if near <= 0:
            return self._still.copy()
        share = 1 - near * _PUSH / (1 + _PUSH)
        width, height = self._image.width * share, self._image.height * share
        left, top = (self._image.width - width) * self._aim[0], (self._image.height - height) * self._aim[1]
        box = (left, top, left + width, top + height)
        return self._image.resize(self._size, Image.Resampling.BILINEAR, box=box)


class Lights:
    """Soft lights that drift over a picture, so that it lives even where it is all of one colour."""

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        self._size = size
        random = np.random.default_rng(seed)
        self._paths = random.uniform(0, 1, (6, 4)).tolist()
        self._masks = [
            [
                soft_light(round(min(size) * (0.06 + 0.09 * path[3])), strength=0.34 * level / 8)
                for level in range(9)
            ]
            for path in self._paths
        ]

    def onto(self, frame: Image.Image, seconds: float, strength: float) -> None:
        """Lay them over a frame, in place. `strength` from 0, nothing, to 1."""
        level = round(8 * strength)
        if not level:
            return
        for (x0, y0, speed, _), masks in zip(self._paths, self._masks, strict=True):
            light = masks[level]
            x = (x0 + (0.03 + 0.05 * speed) * seconds) % 1.0
            y = y0 + 0.05 * math.sin(0.6 * seconds + 6.3 * speed)
            place = round(x * self._size[0] - light.width / 2), round(y * self._size[1] - light.height / 2)
            frame.paste((255, 250, 235), place, light)


class Cards:
    """The reference pictures side by side, numbered as prompts number them, coming slowly nearer."""

    def __init__(self, pictures: Sequence[Picture], size: tuple[int, int]) -> None:
        self._size = size
        side = round(0.5 * min(size))
        images = [
            load_picture(picture, (side, side), title=f"reference {number}")
            for number, picture in enumerate(pictures[:_MOST_CARDS], 1)
        ]
        layer = Image.new("RGBA", size)
        left, top, right, bottom = 0.05 * size[0], 0.16 * size[1], 0.95 * size[0], 0.76 * size[1]
        gap = 0.035 * min(size)
        rows = _rows([image.width / image.height for image in images], right - left, bottom - top, gap)
        tall = min(_row_height(row, right - left, bottom - top, gap, len(rows)) for row in rows)
        y = (top + bottom - len(rows) * tall - (len(rows) - 1) * gap) / 2
        number = 0
        for row in rows:
            x = (left + right - sum(row) * tall - (len(row) - 1) * gap) / 2
            for shape in row:
                self._lay(
                    layer, images[number], number + 1, (round(x), round(y), round(shape * tall), round(tall))
                )
                x += shape * tall + gap
                number += 1
            y += tall + gap
        self._colours, self._opacity = layer.convert("RGB"), layer.getchannel("A")

    def onto(self, frame: Image.Image, share: float) -> None:
        """Lay the cards over a frame, in place. `share` of the video from 0 to 1."""
        zoom = 0.05 * eased(share)
        left, top = self._size[0] * zoom / 2, self._size[1] * zoom / 2
        box = (left, top, self._size[0] - left, self._size[1] - top)
        opacity = self._opacity.resize(self._size, Image.Resampling.BILINEAR, box=box)
        frame.paste(self._colours.resize(self._size, Image.Resampling.BILINEAR, box=box), (0, 0), opacity)

    def _lay(
        self, layer: Image.Image, image: Image.Image, number: int, box: tuple[int, int, int, int]
    ) -> None:
        left, top, wide, tall = box
        edge = max(2, round(min(self._size) * 0.007))
        right, bottom = left + wide, top + tall
        shadow = Image.new("L", self._size)
        ImageDraw.Draw(shadow).rounded_rectangle(
            (left - edge, top + edge, right + edge, bottom + 3 * edge), 3 * edge, 130
        )
        layer.paste((6, 8, 14, 255), (0, 0), shadow.filter(ImageFilter.BoxBlur(2 * edge)))
        draw = ImageDraw.Draw(layer)
        draw.rounded_rectangle(
            (left - edge, top - edge, right + edge, bottom + edge), 2 * edge, (248, 248, 250, 255)
        )
        layer.paste(image.resize((max(1, wide), max(1, tall)), Image.Resampling.LANCZOS), (left, top))
        draw_number(layer, number, (left, top), max(13, round(min(self._size) * 0.03)))


def _rows(shapes: Sequence[float], width: float, height: float, gap: float) -> list[list[float]]:
    """Deal pictures of these shapes (width by height) into rows, so that all can be equally high and large."""
    found: list[list[list[float]]] = []
    for count in range(1, len(shapes) + 1):
        each = math.ceil(len(shapes) / count)
        found.append([list(shapes[first : first + each]) for first in range(0, len(shapes), each)])
    return max(found, key=lambda rows: min(_row_height(row, width, height, gap, len(rows)) for row in rows))


def _row_height(row: Sequence[float], width: float, height: float, gap: float, rows: int) -> float:
    return min((height - (rows - 1) * gap) / rows, (width - (len(row) - 1) * gap) / sum(row))
