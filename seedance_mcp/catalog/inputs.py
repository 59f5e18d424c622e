"""Checks what goes in against what the model takes: which files together, how many, and each file's facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..types import FRAME_FIELDS, REFERENCE_FIELDS, MediaFile, VideoRequest
from .conditions import Rule
from .models import Limits
from .offers import Offer, Parameter

_MEGABYTE = 1_048_576


def scene_problems(request: VideoRequest, offer: Offer) -> list[str]:
    """Name what cannot be given together, and what is too many."""
    problems: list[str] = []
    references = [name for name in REFERENCE_FIELDS if getattr(request, name)]
    frames = [name for name in FRAME_FIELDS if getattr(request, name)]
    if request.last_frame and not request.first_frame:
        problems.append("last_frame: it needs a first_frame as well")
    if references and frames:
        problems.append(
            f"{' and '.join(frames)} cannot be mixed with {' and '.join(references)}:"
            " give frames or references, not both"
        )
    if offer.generic:
        return problems
    problems += _count_problems(request, offer)
    inputs = offer.model.inputs
    if references == ["reference_audios"] and not inputs.audio_alone:
        problems.append(f"reference_audios: {offer.label} needs a reference image or video with it")
    return problems


def _count_problems(request: VideoRequest, offer: Offer) -> list[str]:
    problems: list[str] = []
    inputs = offer.model.inputs
    for name, kind in REFERENCE_FIELDS.items():
        limits, parameter = inputs.of(kind), offer.parameters.get(name)
        if parameter is None or limits is None:
            continue
        most = parameter.max or (inputs.reference_images if kind == "image" else limits.count)
        count = len(getattr(request, name))
        if count > most:
            problems.append(f"{name}: {count} are too many for {offer.label}; it takes up to {most}")
    total = sum(len(getattr(request, name)) for name in REFERENCE_FIELDS)
    if not problems and inputs.total is not None and total > inputs.total:
        return [f"{total} references are too many for {offer.label}; it takes up to {inputs.total} in all"]
    return problems


def file_problems(
    request: VideoRequest,
    offer: Offer,
    media: Mapping[str, MediaFile],
    rules: Sequence[Rule],
    *,
    carried: bool,
) -> list[str]:
    """
    Name everything about the files that the offer does not take; unknown facts are not checked.

    `carried`: a local file can be put where every provider reads it by URL.
    """
    problems: list[str] = []
    for field, kind, source in request.media():
        file, parameter = media.get(source), offer.parameters.get(field)
        if file is None or parameter is None:
            continue
        shown = f"{field} ({file.path.name if file.path else source})"
        if file.kind != kind:
            problems.append(f"{shown}: it is of kind {file.kind}; {field} takes {kind}")
            continue
        if file.is_asset and not offer.assets:
            problems.append(
                f"{shown}: {offer.label} takes no asset:// ids; they belong to the library of an account at the"
                " provider that gave them"
            )
            continue
        if not carried and not offer.provider.reads(file):
            problems.append(
                f"{shown}: {offer.provider.name} reads a {kind} only from a public https URL, and this is a file:"
                " pass such a URL, or set SEEDANCE_CARRIER to a provider that takes uploads or to s3"
            )
        limits = offer.model.inputs.of(kind)
        if limits is not None:
            problems += [
                f"{shown}: {problem}" for problem in _mismatches(file, limits, parameter, field, rules)
            ]
    problems += _total_seconds(request, offer, media)
    problems += _body_problems(request, offer, media)
    return problems


def _mismatches(
    file: MediaFile, limits: Limits, parameter: Parameter, field: str, rules: Iterable[Rule]
) -> list[str]:
    found: list[str] = []
    formats = parameter.formats or limits.formats
    if file.mime_type is not None and file.mime_type not in formats:
        found.append(f"it is {file.mime_type}; it can be {', '.join(formats)}")
    most = parameter.max_bytes or limits.max_bytes
    if file.bytes is not None and file.bytes > most:
        found.append(f"it has {file.bytes / _MEGABYTE:.1f} MB; at most {most / _MEGABYTE:.0f} MB are taken")
    found += _geometry(file, limits)
    span = limits.seconds
    for rule in rules:
        if rule.seconds is not None and field in rule.fields:
            span = rule.seconds
    length = file.duration_seconds
    if span is not None and length is not None:
        low, high = span[0] - limits.slack_seconds, span[1] + limits.slack_seconds
        if not low <= length <= high:
            found.append(f"it lasts {length:.1f} s; it can last {span[0]:g} to {span[1]:g} s")
    if limits.fps and file.fps is not None and not limits.fps[0] <= file.fps <= limits.fps[1]:
        found.append(f"it has {file.fps:g} frames per second; 24 to 60 are taken")
    for codec, known in ((file.video_codec, limits.video_codecs), (file.audio_codec, limits.audio_codecs)):
        if codec and known and codec not in known:
            found.append(f"its codec is {codec}; it can be {', '.join(known)}")
    return found


def _geometry(file: MediaFile, limits: Limits) -> list[str]:
    if file.width is None or file.height is None or not file.height:
        return []
    found: list[str] = []
    size = f"it is {file.width}x{file.height}"
    if limits.sides and not all(
        limits.sides[0] <= side <= limits.sides[1] for side in (file.width, file.height)
    ):
        found.append(f"{size}; each side has to be {limits.sides[0]} to {limits.sides[1]} pixels")
    if limits.ratio and not limits.ratio[0] <= file.width / file.height <= limits.ratio[1]:
        found.append(f"{size}; width divided by height has to be {limits.ratio[0]:g} to {limits.ratio[1]:g}")
    area = file.width * file.height
    if limits.pixels and not limits.pixels[0] <= area <= limits.pixels[1]:
        found.append(f"{size}, {area:,} pixels; it has to have {limits.pixels[0]:,} to {limits.pixels[1]:,}")
    return found


def _total_seconds(request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile]) -> list[str]:
    problems: list[str] = []
    for name, kind in REFERENCE_FIELDS.items():
        limits = offer.model.inputs.of(kind)
        if limits is None or limits.total_seconds is None:
            continue
        files = [media[source] for source in getattr(request, name) if source in media]
        total = sum(file.duration_seconds or 0.0 for file in files)
        if total > limits.total_seconds + limits.slack_seconds:
            problems.append(
                f"{name}: they last {total:.1f} s in all; {offer.label} takes up to"
                f" {limits.total_seconds:g} s together"
            )
    return problems


def _body_problems(request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile]) -> list[str]:
    """Files that travel inside the request, as text, make it a third larger than they are."""
    most = offer.provider.request_bytes
    if most is None or offer.provider.media_in & {"path", "upload"}:
        return []
    files = [media[source] for _, _, source in request.media() if source in media]
    size = sum(file.bytes or 0 for file in files if offer.provider.embeds(file)) * 4 // 3
    if size <= most:
        return []
    return [
        f"the local files make a request of {size / _MEGABYTE:.0f} MB; {offer.provider.name} takes"
        f" {most / _MEGABYTE:.0f} MB: use smaller files or https URLs"
    ]
