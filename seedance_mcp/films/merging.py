"""Documents as they are kept, and with what a program wants to have changed in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from ..errors import InvalidRequest
from .document import FilmDocument

_BY_NAME = ("cast",)


def written(document: FilmDocument) -> str:
    """Write a document as it is kept: the same film is the same text, in whatever order its fields were given."""
    given = document.model_dump(mode="json", exclude_unset=True)
    return json.dumps(given, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def kept(text: str) -> dict[str, Any]:
    """Read what `written` wrote."""
    return cast("dict[str, Any]", json.loads(text))


def merged(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """
    Lay changes over a document: one of the cast by its name, shots by their ids; None removes.

    The shots keep their order, unless the changes name all of them; new ones come at the end.

    Raises:
        InvalidRequest: the changes have no such form.
    """
    result: dict[str, Any] = {**document}
    for name, value in changes.items():
        if name == "shots":
            result[name] = _shots(result.get(name, []), value)
        elif name in _BY_NAME and isinstance(value, dict):
            result[name] = _table(result.get(name, {}), cast("dict[str, Any]", value))
        elif value is None:
            result.pop(name, None)
        else:
            result[name] = value
    return result


def _table(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    result = {**before}
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _fields(result.get(name), value)
    return result


def _fields(before: Any, changes: Any) -> Any:
    if not isinstance(before, dict) or not isinstance(changes, dict):
        return _without_none(changes)
    given = {**cast("dict[str, Any]", before), **cast("dict[str, Any]", changes)}
    return _without_none(given)


def _without_none(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: inner for name, inner in cast("dict[str, Any]", value).items() if inner is not None}


def _shots(before: list[Any], changes: Any) -> list[Any]:
    if isinstance(changes, dict):
        entries = [(name, value) for name, value in cast("dict[str, Any]", changes).items()]
    elif isinstance(changes, list):
        entries = [(_id(entry), entry) for entry in cast("list[Any]", changes)]
    else:
        raise InvalidRequest(["shots: must be a list of shots, or a table of their ids."])
    there = {_id(shot): shot for shot in before}
    if not there:
        return [_named(name, value) for name, value in entries if value is not None]
    result = dict(there)
    new: list[Any] = []
    for name, value in entries:
        if value is None:
            result.pop(name, None)
        elif name in result:
            result[name] = _fields(result[name], _named(name, value))
        else:
            new.append(_named(name, value))
    named = [name for name, _ in entries]
    if isinstance(changes, list) and set(result) <= set(named):
        by_place = iter(new)
        return [result[name] if name in result else next(by_place) for name in named]
    return [*result.values(), *new]


def _id(shot: Any) -> str | None:
    name = cast("dict[str, Any]", shot).get("id") if isinstance(shot, dict) else None
    return name if isinstance(name, str) else None  # any other is told with the rest of the document


def _named(name: Any, value: Any) -> Any:
    if isinstance(value, dict) and name is not None:
        return {"id": name, **_without_none(value)}
    return _without_none(value)
