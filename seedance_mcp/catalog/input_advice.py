"""Advice on a request's media: which of them the prompt names and how, and what their shapes do to the video."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..types import MediaFile, MediaKind, VideoRequest
from .offers import AUTOMATIC, Offer

_WORDS: Mapping[MediaKind, str] = {
    "image": r"(?:images?|图片|图像|图)",
    "video": r"(?:videos?|视频)",
    "audio": r"(?:audios?|音频)",
}


def _mention_of(word: str) -> re.Pattern[str]:
    numbers = rf"\d{{1,3}}(?:\s*(?:,|、|&|and|to|-|–|~|到|至|和)\s*(?:@?\s*{word}\s*)?\d{{1,3}})*"
    return re.compile(
        rf"(?P<at>@)?\s*(?P<bracket>\[)?(?<![A-Za-z]){word}\s*(?P<numbers>{numbers})(?![0-9A-Za-z])",
        re.IGNORECASE,
    )


_MENTION = {kind: _mention_of(word) for kind, word in _WORDS.items()}
_RANGE = re.compile(r"(\d+)\s*(?:to|-|–|~|到|至)\D*?(\d+)", re.IGNORECASE)
_MOST_IN_A_RANGE = 50
_FIELDS: Mapping[MediaKind, str] = {
    "image": "reference_images",
    "video": "reference_videos",
    "audio": "reference_audios",
}
_NAMES: Mapping[MediaKind, str] = {"image": "Image", "video": "Video", "audio": "Audio"}
_SAME_SHAPE = 0.02
"""Shapes that differ by less look the same; pixel tables are not exact either."""
_EXPECTED = "16:9"
"""What people expect of a video who have named no ratio."""


@dataclass(frozen=True)
class _Mention:
    """Where the text names inputs of one kind: how it is written, and the numbers."""

    text: str
    form: str
    numbers: frozenset[int]


def check_inputs(request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile]) -> list[str]:
    """Return advice on the references and frames of a resolved request, one sentence or two each; it never blocks."""
    return [*_check_references(request, offer), *_check_shapes(request, offer, media)]


def _check_references(request: VideoRequest, offer: Offer) -> list[str]:
    """Name which references the prompt never names, names by a number that there is not, or writes as other models want it."""
    prompt, style = request.prompt or "", offer.model.prompting.references
    if not prompt.strip() or not style:
        return []
    advice: list[str] = []
    for kind, field in _FIELDS.items():
        count, mentions = len(getattr(request, field)), list(_mentions(prompt, kind))
        if not count and not (mentions and request.mode == "reference"):
            continue
        named = {number for mention in mentions for number in mention.numbers}
        beyond = sorted(number for number in named if not 1 <= number <= count)
        if beyond:
            have = f"there {'is' if count == 1 else 'are'} {count}" if count else "none is attached"
            advice.append(f"The prompt names {_listed(kind, beyond, style)}, and {have} in {field}.")
        unnamed = [number for number in range(1, count + 1) if number not in named]
        if unnamed:
            advice.append(
                f"The prompt never names {_listed(kind, unnamed, style)}: say what each is for; else the model decides."
            )
        foreign = next((mention for mention in mentions if not _understood(mention.form, style)), None)
        if foreign is not None:
            advice.append(
                f"{offer.model.title} knows its inputs as {_written(kind, 1, style)}; write that instead of {foreign.text!r}."
            )
    return advice


def _mentions(prompt: str, kind: MediaKind) -> Iterator[_Mention]:
    for match in _MENTION[kind].finditer(prompt):
        numbers = {int(number) for number in re.findall(r"\d+", match["numbers"])}
        for low, high in _RANGE.findall(match["numbers"]):
            numbers |= set(range(int(low), min(int(high), int(low) + _MOST_IN_A_RANGE) + 1))
        form = "at" if match["at"] else "brackets" if match["bracket"] else "plain"
        closing = "]" if match["bracket"] else ""
        yield _Mention(text=match[0].strip() + closing, form=form, numbers=frozenset(numbers))


def _understood(form: str, style: str) -> bool:
    if style.startswith("@"):
        return form == "at"
    return form in ("plain", "at")


def _written(kind: MediaKind, number: int, style: str) -> str:
    return f"{'@' if style.startswith('@') else ''}{_NAMES[kind]} {number}"


def _listed(kind: MediaKind, numbers: list[int], style: str) -> str:
    return ", ".join(_written(kind, number, style) for number in numbers)


def _check_shapes(request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile]) -> list[str]:
    """Name which size comes out where the shape of what goes in decides, and which frame is cropped or stretched to fit."""
    first, last = _shape(request.first_frame, media), _shape(request.last_frame, media)
    advice: list[str] = []
    if first and last and not _alike(first, last):
        advice.append(
            f"first_frame ({_pixels(first)}) and last_frame ({_pixels(last)}) have different shapes: the first decides,"
            " and the last is cropped or stretched to it. Crop both to one shape."
        )
    ratios = offer.model.sizes.get(request.resolution or "", {})
    canvas = ratios.get(request.aspect_ratio or "")
    if canvas is not None:
        advice += [
            f"{field} is {_pixels(shape)}, and the video {_pixels(canvas)} ({request.aspect_ratio}): it is cropped to that"
            f" shape, and what is cut off is missing from the start. Crop it yourself, best to {_pixels(canvas)}."
            for field, shape in (("first_frame", first), ("last_frame", last))
            if shape and not _alike(shape, canvas) and not (field == "last_frame" and first)
        ]
    elif request.aspect_ratio in AUTOMATIC and ratios:
        leading = first or _first_reference(request, media)
        if leading is not None:
            advice += _adaptive(leading, ratios, framed=first is not None)
    return advice


def _adaptive(leading: tuple[int, int], ratios: Mapping[str, tuple[int, int]], *, framed: bool) -> list[str]:
    """With a ratio that the model chooses, the shape of the first input decides."""
    name = min(ratios, key=lambda ratio: abs(ratios[ratio][0] / ratios[ratio][1] - leading[0] / leading[1]))
    size, what = ratios[name], "first_frame" if framed else "the first reference"
    if framed and not _alike(leading, size):
        return [
            f"aspect_ratio is adaptive, and {what} is {_pixels(leading)}, the shape of no ratio: expect about"
            f" {_pixels(size)} ({name}), cropped, or about its own shape. Crop it to the ratio you want."
        ]
    if not framed and name != _EXPECTED:
        return [
            f"aspect_ratio is adaptive, and {what} is {_pixels(leading)}: expect about {_pixels(size)} ({name})."
            f" Name the aspect_ratio if it should be another."
        ]
    return []


def _first_reference(request: VideoRequest, media: Mapping[str, MediaFile]) -> tuple[int, int] | None:
    sources = (*request.reference_videos, *request.reference_images)
    return next((shape for source in sources if (shape := _shape(source, media))), None)


def _shape(source: str | None, media: Mapping[str, MediaFile]) -> tuple[int, int] | None:
    file = media.get(source) if source is not None else None
    return (file.width, file.height) if file and file.width and file.height else None


def _alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return abs(one[0] / one[1] / (other[0] / other[1]) - 1) <= _SAME_SHAPE


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
