"""The size that a picture gets when it is made to fit: scaled as a whole, never cropped, centred on black if need be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class PictureLimits:
    """
    What a picture is drawn anew to, each limit included: MIME types, bytes, pixels a side, width by height.

    With `exact`, width and height in pixels, it becomes just that, whole and without black: for a picture that has nearly
    that shape. Pictures are drawn as `image/png` or `image/jpeg`; one of them has to be among the formats.
    """

    formats: tuple[str, ...]
    max_bytes: int
    sides: Size | None = None
    ratio: tuple[float, float] | None = None
    exact: Size | None = None


def fitted_size(
    width: int, height: int, *, sides: Sequence[int] | None, ratio: Sequence[float] | None, scale: float = 1.0
) -> tuple[Size, Size] | None:
    """
    Return how large the whole and, in it, the picture become, in pixels; None if no size fits.

    They differ where the picture's shape lies outside `ratio`. It is made larger only if it has to be, and
    smaller only so far as `sides` and `scale` ask for.
    """
    low, high = sides or (1, 1 << 30)
    whole = _framed(width, height, ratio)
    factor = max(min(scale, high / max(whole)), low / min(whole))
    inner = (max(1, round(width * factor)), max(1, round(height * factor)))
    wide, tall = _framed(*inner, ratio)
    whole = (max(wide, low), max(tall, low))
    fits = max(whole) <= high and (ratio is None or ratio[0] <= whole[0] / whole[1] <= ratio[1])
    return (whole, inner) if fits else None


def _framed(width: int, height: int, ratio: Sequence[float] | None) -> Size:
    if ratio is None:
        return width, height
    if width / height < ratio[0]:
        width = math.ceil(height * ratio[0])
    elif width / height > ratio[1]:
        height = math.ceil(width / ratio[1])
    return width, height
