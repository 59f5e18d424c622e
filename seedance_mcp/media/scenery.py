"""What a placeholder shows: the user's pictures in slow motion, or a seeded landscape, and the words on top."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from .lettering import draw_words

if TYPE_CHECKING:
    from .placeholder import PlaceholderSpec

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

_ZOOM = 1.10
_ARRIVAL = 0.35
"""The part of the video, at its end, in which the last frame is reached."""


class Scene:
    """The frames of one placeholder, each made on demand."""

    def __init__(self, spec: PlaceholderSpec, frames: int) -> None:
        self._frames = frames
        self._size = (spec.width, spec.height)
        self._random = np.random.default_rng(spec.seed)
        self._direction = float(self._random.uniform(0, 2 * math.pi))
        pictures = [_picture(path, self._size) for path in (spec.first_frame, *spec.references) if path]
        self._pictures = [found for found in pictures if found is not None]
        self._live = not self._pictures
        if self._live:
            self._pictures = [_landscape(self._size, self._random)]
        self._orbs = _Orbs(self._size, self._random) if self._live else None
        self._last = _picture(spec.last_frame, self._size, zoom=1.0) if spec.last_frame else None
        self._bands = tuple(_Band.cut(*draw_words(spec)))

    def frame(self, number: int) -> Pixels:
        """Draw frame `number` as RGB pixels, with the words on it."""
        pixels = np.array(self.bare(number))
        for band in self._bands:
            band.onto(pixels)
        return pixels

    def bare(self, number: int) -> Pixels:
        """Draw frame `number` without words, as the picture that a next shot can start from."""
        share = number / max(1, self._frames - 1)
        pixels = self._background(share)
        if self._orbs:
            pixels = self._orbs.over(pixels, share, self._frames)
        if self._last is not None and share > 1 - _ARRIVAL:
            pixels = _mixed(pixels, self._last_pixels(), _eased((share - 1 + _ARRIVAL) / _ARRIVAL))
        return pixels

    def _last_pixels(self) -> Pixels:
        assert self._last is not None
        return np.asarray(self._last)

    def _background(self, share: float) -> Pixels:
        place = share * len(self._pictures)
        index = min(int(place), len(self._pictures) - 1)
        pixels = self._moved(self._pictures[index], place - index)
        into = place - index
        if index + 1 < len(self._pictures) and into > 0.8:
            pixels = _mixed(pixels, self._moved(self._pictures[index + 1], 0.0), _eased((into - 0.8) / 0.2))
        return pixels

    def _moved(self, picture: Image.Image, share: float) -> Pixels:
        # The picture is a little larger than the frame: the window over it closes in and drifts to one side.
        eased = _eased(share)
        width = self._size[0] + (picture.width - self._size[0]) * (1 - eased)
        height = self._size[1] + (picture.height - self._size[1]) * (1 - eased)
        left = (picture.width - width) * (0.5 + 0.4 * math.cos(self._direction))
        top = (picture.height - height) * (0.5 + 0.4 * math.sin(self._direction))
        box = (left, top, left + width, top + height)
        return np.asarray(picture.resize(self._size, Image.Resampling.BILINEAR, box=box))


class _Band:
    """Rows that hold words: only they are blended, frame after frame."""

    def __init__(self, top: int, words: Pixels, alpha: Pixels) -> None:
        self._rows = slice(top, top + len(words))
        self._words = (words.astype(np.uint16) * alpha[..., None] + 127) // 255
        self._clear = 255 - alpha[..., None].astype(np.uint16)

    @classmethod
    def cut(cls, words: Pixels, alpha: Pixels) -> list[_Band]:
        """Cut the layer of words into its stretches of rows that are not empty."""
        full = np.flatnonzero(alpha.any(axis=1))
        stretches = np.split(full, np.flatnonzero(np.diff(full) > 1) + 1) if len(full) else []
        return [
            cls(int(rows[0]), words[rows[0] : rows[-1] + 1], alpha[rows[0] : rows[-1] + 1])
            for rows in stretches
        ]

    def onto(self, pixels: Pixels) -> None:
        """Blend the words onto a frame, in place."""
        pixels[self._rows] = ((pixels[self._rows] * self._clear + 127) // 255 + self._words).astype(np.uint8)


def _eased(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def _mixed(one: Pixels, other: Pixels, share: float) -> Pixels:
    weight = int(share * 256)
    return ((one.astype(np.uint16) * (256 - weight) + other.astype(np.uint16) * weight) >> 8).astype(np.uint8)


def _picture(path: Path, size: tuple[int, int], *, zoom: float = _ZOOM) -> Image.Image | None:
    image = _opened(path)
    if image is None:
        return None
    wanted = (round(size[0] * zoom), round(size[1] * zoom))
    return ImageOps.fit(image, wanted, Image.Resampling.LANCZOS)


def _opened(path: Path) -> Image.Image | None:
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except OSError:
        pass
    try:
        with av.open(str(path)) as film:
            return next(film.decode(video=0)).to_image()
    except (FFmpegError, OSError, StopIteration, IndexError):
        return None


def _landscape(size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    """A sky and three rows of hills, in the colours of one of several hours."""
    width, height = round(size[0] * _ZOOM), round(size[1] * _ZOOM)
    hue = random.uniform(0, 1)
    top, bottom = _colour(hue, 0.55, 0.45), _colour(hue + 0.12, 0.45, 0.95)
    ramp = np.linspace(0, 1, height)[:, None, None]
    sky = (np.array(top) * (1 - ramp) + np.array(bottom) * ramp).repeat(width, axis=1)
    image = Image.fromarray(sky.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    sun = (random.uniform(0.2, 0.8) * width, random.uniform(0.2, 0.45) * height)
    radius = 0.09 * min(width, height)
    draw.ellipse(
        (sun[0] - radius, sun[1] - radius, sun[0] + radius, sun[1] + radius), fill=_colour(hue + 0.15, 0.2, 1)
    )
    image = image.filter(ImageFilter.GaussianBlur(max(1, height // 300)))
    draw = ImageDraw.Draw(image)
    for row in range(3):
        level = height * (0.52 + 0.14 * row)
        x = np.linspace(0, width, 80)
        phases = random.uniform(0, 6.28, 3)
        y = level + sum(
            height * 0.045 / (wave + 1) * np.sin(x / width * 6.28 * (1.3 + wave + row * 0.4) + phases[wave])
            for wave in range(3)
        )
        outline = [(0, height), *zip(x.tolist(), y.tolist(), strict=True), (width, height)]
        draw.polygon(outline, fill=_colour(hue + 0.05 * row, 0.5, 0.55 - 0.16 * row))
    return image


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    import colorsys

    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


class _Orbs:
    """Soft lights that drift across the picture, so that a landscape is never still."""

    def __init__(self, size: tuple[int, int], random: np.random.Generator) -> None:
        self._size = size
        radius = max(8, min(size) // 9)
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        distance = np.sqrt(x * x + y * y) / radius
        self._glow = (np.clip(1 - distance, 0, 1) ** 2 * 110).astype(np.uint16)[..., None]
        self._radius = radius
        self._paths = random.uniform(0, 1, (7, 4))

    def over(self, pixels: Pixels, share: float, frames: int) -> Pixels:
        """Add the lights at this moment."""
        result = pixels.copy()
        width, height = self._size
        seconds = frames / 24
        for x0, y0, speed, wobble in self._paths:
            x = int(((x0 + share * seconds * (0.03 + 0.05 * speed)) % 1.2 - 0.1) * width)
            y = int((0.12 + 0.6 * y0 + 0.04 * math.sin(6.28 * (share * seconds * 0.2 + wobble))) * height)
            left, top = max(0, x - self._radius), max(0, y - self._radius)
            right, bottom = min(width, x + self._radius + 1), min(height, y + self._radius + 1)
            if left < right and top < bottom:
                glow = self._glow[
                    top - y + self._radius : bottom - y + self._radius,
                    left - x + self._radius : right - x + self._radius,
                ]
                area = result[top:bottom, left:right].astype(np.uint16) + glow
                result[top:bottom, left:right] = np.minimum(area, 255).astype(np.uint8)
        return result
