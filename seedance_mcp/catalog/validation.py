"""Fills a request in for one offer, or says everything that stands in its way at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import InvalidRequest
from ..types import MediaFile, VideoRequest
from .commands import command_problems
from .conditions import Rule, facts, holds
from .inputs import file_problems, scene_problems
from .lookup import Catalog
from .offers import Offer, Parameter
from .values import CHOSEN, choices, collisions, field_problems, given_fields, option_problems

_MODES = {
    "text": "text alone",
    "image": "a first_frame",
    "frames": "first_frame and last_frame",
    "reference": "references",
}


_UNSAID: Mapping[str, bool] = {
    "watermark": False,
    "return_last_frame": False,
    "camera_fixed": False,
    "fit": False,
}
"""
What is so where nothing is said: the defaults of the maker's API reference. A seller with others has a line for them.
`fit` is ours; a setting that turns it on makes no other wish of a request.
"""


def resolve(
    request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile], *, carried: bool = False
) -> VideoRequest:
    """
    Return the request as it would be bought from this offer: checked, with every default filled in.

    `media` maps each source of the request to its file; what is not known of a file is not checked. With
    `carried`, a local file can be put where every provider reads it by URL. A generic offer has no limits to check
    and no defaults. A wish for no sound is dropped where there never is any.

    Raises:
        InvalidRequest: with every problem, each naming what is allowed.
    """
    if request.generate_audio is False and _is_silent(offer):
        request = request.model_copy(update={"generate_audio": None})
    known = facts(request)
    rules = [rule for rule in (*offer.model.rules, *offer.rules) if holds(rule.when, known)]
    empty = _content_problems(request, offer)
    problems = [
        *empty,
        *command_problems(request.prompt or ""),
        *collisions(request, offer),
        *_unknown_fields(request, offer),
        *scene_problems(request, offer),
    ]
    if not offer.generic:
        problems += field_problems(request, offer, rules)
        problems += option_problems(request, offer, rules)
        problems += _missing(known, rules)
        problems += _mode_problems(request, offer)
    problems += file_problems(request, offer, media, rules, carried=carried)
    if problems:
        # What any offer would say is not for its limits to explain.
        raise InvalidRequest(list(dict.fromkeys(problems)), hint=None if problems == empty else _hint(offer))
    return _filled(request, offer, rules)


def usual_values(request: VideoRequest, offer: Offer) -> dict[str, str | int | bool]:
    """
    Return the value that each setting of the request has at this offer where it is not given, also if it is given here.

    A setting without a value is left to the provider.
    """
    usual = dict[str, Any](_UNSAID)
    for name, parameter in offer.parameters.items():
        free = request if getattr(request, name) is None else request.model_copy(update={name: None})
        known = facts(free)
        rules = [rule for rule in (*offer.model.rules, *offer.rules) if holds(rule.when, known)]
        value = _default(name, parameter, free, offer, rules)
        if value is not None:
            usual[name] = value
    if _is_silent(offer):
        usual["generate_audio"] = False
    if "frames" in request.provider_options:
        usual.pop("duration", None)
    return usual


def possible_values(request: VideoRequest, offer: Offer) -> dict[str, tuple[str, ...]]:
    """Return what the resolution and the aspect ratio can be for such a request, of those that this offer takes."""
    known = facts(request)
    rules = [rule for rule in (*offer.model.rules, *offer.rules) if holds(rule.when, known)]
    return {name: choices(name, offer, rules) for name in CHOSEN if name in offer.parameters}


def leeway(request: VideoRequest, offer: Offer) -> int:
    """Count what this offer takes instead of the request's resolution and aspect ratio, of those that it does not take."""
    known = facts(request)
    rules = [rule for rule in (*offer.model.rules, *offer.rules) if holds(rule.when, known)]
    count = 0
    for name in CHOSEN:
        value = getattr(request, name)
        if value is not None and name in offer.parameters:
            allowed = choices(name, offer, rules)
            count += 0 if value in allowed else len(allowed)
    return count


def able_offers(
    request: VideoRequest, catalog: Catalog, media: Mapping[str, MediaFile], *, carried: bool = False
) -> tuple[Offer, ...]:
    """Return every offer on sale that could do the request, whatever provider and model it names; see `resolve`."""
    free = request.model_copy(update={"provider": None, "model": None})
    return tuple(offer for offer in catalog.offers() if _can(free, offer, media, carried=carried))


def _can(request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile], *, carried: bool) -> bool:
    try:
        resolve(request, offer, media, carried=carried)
    except InvalidRequest:
        return False
    return True


def _hint(offer: Offer) -> str:
    return (
        f"Change the named arguments and call again; nothing was spent. These are the limits of {offer.label} as"
        f" of {offer.provider.verified}; a file named by SEEDANCE_CATALOG can correct them."
    )


def _content_problems(request: VideoRequest, offer: Offer) -> list[str]:
    if request.prompt or request.media() or _says_it_itself(request, offer):
        return []
    return ["prompt: say what the video shows, or give a first_frame or references"]


def _says_it_itself(request: VideoRequest, offer: Offer) -> bool:
    return any(offer.options[name].content for name in request.provider_options if name in offer.options)


def _is_silent(offer: Offer) -> bool:
    """Return whether every video of the offer is silent, so that no sound goes without saying."""
    return not offer.model.audio and "generate_audio" not in offer.parameters


def _unknown_fields(request: VideoRequest, offer: Offer) -> list[str]:
    return [
        f"{name}: {offer.label} makes silent video; leave it out, or name a model with sound"
        if name == "generate_audio" and _is_silent(offer)
        else f"{name}: {offer.label} does not take it; it takes {', '.join(offer.parameters)}"
        for name in given_fields(request)
        if name not in offer.parameters
    ]


def _missing(known: Mapping[str, Any], rules: Iterable[Rule]) -> list[str]:
    return [
        f"{field}: it is needed; {rule.why}"
        for rule in rules
        if rule.required
        for field in rule.fields
        if field not in known
    ]


def _mode_problems(request: VideoRequest, offer: Offer) -> list[str]:
    """Name a mode that is not sold, unless a field that makes the mode is refused already."""
    refused = any(field not in offer.parameters for field, _, _ in request.media())
    modes = [mode for mode in _MODES if _sells(mode, offer)]
    if refused or request.mode in modes or _says_it_itself(request, offer):
        return []
    starts = " or ".join(_MODES[mode] for mode in modes)
    return [f"{offer.label} makes no video from {_MODES[request.mode]}; it starts from {starts}"]


def _sells(mode: str, offer: Offer) -> bool:
    wanted = [endpoint.when.get("mode", mode) for endpoint in offer.endpoints]
    return mode in offer.model.modes and any(
        mode == one or (isinstance(one, list) and mode in one) for one in wanted
    )


def _filled(request: VideoRequest, offer: Offer, rules: Sequence[Rule]) -> VideoRequest:
    changes: dict[str, Any] = {"provider": offer.provider.name, "model": offer.model.id}
    for name, parameter in offer.parameters.items():
        if getattr(request, name) is None:
            changes[name] = _default(name, parameter, request, offer, rules)
    if "frames" in request.provider_options:
        changes.pop("duration", None)
    return request.model_copy(update=changes)


def _default(
    name: str, parameter: Parameter, request: VideoRequest, offer: Offer, rules: Sequence[Rule]
) -> str | int | bool | None:
    mine = [rule for rule in rules if name in rule.fields]
    if any(rule.forbidden for rule in mine):
        return None
    wanted = next((rule.default for rule in mine if rule.default is not None), parameter.default)
    if offer.generic:
        return wanted
    model = offer.model
    usual = {
        "duration": model.durations.default,
        "resolution": model.default_resolution,
        "aspect_ratio": model.default_aspect_ratio,
        "generate_audio": True,
    }
    value = usual.get(name) if wanted is None else wanted
    if name not in CHOSEN:
        return value
    allowed = choices(name, offer, rules)
    if value in allowed:
        return value
    # Where the ratio cannot be left to the picture, saying nothing is better than cropping it.
    return allowed[0] if allowed and (name == "resolution" or request.mode == "text") else None
