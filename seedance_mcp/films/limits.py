"""Tells what no offer takes of a document that is wrong elsewhere, so that all of it is told at once. Opens no file."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from ..errors import InvalidRequest
from ..jobs import ResolvedRequest
from ..types import FilmQuality, MediaFile
from .casting import names_cited
from .document import FilmDocument, Member, Shot
from .plan_words import problems_of
from .reading import with_ids
from .requests import ANIMATIC_PROVIDER, Wish, continued, of_the_shot, written_for

if TYPE_CHECKING:
    from ..catalog import Catalog, Model, Offer

_ROUNDS = 4
"""Leaving out what is wrong shows what is missing then, and the other way round."""

_STAND_INS: Mapping[str, Any] = {"title": "-", "looks": "-", "prompt": "-", "text": "-", "seconds": 5}
"""In the place of what is missing; every model makes videos of five seconds."""


@dataclass(frozen=True)
class Market:
    """What is on sale, and which provider and model the settings name."""

    catalog: Catalog
    provider: str | None
    model: str | None


def limits(data: Any, market: Market, quality: FilmQuality = "final") -> tuple[str, ...]:
    """
    Name what of a document no offer takes of the models that its shots name, as far as the document can be read.

    Only what is certain without a look at keys and files is told; all else follows from the plan.
    """
    document = _readable(with_ids(data))
    if document is None:
        return ()
    if quality == "animatic":
        market = replace(market, provider=ANIMATIC_PROVIDER)
    else:
        quality = "final"  # the take that a draft is a draft of has to be possible
        market = replace(market, provider=document.provider or market.provider)
    return tuple(dict.fromkeys(_problems(document, market, quality)))


def _problems(document: FilmDocument, market: Market, quality: FilmQuality) -> Iterator[str]:
    catalog = market.catalog
    for place, shot in enumerate(document.shots):
        name = shot.model or document.model or market.model
        if name is None or name not in catalog.models:
            continue
        offers = [
            offer
            for offer in catalog.offers(model=name)
            if not offer.generic and market.provider in (None, offer.provider.name)
        ]
        before = document.shots[place - 1].id if place else None
        wish = Wish(
            film_id="",
            document=document,
            shot=_continuing(shot, before, [one.id for one in document.shots[:place]]),
            quality=quality,
            number=1,
            parent=None if shot.continues == "cut" or not place else f"{shot.after or before}.1",
        )
        refusals = [_refusal(wish, offer, catalog.models[name]) for offer in offers]
        told = [error for error in refusals if error is not None]
        if told and len(told) == len(refusals):
            yield from problems_of(shot, min(told, key=lambda error: len(error.problems)))


def _continuing(shot: Shot, before: str | None, earlier: Sequence[str]) -> Shot:
    """The shot without a continuation that leads nowhere, which is told by itself."""
    if shot.continues == "cut" or (before is not None and shot.after in (None, *earlier)):
        return shot
    return shot.model_copy(update={"continues": "cut", "after": None})


def _refusal(wish: Wish, offer: Offer, model: Model) -> InvalidRequest | None:
    """Why an offer does not take a shot; None: it may do so."""
    found = _tried(wish, offer, model)
    if found is not None and (wish.shot.continues == "last_frame" or wish.shot.first_frame):
        adaptive = wish.document.model_copy(update={"aspect_ratio": "adaptive"})
        other = _tried(replace(wish, document=adaptive), offer, model)
        return None if other is None else of_the_shot(found, other)
    return found


def _tried(wish: Wish, offer: Offer, model: Model) -> InvalidRequest | None:
    from ..catalog import resolve  # read on first use, not when the server starts

    try:
        request, _ = written_for(wish, model, None)
        media = {source: MediaFile(kind=kind, url=source) for _, kind, source in request.media()}
        asked = continued(ResolvedRequest(request=request, media=media), wish, model)
        resolve(asked.request, offer, asked.media, carried=True)
    except InvalidRequest as error:
        return error
    except ValidationError:  # nothing can be said of what is no request
        return None
    return None


def _readable(data: Mapping[str, Any]) -> FilmDocument | None:
    """The document without what is wrong in it; None: too little is left."""
    try:
        given = copy.deepcopy(dict(data))
    except RecursionError:
        return None
    for _ in range(_ROUNDS):
        try:
            document = FilmDocument.model_validate(given)
        except ValidationError as error:
            # From the end on, so that the places of a list are still those that are told.
            for details in reversed(error.errors(include_input=False, include_url=False)):
                if details["type"] == "too_short" and details["loc"] == ("shots",) and given["shots"]:
                    continue  # each of them is wrong, which leaves none
                _mend(given, details["loc"], is_missing=details["type"] == "missing")
            continue
        named = {name for shot in document.shots for name in names_cited(document, shot)}
        named |= {line.who for shot in document.shots for line in shot.says if line.who}
        unknown = {name: Member(looks="-") for name in named if name not in document.cast}
        return document.model_copy(update={"cast": {**document.cast, **unknown}})
    return None


def _mend(data: Any, location: Sequence[int | str], *, is_missing: bool) -> None:
    """Leave out what is wrong at a place, or put something harmless where something is missing."""
    *way, last = (part for part in location if part != "[key]")
    for part in way:
        try:
            data = data[part]
        except (LookupError, TypeError):
            return
    if isinstance(data, dict):
        fields = cast("dict[Any, Any]", data)
        if is_missing:
            fields[last] = copy.deepcopy(_STAND_INS.get(str(last)))
        else:
            fields.pop(last, None)
    elif isinstance(data, list) and isinstance(last, int):
        del cast("list[Any]", data)[last : last + 1]
