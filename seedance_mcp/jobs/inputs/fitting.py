"""Which images of a request are drawn anew for an offer, and what that makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...config import Settings
from ...media import PictureLimits, fitted_size
from ...types import FRAME_FIELDS, MediaFile, VideoRequest

if TYPE_CHECKING:
    from ...catalog import Offer

FIT_HINT = "With fit true (or SEEDANCE_FIT=1) the server makes a copy of the image that fits, instead of refusing it."

_DRAWN = ("image/png", "image/jpeg")
_Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """
    The files of a request as they will be sent, what is drawn anew and to which limits, and that in words.

    `media` has the size and no more than the bytes that the drawing will have; its type is open until then.
    """

    media: Mapping[str, MediaFile]
    limits: Mapping[str, PictureLimits] = field(default_factory=dict[str, PictureLimits])
    notes: tuple[str, ...] = ()


def fitted(
    request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile], *, settings: Settings
) -> Fitted:
    """
    Foresee the images as they will be drawn, if the request wants that or, where it says nothing, the settings.

    Drawn anew are local images that break the offer's limits (see `made_acceptable`) and frames that have nearly the
    shape of the video: those get its very pixels, so that nothing is cropped after the first frame.
    """
    if not (settings.fit if request.fit is None else request.fit):
        return Fitted(media=media)
    framed = _brought_to_the_canvas(request, offer, media)
    rest = made_acceptable(request, offer, framed.media)
    limits = {**rest.limits, **framed.limits}
    return Fitted(media=rest.media, limits=limits, notes=(*framed.notes, *rest.notes))


def _brought_to_the_canvas(request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile]) -> Fitted:
    from ...catalog import (  # read on first use, not when the server starts
        frame_canvas,
        is_nearly,
        is_same_shape,
    )

    canvas = frame_canvas(request, offer, media)
    found, limits, notes = dict(media), dict[str, PictureLimits](), list[str]()
    for source, names in _images(request).items():
        file, most = media.get(source), _limits(offer, names)
        if canvas is None or most is None or file is None or not set(names) <= set(FRAME_FIELDS):
            continue
        shape = (file.width or 0, file.height or 0)
        if (
            file.path is None
            or not all(shape)
            or is_same_shape(shape, canvas)
            or not is_nearly(shape, canvas)
        ):
            continue
        limits[source] = replace(most, formats=_drawable(most), exact=canvas)
        found[source] = _drawn(file, canvas, most)
        notes.append(
            f"{names[0]} ({file.path.name}, {_pixels(shape)}) has nearly the shape of the video, so a copy of exactly its"
            f" {_pixels(canvas)} pixels is used."
        )
    return Fitted(media=found, limits=limits, notes=tuple(notes))


def made_acceptable(request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile]) -> Fitted:
    """Foresee every local image that breaks the offer's limits as it would be drawn, where some drawing keeps to them."""
    found, limits, notes = dict(media), dict[str, PictureLimits](), list[str]()
    for source, names in _images(request).items():
        file, most = media.get(source), _limits(offer, names)
        if file is None or file.path is None or most is None or _keeps(file, most):
            continue
        drawn = fitted_size(file.width or 0, file.height or 0, sides=most.sides, ratio=most.ratio)
        if drawn is None:
            continue
        whole, inner = drawn
        limits[source] = replace(most, formats=_drawable(most))
        found[source] = _drawn(file, whole, most)
        notes.append(
            f"{names[0]} ({file.path.name}, {file.width}x{file.height}) is not taken as it is, so a copy made to fit is"
            f" used: {_pixels(whole)} pixels{'' if whole == inner else ', the picture centred on black'}"
            f"{', or smaller if it has too many bytes even so' if (file.bytes or 0) > most.max_bytes else ''}."
        )
    return Fitted(media=found, limits=limits, notes=tuple(notes))


def _drawable(most: PictureLimits) -> tuple[str, ...]:
    return tuple(form for form in most.formats if form in _DRAWN)


def _drawn(file: MediaFile, size: _Size, most: PictureLimits) -> MediaFile:
    return replace(
        file, width=size[0], height=size[1], bytes=min(file.bytes or 0, most.max_bytes), mime_type=None
    )


def _pixels(size: _Size) -> str:
    return f"{size[0]}x{size[1]}"


def _images(request: VideoRequest) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, kind, source in request.media():
        if kind == "image":
            found.setdefault(source, []).append(name)
    return found


def _limits(offer: Offer, names: list[str]) -> PictureLimits | None:
    """What an image in all of these fields has to keep to; None where nothing could be drawn for it."""
    model = offer.model.inputs.image
    parameters = [offer.parameters[name] for name in names if name in offer.parameters]
    if model is None or not parameters:
        return None
    taken = [frozenset(parameter.formats or model.formats) for parameter in parameters]
    formats = tuple(form for form in model.formats if all(form in some for some in taken))
    if not set(formats) & set(_DRAWN):
        return None
    return PictureLimits(
        formats=formats,
        max_bytes=min(parameter.max_bytes or model.max_bytes for parameter in parameters),
        sides=model.sides,
        ratio=model.ratio,
    )


def _keeps(file: MediaFile, most: PictureLimits) -> bool:
    if file.kind != "image" or not file.width or not file.height:
        return True  # nothing is known that could be mended
    size = (file.width, file.height)
    return (
        (file.mime_type is None or file.mime_type in most.formats)
        and (file.bytes or 0) <= most.max_bytes
        and (most.sides is None or all(most.sides[0] <= side <= most.sides[1] for side in size))
        and (most.ratio is None or most.ratio[0] <= size[0] / size[1] <= most.ratio[1])
    )
