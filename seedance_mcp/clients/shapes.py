"""What all editors of settings files have in common: the values they write, what they do, and why they do not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, cast

Value: TypeAlias = "str | int | bool | Sequence[Value] | Mapping[str, Value]"


class Unusable(Exception):
    """A settings file is left as it is; the message says why, as the end of a sentence that names the file."""


class Broken(Unusable):
    """It is not what a file of its kind has to be, or a file of its client."""


class UnknownShape(Unusable):
    """It can be read, and holds something else where the entry would have to be."""


class Editor(Protocol):
    """Edits the text of a settings file of one format; paths are names, from the outermost inwards."""

    def value(self, text: str, path: Sequence[str]) -> Any:
        """Return what stands at a path; None if nothing does. Raises Unusable."""
        ...

    def others(self, text: str, path: Sequence[str]) -> Any:
        """Return everything that does not stand at a path, to be compared. Raises Unusable."""
        ...

    def put(self, text: str, path: Sequence[str], value: Value) -> str:
        """Return the text with a value at a path. Raises Unusable."""
        ...

    def drop(self, text: str, path: Sequence[str]) -> str:
        """Return the text without what stands at a path. Raises Unusable."""
        ...

    def document(self, path: Sequence[str], value: Value) -> str:
        """Write a document that holds nothing else."""
        ...

    def shown(self, text: str, keep: Collection[str]) -> str:
        """Return the text without whatever may be somebody's key; the texts in `keep` stay."""
        ...


def without(value: Any, path: Sequence[str]) -> Any:
    """Return nested mappings without what stands at a path, and without those around it that are empty then."""
    if not path or not isinstance(value, dict):
        return value
    named = cast("dict[str, Any]", value)
    left = {name: one for name, one in named.items() if name != path[0]}
    if len(path) > 1 and path[0] in named:
        inner = without(named[path[0]], path[1:])
        if inner != {}:
            left[path[0]] = inner
    return left


def line_of(text: str, place: int) -> int:
    """Return the number of the line of an offset, beginning with 1."""
    return text.count("\n", 0, place) + 1
