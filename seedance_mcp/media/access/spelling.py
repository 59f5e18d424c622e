"""Finds the file that a path was meant for: as shells, chats and file managers write paths, and in another Unicode form."""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

from ...errors import MediaError
from .folders import Folders, parts_below

_QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb", "<": ">"}
_FILE_URL = re.compile(r"file:(?://(?:localhost)?(?=/)|(?=/(?!/)))", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([ ()\[\]{}&'\"`$!#;,=@?*|<>~\\])")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_DRIVE = re.compile(r"([A-Za-z]):[\\/]+(.*)", re.DOTALL)
_MOUNTED_DRIVE = re.compile(r"/mnt/([A-Za-z])(?:/(.*))?", re.DOTALL)
_BLANKS = (
    " \t\r\n\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)
_MOST_ENTRIES = 20_000
"""A folder with more is not searched for a name that is written otherwise."""


def spellings(text: str, *, windows: bool = os.name == "nt") -> list[str]:
    """
    List the paths that a text may stand for: itself, then what is left without how it is written down.

    Taken off are blanks and quotes around it, `file:` in front, a backslash before a blank or another character
    that shells escape (not on Windows), and percent signs with two hex digits. A Windows path with a drive is
    also `/mnt/<drive>/...`, as WSL has it, and the other way round on Windows.
    """
    found = [text]

    def add(candidate: str) -> None:
        if candidate.strip() and candidate not in found:
            found.append(candidate)

    plain = unquoted(text)
    add(plain)
    if url := _FILE_URL.match(plain):
        plain = unquote(plain[url.end() :])
        add(plain.lstrip("/") if windows and _DRIVE.match(plain.lstrip("/")) else plain)
    if not windows and plain.startswith(("/", "~", ".")):
        add(_ESCAPED.sub(r"\1", plain))
    if _PERCENT.search(plain):
        add(unquote(plain))
    if windows and (mounted := _MOUNTED_DRIVE.fullmatch(plain)):
        add(f"{mounted[1].upper()}:\\" + (mounted[2] or "").replace("/", "\\"))
    elif not windows and (drive := _DRIVE.fullmatch(plain)):
        add(f"/mnt/{drive[1].lower()}/" + drive[2].replace("\\", "/"))
    return found


def unquoted(text: str) -> str:
    """Take off the blanks and the quotes around a text."""
    plain = text.strip(_BLANKS)
    while len(plain) > 1 and _QUOTES.get(plain[0]) == plain[-1]:
        plain = plain[1:-1].strip(_BLANKS)
    return plain


def meant_path(text: str, *, allowed: Sequence[Path], forbidden: Sequence[Path] = ()) -> Path:
    """
    Return the path of the one file in the allowed folders that the text stands for; where there is none, the text as a path.

    The text as it is comes first, then its other `spellings`, then names that differ from one existing name only
    by Unicode form or by the kind of blank (macOS writes U+202F into the names of screenshots). No folder outside
    the allowed ones is looked into. Whether the file may be read is judged when it is opened.

    Raises:
        MediaError: several files fit equally well.
    """
    candidates = spellings(text)
    folders = Folders.of(allowed, forbidden)
    for find in (_exactly, _alike):
        for candidate in candidates:
            if found := _look_up(candidate, folders, find):
                return found
    # Nothing is there: the refusal names the path without quotes and escapes, where it has any.
    return Path(candidates[-1] if len(candidates) > 1 and _is_whole(candidates[-1]) else text)


def _is_whole(text: str) -> bool:
    return Path(text).is_absolute() and (not text.startswith("/mnt/") or Path(text[:6]).is_dir())


def _look_up(
    text: str, folders: Folders, find: Callable[[Path, Sequence[str], Folders], Path | None]
) -> Path | None:
    for root, below in _places(text, folders):
        if found := find(root, below, folders):
            return found
    return None


def _places(text: str, folders: Folders) -> list[tuple[Path, tuple[str, ...]]]:
    """Where in the allowed folders the path would lie: the folder, and the names below it."""
    if "\0" in text:
        return []
    path = Path(text)
    if path.parts and path.parts[0] == "~":
        try:
            path = path.expanduser()
        except RuntimeError:
            return []
    if ".." in path.parts:
        return []
    if not path.is_absolute():
        return [(root, path.parts) for root in folders.allowed if path.parts]
    roots = dict.fromkeys((*folders.named, *folders.allowed))
    return [(root, below) for root in roots if (below := parts_below(path, root)) and root.is_dir()]


def _exactly(root: Path, below: Sequence[str], folders: Folders) -> Path | None:
    path = root.joinpath(*below)
    return path if os.path.lexists(path) else None


def _alike(root: Path, below: Sequence[str], folders: Folders) -> Path | None:
    path = root
    for name in below:
        exact = path / name
        if not os.path.lexists(exact):
            alike = _names_like(path, name, folders)
            if not alike:
                return None
            if len(alike) > 1:
                listed = ", ".join(ascii(other) for other in alike)
                raise MediaError(
                    f"{exact} is not there, and several names differ from it only by Unicode form or kind of blank: {listed}.",
                    hint="Pass the path exactly as one of them is written, or rename the file.",
                )
            exact = path / alike[0]
        path = exact
    return path


def _names_like(folder: Path, name: str, folders: Folders) -> list[str]:
    """The names in a folder that look the same; a link out of the allowed folders is not followed."""
    wanted = _folded(name)
    try:
        true_folder = folder.resolve(strict=True)
        if folders.root(true_folder) is None or folders.is_forbidden(true_folder):
            return []
        with os.scandir(true_folder) as entries:
            names = [entry.name for entry in itertools.islice(entries, _MOST_ENTRIES + 1)]
    except (OSError, RuntimeError):  # a link loop is a RuntimeError up to Python 3.12
        return []
    if len(names) > _MOST_ENTRIES:
        return []
    return sorted(other for other in names if _folded(other) == wanted)


def _folded(name: str) -> str:
    """A name without what people cannot see: Unicode form, and which blank stands between the words."""
    blanks = "".join(" " if character in _BLANKS else character for character in name)
    return unicodedata.normalize("NFC", blanks)
