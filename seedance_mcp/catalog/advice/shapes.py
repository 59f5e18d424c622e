"""Advice on what the shapes of frames and references do to the video."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ...remarks import Advice
from ...types import FRAME_FIELDS, MediaFile, VideoRequest
from ..canvas import frame_canvas, is_nearly, is_same_shape, nearest_ratio, shape_of
from ..models import Size
from ..offers import AUTOMATIC, Offer

_EXPECTED = "16:9"
"""What people expect of a video who have named no ratio."""

_WORKS_ON_THE_CLIP = re.compile(
    r"\b(?:edit|add|delete|remove|erase|replace|modify|change|swap|recolou?r|extend|continue|prolong)\b"
    r"|编辑|添加|增加|加上|删除|去掉|移除|替换|换成|修改|改成|延长|延续|续写|接着",
    re.IGNORECASE,
)
"""Whoever edits or extends a clip expects its shape."""


def check_shapes(request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile]) -> Iterator[Advice]:
    """Name which size comes out where the shape of what goes in decides, and which frame is changed to fit."""
    first, last = shape_of(request.first_frame, media), shape_of(request.last_frame, media)
    if first and last and not is_nearly(first, last):
        yield Advice(
            "frames_differ",
            f"first_frame ({_pixels(first)}) and last_frame ({_pixels(last)}) have different shapes: the first decides,"
            " and the last is cropped or stretched to it. Crop both to one shape.",
        )
        last = None
    canvas = frame_canvas(request, offer, media)
    if canvas is not None:
        for field, shape in zip(FRAME_FIELDS, (first, last), strict=True):
            if shape is not None and is_nearly(shape, canvas) and not is_same_shape(shape, canvas):
                yield _near_miss(field, shape, canvas, media.get(getattr(request, field)))
            elif shape is not None and not is_nearly(shape, canvas):
                yield _cropped(field, shape, canvas, request.aspect_ratio or "")
    if first is None and request.aspect_ratio in AUTOMATIC and not _works_on_a_clip(request):
        ratios = offer.model.sizes.get(request.resolution or "", {})
        leading = _first_reference(request, media)
        if leading is not None and ratios:
            yield from _adaptive(leading, ratios)


def _near_miss(field: str, shape: Size, canvas: Size, file: MediaFile | None) -> Advice:
    way = f"best give it exactly {_pixels(canvas)}"
    if file is not None and file.path is not None:
        way = f"with fit true (or SEEDANCE_FIT=1) a copy of exactly {_pixels(canvas)} is sent"
    return Advice(
        "frame_near_miss",
        f"{field} is {_pixels(shape)}, and the video {_pixels(canvas)}, nearly the same shape: some pixels are cut off or"
        f" stretched, which can show as a jump after the first frame; {way}.",
    )


def _cropped(field: str, shape: Size, canvas: Size, ratio: str) -> Advice:
    if ratio in AUTOMATIC:
        return Advice(
            "frame_shape",
            f"aspect_ratio is adaptive, and {field} is {_pixels(shape)}, the shape of no ratio: expect about"
            f" {_pixels(canvas)}, cropped, or about its own shape. Crop it to the ratio you want, best to {_pixels(canvas)}.",
        )
    return Advice(
        "frame_cropped",
        f"{field} is {_pixels(shape)}, and the video {_pixels(canvas)} ({ratio}): it is cropped to that shape, and what is"
        f" cut off is missing from the start. Crop it yourself, best to {_pixels(canvas)}.",
    )


def _adaptive(leading: Size, ratios: Mapping[str, Size]) -> Iterator[Advice]:
    """With a ratio that the model chooses, the shape of the first reference decides."""
    name = nearest_ratio(leading, ratios)
    if name != _EXPECTED:
        yield Advice(
            "adaptive_shape",
            f"aspect_ratio is adaptive, and the first reference is {_pixels(leading)}: expect about"
            f" {_pixels(ratios[name])} ({name}). Name the aspect_ratio if it should be another.",
        )


def _works_on_a_clip(request: VideoRequest) -> bool:
    task = request.provider_options.get("omni_reference_task_type")
    return request.has_video_input and (
        task in ("edit", "extend") or _WORKS_ON_THE_CLIP.search(request.prompt or "") is not None
    )


def _first_reference(request: VideoRequest, media: Mapping[str, MediaFile]) -> Size | None:
    sources = (*request.reference_videos, *request.reference_images)
    return next((shape for source in sources if (shape := shape_of(source, media))), None)


def _pixels(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
