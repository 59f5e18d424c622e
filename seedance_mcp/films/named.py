"""The files that a document names, each with its place: also where other parts of the document are wrong."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from os.path import normpath
from pathlib import Path
from typing import Any, Literal, cast

from ..media import spellings
from ..texts import one_line
from .document import MAX_SHOTS

NamedKind = Literal["image", "audio", "music"]

MOST_UNCHECKED = 400
"""Files of one document that are looked at before it is known to be one."""

_NAME_CHARACTERS = 60
_LONGEST = 4096


@dataclass(frozen=True, kw_only=True)
class NamedFile:
    """A source with its place in the document, as people find it, and what it has to be."""

    place: str
    source: str
    kind: NamedKind


def files_named(document: Mapping[str, Any]) -> Iterator[NamedFile]:
    """List each source once, at its first place; `document` is in the form in which it is written, its shots with ids."""
    seen = set[tuple[str, bool]]()
    for one in _files(document):
        key = one.source, one.kind == "music"
        if key not in seen:
            seen.add(key)
            yield one


def placed(source: str, folder: str | None) -> str:
    """Write a source of a document so that it means the same everywhere: a relative path starts there, and may step up."""
    if folder is None or is_elsewhere(source):
        return source
    path = Path(source).expanduser()
    return source if path.is_absolute() else normpath(Path(folder) / path)


def is_elsewhere(source: str) -> bool:
    """Return whether a source is no path."""
    return "://" in source or source.startswith(("media:", "job:", "data:", "take:"))


def missing(document: Mapping[str, Any], folder: str) -> Iterator[str]:
    """Name the files of this machine that are not there, or are no files. For whoever may read everything."""
    for one in islice(files_named(document), MOST_UNCHECKED):
        if is_elsewhere(one.source):
            continue
        try:
            problem = _problem(placed(one.source, folder))
        except (ValueError, RuntimeError):  # no path can be written so, or nobody knows the home folder
            problem = f"There is no file {one_line(one.source, _LONGEST)}."
        if problem is not None:
            yield f"{one.place}: {problem}"


def _problem(path: str) -> str | None:
    found = next((other for other in spellings(path) if Path(other).exists()), None)
    if found is None:
        return f"There is no file {path}."
    if stat.S_ISDIR(Path(found).stat().st_mode):
        return f"{path} is a folder."
    return None if os.access(found, os.R_OK) else f"There is no permission to read {path}."


def _files(document: Mapping[str, Any]) -> Iterator[NamedFile]:
    for name, member in _table(document.get("cast")).items():
        place, fields = f"cast.{one_line(name, _NAME_CHARACTERS)}", _table(member)
        for number, image in enumerate(_list(fields.get("images")), start=1):
            yield from _named(f"{place}.images[{number}]", image, "image")
        yield from _named(f"{place}.voice", fields.get("voice"), "audio")
    for shot in _list(document.get("shots"))[:MAX_SHOTS]:
        fields = _table(shot)
        for field in ("first_frame", "last_frame"):
            place = f"shot {one_line(str(fields.get('id')), _NAME_CHARACTERS)}.{field}"
            yield from _named(place, fields.get(field), "image")
    yield from _named("music.file", _table(document.get("music")).get("file"), "music")


def _named(place: str, source: Any, kind: NamedKind) -> Iterator[NamedFile]:
    """A source, unless it is none: that is told as what is wrong with its field."""
    if not isinstance(source, str):
        return
    text = source.strip()
    if (
        text
        and len(text) <= _LONGEST
        and "\0" not in text
        and not any("\ud800" <= c <= "\udfff" for c in text)
    ):
        yield NamedFile(place=place, source=text, kind=kind)


def _table(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()
