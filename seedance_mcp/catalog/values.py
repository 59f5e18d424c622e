"""Checks one value after the other against what an offer takes: the request's fields and the provider's options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..types import MEDIA_FIELDS, VideoRequest
from .conditions import Rule
from .offers import AUTOMATIC, Offer, Option, Parameter

CHOSEN = ("resolution", "aspect_ratio")
"""The fields whose values are words out of a list."""

_ELSEWHERE = {"model", "provider", "based_on", "quality", "fit", "provider_options"}
"""The fields that say something to us, not to an offer."""


def given_fields(request: VideoRequest) -> dict[str, Any]:
    """Return every field of the request that an offer has to take, with its value."""
    values = request.model_dump(exclude_none=True, exclude=_ELSEWHERE)
    return {name: value for name, value in values.items() if value != ()}


def choices(name: str, offer: Offer, rules: Iterable[Rule] = ()) -> tuple[str, ...]:
    """Return the values that a resolution or aspect ratio can have at this offer."""
    parameter = offer.parameters[name]
    own = offer.model.resolutions if name == "resolution" else offer.model.aspect_ratios
    allowed = [value for value in own if parameter.allowed is None or value in parameter.allowed]
    if parameter.auto is None:
        allowed = [value for value in allowed if value not in AUTOMATIC]
    for rule in rules:
        if name in rule.fields and rule.allowed is not None:
            allowed = [value for value in allowed if value in rule.allowed]
    return tuple(allowed)


def duration_limits(offer: Offer) -> tuple[int, int, bool]:
    """Return the shortest and longest output in seconds, and whether the model may choose."""
    own, parameter = offer.model.durations, offer.parameters.get("duration", Parameter())
    shortest = own.min if parameter.min is None else parameter.min
    longest = own.max if parameter.max is None else parameter.max
    return shortest, longest, own.auto and parameter.auto is not None


def field_problems(request: VideoRequest, offer: Offer, rules: Sequence[Rule]) -> list[str]:
    """Name every field whose value this offer does not take, with what it can be."""
    problems: list[str] = []
    for name, value in given_fields(request).items():
        parameter = offer.parameters.get(name)
        if parameter is None:
            continue
        broken = _broken_rule(name, value, rules, offer)
        if broken is not None:
            problems.append(broken)
        elif name == "duration":
            problems += _duration_problems(value, offer)
        elif name in CHOSEN:
            allowed = choices(name, offer, rules)
            if value not in allowed:
                problems.append(f"{name}: {value!r} is not possible with {offer.label}; {_can_be(allowed)}")
        elif name not in MEDIA_FIELDS:
            problems += _range_problems(name, value, parameter, offer)
    return problems


def option_problems(request: VideoRequest, offer: Offer, rules: Sequence[Rule]) -> list[str]:
    """
    Name every known option that this offer does not take, or not with this value.

    An option that no offer is known for passes: the provider may have it since yesterday.
    """
    problems: list[str] = []
    for name, value in request.provider_options.items():
        option = offer.options.get(name)
        shown = f"provider_options.{name}"
        if option is None:
            takers = offer.strangers.get(name)
            if takers:
                problems.append(f"{shown}: {offer.label} does not take it; {_some(takers)} can")
            continue
        kind, words = _TYPES.get(option.type, (object, ""))
        broken = _broken_rule(name, value, rules, offer)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            problems.append(f"{shown}: {_shown(value)} is not {words}")
        elif broken is not None:
            problems.append(f"provider_options.{broken}")
        else:
            problems += _range_problems(shown, value, option, offer)
            if name == "frames" and option.allowed is None:
                problems += _frame_problems(value, request, offer)
    if request.provider_options.get("service_tier") == "flex" and request.provider_options.get("priority"):
        problems.append("provider_options.priority: it does not go with service_tier flex; leave one out")
    return problems


def collisions(request: VideoRequest, offer: Offer) -> list[str]:
    """Name every option that repeats a field which is written from the request anyway."""
    ours = {parameter.name: field for field, parameter in offer.parameters.items() if parameter.name}
    problems: list[str] = []
    for name in request.provider_options:
        field = name if name in offer.parameters else ours.get(name)
        if field is not None:
            problems.append(f"provider_options.{name}: use the field {field} instead")
        elif name in offer.provider.reserved or name in _ELSEWHERE:
            problems.append(f"provider_options.{name}: it is written from the other fields; leave it out")
    return problems


def _some(takers: Sequence[str]) -> str:
    more = len(takers) - _MOST_NAMED
    return ", ".join(takers[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


_MOST_NAMED = 4
_LONGEST_SHOWN = 80

_TYPES: Mapping[str, tuple[type, str]] = {
    "string": (str, "a text"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
    "list": (list, "a list"),
}


def _broken_rule(name: str, value: Any, rules: Iterable[Rule], offer: Offer) -> str | None:
    for rule in rules:
        if name not in rule.fields:
            continue
        if rule.forbidden:
            return f"{name}: leave it out; {rule.why}"
        if rule.allowed is not None and value not in rule.allowed:
            shown = f"{name}: {_shown(value)} is not possible with {offer.label}"
            return f"{shown}; {_can_be(rule.allowed)}: {rule.why}"
    return None


def _duration_problems(value: int, offer: Offer) -> list[str]:
    shortest, longest, auto = duration_limits(offer)
    if shortest <= value <= longest or (auto and value == -1):
        return []
    chosen = ", or -1 (the model chooses)" if auto else ""
    return [
        f"duration: {value} is not possible with {offer.label}; it can be {shortest} to {longest} seconds{chosen}"
    ]


def _range_problems(name: str, value: Any, limits: Parameter | Option, offer: Offer) -> list[str]:
    if limits.allowed is not None and value not in limits.allowed:
        if not limits.allowed:
            return [f"{name}: {offer.label} does not take it"]
        return [f"{name}: {_shown(value)} is not possible with {offer.label}; {_can_be(limits.allowed)}"]
    longest = limits.max_length if isinstance(limits, Parameter) else None
    if longest is not None and len(value) > longest:
        return [f"{name}: {len(value)} characters are too many for {offer.label}; it takes up to {longest}"]
    if not isinstance(value, int) or isinstance(value, bool):
        return []
    low, high = limits.min, limits.max
    if (low is None or value >= low) and (high is None or value <= high):
        return []
    span = f"{low} to {high}" if high is not None else f"{low} or more"
    return [f"{name}: {value} is not possible with {offer.label}; it can be {span}"]


def _frame_problems(count: int, request: VideoRequest, offer: Offer) -> list[str]:
    problems: list[str] = []
    rule = offer.model.frames
    if rule is not None and not rule.allows(count):
        problems.append(
            f"provider_options.frames: {count} is not possible with {offer.label}; it can be {rule.min} to"
            f" {rule.max} in steps of {rule.step} ({rule.min}, {rule.min + rule.step}, ...)"
        )
    if request.duration is not None:
        problems.append("duration: give either duration or provider_options.frames, not both")
    return problems


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "an object"
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _can_be(values: Sequence[Any]) -> str:
    words = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    if not words:
        return "leave it out"
    listed = f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
    return f"it can be {listed}"
