"""Fills a request in for one offer, or says everything that stands in its way at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import InvalidRequest
from ..types import MediaFile, VideoRequest
from .conditions import Rule, facts, holds
from .inputs import file_problems, scene_problems
from .lookup import Catalog
from .offers import AUTOMATIC, Offer, Option, Parameter
from .prompts import command_problems

_NOT_PARAMETERS = ("model", "provider", "based_on", "provider_options")
_MEDIA_LISTS = ("reference_images", "reference_videos", "reference_audios")


def resolve(request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile]) -> VideoRequest:
    """
    Give the request as it would be bought from this offer: checked, with every default filled in.

    `media` maps each source of the request to its file; what is not known of a file is not checked.

    Raises:
        InvalidRequest: with every problem, each naming what is allowed.
    """
    problems = command_problems(request.prompt or "")
    problems += _option_collisions(request, offer)
    rules = _rules(request, offer)
    problems += _content_problems(request, offer)
    problems += scene_problems(request, offer)
    problems += _unknown_fields(request, offer)
    if not offer.generic:
        problems += _field_problems(request, offer, rules)
        problems += _option_problems(request, offer, rules)
        problems += _required(request, rules)
        problems += _endpoint_problems(request, offer)
    problems += file_problems(request, offer, media, rules)
    if problems:
        raise InvalidRequest(list(dict.fromkeys(problems)), hint=_hint(offer))
    return _filled(request, offer, rules)


def able_offers(request: VideoRequest, catalog: Catalog, media: Mapping[str, MediaFile]) -> tuple[Offer, ...]:
    """Give every offer on sale that could do the request as it stands, whatever provider and model it names."""
    free = request.model_copy(update={"provider": None, "model": None})
    return tuple(offer for offer in catalog.offers() if _can(free, offer, media))


def _can(request: VideoRequest, offer: Offer, media: Mapping[str, MediaFile]) -> bool:
    try:
        resolve(request, offer, media)
    except InvalidRequest:
        return False
    return True


def _hint(offer: Offer) -> str:
    return (
        f"Change the named arguments and call again; nothing was spent. These are the limits of {offer.label}"
        f" as of {offer.provider.verified}."
    )


def _rules(request: VideoRequest, offer: Offer) -> list[Rule]:
    known = facts(request)
    return [rule for rule in (*offer.model.rules, *offer.rules) if holds(rule.when, known)]


def _given(request: VideoRequest) -> dict[str, Any]:
    values = request.model_dump(exclude_none=True, exclude=set(_NOT_PARAMETERS))
    return {name: value for name, value in values.items() if value != ()}


def _content_problems(request: VideoRequest, offer: Offer) -> list[str]:
    said = any(option.content and name in request.provider_options for name, option in offer.options.items())
    if request.prompt or request.media() or said:
        return []
    return ["prompt: say what the video shows, or give a first_frame or references"]


def _unknown_fields(request: VideoRequest, offer: Offer) -> list[str]:
    known = offer.parameters
    return [
        f"{name}: {offer.label} does not take it (it takes {', '.join(known)})"
        for name in _given(request)
        if name not in known
    ]


def _endpoint_problems(request: VideoRequest, offer: Offer) -> list[str]:
    if request.mode != "text" and any(field not in offer.parameters for field, _, _ in request.media()):
        return []
    modes = [mode for mode in ("text", "image", "frames", "reference") if _sold(mode, offer)]
    if request.mode in modes or any(option.content for option in _options_used(request, offer)):
        return []
    needs = {
        "text": "text alone",
        "image": "a first_frame",
        "frames": "first_frame and last_frame",
        "reference": "references",
    }
    return [
        f"{offer.label} makes no video from {needs[request.mode]}; it starts from"
        f" {' or '.join(needs[mode] for mode in modes)}"
    ]


def _options_used(request: VideoRequest, offer: Offer) -> list[Option]:
    return [offer.options[name] for name in request.provider_options if name in offer.options]


def _sold(mode: str, offer: Offer) -> bool:
    wanted = [endpoint.when.get("mode", mode) for endpoint in offer.endpoints]
    return mode in offer.model.modes and any(
        mode == one or (isinstance(one, list) and mode in one) for one in wanted
    )


def _field_problems(request: VideoRequest, offer: Offer, rules: Sequence[Rule]) -> list[str]:
    problems: list[str] = []
    for name, value in _given(request).items():
        parameter = offer.parameters.get(name)
        if parameter is None:
            continue
        broken = _broken_rule(name, value, rules)
        if broken is not None:
            problems.append(broken)
        elif name == "duration":
            problems += _duration_problems(value, parameter, offer)
        elif name in ("resolution", "aspect_ratio"):
            allowed = choices(name, offer, rules)
            if value not in allowed:
                problems.append(
                    f"{name}: {value!r} is not possible with {offer.label}; it can be {_or(allowed)}"
                )
        elif name not in _MEDIA_LISTS:
            problems += _range_problems(name, value, parameter, offer)
    return problems


def _broken_rule(name: str, value: Any, rules: Iterable[Rule]) -> str | None:
    for rule in rules:
        if name not in rule.fields:
            continue
        if rule.forbidden:
            return f"{name}: leave it out; {rule.why}"
        if rule.allowed is not None and not _among(value, rule.allowed):
            return f"{name}: {_shown(value)} is not possible here; it can be {_or(rule.allowed)}: {rule.why}"
    return None


def choices(name: str, offer: Offer, rules: Iterable[Rule] = ()) -> tuple[str, ...]:
    """Give the values that a resolution or aspect ratio can have at this offer."""
    model = offer.model
    parameter = offer.parameters[name]
    own = model.resolutions if name == "resolution" else model.aspect_ratios
    allowed = [value for value in own if parameter.allowed is None or value in parameter.allowed]
    if parameter.auto is None:
        allowed = [value for value in allowed if value not in AUTOMATIC]
    for rule in rules:
        if name in rule.fields and rule.allowed is not None:
            allowed = [value for value in allowed if value in rule.allowed]
    return tuple(allowed)


def duration_limits(offer: Offer) -> tuple[int, int, bool]:
    """Give the shortest and the longest output in seconds, and whether the length may be left to the model."""
    own, parameter = offer.model.durations, offer.parameters.get("duration", Parameter())
    shortest = own.min if parameter.min is None else parameter.min
    longest = own.max if parameter.max is None else parameter.max
    return shortest, longest, own.auto and parameter.auto is not None


def _duration_problems(value: int, parameter: Parameter, offer: Offer) -> list[str]:
    shortest, longest, auto = duration_limits(offer)
    allowed = parameter.allowed
    fits = value in allowed if allowed is not None else shortest <= value <= longest
    if fits or (auto and value == -1):
        return []
    span = _or(allowed) if allowed is not None else f"{shortest} to {longest}"
    chosen = ", or -1 (the model chooses)" if auto else ""
    return [f"duration: {value} is not possible with {offer.label}; it can be {span} seconds{chosen}"]


def _range_problems(name: str, value: Any, parameter: Parameter | Option, offer: Offer) -> list[str]:
    low, high = parameter.min, parameter.max
    if parameter.allowed is not None and not _among(value, parameter.allowed):
        if not parameter.allowed:
            return [f"{name}: {offer.label} does not take it"]
        return [
            f"{name}: {_shown(value)} is not possible with {offer.label}; it can be {_or(parameter.allowed)}"
        ]
    if not isinstance(value, int) or isinstance(value, bool):
        return []
    if (low is not None and value < low) or (high is not None and value > high):
        span = f"{low} to {high}" if high is not None else f"{low} or more"
        return [f"{name}: {value} is not possible with {offer.label}; it can be {span}"]
    return []


_TYPES: Mapping[str, tuple[type, str]] = {
    "string": (str, "a text"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
    "list": (list, "a list"),
}


def _option_problems(request: VideoRequest, offer: Offer, rules: Sequence[Rule]) -> list[str]:
    problems: list[str] = []
    for name, value in request.provider_options.items():
        option = offer.options.get(name)
        if option is None:
            continue
        shown = f"provider_options.{name}"
        kind, words = _TYPES.get(option.type, (object, ""))
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            problems.append(f"{shown}: {_shown(value)} is not {words}")
            continue
        broken = _broken_rule(name, value, rules)
        if broken is not None:
            problems.append(f"provider_options.{broken}")
            continue
        problems += _range_problems(shown, value, option, offer)
        if name == "frames" and option.allowed is None:
            problems += _frame_problems(value, request, offer)
    if request.provider_options.get("service_tier") == "flex" and request.provider_options.get("priority"):
        problems.append("provider_options.priority: it does not go with service_tier flex; leave one out")
    return problems


def _frame_problems(count: int, request: VideoRequest, offer: Offer) -> list[str]:
    problems: list[str] = []
    rule = offer.model.frames
    if rule is not None and not rule.allows(count):
        problems.append(
            f"provider_options.frames: {count} is not possible with {offer.label}; it can be {rule.min} to"
            f" {rule.max} in steps of {rule.step} ({rule.min}, {rule.min + rule.step}, {rule.min + 2 * rule.step}, ...)"
        )
    if request.duration is not None:
        problems.append("duration: give either duration or provider_options.frames, not both")
    return problems


def _option_collisions(request: VideoRequest, offer: Offer) -> list[str]:
    ours = {parameter.name: field for field, parameter in offer.parameters.items() if parameter.name}
    problems: list[str] = []
    for name in request.provider_options:
        if name in offer.parameters:
            problems.append(f"provider_options.{name}: use the field {name} instead")
        elif name in ours:
            problems.append(f"provider_options.{name}: use the field {ours[name]} instead")
        elif name in offer.provider.reserved or name in VideoRequest.model_fields:
            problems.append(
                f"provider_options.{name}: it cannot be set here, because it is written from the other fields"
            )
    return problems


def _required(request: VideoRequest, rules: Iterable[Rule]) -> list[str]:
    given = facts(request)
    return [
        f"{field}: it is needed; {rule.why}"
        for rule in rules
        if rule.required
        for field in rule.fields
        if field not in given
    ]


def _filled(request: VideoRequest, offer: Offer, rules: Sequence[Rule]) -> VideoRequest:
    changes: dict[str, Any] = {"provider": offer.provider.name, "model": offer.model.id}
    for name, parameter in offer.parameters.items():
        if getattr(request, name) not in (None, ()):
            continue
        default = _default(name, parameter, offer, rules)
        if default is not None:
            changes[name] = default
    if "frames" in request.provider_options:
        changes.pop("duration", None)
    return request.model_copy(update=changes)


def _default(name: str, parameter: Parameter, offer: Offer, rules: Sequence[Rule]) -> Any:
    for rule in rules:
        if name not in rule.fields:
            continue
        if rule.forbidden:
            return None
        if rule.default is not None:
            return rule.default
    if parameter.default is not None:
        return parameter.default
    if offer.generic:
        return None
    model = offer.model
    usual = {
        "duration": model.durations.default,
        "resolution": model.default_resolution,
        "aspect_ratio": model.default_aspect_ratio,
        "generate_audio": True,
    }.get(name)
    if name in ("resolution", "aspect_ratio"):
        allowed = choices(name, offer, rules)
        return usual if usual in allowed or not allowed else allowed[0]
    return usual


def _among(value: Any, allowed: Sequence[Any]) -> bool:
    return any(type(value) is type(one) and value == one for one in allowed)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _or(values: Sequence[Any]) -> str:
    words = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
