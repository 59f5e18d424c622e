"""
Edits block-style YAML by whole lines; nothing but the lines of the change is touched, comments stay where they are.

What it does not read with certainty it refuses: this is no reader of YAML, but of the way in which programs write
their settings, names on lines of their own with their values behind or indented below them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from .shapes import Broken, UnknownShape, Value, line_of

_LINE = re.compile(r"(?P<indent> *)(?P<text>[^\r\n]*)(?P<newline>\r?\n|\Z)")
_NAME = re.compile(r"(?P<name>[A-Za-z0-9_][\w./@ -]*?|\"[^\"\\]*\"|'[^']*')[ ]*:(?:[ ]+(?P<value>.*))?\Z")
_BLOCK_TEXT = re.compile(r"(?:(?![ ]#).)*[:\-][ ]+(?:[&!]\S*[ ]+)*([|>][+-]?[1-9]?[+-]?)[ ]*(?:#.*)?\Z")
_DASHES = re.compile(r"(?:-(?:[ ]+|\Z))*")
_BEFORE_A_VALUE = re.compile(
    r"""[-?](?:[ ]+|\Z)|[&!]\S*(?:[ ]+|\Z)|(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|(?!["'\[{])(?:(?![ ]#).)*?):(?:[ ]+|\Z)"""
)
"""A dash, an anchor, a tag or a name, with the blanks behind it."""
_ON_ONE_LINE = re.compile(
    r"""(?:[\[\]{},:]|[ ]|"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s\[\]{},"'#][^\[\]{},"'#]*)*+(?:#.*)?"""
)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What YAML has only as escapes, or takes for the end of a line, which no program means."""
_COMMENT = re.compile(r"(?:^|[ ])#.*\Z")
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'""")
_WORD = re.compile(r"[A-Za-z][\w/-]*")
_NOT_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_OTHER_LINES = ("- ", "-", "#", "---")


@dataclass(frozen=True, kw_only=True)
class _Line:
    """
    A line: how far it is indented, and what it says.

    Blank lines, comments and texts in blocks are `quiet`; `inside`: it is part of such a text.
    """

    start: int
    end: int
    indent: int
    text: str
    quiet: bool
    inside: bool


@dataclass(frozen=True, kw_only=True)
class _Block:
    """A name with everything that belongs to it: what stands behind it, and from where to where its lines go."""

    name: str
    value: str
    comment: str
    first: int
    end: int
    indent: int


class Yaml:
    """The editor of YAML files."""

    def value(self, text: str, path: Sequence[str]) -> Any:
        """Return what stands at a path, as far as it is understood; None if nothing does. Raises Unusable."""
        lines = _lines(text)
        found = _find(lines, path)
        return _understood(lines, found) if found else None

    def others(self, text: str, path: Sequence[str]) -> Any:
        """Return the lines that do not belong to a path, to be compared."""
        lines = _lines(text)
        found = _find(lines, path)
        inside = range(found.first, found.end) if found else range(0)
        left = [
            text[line.start : line.end].strip() for index, line in enumerate(lines) if index not in inside
        ]
        if len(path) > 1:  # what is empty without the path may say so
            opening = re.compile(rf"{re.escape(path[0])}:(?: \{{\}})?[ ]*")
            left = [opening.sub("", one, count=1) if opening.match(one) else one for one in left]
        return [one for one in left if one]

    def put(self, text: str, path: Sequence[str], value: Value) -> str:
        """
        Write a value at a path of at most three names, behind what is in the same block.

        Raises:
            Broken: it is no YAML that a program would write.
            UnknownShape: a name on the way has a value where a block has to be.
        """
        lines = _lines(text)
        newline = "\r\n" if "\r\n" in text else "\n"
        depth = next((depth for depth in range(len(path), 0, -1) if _find(lines, path[:depth])), 0)
        if depth == len(path):
            block = _find(lines, path)
            assert block
            piece = _written(path[-1], value, block.indent, newline)
            return _replaced(text, lines, block, piece)
        nested: Value = value
        for name in reversed(path[depth + 1 :]):
            nested = {name: nested}
        block = _find(lines, path[:depth]) if depth else None
        if block is None:
            indent, place = 0, len(text)
        else:
            if block.value.strip() in ("{}", "{ }") and "#" not in lines[block.first].text:
                piece = _written(block.name, {path[depth]: nested}, block.indent, newline)
                return _replaced(text, lines, block, piece)
            inner = list(_blocks(lines, block.first + 1, block.end, block.indent + 1))
            if block.value or (
                not inner and not all(one.quiet for one in lines[block.first + 1 : block.end])
            ):
                raise UnknownShape(f"{'.'.join(path[:depth])} is not a block with a line for each name")
            indent = inner[0].indent if inner else block.indent + 2
            place = lines[inner[-1].end - 1].end if inner else lines[block.first].end
        before = newline if place and not text[:place].endswith("\n") else ""
        if before and lines[-1].inside:
            raise UnknownShape("a text at its end has no line end, and would get one")
        return text[:place] + before + _written(path[depth], nested, indent, newline) + text[place:]

    def drop(self, text: str, path: Sequence[str]) -> str:
        """Take out the lines of a path; a block that is empty without them becomes `{}`. Raises Unusable."""
        lines = _lines(text)
        block = _find(lines, path)
        if block is None:
            return text
        outer = _find(lines, path[:-1]) if len(path) > 1 else None
        changed = text[: lines[block.first].start] + text[lines[block.end - 1].end :]
        if outer and len(list(_blocks(lines, outer.first + 1, outer.end, outer.indent + 1))) == 1:
            head = lines[outer.first]
            place = head.start + head.indent + head.text.index(":") + 1
            changed = f"{changed[:place]} {{}}{changed[place:]}"
        return changed

    def document(self, path: Sequence[str], value: Value) -> str:
        """Write a document that holds nothing else."""
        return self.put("", path, value)

    def shown(self, text: str, keep: Collection[str]) -> str:
        """Hide all comments, and all values but those in `keep`: any of them may be somebody's key."""
        shown: list[str] = []
        for line in _lines(text):
            raw = text[line.start : line.end]
            ending = raw[len(raw.rstrip("\r\n")) :]
            found = _NAME.match(line.text)
            item = line.text.removeprefix("- ")
            if line.quiet and line.text:
                visible = "#…" if line.text.startswith("#") else "…"
            elif found and not line.quiet:
                visible = f"{found['name']}:{_kept(found['value'] or '', keep)}"
            elif item != line.text:
                visible = f"-{_kept(item, keep)}"
            else:
                visible = "…" if line.text else ""
            shown.append(f"{' ' * line.indent}{visible}{ending}")
        return "".join(shown)


def _kept(value: str, keep: Collection[str]) -> str:
    if not value:
        return ""
    written, comment = _parted(value)
    read = _scalar(written) if written else None
    texts = cast("list[object]", read) if isinstance(read, list) else [read]
    # A number may be a key: here, texts of digits stand without quotation marks.
    plain = all(text is None or isinstance(text, bool) or str(text) in keep for text in texts)
    return f" {written if plain else '…'}{' #…' if comment else ''}".rstrip()


def _lines(text: str) -> list[_Line]:
    """
    Take a text apart.

    Raises:
        Broken: something in it goes on over lines in a way that is not read here.
    """
    if re.search(r"\r(?!\n)", text):
        raise Broken("there are line ends in it that are neither of Unix nor of Windows")
    if found := _UNPRINTABLE.search(text):
        raise Broken(f"line {line_of(text, found.start())}: there is a character in it that has no shape")
    lines: list[_Line] = []
    above, keeps = -1, False
    """The indentation of the line whose text follows in a block, -1: none; and whether blank lines at its end count."""
    begun = named = False
    for found in _LINE.finditer(text):
        if not found[0]:
            continue
        indent, words = len(found["indent"]), found["text"].rstrip(" \t")
        if words and indent <= above:
            above = -1
        quiet = not words or words.startswith("#") or above >= 0
        inside = above >= 0 and (keeps or bool(words))
        if not quiet:
            _refuse_what_goes_on(words, indent, len(lines) + 1, first=not begun, named=named)
            begun, named = True, named or words != "---"
            if opening := _BLOCK_TEXT.match(words):
                above, keeps = indent + _text_is_below(words), "+" in opening[1]
        lines.append(
            _Line(start=found.start(), end=found.end(), indent=indent, text=words, quiet=quiet, inside=inside)
        )
    return lines


def _text_is_below(words: str) -> int:
    """Return how far behind the beginning of its line the name or the dash stands whose text follows in a block."""
    dashes = _DASHES.match(words)
    behind = dashes.end() if dashes else 0
    return behind if _NAME.match(words, behind) else max(words.rfind("-", 0, behind), 0)


def _refuse_what_goes_on(words: str, indent: int, number: int, *, first: bool, named: bool) -> None:
    """Refuse a line whose value may go on below it; `first`: there is none above, `named`: there is a name above."""
    if words.startswith("\t"):
        raise Broken(f"line {number}: a tab is no indentation in YAML")
    if words.startswith(("---", "...", "%")) and not (first and words == "---"):
        raise Broken(f"line {number}: there is more than one document in it")
    if not named and words.startswith("-") and words != "---":
        raise UnknownShape("the whole of it is a list")
    if indent and not named:
        raise Broken(f"line {number}: the first name is indented")
    if indent == 0 and not _NAME.match(words) and not words.startswith(_OTHER_LINES):
        raise Broken(f"line {number}: it does not begin with a name and a colon")
    value = words
    while found := _BEFORE_A_VALUE.match(value):
        value = value[found.end() :]
    if value[:1] in ('"', "'") and not re.match(
        r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')[ ]*(?:#.*)?\Z""", value
    ):
        raise Broken(f"line {number}: a text in quotation marks does not end on it")
    bare = _QUOTED.sub("", value).partition("#")[0]
    if value[:1] in ("{", "[") and (
        not _ON_ONE_LINE.fullmatch(value)
        or any(bare.count(one) != bare.count(other) for one, other in ("{}", "[]"))
    ):
        raise Broken(f"line {number}: a list or an object in brackets does not end on it")


def _blocks(lines: Sequence[_Line], first: int, end: int, least: int) -> Iterator[_Block]:
    """Yield the names at the outermost indentation among these lines, each with what belongs to it."""
    heads = [index for index in range(first, end) if not lines[index].quiet]
    if not heads:
        return
    indent = lines[heads[0]].indent
    if indent < least:
        return
    # Items of a list may stand at the indentation of the name that they belong to.
    named = [
        index for index in heads if lines[index].indent <= indent and not lines[index].text.startswith("-")
    ]
    for place, index in enumerate(named):
        found = _NAME.match(lines[index].text)
        if found is None or lines[index].indent != indent:
            raise Broken(f"line {index + 1}: it is indented in a way that is not read here")
        last = named[place + 1] if place + 1 < len(named) else end
        while last > index + 1 and lines[last - 1].quiet and not lines[last - 1].inside:
            last -= 1
        name = found["name"].strip("\"'")
        value, comment = _parted(found["value"] or "")
        yield _Block(name=name, value=value, comment=comment, first=index, end=last, indent=indent)


def _parted(written: str) -> tuple[str, str]:
    """Part what stands behind a name into its value and the comment with the blank before it; either may be empty."""
    masked = written
    if written[:1] in ('"', "'", "[", "{"):
        masked = _QUOTED.sub(lambda found: "x" * len(found[0]), written)
    found = _COMMENT.search(masked)
    place = found.start() if found else len(written)
    return written[:place].rstrip(), written[place:]


def _find(lines: Sequence[_Line], path: Sequence[str]) -> _Block | None:
    first, end, least = 0, len(lines), 0
    block = None
    for depth, name in enumerate(path):
        if block is not None and block.value:
            if block.value.strip() in ("{}", "{ }"):
                return None
            raise UnknownShape(f"{'.'.join(path[:depth])} is not a block with a line for each name")
        same = [one for one in _blocks(lines, first, end, least) if one.name == name]
        if len(same) > 1:
            raise UnknownShape(f"{name} stands there twice")
        if not same:
            return None
        block = same[0]
        first, end, least = block.first + 1, block.end, block.indent + 1
    return block


def _understood(lines: Sequence[_Line], block: _Block) -> Any:
    if block.value:
        return _scalar(block.value)
    below = [line for line in lines[block.first + 1 : block.end] if not line.quiet]
    if below and all(line.text.startswith("- ") for line in below):
        return [_scalar(line.text[2:]) for line in below]
    inner = list(_blocks(lines, block.first + 1, block.end, block.indent + 1))
    return {one.name: _understood(lines, one) for one in inner} or None


def _scalar(written: str) -> Any:
    """Read a value as far as it is one that this program writes; else return its text."""
    text, _ = _parted(written)
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text.startswith("[") and (found := _items(text[1:-1])) is not None:
        return found
    try:
        read: Any = json.loads(text)
    except ValueError:
        return text
    return read


def _items(text: str) -> list[Any] | None:
    parts = re.findall(r"""[ ]*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,"'\[\]{}]+)[ ]*(?:,|\Z)""", text)
    return [_scalar(part.strip()) for part in parts]


def _replaced(text: str, lines: Sequence[_Line], block: _Block, piece: str) -> str:
    end = lines[block.end - 1].end
    ending = piece[len(piece.rstrip("\r\n")) :]
    piece = piece.removesuffix(ending)
    if block.end == block.first + 1:
        piece += block.comment
    if text[:end].endswith("\n"):
        piece += ending
    return text[: lines[block.first].start] + piece + text[end:]


def _written(name: str, value: Value, indent: int, newline: str) -> str:
    blanks = " " * indent
    if isinstance(value, Mapping) and value:
        named = cast("Mapping[str, Value]", value)
        inner = "".join(_written(one, below, indent + 2, newline) for one, below in named.items())
        return f"{blanks}{name}:{newline}{inner}"
    return f"{blanks}{name}: {_inline(value)}{newline}"


def _inline(value: Value) -> str:
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, str):
        plain = _WORD.fullmatch(value) and value.lower() not in _NOT_WORDS
        return value if plain else _quoted(value)
    return f"[{', '.join(_inline(one) for one in value)}]"


def _quoted(text: str) -> str:
    """Write a text; what has no shape, such as a separator of lines, is escaped, since YAML may take it for a line end."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() or ord(one) > 0xFFFF else f"\\u{ord(one):04x}" for one in written)
