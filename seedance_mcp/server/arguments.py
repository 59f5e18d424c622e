"""Reads the arguments of a call as clients write them: nulls in words, lists in strings, and what frameworks add."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from ..errors import InvalidRequest
from ..texts import listed, unusable
from ..types import MEDIA_FIELDS
from .argument_errors import unknown_arguments, wrong_values

_NOTHING = frozenset({"", "null", "NULL", "Null", "undefined", "None"})
"""How clients write that an argument is not given, beside leaving it out."""


@dataclass(frozen=True)
class Given:
    """What was given, and sentences about what was passed over."""

    arguments: dict[str, Any]
    notes: tuple[str, ...]


def given(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> Given:
    """
    Take out what was not meant as an argument, and bring the rest into the shapes of the tool's input schema.

    Names that the schema does not have stay, unless a framework is known to add them: checking refuses them.
    """
    known: Mapping[str, Any] = schema["properties"]
    required: list[str] = schema.get("required", [])
    kept: dict[str, Any] = {}
    ignored: list[str] = []
    empty: list[str] = []
    notes: list[str] = []
    for name, value in arguments.items():
        if name not in known and name in _baggage():
            ignored.append(name)
            continue
        shaped = _shaped(value, known.get(name, {}))
        if value is None or (name in known and name not in required and _is_nothing(shaped)):
            if name == "prompt" and isinstance(value, str) and value.strip():
                notes.append(f"prompt says only {value.strip()!r}, which counts as no prompt.")
            elif name in MEDIA_FIELDS and _holds_an_empty_text(shaped):
                empty.append(name)
            continue
        kept[name] = shaped
    if ignored:
        notes.insert(0, f"Ignored, because your framework added it: {', '.join(sorted(ignored))}.")
    if empty:
        they_are = "it is" if len(empty) == 1 else "they are"
        notes.append(f"Left out, because {they_are} empty: {listed(empty)}. If a file was meant, name it.")
    return Given(kept, tuple(notes))


def checked(shape: type[BaseModel], arguments: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the arguments as values of their types.

    Raises:
        InvalidRequest: names each argument that is unknown or cannot be used.
    """
    refused = unknown_arguments([name for name in arguments if name not in known], list(known))
    wanted = {name: value for name, value in arguments.items() if name in known}
    unreadable = [problem for name, value in wanted.items() for problem in unusable(name, value)]
    if unreadable:
        raise InvalidRequest([*refused, *unreadable])
    try:
        values = shape.model_validate(wanted)
    except ValidationError as error:
        raise InvalidRequest([*refused, *wrong_values(error)]) from None
    if refused:
        raise InvalidRequest(refused)
    return {name: getattr(values, name) for name in known if name in values.model_fields_set}


def _shaped(value: Any, schema: Mapping[str, Any]) -> Any:
    """Unpack a list or object from the JSON that some clients write it in; make a list of one out of a bare text."""
    wanted = {"array": list, "object": dict}.get(schema.get("type", ""))
    if wanted is None or not isinstance(value, str):
        return value
    try:
        unpacked: Any = json.loads(value)
    except (ValueError, RecursionError):
        unpacked = value
    if isinstance(unpacked, wanted) or _is_nothing(unpacked):
        return cast("Any", unpacked)
    if schema.get("items", {}).get("type") == "string":
        return [unpacked if isinstance(unpacked, str) else value]
    return value


def _is_nothing(value: Any) -> bool:
    """True of nothing and of a list of nothings; an empty list is a list: it takes back what a basis has."""
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return bool(items) and all(_is_word_for_nothing(item) for item in items)
    return _is_word_for_nothing(value)


def _is_word_for_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in _NOTHING)


def _holds_an_empty_text(value: Any) -> bool:
    """True where a file may have been meant: a null, or a word for it, says that there is none."""
    items = cast("list[Any]", value) if isinstance(value, list) else [value]
    return any(isinstance(item, str) and not item.strip() for item in items)


@cache
def _baggage() -> frozenset[str]:
    text = resources.files(__name__.rpartition(".")[0]).joinpath("baggage.toml").read_text(encoding="utf-8")
    frameworks: list[dict[str, Any]] = tomllib.loads(text)["framework"]
    return frozenset(name for framework in frameworks for name in framework["arguments"])
