"""Which offers can take a file, and why the others cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...config import Settings
from ...errors import ConfigError, InvalidRequest
from ...types import FRAME_FIELDS, MEDIA_FIELDS, ExpectedFile, LinkedFile, MediaFile, SignedPut, VideoRequest
from ..inputs.fitting import made_acceptable
from ..inputs.sources import Sources
from ..pool.carriers import Carrier

if TYPE_CHECKING:
    from ...catalog import Catalog, Offer

_COMPANION = "https://media.invalid/picture.png"
"""Stands for the picture that a sound needs beside it with some models."""


@dataclass(frozen=True, kw_only=True)
class UploadedMedia:
    """
    A checked file, and which offers (`provider/model`) can take it; `problems` says why others cannot, each reason once.

    `carried_by` is the carrier's title, and `carried_to` are the providers that the file reaches only that way.
    `notes` say where a copy of it that is made to fit would be sent. `put` is where a file is expected.
    """

    media_id: str
    file: MediaFile
    usable_with: tuple[str, ...]
    problems: tuple[str, ...]
    carried_by: str | None = None
    carried_to: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    put: SignedPut | None = None


async def register(
    source: str | ExpectedFile | LinkedFile,
    provider: str | None,
    *,
    sources: Sources,
    catalog: Catalog,
    settings: Settings,
    carrier: Callable[[], Carrier],
) -> UploadedMedia:
    """
    Check a file or URL, keep it under a `media:<id>` unless it is one, and try it with every offer (of one provider, if named).

    Of a file that is expected nothing is known yet: it gets its id, and the address to put it at.

    A carrier that is set and cannot be used is the first of the problems.

    Raises:
        MediaError: it cannot be used at all.
        InvalidRequest: there is no such provider, or such a file is not taken.
    """
    if provider is not None:
        provider = catalog.provider(provider).name
    if isinstance(source, ExpectedFile):
        media_id, file, put = await sources.expect(source)
        return UploadedMedia(media_id=media_id, file=file, usable_with=(), problems=(), put=put)
    media_id, file = await sources.register(source)
    usable: list[str] = []
    problems: list[str] = []
    title: str | None = None
    if settings.carrier is not None and file.path is not None:
        try:
            title = carrier().title
        except ConfigError as error:
            problems.append(f"{error.message} {error.hint}")
    carried_to: dict[str, None] = {}
    drawn_for: dict[str, dict[str, None]] = {}
    refused_by: dict[str, list[str]] = {}
    # An image may be a first frame or a reference: either will do.
    fields = [field for field, kind in MEDIA_FIELDS.items() if kind == file.kind and field != "last_frame"]
    for offer in catalog.offers(provider=provider):
        name = f"{offer.provider.name}/{offer.model.id}"
        taken = [field for field in fields if field in offer.parameters]
        found = [
            _tried(offer, file, media_id, field, carried=title is not None, fit=settings.fit)
            for field in taken
        ]
        if not found:
            refused_by.setdefault(f"nothing of kind {file.kind} goes in", []).append(name)
            continue
        able = [notes for problem, notes in found if problem is None]
        if able:
            usable.append(name)
            if not offer.provider.reads(file):
                carried_to[offer.provider.name] = None
            for note in min(able, key=len):
                drawn_for.setdefault(note, {})[offer.provider.name] = None
        else:
            refused_by.setdefault(found[0][0] or "", []).append(name)
    return UploadedMedia(
        media_id=media_id,
        file=file,
        usable_with=tuple(usable),
        problems=(*problems, *(f"{', '.join(names)}: {problem}" for problem, names in refused_by.items())),
        carried_by=title if carried_to else None,
        carried_to=tuple(carried_to),
        notes=tuple(f"At {', '.join(names)}: {note}" for note, names in drawn_for.items()),
    )


def _tried(
    offer: Offer, file: MediaFile, media_id: str, field: str, *, carried: bool, fit: bool
) -> tuple[str | None, tuple[str, ...]]:
    """What stands in the way of the file in this field, None if nothing does; and what is made of it, if anything."""
    request = _asking(offer, media_id, field)
    sent = made_acceptable(request, offer, {media_id: file})
    problem = _problem(request, offer, sent.media if fit else {media_id: file}, carried=carried)
    if problem is None:
        return None, sent.notes if fit else ()
    if not fit and sent.limits and _problem(request, offer, sent.media, carried=carried) is None:
        problem = f"{problem} (with fit true or SEEDANCE_FIT=1 a copy that fits is made)"
    return problem, ()


def _asking(offer: Offer, media_id: str, field: str) -> VideoRequest:
    given: dict[str, Any] = {"prompt": "x", field: media_id if field in FRAME_FIELDS else (media_id,)}
    if field == "reference_audios" and not offer.model.inputs.audio_alone:
        given["reference_images"] = (_COMPANION,)
    return VideoRequest.model_validate(given)


def _problem(
    request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile], *, carried: bool
) -> str | None:
    from ...catalog import resolve  # read on first use, not when the server starts

    try:
        resolve(request, offer, media, carried=carried)
    except InvalidRequest as error:
        return "; ".join(error.problems)
    return None
