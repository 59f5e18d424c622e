"""The worker's task `colours`: the mean and the spread of each colour over the last frames of a video."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from PIL import Image

from .picking import opened
from .refusal import RefusalError
from .scanning import AGAIN
from .signatures import Signature

_SIDE = 160
"""Longest side of the pictures that are measured: grain and what a codec does to it count less then."""

Image.preinit()  # later the worker cannot open files any more, and the pixels of a picture come by one of them


def measure_colours(source: IO[bytes], signature: Signature, *, frames: int) -> tuple[dict[str, Any], bytes]:
    """
    Measure red, green and blue, 0 to 255 each, over at most so many last frames.

    `mean` is over all pixels of all frames. `spread` is the standard deviation within a frame, the mean of all frames.

    Raises:
        RefusalError: the video does not decode.
    """
    with opened(source, signature) as film:
        last = range(max(0, len(film) - frames), len(film))
        found = film.pictures(last, lambda _: _SIDE)
        if len(film) - 1 not in found:
            raise RefusalError("The last picture of the video cannot be decoded.", AGAIN)
        pixels = [np.asarray(picture, np.float64).reshape(-1, 3) for picture in found.values()]
    means = np.mean([picture.mean(axis=0) for picture in pixels], axis=0)
    spreads = np.mean([picture.std(axis=0) for picture in pixels], axis=0)
    return {"mean": means.round(2).tolist(), "spread": spreads.round(2).tolist(), "frames": len(pixels)}, b""
