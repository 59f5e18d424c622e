"""Reads a film document and names everything that is wrong with it, each with its place."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ..errors import InvalidRequest, MediaError
from ..texts import listed, one_line
from .document import (
    MAX_SHOTS,
    NUMBERED_INPUT,
    Captions,
    Entry,
    FilmDocument,
    Line,
    Member,
    Music,
    Part,
    Shot,
    mentions,
)
from .named import missing

MAX_BYTES = 1_000_000
"""A document has words, not pictures."""

_HINT = (
    "Correct the document; nothing was bought. seedance://guide/film describes it, and `seedance-mcp film new` writes "
    "an example with every field explained."
)
_NAME_CHARACTERS = 60
_SHOWN_NAMES = 12
_WHOLE_NUMBER, _NUMBER, _YES_OR_NO, _TABLE = (
    "a whole number",
    "a number",
    "true or false",
    "a table of fields",
)
_MUST_BE = {
    "int_type": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "int_parsing": _WHOLE_NUMBER,
    "int_parsing_size": _WHOLE_NUMBER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "bool_type": _YES_OR_NO,
    "bool_parsing": _YES_OR_NO,
    "string_type": "text",
    "string_unicode": "text without halves of surrogate pairs, which are no characters",
    "tuple_type": "a list",
    "mapping_type": _TABLE,
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
}
_HARMLESS: Mapping[str, Any] = {"prompt": "-", "seconds": 60}
"""Stand in for what a shot lacks: a prompt that names nobody, and a length that no transition is too long for."""

_FIELDS: Mapping[str, type[Part]] = {
    "cast": Member,
    "shots": Shot,
    "says": Line,
    "enter": Entry,
    "music": Music,
    "captions": Captions,
}


def content_of(path: Path) -> bytes:
    """Read the file of a document, not much more than may be in it. Blocks. Raises MediaError: it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MediaError(
            f"{path} cannot be read: {error.strerror}.",
            hint="Name the film's document, a .toml or .json file.",
        ) from None


def read_document(
    content: bytes,
    name: str,
    folder: Path | None = None,
    limits: Callable[[Any], Sequence[str]] | None = None,
) -> FilmDocument:
    """
    Read a document by the ending of its name, `.toml` or `.json`.

    Raises:
        InvalidRequest: everything that is wrong with it, each with its place; with its `folder` also which of its files
            are not there, and what `limits` says. A document that is right is returned even if they are not.
    """
    data = parsed(content, name)
    try:
        return checked(data)
    except InvalidRequest as error:
        files = missing(with_ids(data), str(folder)) if folder is not None else ()
        raise with_more(error, [*(limits(data) if limits is not None else ()), *files]) from None


def with_more(error: InvalidRequest, problems: Sequence[str]) -> InvalidRequest:
    """Tell what is wrong with a document's files, and what no model takes, beside what is wrong with its words."""
    return InvalidRequest([*error.problems, *problems], hint=error.hint)


def checked(data: Any) -> FilmDocument:
    """
    Check what was read, or what a program hands over in the same form. Shots without an id get `s01` and so on.

    Raises:
        InvalidRequest: everything that is wrong with it, each with its place.
    """
    if not isinstance(data, dict):
        raise InvalidRequest(["The document has to be a table with `title` and `shots`."], hint=_HINT)
    named = with_ids(data)
    problems: list[str] = []
    document: FilmDocument | None = None
    try:
        document = FilmDocument.model_validate(named)
    except ValidationError as error:
        problems += _problems(error.errors(include_input=False, include_url=False), named)
    names = _names(named.get("cast"))
    problems += _cast_problems(names, named.get("style"))
    problems += _contradictions(names, _usable(named.get("shots")))
    if document is None or problems:
        raise InvalidRequest(list(dict.fromkeys(problems)), hint=_HINT)
    return document


def _names(table: Any) -> tuple[str, ...]:
    return tuple(cast("dict[str, Any]", table)) if isinstance(table, dict) else ()


def _usable(shots: Any) -> list[Shot | None]:
    """The shots as far as they can be read, so that what contradicts another place is told with all the rest."""
    given = cast("list[Any]", shots)[:MAX_SHOTS] if isinstance(shots, list) else []
    return [_readable(shot) for shot in given]


def _readable(shot: Any) -> Shot | None:
    """A shot without its fields that are wrong; None if not even its id can be read."""
    try:
        return Shot.model_validate(shot)
    except ValidationError as error:
        wrong = {details["loc"][0] for details in error.errors(include_input=False) if details["loc"]}
        if not isinstance(shot, dict) or "id" in wrong:
            return None
        right = {name: value for name, value in cast("dict[str, Any]", shot).items() if name not in wrong}
    try:
        return Shot.model_validate({**_HARMLESS, **right})
    except ValidationError:  # a name of a field that is no text has no place that could be left out
        return None


def parsed(content: bytes, name: str) -> Any:
    """
    Read what is written in a document, whatever that is.

    Raises:
        InvalidRequest: it is neither TOML nor JSON, or too long.
    """
    if len(content) > MAX_BYTES:
        raise InvalidRequest(
            [f"The document has {len(content)} bytes; at most {MAX_BYTES} are read."], hint=_HINT
        )
    ending = PurePath(name).suffix.lower()
    if ending not in (".toml", ".json"):
        raise InvalidRequest([f"{one_line(name, _NAME_CHARACTERS)} is neither .toml nor .json."], hint=_HINT)
    try:
        text = content.decode("utf-8-sig")
        return json.loads(text) if ending == ".json" else tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise InvalidRequest([f"The document is no UTF-8, from byte {error.start} on."], hint=_HINT) from None
    except ValueError as error:  # a syntax error of either form, or a number of thousands of digits
        raise InvalidRequest(
            [f"The document cannot be read: {one_line(str(error), 200)}."], hint=_HINT
        ) from None
    except RecursionError:
        raise InvalidRequest(["The document is nested too deeply."], hint=_HINT) from None


def with_ids(given: Any) -> dict[str, Any]:
    """Give shots without an id the first free name of `s01`, `s02` and so on, by their place; {}: it is no document."""
    if not isinstance(given, dict):
        return {}
    data = cast("dict[str, Any]", given)
    shots = data.get("shots")
    if not isinstance(shots, list):
        return data
    listed_shots = cast("list[Any]", shots)
    taken = {
        str(cast("dict[str, Any]", shot)["id"])
        for shot in listed_shots
        if isinstance(shot, dict) and "id" in shot
    }
    named: list[Any] = []
    for place, shot in enumerate(listed_shots, start=1):
        if isinstance(shot, dict) and "id" not in shot:
            free = next(
                name
                for number in range(place, place + len(listed_shots) + 1)
                if (name := f"s{number:02}") not in taken
            )
            taken.add(free)
            shot = {"id": free, **cast("dict[str, Any]", shot)}
        named.append(shot)
    return {**data, "shots": named}


def _problems(errors: Sequence[ErrorDetails], data: Mapping[str, Any]) -> Iterator[str]:
    for place, details in enumerate(errors):
        if details["loc"] == ("shots",) and details["type"] == "too_short" and data["shots"]:
            continue  # the only shots are wrong, of which each is told by itself
        problem = _problem(details, data)
        looked_up = details["type"] == "extra_forbidden" and place < InvalidRequest.most_problems
        yield problem + _meant(details["loc"]) if looked_up else problem


def _problem(details: ErrorDetails, data: Mapping[str, Any]) -> str:
    place, kind, context = _place(details["loc"], data), details["type"], details.get("ctx", {})
    if kind == "missing":
        return f"{place}: is missing."
    if kind == "extra_forbidden":
        return f"{place}: there is no such field."
    if kind in _MUST_BE:
        return f"{place}: must be {_MUST_BE[kind]}."
    if kind == "string_too_long":
        return f"{place}: must have at most {context.get('max_length')} characters."
    if kind == "string_too_short":
        return f"{place}: must not be empty."
    if kind in ("too_long", "too_short"):
        bound = (
            f"at most {context['max_length']}" if kind == "too_long" else f"at least {context['min_length']}"
        )
        return f"{place}: must have {bound} entries."
    if kind == "string_pattern_mismatch" and details["loc"][-1] == "language":
        return f"{place}: must be the code of a language, such as en or zh-Hant."
    if kind == "string_pattern_mismatch":
        return f"{place}: may have letters, digits, `-` and `_`, at most 40 in all."
    return f"{place}: {details['msg'].replace('Input should', 'must')}."


def _place(location: Sequence[int | str], data: Mapping[str, Any]) -> str:
    """Write a place as people find it: a shot by its id, everything else by its name."""
    parts: list[str] = []
    for place, part in enumerate(location):
        if part == "[key]":
            continue
        if isinstance(part, int):
            name = _shot_id(data, part) if tuple(location[:place]) == ("shots",) else None
            parts[-1:] = [f"shot {name}" if name else f"{parts[-1]}[{part + 1}]"]
        else:
            parts.append(one_line(part, _NAME_CHARACTERS))
    return ".".join(parts)


def _shot_id(data: Mapping[str, Any], number: int) -> str | None:
    shot = data["shots"][number]
    return (
        one_line(str(cast("dict[str, Any]", shot).get("id")), _NAME_CHARACTERS)
        if isinstance(shot, dict)
        else None
    )


def _meant(location: Sequence[int | str]) -> str:
    names = [part for part in location if isinstance(part, str)]
    holder = next((_FIELDS[part] for part in reversed(names[:-1]) if part in _FIELDS), FilmDocument)
    near = _near(names[-1], tuple(holder.model_fields))
    return f" Did you mean {' or '.join(near)}?" if near else f" There are: {', '.join(holder.model_fields)}."


def _near(name: str, known: Sequence[str]) -> list[str]:
    """Those that may be meant. Comparing takes time by the square of the length, so long names are like no other."""
    if len(name) > _NAME_CHARACTERS:
        return []
    return difflib.get_close_matches(
        name, [other for other in known if len(other) <= _NAME_CHARACTERS], n=2, cutoff=0.5
    )


def _nobody(name: str, cast_names: Sequence[str]) -> str:
    """Say that nobody has this name, and who there is."""
    run_on = [other for other in cast_names if other and name.startswith(other)]
    near = _near(name, cast_names)
    known = (
        listed([one_line(other, _NAME_CHARACTERS) for other in cast_names[:_SHOWN_NAMES]])
        if cast_names
        else ""
    )
    if run_on:
        hint = f"if {max(run_on, key=len)} is meant, put a space after the name."
    elif near:
        hint = f"did you mean {' or '.join(near)}?"
    elif known:
        hint = f"the cast has {known}{' and others' if len(cast_names) > _SHOWN_NAMES else ''}."
    else:
        hint = "there is no cast."
    return f"nobody is called {one_line(name, _NAME_CHARACTERS)}; {hint}"


def _cast_problems(cast_names: Sequence[str], style: Any) -> Iterator[str]:
    for name in cast_names:
        if NUMBERED_INPUT.fullmatch(name):
            yield f"cast.{one_line(name, _NAME_CHARACTERS)}: a model's inputs are called so; choose another name."
    for name in dict.fromkeys(mentions(style)) if isinstance(style, str) else ():
        if name not in cast_names:
            yield f"style: {_nobody(name, cast_names)}"


def _contradictions(cast_names: Sequence[str], shots: Sequence[Shot | None]) -> Iterator[str]:
    """Name what no single field shows: names of nobody, shots that continue what comes later, seams that are too long."""
    earlier: list[str] = []
    for place, shot in enumerate(shots):
        if shot is None:
            continue
        if shot.id in earlier:
            yield f"shot {shot.id}: there are two shots of this name."
        yield from _unknown_names(cast_names, shot)
        yield from _continuation(shot, earlier, first=place == 0, whole=None not in shots[:place])
        yield from _seam(shot, shots[place - 1] if place else None, first=place == 0)
        earlier.append(shot.id)


def _unknown_names(cast_names: Sequence[str], shot: Shot) -> Iterator[str]:
    for field, names in (
        ("prompt", list(mentions(shot.prompt))),
        ("says", [line.who for line in shot.says if line.who]),
        ("wears", list(shot.wears)),
    ):
        for name in dict.fromkeys(names):
            if name not in cast_names:
                yield f"shot {shot.id}.{field}: {_nobody(name, cast_names)}"


def _continuation(shot: Shot, earlier: Sequence[str], *, first: bool, whole: bool) -> Iterator[str]:
    """`whole` is false where an earlier shot could not be read, whose name is then not known here."""
    place = f"shot {shot.id}"
    if shot.continues == "cut":
        if shot.after is not None:
            yield f"{place}.after: only a shot that continues another has it; set continues to last_frame or tail."
        return
    if shot.after is not None and shot.after not in earlier and whole:
        near = _near(shot.after, earlier) or earlier[-_SHOWN_NAMES:]
        there = f"such as {' or '.join(near)}" if near else "this is the first"
        yield f"{place}.after: has to be an earlier shot; {there}."
    if shot.after is None and first:
        yield f"{place}.continues: nothing comes before the first shot; leave it out."
    if shot.first_frame is not None:
        yield f"{place}.first_frame: the shot begins with what it continues; leave one of the two out."
    if shot.last_frame is not None and shot.continues == "tail":
        yield f"{place}.last_frame: a shot that goes on from a clip takes no picture to end on; leave one of the two out."


def _seam(shot: Shot, before: Shot | None, *, first: bool) -> Iterator[str]:
    if first and shot.enter.kind != "cut":
        yield f"shot {shot.id}.enter: nothing comes before the first shot; leave it out."
    if before is not None and shot.enter.overlap > min(before.seconds, shot.seconds) / 2:
        yield f"shot {shot.id}.enter.seconds: at most half of the shorter of {before.id} and {shot.id}."
