"""Reads a client's settings file and replaces it: whole or not at all, and never what somebody else wrote meanwhile."""

from __future__ import annotations

import codecs
import os
import re
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..config import flush, flush_folder, make_private
from .shapes import Unusable

BACKUP = ".before-seedance"
"""What the name of a backup ends in: the file as it was before the last change."""

_NEW = ".new"
_SECONDS_OF_WRITING = 60
"""After which a file that is being written is one that was broken off."""
_MOST_BYTES = 64 * 2**20
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


class Refused(Unusable):
    """The file is there and must not be written, cannot be read, or has changed meanwhile."""


@dataclass(frozen=True, kw_only=True)
class SettingsFile:
    """
    A settings file as it was read: `raw` is None if there is none.

    `path` is where the client looks for it, `target` the file itself, which is elsewhere if the path leads over a link.
    """

    path: Path
    target: Path
    raw: bytes | None
    text: str
    marked: bool

    @property
    def is_link(self) -> bool:
        """Whether the file itself is elsewhere."""
        return self.path.is_symlink()

    @property
    def backup(self) -> Path:
        """Where its backup is."""
        return self.target.with_name(f"{self.target.name}{BACKUP}")

    def encoded(self, text: str) -> bytes:
        """Return a text as the bytes of this file: with a byte order mark where it has one."""
        return (codecs.BOM_UTF8 if self.marked else b"") + text.encode()


def read(path: Path, *, to_change: bool = True) -> SettingsFile:
    """
    Read a settings file; a link is followed.

    Raises:
        Refused: it is not a file that can be read, or, with `to_change`, not one that can be replaced.
    """
    try:
        target = path.resolve(strict=True) if path.is_symlink() else path
        if not target.exists():
            return SettingsFile(path=path, target=target, raw=None, text="", marked=False)
        _refuse_what_cannot_be_read(target)
        if to_change:
            _refuse_what_cannot_be_replaced(target)
        raw = target.read_bytes()
    except FileNotFoundError:
        raise Refused("it is a link that leads to no file") from None
    except (OSError, RuntimeError) as error:
        raise Refused(_words(error)) from None
    if raw.startswith(_WIDE):
        raise Refused("it is written in UTF-16 or UTF-32, and not in UTF-8")
    marked = raw.startswith(codecs.BOM_UTF8)
    try:
        text = raw.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:
        raise Refused("it is not written in UTF-8") from None
    return SettingsFile(path=path, target=target, raw=raw, text=text, marked=marked)


def replace(file: SettingsFile, text: str, *, keep_backup: bool = True, private: bool = False) -> None:
    """
    Put a text in the place of the file, with its mode; what it was before is kept beside it.

    `private`: nobody but its owner may read it afterwards, whoever could before.

    Raises:
        Refused: it cannot be written, or is no longer what was read; then nothing has changed.
    """
    folder = file.target.parent
    try:
        make_private(folder)
        _refuse_a_change(file)
        if keep_backup and file.raw is not None:
            _write(file.backup, file.raw, like=file.target)
        _write(file.target, file.encoded(text), like=file.target, private=private, unchanged=file)
    except OSError as error:
        raise Refused(f"it cannot be written: {_words(error)}") from None


def remove(file: SettingsFile) -> None:
    """Remove a file that holds nothing any more. Raises Refused."""
    try:
        _refuse_a_change(file)
        file.target.unlink(missing_ok=True)
    except OSError as error:
        raise Refused(f"it cannot be removed: {_words(error)}") from None


def _refuse_what_cannot_be_read(target: Path) -> None:
    found = target.stat()
    if not stat.S_ISREG(found.st_mode):
        raise Refused("it is not a file")
    if found.st_size > _MOST_BYTES:
        raise Refused(f"it is larger than {_MOST_BYTES // 2**20} MB")


def _refuse_what_cannot_be_replaced(target: Path) -> None:
    found = target.stat()
    if not found.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise Refused("it may only be read")
    if found.st_nlink > 1:
        raise Refused("it has several names (hard links), which would be different files afterwards")


def _refuse_a_change(file: SettingsFile) -> None:
    try:
        now = file.target.read_bytes()
    except FileNotFoundError:
        now = None
    if now != file.raw:
        raise Refused("it was changed by another program meanwhile")


def _write(
    path: Path,
    content: bytes,
    *,
    like: Path,
    private: bool = False,
    unchanged: SettingsFile | None = None,
) -> None:
    """Write beside the place and rename; the mode is that of `like`, or for the user alone where there is none."""
    _remove_what_was_broken_off(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_NEW, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            flush(file)
        if like.exists():
            _take_over(like, temporary, private=private)
        if unchanged is not None:
            _refuse_a_change(unchanged)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    with suppress(OSError):  # it is written; what is not known is whether a power failure would spare it
        flush_folder(path.parent)


def _remove_what_was_broken_off(path: Path) -> None:
    """Remove what a process left that was killed while it wrote this file: there may be keys in it."""
    # As `mkstemp` names them.
    ours = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}{re.escape(_NEW)}")
    with suppress(OSError):
        for left in path.parent.iterdir():
            if ours.fullmatch(left.name) and left.lstat().st_mtime < time.time() - _SECONDS_OF_WRITING:
                left.unlink()


def _take_over(like: Path, path: Path, *, private: bool) -> None:
    """Give a new file the mode of another, and its owner where that is another than who runs this."""
    found = like.stat()
    if os.name == "posix" and (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(path, found.st_uid, found.st_gid)
    path.chmod(stat.S_IMODE(found.st_mode) & (0o700 if private else 0o7777))


def _words(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
