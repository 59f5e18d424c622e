"""Edits JSON with comments by splicing its text: what is not part of the change stays as it is, byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from .shapes import Broken, UnknownShape, Value, line_of, without

LEVELS = 200
"""Objects and lists in one another that are read; no client's settings come near."""

_MOST_DIGITS = 400

_BLANK = re.compile(r"[ \t\r\n]++|//[^\r\n]*+|/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_OTHER = re.compile(r"(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])")
_REST_OF_LINE = re.compile(r"[ \t]*+(?:/\*(?:[^*\r\n]|\*(?!/))*+\*/[ \t]*+)*+(?://[^\r\n]*+)?(?=\r?\n)")
_LINE_ENDS = re.compile(r"[ \t]*\r?\n")
_BEFORE_ON_LINE = re.compile(r"(?:\r?\n)?[ \t]*\Z")


@dataclass(frozen=True, kw_only=True)
class Node:
    """
    A value and where it stands.

    The items of a list are members, too; their names are their places, beginning with 0. `commas` are the offsets of the
    commas between and behind members.
    """

    start: int
    end: int
    value: Any
    members: tuple[Member, ...] | None = None
    commas: tuple[int, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.value, list)


@dataclass(frozen=True, kw_only=True)
class Member:
    """A value in an object or a list; `start` is the offset of its name, in a list of itself."""

    name: str
    start: int
    node: Node


class Jsonc:
    """
    The editor of JSON files.

    With `strict` a comment or a comma behind the last member makes a file broken: its client would not read it either.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self._strict = strict

    def value(self, text: str, path: Sequence[str]) -> Any:
        """Return what stands at a path; None if nothing does. Raises Broken, UnknownShape."""
        found = self._find(_scanned(text, self._strict).root, path)[-1]
        return found.value if found else None

    def others(self, text: str, path: Sequence[str]) -> Any:
        """Return everything that does not stand at a path, to be compared."""
        root = _scanned(text, self._strict).root
        return without(root.value if root else {}, path)

    def put(self, text: str, path: Sequence[str], value: Value) -> str:
        """
        Write a value at a path, and the objects around it that are missing.

        Raises:
            Broken: it is not JSON.
            UnknownShape: something on the way is not an object, or stands there twice.
        """
        root = _scanned(text, self._strict).root
        newline = "\r\n" if "\r\n" in text else "\n"
        if root is None:
            between = newline if text and not text.endswith("\n") else ""
            return f"{text}{between}{_rendered(_nested(path, value), '', '  ', newline)}{newline}"
        found = self._find(root, path)
        node = found[-1]
        layout = _Layout(text, root, newline)
        if node is not None:
            shown = _rendered(value, layout.indentation(node.start), layout.unit, newline)
            return text[: node.start] + shown + text[node.end :]
        depth = next(index for index, one in enumerate(found) if one is None)
        parent = found[depth - 1]
        assert parent is not None
        return layout.inserted(parent, path[depth - 1], _nested(path[depth:], value))

    def drop(self, text: str, path: Sequence[str]) -> str:
        """Take out what stands at a path; the object around it stays, be it empty. Raises as `put`."""
        scanned = _scanned(text, self._strict)
        root = scanned.root
        found = self._find(root, path) if root else [None]
        if root is None or found[-1] is None:
            return text
        parent = found[-2]
        assert parent is not None
        return _removed(text, parent, path[-1], ends={end for _, end in scanned.comments})

    def document(self, path: Sequence[str], value: Value) -> str:
        """Write a document that holds nothing else."""
        return self.put("", path, value)

    def shown(self, text: str, keep: Collection[str]) -> str:
        """Hide all comments, and all texts but names and those in `keep`: any of them may be somebody's key."""
        scanned = _scanned(text, False)
        hidden = [
            (start, end, "/*…*/" if text[start + 1] == "*" else "//…") for start, end in scanned.comments
        ]
        hidden += [(start, end, '"…"') for start, end, value in scanned.texts if value not in keep]
        pieces: list[str] = []
        place = 0
        for start, end, mark in sorted(hidden):
            pieces += [text[place:start], mark]
            place = end
        return "".join([*pieces, text[place:]])

    def _find(self, root: Node | None, path: Sequence[str]) -> list[Node | None]:
        """Return the root and the node at each step of the path; None from where there is nothing."""
        found = [root]
        node = root
        for depth, name in enumerate(path):
            if node is not None and (node.members is None or (node.is_list and not name.isdecimal())):
                raise UnknownShape(f"{'.'.join(path[:depth]) or 'the whole'} is not an object")
            same = [member.node for member in (node.members or ()) if member.name == name] if node else []
            if len(same) > 1:
                raise UnknownShape(f"{name} stands there twice")
            node = same[0] if same else None
            found.append(node)
        return found


@dataclass(frozen=True, kw_only=True)
class _Scanned:
    """What a text holds, and where its comments and its texts that are no names stand."""

    root: Node | None
    comments: Sequence[tuple[int, int]]
    texts: Sequence[tuple[int, int, str]]


@lru_cache(maxsize=4)  # one edit reads the text before and after it several times
def _scanned(text: str, strict: bool) -> _Scanned:
    scanner = _Scanner(text, strict=strict)
    return _Scanned(root=scanner.document(), comments=scanner.comments, texts=scanner.texts)


class _Scanner:
    """Reads a text into nodes, and notes where its comments and texts stand."""

    def __init__(self, text: str, *, strict: bool) -> None:
        self.comments: list[tuple[int, int]] = []
        self.texts: list[tuple[int, int, str]] = []
        self._text = text
        self._strict = strict
        self._place = 0

    def document(self) -> Node | None:
        """Read it all; None if there is nothing but blanks and comments."""
        self._skip()
        if self._place == len(self._text):
            return None
        node = self._node(0)
        self._skip()
        if self._place != len(self._text):
            raise self._broken("something follows behind its end")
        return node

    def _broken(self, words: str, place: int | None = None) -> Broken:
        return Broken(f"line {line_of(self._text, self._place if place is None else place)}: {words}")

    def _skip(self) -> None:
        while found := _BLANK.match(self._text, self._place):
            if found[0].startswith("/"):
                if self._strict:
                    raise self._broken("there is a comment, which this client cannot read")
                self.comments.append(found.span())
            self._place = found.end()

    def _node(self, level: int) -> Node:
        if level > LEVELS:
            raise self._broken(f"it is deeper than {LEVELS} levels")
        mark = self._text[self._place : self._place + 1]
        if mark == "{":
            return self._object(level)
        if mark == "[":
            return self._list(level)
        start = self._place
        if mark == '"':
            value = self._string()
            self.texts.append((start, self._place, value))
            return Node(start=start, end=self._place, value=value)
        found = _OTHER.match(self._text, start)
        if found is None:
            raise self._broken("there is no value where one has to be")
        self._place = found.end()
        return Node(start=start, end=self._place, value=json.loads(found[0], parse_int=_integer))

    def _string(self) -> str:
        found = _STRING.match(self._text, self._place)
        if found is None:
            raise self._broken("a text in quotation marks is missing, or not closed")
        self._place = found.end()
        return json.loads(found[0])

    def _object(self, level: int) -> Node:
        start, members, commas = self._place, list[Member](), list[int]()
        while self._goes_on("}", bool(members), commas):
            name_at = self._place
            name = self._string()
            self._skip()
            if self._text[self._place : self._place + 1] != ":":
                raise self._broken("there is no colon behind a name")
            self._place += 1
            self._skip()
            members.append(Member(name=name, start=name_at, node=self._node(level + 1)))
        return Node(
            start=start,
            end=self._place,
            value={member.name: member.node.value for member in members},
            members=tuple(members),
            commas=tuple(commas),
        )

    def _list(self, level: int) -> Node:
        start, items, commas = self._place, list[Member](), list[int]()
        while self._goes_on("]", bool(items), commas):
            items.append(Member(name=str(len(items)), start=self._place, node=self._node(level + 1)))
        return Node(
            start=start,
            end=self._place,
            value=[item.node.value for item in items],
            members=tuple(items),
            commas=tuple(commas),
        )

    def _goes_on(self, closing: str, began: bool, commas: list[int]) -> bool:
        """Go to the next member or item; False behind the closing bracket."""
        if not began:
            self._place += 1
        self._skip()
        mark = self._text[self._place : self._place + 1]
        if mark == closing:
            self._place += 1
            return False
        if not began:
            return True
        if mark != ",":
            raise self._broken(f"a comma or {closing} is missing")
        commas.append(self._place)
        self._place += 1
        self._skip()
        if self._text[self._place : self._place + 1] != closing:
            return True
        if self._strict:
            raise self._broken(
                "there is a comma behind the last member, which this client cannot read", commas[-1]
            )
        self._place += 1
        return False


class _Layout:
    """How a file is laid out, and what is written into it accordingly."""

    def __init__(self, text: str, root: Node, newline: str) -> None:
        self._text = text
        self._newline = newline
        first = self._own_line(root)
        self.unit = first if first else "  "

    def indentation(self, place: int) -> str:
        """Return the blanks that the line of an offset begins with."""
        line = self._text[self._text.rfind("\n", 0, place) + 1 : place]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def inserted(self, parent: Node, name: str, value: Value) -> str:
        """Return the text with a member more, the last one of its object."""
        assert parent.members is not None
        if not parent.members:
            return self._inserted_alone(parent, name, value)
        last = parent.members[-1].node.end
        trailing = len(parent.commas) == len(parent.members)
        end = parent.commas[-1] + 1 if trailing else last
        indentation = self._own_line(parent)
        if indentation is None:
            member = _compact(value) if parent.is_list else f"{_quoted(name)}: {_compact(value)}"
            return self._spliced((end, f" {member}," if trailing else f", {member}"))
        member = self._member(parent, name, value, indentation)
        rest = _REST_OF_LINE.match(self._text, end)
        place = rest.end() if rest else end
        if trailing:
            return self._spliced((place, f"{member},"))
        return self._spliced((place, member), (last, ","))

    def _inserted_alone(self, parent: Node, name: str, value: Value) -> str:
        base = self.indentation(parent.start)
        member = self._member(parent, name, value, base + self.unit)
        if "\n" in self._text[parent.start : parent.end]:
            rest = _REST_OF_LINE.match(self._text, parent.start + 1)
            return self._spliced((rest.end() if rest else parent.start + 1, member))
        return self._spliced((parent.end - 1, f"{member}{self._newline}{base}"))

    def _own_line(self, node: Node) -> str | None:
        """Return the blanks before the first member, if it begins a line; else None."""
        if not node.members:
            return None
        before = self._text[node.start : node.members[0].start]
        blanks = before.rpartition("\n")[2]
        return blanks if "\n" in before and not blanks.strip(" \t") else None

    def _member(self, parent: Node, name: str, value: Value, indentation: str) -> str:
        named = "" if parent.is_list else f"{_quoted(name)}: "
        shown = _rendered(value, indentation, self.unit, self._newline)
        return f"{self._newline}{indentation}{named}{shown}"

    def _spliced(self, *pieces: tuple[int, str]) -> str:
        text = self._text
        for place, piece in sorted(pieces, key=lambda one: one[0], reverse=True):
            text = text[:place] + piece + text[place:]
        return text


def _removed(text: str, parent: Node, name: str, *, ends: Collection[int]) -> str:
    """Take a member out, with the line break before it; `ends` are the offsets at which comments end."""
    members = parent.members or ()
    index = next(index for index, member in enumerate(members) if member.name == name)
    member = members[index]
    end = parent.commas[index] + 1 if index < len(parent.commas) else member.node.end
    before = _BEFORE_ON_LINE.search(text, 0, member.start)
    start = before.start() if before else member.start
    if start in ends and start < member.start and not _LINE_ENDS.match(text, end):
        start = member.start  # what follows on its line must not get into a comment of the line before
    cuts = [(start, end)]
    if index and index == len(members) - 1 and index == len(parent.commas):
        cuts.append((parent.commas[index - 1], parent.commas[index - 1] + 1))
    for first, last in sorted(cuts, reverse=True):
        text = text[:first] + text[last:]
    if len(members) == 1:
        close = parent.end - (end - start)
        if not text[parent.start + 1 : close - 1].strip():
            text = text[: parent.start + 1] + text[close - 1 :]
    return text


def _integer(digits: str) -> int | str:
    """Read a whole number; one that is longer than any (Python reads 4,300 digits) is compared as it is written."""
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _nested(path: Sequence[str], value: Value) -> Value:
    for name in reversed(path):
        value = {name: value}
    return value


def _quoted(text: object) -> str:
    return json.dumps(text, ensure_ascii=False)


def _compact(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)


def _rendered(value: Value, indentation: str, unit: str, newline: str) -> str:
    """Write a value: objects a member on each line, lists of texts on one."""
    if not value or not isinstance(value, Mapping | Sequence) or isinstance(value, str):
        return _quoted(value)
    inner = indentation + unit
    if isinstance(value, Mapping):
        named = cast("Mapping[str, Value]", value)
        lines = [f"{_quoted(name)}: {_rendered(one, inner, unit, newline)}" for name, one in named.items()]
        opening, closing = "{}"
    elif any(isinstance(one, Mapping) for one in value):
        lines = [_rendered(one, inner, unit, newline) for one in value]
        opening, closing = "[]"
    else:
        return _compact(value)
    body = f",{newline}".join(f"{inner}{line}" for line in lines)
    return f"{opening}{newline}{body}{newline}{indentation}{closing}"
