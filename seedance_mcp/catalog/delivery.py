"""Compares a video with what was ordered: whether it is as long, as large and as audible."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..types import Artifacts, VideoRequest
from .models import Size
from .offers import AUTOMATIC, Offer

_SECONDS = 0.6
"""Frames are not whole parts of a second, and encoders drop or add a few."""
_SHARE = 0.1
_EXACT_SHARE = 0.05
_PIXELS = 16
"""Where the size is known exactly: encoders work in blocks of so many pixels, and hosts round in ways of their own."""

_MORE = re.compile(r"([-@]?\d{6,})?([/:].*)?")
"""What a name may have more than another of the same model: the day of its version, a mode, a version's id."""


def not_as_ordered(request: VideoRequest, files: Artifacts, offer: Offer | None) -> str | None:
    """
    Describe what was ordered and what the file has, such as `ordered 5 s, 864x480; the file has 1.0 s, 64x36`.

    None: it is as ordered. `request` is as it was bought, with every default filled in. What was left to the model or
    to a picture is not compared: a length of -1, an `adaptive` ratio, frames, an edited or extended clip. Without an
    `offer`, which the catalogue may have lost since, less is known of the size. Neither is what could not be measured.
    """
    found = [*_length(request, files), *_size(request, files, offer), *_sound(request, files, offer)]
    if not found:
        return None
    ordered, has = (", ".join(words) for words in zip(*found, strict=True))
    return f"ordered {ordered}; the file has {has}"


def other_model(endpoint: str, said: str | None) -> str | None:
    """
    State that the provider names another model than the one that was ordered; None: it names that one, or none.

    `endpoint` is its name for what was ordered; where that is a name of the account's own, which tells no model,
    nothing can be compared. A date or a path that only one of the two names has is no difference.
    """
    ordered, told = endpoint.lower(), (said or "").lower()
    if not told or "seedance" not in ordered or _goes_on(ordered, told) or _goes_on(told, ordered):
        return None
    return f"ordered {endpoint}; the provider says that the model is {said}"


def _goes_on(longer: str, shorter: str) -> bool:
    return longer.startswith(shorter) and _MORE.fullmatch(longer.removeprefix(shorter)) is not None


def _length(request: VideoRequest, files: Artifacts) -> Iterable[tuple[str, str]]:
    ordered, options = request.duration, request.provider_options
    if ordered is None or ordered in AUTOMATIC or options.keys() & {"frames", "omni_reference_task_type"}:
        return
    if files.duration_seconds is None:
        return
    if abs(files.duration_seconds - ordered) > max(_SECONDS, _SHARE * ordered):
        yield f"{ordered} s", f"{files.duration_seconds:.1f} s"


def _size(request: VideoRequest, files: Artifacts, offer: Offer | None) -> Iterable[tuple[str, str]]:
    if files.width is None or files.height is None:
        return
    came: Size = (files.width, files.height)
    has = f"{files.width}x{files.height}"
    exact = offer.size(request) if offer is not None else None
    if exact is not None:
        sides = zip(exact, came, strict=True)
        if any(abs(side - other) > max(_PIXELS, _EXACT_SHARE * side) for side, other in sides):
            yield f"{exact[0]}x{exact[1]}", has
        return
    ratio = _ratio(request.aspect_ratio)
    if ratio is None:
        return  # the picture or the model decides
    if _lies_otherwise(ratio, came) or not _is_about(request.resolution, came):
        yield " ".join(word for word in (request.resolution, request.aspect_ratio) if word), has


def _sound(request: VideoRequest, files: Artifacts, offer: Offer | None) -> Iterable[tuple[str, str]]:
    sold = offer is not None and "generate_audio" in offer.parameters
    if sold and request.generate_audio and files.has_audio is False:
        yield "with sound", "no sound"


def _ratio(written: str | None) -> Size | None:
    width, _, height = (written or "").partition(":")
    return (int(width), int(height)) if width.isdecimal() and height.isdecimal() else None


def _lies_otherwise(ratio: Size, came: Size) -> bool:
    """Return whether a wide picture was ordered and a tall one came, or the other way round."""
    return (ratio[0] - ratio[1]) * (came[0] - came[1]) < 0


def _is_about(resolution: str | None, came: Size) -> bool:
    """Return whether the shorter side is as the resolution says, or the area is that of such a picture in 16:9."""
    digits = "2160" if resolution == "4k" else (resolution or "").removesuffix("p")
    if not digits.isdecimal():
        return True
    lines = int(digits)
    shorter, area = (
        min(came) / lines,
        came[0] * came[1] * 9 / (16 * lines * lines),
    )
    return any(abs(share - 1) <= _SHARE for share in (shorter, area))
