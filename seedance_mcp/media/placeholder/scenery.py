"""The landscape of a placeholder without pictures: sky, sun, and hills that pass by, all chosen by the seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

_Floats = np.ndarray[Any, np.dtype[np.float32]]
_Colour = tuple[int, int, int]

_LAYERS = 5
_HORIZON = 0.46
"""How far down the farthest hills stand, as a share of the height."""
_LIGHTS = 9
_FACE = 0.42
"""How much of each row of hills is kept drawn, as a share of the height; below it is of one colour."""
_STRIP = 64
"""Rows of sky computed at once: a whole one in floating point takes hundreds of megabytes at 4k."""


@dataclass(frozen=True)
class _Palette:
    """An hour of the day."""

    zenith: _Colour
    horizon: _Colour
    sun: _Colour
    far: _Colour
    near: _Colour
    stars: bool = False


_PALETTES = (
    _Palette((58, 96, 168), (250, 196, 150), (255, 236, 196), (196, 148, 150), (44, 40, 74)),
    _Palette((34, 30, 84), (238, 120, 108), (255, 208, 150), (142, 74, 112), (26, 18, 52)),
    _Palette((10, 16, 46), (60, 84, 140), (236, 240, 255), (52, 72, 120), (8, 12, 32), stars=True),
    _Palette((92, 176, 208), (238, 244, 222), (255, 250, 226), (150, 192, 178), (28, 78, 76)),
    _Palette((240, 160, 110), (254, 226, 180), (255, 250, 230), (226, 160, 120), (112, 52, 54)),
    _Palette((22, 58, 84), (120, 206, 196), (250, 250, 214), (70, 150, 156), (10, 42, 60)),
    _Palette((108, 90, 176), (252, 190, 214), (255, 240, 236), (176, 132, 190), (58, 40, 98)),
    _Palette((30, 22, 62), (110, 60, 140), (255, 190, 220), (92, 54, 128), (18, 10, 40), stars=True),
    _Palette((76, 128, 190), (214, 232, 240), (255, 252, 240), (140, 170, 186), (40, 66, 60)),
    _Palette((120, 60, 70), (250, 170, 110), (255, 232, 180), (190, 100, 88), (58, 26, 40)),
)


@dataclass(frozen=True)
class _Ridge:
    """The outline of one row of hills: how high it stands at any place and time, in shares of the frame."""

    level: float
    height: float
    speed: float
    waves: tuple[tuple[float, float, float], ...]
    sharp: bool
    trees: tuple[float, ...]

    @property
    def highest(self) -> float:
        """Where its highest point can be, in shares of the frame from the top."""
        reach = self.height * sum(amount for amount, _, _ in self.waves)
        return self.level - reach - max(self.trees, default=0.0)

    def outline(self, place: _Floats, seconds: float) -> _Floats:
        """Where its upper edge runs: downwards, for places in units of the frame's mean side."""
        along = place + np.float32(self.speed * seconds)
        up = np.zeros_like(along)
        for amount, often, phase in self.waves:
            angle = along * np.float32(often) + np.float32(phase)
            up += np.float32(amount) * (1 - 2 * np.abs(np.sin(angle / 2)) if self.sharp else np.sin(angle))
        outline = self.level - self.height * up
        return outline - self._treetops(along) if self.trees else outline

    def _treetops(self, along: _Floats) -> _Floats:
        tops = np.zeros_like(along)
        table = np.array(self.trees, np.float32)
        for density, shift in ((9.0, 0.0), (6.1, 0.37)):
            cell, inside = np.divmod(along * np.float32(density) + np.float32(shift), 1.0)
            size = table[cell.astype(np.int64) % len(table)]
            tops = np.maximum(tops, size * (1 - np.abs(inside - 0.5) * 5))
        return tops


class Landscape:
    """A seeded landscape at any moment. The camera moves to one side; what is near passes faster."""

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        self._width, self._height = size
        # In this order for ever: another order would give every seed another landscape.
        random = np.random.default_rng(seed)
        self._palette = _PALETTES[int(random.integers(len(_PALETTES)))]
        self._way = 1.0 if random.random() < 0.5 else -1.0
        sharp = random.random() < 0.45
        wooded = random.random() < 0.6
        self._sun = (float(random.uniform(0.2, 0.8)), float(random.uniform(0.16, 0.34)))
        self._sun_radius = float(random.uniform(0.05, 0.095)) * min(size)
        self._ridges = [self._ridge(row, random, sharp=sharp, wooded=wooded) for row in range(_LAYERS)]
        self._lights = random.uniform(0, 1, (_LIGHTS, 5)).tolist()
        self._stars = self._starlight(random) if self._palette.stars else None
        self._sky_rows = round(self._height * (_HORIZON + 0.16))
        self._reach = (round(self._width * 0.12), round(self._height * 0.14))
        self._sky = self._paint_sky(random)
        mean = math.sqrt(self._width * self._height)
        self._place = ((np.arange(self._width, dtype=np.float32) + 0.5) / np.float32(mean)).astype(np.float32)
        self._faces = [self._face(row) for row in range(_LAYERS)]
        self._glows = [
            soft_light(max(3, round(min(size) * (0.02 + 0.04 * light[-1]))), strength=0.6)
            for light in self._lights
        ]

    def draw(self, seconds: float) -> Image.Image:
        """Draw the landscape at a moment, as an RGB image."""
        frame = Image.new("RGB", (self._width, self._height))
        self._draw_sky(frame, seconds)
        outlines = [ridge.outline(self._place, seconds) * np.float32(self._height) for ridge in self._ridges]
        hidden = [math.ceil(float(outline.max())) + 2 for outline in outlines[1:]]
        for number, outline in enumerate(outlines):
            end = min(self._height, hidden[number]) if number < len(hidden) else self._height
            self._draw_ridge(frame, number, outline, end)
            if number == _LAYERS - 3:
                self._draw_lights(frame, seconds, range(_LIGHTS // 2))
        self._draw_lights(frame, seconds, range(_LIGHTS // 2, _LIGHTS))
        return frame

    def _ridge(self, row: int, random: np.random.Generator, *, sharp: bool, wooded: bool) -> _Ridge:
        depth = row / (_LAYERS - 1)
        waves = tuple(
            (
                float(random.uniform(0.5, 1.0)) / (octave + 1),
                float(random.uniform(2.4, 4.2)) * (octave + 1) * (1.5 - 0.6 * depth),
                float(random.uniform(0, 2 * math.pi)),
            )
            for octave in range(4 if sharp and row < 3 else 3)
        )
        trees = tuple(random.uniform(0.012, 0.05, 64).tolist()) if wooded and row >= 3 else ()
        return _Ridge(
            level=_HORIZON + 0.36 * depth**1.15 + float(random.uniform(-0.02, 0.02)),
            height=0.075 if sharp and row < 3 else 0.034 + 0.012 * depth,
            speed=self._way * (0.02 + 0.24 * depth**1.6),
            waves=waves,
            sharp=sharp and row < 3,
            trees=trees,
        )

    def _crest(self, row: int) -> _Colour:
        return _between(self._palette.far, self._palette.near, (row / (_LAYERS - 1)) ** 0.8)

    def _foot(self, row: int) -> _Colour:
        mist = 0.38 * (1 - (row / (_LAYERS - 1)) ** 0.8) + 0.05
        return _between(self._crest(row), self._palette.horizon, mist)

    def _face(self, row: int) -> Image.Image:
        """The colours of a row of hills from its top downwards, one pixel wide: mist gathers at its foot."""
        foot = self._foot(row)
        column = Image.new("RGB", (1, 2))
        column.putpixel((0, 0), self._crest(row))
        column.putpixel((0, 1), foot)
        slope = round(self._height * 0.34)
        face = Image.new("RGB", (1, round(self._height * _FACE) + 8), foot)
        face.paste(column.resize((1, slope), Image.Resampling.BILINEAR, box=(0, 0.5, 1, 1.5)), (0, 0))
        return face

    def _lines(self, face: Image.Image, first: int, last: int) -> Image.Image:
        """Draw some lines of a face as wide as the frame."""
        return face.resize((self._width, last - first), Image.Resampling.NEAREST, box=(0, first, 1, last))

    def _paint_sky(self, random: np.random.Generator) -> Image.Image:
        """The sky with its glow in the middle, larger than the frame: the sun takes the glow along."""
        wide, tall = self._width + 2 * self._reach[0], self._sky_rows + 2 * self._reach[1]
        zenith, horizon, sun = (
            np.array(colour, np.float32)
            for colour in (self._palette.zenith, self._palette.horizon, self._palette.sun)
        )
        sun_x, sun_y = (
            self._sun[0] * self._width + self._reach[0],
            self._sun[1] * self._height + self._reach[1],
        )
        x = np.arange(wide, dtype=np.float32)[None, :]
        sky = Image.new("RGB", (wide, tall))
        for top in range(0, tall, _STRIP):
            y = np.arange(top, min(tall, top + _STRIP), dtype=np.float32)[:, None]
            down = np.clip((y - self._reach[1]) / self._sky_rows, 0, 1)[..., None] ** np.float32(0.85)
            colours = zenith + (horizon - zenith) * down
            far = np.sqrt((x - sun_x) ** 2 + (y - sun_y) ** 2) / (0.30 * min(self._width, self._height))
            colours = colours + (sun - colours) * (0.55 * np.exp(-far))[..., None]
            # Dithered: eight bits show a slow gradient as stripes.
            colours += random.random((len(y), wide, 1), np.float32)
            sky.paste(Image.fromarray(colours.clip(0, 255).astype(np.uint8)), (0, top))
        return sky

    def _draw_sky(self, frame: Image.Image, seconds: float) -> None:
        x, y = self._sun_at(seconds)
        left = round(
            self._reach[0] - min(self._reach[0], max(-self._reach[0], x - self._sun[0] * self._width))
        )
        top = round(self._reach[1] - min(self._reach[1], max(0.0, y - self._sun[1] * self._height)))
        frame.paste(self._sky, (-left, -top))
        if self._stars is not None:
            twinkle = 0.75 + 0.25 * math.sin(1.9 * seconds)
            frame.paste((255, 255, 255), (0, 0), self._stars.point([round(v * twinkle) for v in range(256)]))
        self._draw_disc(frame, x, y)

    def _sun_at(self, seconds: float) -> tuple[float, float]:
        x = (self._sun[0] - self._way * 0.006 * seconds) * self._width
        return x, (self._sun[1] + 0.008 * seconds) * self._height

    def _draw_disc(self, frame: Image.Image, x: float, y: float) -> None:
        radius = self._sun_radius
        left, top = math.floor(x - radius - 1), math.floor(y - radius - 1)
        side = math.ceil(2 * radius) + 3
        across = np.arange(side, dtype=np.float32)
        distance = np.sqrt((across[None, :] + left - x) ** 2 + (across[:, None] + top - y) ** 2)
        edge = np.clip(radius - distance + 0.5, 0, 1) * 245
        frame.paste(self._palette.sun, (left, top), Image.fromarray(edge.astype(np.uint8)))

    def _draw_ridge(self, frame: Image.Image, row: int, outline: _Floats, end: int) -> None:
        """Draw one row of hills from its outline down to the line `end`, below which nearer hills hide it."""
        face = self._faces[row]
        top = max(0, math.floor(float(outline.min())) - 1)
        bottom = min(self._height, math.ceil(float(outline.max())) + 2)
        if top >= bottom:
            return
        # The colours stay where they are while the outline moves through them.
        above = top - math.floor(self._ridges[row].highest * self._height) + 2
        lines = np.arange(top, bottom, dtype=np.float32)[:, None]
        edge = np.clip((lines - outline[None, :]) * 255 + 127.5, 0, 255).astype(np.uint8)
        frame.paste(self._lines(face, above, above + bottom - top), (0, top), Image.fromarray(edge))
        if bottom < end:
            last = min(face.height, above + end - top)
            frame.paste(self._lines(face, above + bottom - top, last), (0, bottom))
            frame.paste(self._foot(row), (0, top + last - above, self._width, end))

    def _draw_lights(self, frame: Image.Image, seconds: float, which: range) -> None:
        """Soft lights that rise and drift: something near moves at every moment."""
        for number in which:
            x0, y0, speed, wobble, _ = self._lights[number]
            x = (x0 * 1.2 - self._way * (0.03 + 0.06 * speed) * seconds) % 1.2 - 0.1
            y = (
                0.25
                + 0.6 * y0
                - 0.02 * seconds * (0.4 + speed)
                + 0.02 * math.sin(1.3 * seconds + 6.3 * wobble)
            )
            light = self._glows[number]
            place = (
                round(x * self._width - light.width / 2),
                round((y % 1.0) * self._height - light.height / 2),
            )
            frame.paste(self._palette.sun, place, light)

    def _starlight(self, random: np.random.Generator) -> Image.Image:
        rows = round(self._height * _HORIZON)
        size = max(1, round(min(self._width, self._height) / 480))
        stars = Image.new("L", (self._width, rows))
        for x, y, light in random.uniform(0, 1, (110, 3)).tolist():
            box = (int(x * self._width), int(y * y * rows))
            stars.paste(round(60 + 170 * light * (1 - y)), (*box, box[0] + size, box[1] + size))
        return stars


def soft_light(radius: int, *, strength: float) -> Image.Image:
    """A round light as an opacity mask: `strength` (0 to 1) in the middle, nothing at its rim. `radius` in pixels."""
    across = np.arange(-radius, radius + 1, dtype=np.float32) / radius
    distance = np.sqrt(across[None, :] ** 2 + across[:, None] ** 2)
    return Image.fromarray((np.clip(1 - distance, 0, 1) ** 1.6 * 255 * strength).astype(np.uint8))


def _between(one: _Colour, other: _Colour, share: float) -> _Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
