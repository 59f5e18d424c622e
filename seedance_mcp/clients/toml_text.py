"""Edits TOML by adding, replacing and removing whole statements of its text; every result is read again before it is used."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from .shapes import Broken, UnknownShape, Value, without

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*")
_BLANK = re.compile(r"[ \t\r\n]+|#[^\n]*")
_REST_OF_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"""+|' + r"'''.*?'''+|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'", re.DOTALL
)
_PLAIN = re.compile(r"[^#\r\n]+")
_IN_BRACKETS = re.compile(r"[^\[\]{}\"'#]+|#[^\n]*")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A header or a value of the file: its whole path, the header it stands below, and where the value is."""

    path: tuple[str, ...]
    header: tuple[str, ...]
    is_header: bool
    start: int
    value_start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class _Scanned:
    """The statements of a text, and where its comments and the texts in its values stand."""

    statements: list[Statement] = field(default_factory=list[Statement])
    comments: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    texts: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


class Toml:
    """The editor of TOML files."""

    def value(self, text: str, path: Sequence[str]) -> Any:
        """Return what stands at a path; None if nothing does. Raises Broken, UnknownShape."""
        found: Any = _read(text)
        for depth, name in enumerate(path):
            if not isinstance(found, dict):
                raise UnknownShape(f"{'.'.join(path[:depth])} is not a table")
            found = cast("dict[str, Any]", found).get(name)
            if found is None:
                return None
        return found

    def others(self, text: str, path: Sequence[str]) -> Any:
        """Return everything that does not stand at a path, to be compared."""
        return without(_read(text), path)

    def put(self, text: str, path: Sequence[str], value: Value) -> str:
        """
        Write a value at a path: in place of the one there, into the table it belongs to, or as a table at the end.

        Raises:
            Broken: it is not TOML.
            UnknownShape: what it belongs to is written in another way than as a table with a header.
        """
        _read(text)
        statements = _scan(text).statements
        newline = "\r\n" if "\r\n" in text else "\n"
        goal = tuple(path)
        same = [one for one in statements if one.path == goal and not one.is_header]
        if same:
            changed = text[: same[0].value_start] + _rendered(value) + text[same[0].end :]
        elif isinstance(value, Mapping):
            changed = _with_table(text, goal, value, newline)
        else:
            changed = _with_line(text, statements, goal, f"{_key(goal[-1:])} = {_rendered(value)}", newline)
        return _checked(changed, text, goal)

    def drop(self, text: str, path: Sequence[str]) -> str:
        """Take out what stands at a path, with the empty line before it. Raises as `put`."""
        before = _read(text)
        goal = tuple(path)
        statements = _scan(text).statements
        ours = [one.path[: len(goal)] == goal for one in statements]
        for index in reversed(range(len(statements))):
            if not ours[index]:
                continue
            first = index
            while first and ours[first - 1]:
                first -= 1
            start, end = _line_start(text, statements[first].start), _line_end(text, statements[index].end)
            if statements[first].is_header and text[:start].endswith(("\n\n", "\n\r\n")):
                start -= 2 if text[:start].endswith("\r\n") else 1
            ours[first : index + 1] = [False] * (index + 1 - first)
            text = text[:start] + text[end:]
        try:
            if without(_read(text), goal) != without(before, goal) or self.value(text, goal) is not None:
                raise UnknownShape("it cannot be taken out")
        except Broken:
            raise UnknownShape("it cannot be taken out by itself") from None
        return text

    def document(self, path: Sequence[str], value: Value) -> str:
        """Write a document that holds nothing else."""
        return self.put("", path, value)

    def shown(self, text: str, keep: Collection[str]) -> str:
        """Hide all comments, and all texts but those in `keep`: any of them may be somebody's key."""
        scanned = _scan(text)
        hidden = [(start, end, "#…") for start, end in scanned.comments]
        hidden += [
            (start, end, '"…"') for start, end in scanned.texts if _plain_text(text[start:end]) not in keep
        ]
        pieces: list[str] = []
        place = 0
        for start, end, mark in sorted(hidden):
            pieces += [text[place:start], mark]
            place = end
        return "".join([*pieces, text[place:]])


def _read(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also for a number of more digits than are read
        raise Broken(f"it is not TOML: {error}") from None


def _checked(changed: str, text: str, path: tuple[str, ...]) -> str:
    """Return the changed text if it says the same as before apart from the path."""
    try:
        if without(_read(changed), path) == without(_read(text), path):
            return changed
    except Broken:
        pass
    raise UnknownShape(f"{'.'.join(path[:-1]) or 'it'} is not written as a table with a header of its own")


def _with_table(text: str, path: tuple[str, ...], value: Mapping[str, Value], newline: str) -> str:
    if text and not text.endswith("\n"):
        text += newline
    lines = [f"[{_key(path)}]", *(f"{_key((name,))} = {_rendered(one)}" for name, one in value.items())]
    return f"{text}{newline if text.strip() else ''}{newline.join(lines)}{newline}"


def _with_line(
    text: str, statements: Sequence[Statement], path: tuple[str, ...], line: str, newline: str
) -> str:
    above = [
        one
        for one in statements
        if one.header == path[:-1] and (len(path) == 1 or one.path[:-1] == path[:-1] or one.is_header)
    ]
    if len(path) > 1 and not any(one.is_header for one in above):
        raise UnknownShape(f"{'.'.join(path[:-1])} is not written as a table with a header of its own")
    place = _line_end(text, above[-1].end) if above else 0
    if not statements:
        place = len(text)
    if place and not text[:place].endswith("\n"):
        line = newline + line
    return f"{text[:place]}{line}{newline}{text[place:]}"


def _scan(text: str) -> _Scanned:
    """Take a text apart that is TOML. Raises UnknownShape."""
    scanned = _Scanned()
    header: tuple[str, ...] = ()
    place = 0
    while True:
        while found := _BLANK.match(text, place):
            if found[0].startswith("#"):
                scanned.comments.append(found.span())
            place = found.end()
        if place >= len(text):
            return scanned
        start = place
        is_header = text[place] == "["
        while is_header and text[place] in "[ \t":
            place += 1
        key = _KEY.match(text, place)
        if key is None:
            raise UnknownShape("it is written in a way that this program does not know")
        path = _parts(key[0])
        if is_header:
            header = path
            place = text.index("]", key.end()) + 1
            place += text[place : place + 1] == "]"
            scanned.statements.append(
                Statement(path=path, header=path, is_header=True, start=start, value_start=place, end=place)
            )
            continue
        begin = text.index("=", key.end()) + 1
        begin += len(text[begin:]) - len(text[begin:].lstrip(" \t"))
        place = _end_of_value(text, begin, scanned)
        scanned.statements.append(
            Statement(
                path=(*header, *path),
                header=header,
                is_header=False,
                start=start,
                value_start=begin,
                end=place,
            )
        )


def _end_of_value(text: str, place: int, scanned: _Scanned) -> int:
    if found := _TEXT.match(text, place):
        scanned.texts.append(found.span())
        return found.end()
    if text[place] not in "[{":
        found = _PLAIN.match(text, place)
        return place + len(found[0].rstrip()) if found else place
    depth = 0
    while True:
        if found := _TEXT.match(text, place):
            scanned.texts.append(found.span())
            place = found.end()
            continue
        if found := _IN_BRACKETS.match(text, place):
            if found[0].startswith("#"):
                scanned.comments.append(found.span())
            place = found.end()
            continue
        depth += 1 if text[place] in "[{" else -1
        place += 1
        if depth == 0:
            return place


def _parts(key: str) -> tuple[str, ...]:
    """Return the names that a dotted key is made of."""
    found: Any = tomllib.loads(f"{key} = 0")
    names: list[str] = []
    while isinstance(found, dict):
        [(name, found)] = cast("dict[str, Any]", found).items()
        names.append(name)
    return tuple(names)


def _plain_text(written: str) -> str:
    return str(tomllib.loads(f"text = {written}")["text"])


def _line_start(text: str, place: int) -> int:
    return text.rfind("\n", 0, place) + 1


def _line_end(text: str, place: int) -> int:
    found = _REST_OF_LINE.match(text, place)
    return found.end() if found else place


def _key(path: Sequence[str]) -> str:
    return ".".join(name if _BARE.fullmatch(name) else json.dumps(name) for name in path)


def _rendered(value: Value) -> str:
    if isinstance(value, Mapping):
        named = cast("Mapping[str, Value]", value)
        return "{" + ", ".join(f"{_key((name,))} = {_rendered(one)}" for name, one in named.items()) + "}"
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    return f"[{', '.join(_rendered(one) for one in value)}]"


def _quoted(text: str) -> str:
    """Write a text: with single quotation marks where it has backslashes, as paths of Windows have."""
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
