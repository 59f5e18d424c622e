"""The pixels that a video has whose shape follows a picture, and how well a picture fits them."""

from __future__ import annotations

from collections.abc import Mapping
from math import log

from ..types import MediaFile, VideoRequest
from .models import Size
from .offers import AUTOMATIC, Offer
from .validation import usual_values

_NEARLY = 0.03
"""Shapes that differ by less are meant to be the same: so far the tables of pixels are from their own ratios."""


def nearest_ratio(shape: Size, ratios: Mapping[str, Size]) -> str:
    """Return the name of the ratio whose pixels come nearest to this shape."""
    wanted = shape[0] / shape[1]
    return min(ratios, key=lambda name: abs(log(ratios[name][0] / ratios[name][1] / wanted)))


def is_nearly(one: Size, other: Size) -> bool:
    """Return whether two sizes have so nearly one shape that one may be scaled to the other without being cropped."""
    return abs(one[0] / one[1] / (other[0] / other[1]) - 1) <= _NEARLY


def is_same_shape(one: Size, canvas: Size) -> bool:
    """Return whether a picture that is scaled to cover the canvas sticks out by less than a pixel."""
    scale = max(canvas[0] / one[0], canvas[1] / one[1])
    return max(one[0] * scale - canvas[0], one[1] * scale - canvas[1]) < 1


def shape_of(source: str | None, media: Mapping[str, MediaFile]) -> Size | None:
    """Return width and height of a file, as far as they are known."""
    file = media.get(source) if source is not None else None
    return (file.width, file.height) if file and file.width and file.height else None


def frame_canvas(request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile]) -> Size | None:
    """
    Return the pixels that first and last frame are brought to; None where the video takes those of its first frame.

    The request need not be resolved. None also where nothing is known of the offer's sizes or of the frame's.
    """
    usual = usual_values(request, offer)
    ratios = offer.model.sizes.get(str(request.resolution or usual.get("resolution")), {})
    ratio = request.aspect_ratio or usual.get("aspect_ratio")
    if ratio not in AUTOMATIC:
        return ratios.get(str(ratio))
    first = shape_of(request.first_frame, media)
    if first is None or not ratios or offer.model.follows_frames:
        return None
    return ratios[nearest_ratio(first, ratios)]
