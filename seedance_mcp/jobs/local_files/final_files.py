"""The final name of a finished file, and the one way to get there."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import functools
import itertools
import os
import sys
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio
from anyio.to_thread import run_sync

from ...config import flush, flush_folder
from ...types import Job
from .parts import Part, disk_errors
from .unfinished import Writer, unfinished_file

_SLUG_CHARACTERS, _SLUG_BYTES = 60, 150
_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_NO_LINKS = frozenset(
    {errno.EPERM, errno.ENOSYS, errno.EMLINK, errno.EOPNOTSUPP, getattr(errno, "ENOTSUP", 0)}
)
_BUSY_TRIES, _BUSY_SECONDS = 20, 0.1
_SMALL_BYTES = 1_000_000


def file_stem(job: Job) -> str:
    """
    Name the files of a job: when it was made (UTC), what was asked for, which job.

    Made of our own words and the user's prompt only, never of anything that a provider says. Letters of every
    script stay, as NFC; at most 200 bytes of UTF-8, valid on every system (it cannot be a reserved name,
    because it begins with the date).
    """
    made = datetime.fromtimestamp(job.created_at, UTC).strftime("%Y%m%d-%H%M%S")
    short = "".join(
        character for character in job.id.removeprefix("job_") if character.isascii() and character.isalnum()
    )
    return "-".join(word for word in (made, slug(job.request.prompt or ""), short[:8]) if word)


def slug(text: str) -> str:
    """Write a text as a part of a file's name: letters and digits of every script, small, `-` for all between; may be empty."""
    words = "".join(
        _kept(character) for character in unicodedata.normalize("NFC", text[:2000].lower())
    ).split()
    name = unicodedata.normalize("NFC", "-".join(words))[: _SLUG_CHARACTERS + 1]
    if len(name) > _SLUG_CHARACTERS:
        cut, follows = name[:_SLUG_CHARACTERS], name[_SLUG_CHARACTERS]
        # Half a word reads badly, but not worse than half a name.
        name = cut.rpartition("-")[0] if follows != "-" and "-" in cut[_SLUG_CHARACTERS // 2 :] else cut
    return name.encode()[:_SLUG_BYTES].decode(errors="ignore").strip("-")


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if category.startswith("C") or character in _INVISIBLE_LETTERS or _selects_variant(character):
        return " " if character in "\t\n\r" else ""
    return character if category[0] in "LM" or category == "Nd" else " "


def _selects_variant(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


async def keep(part: Path, folder: Path, stem: str, suffix: str) -> Path:
    """
    Rename a verified part to its final name in `folder`, durably, and never over another file.

    When the name is taken, `-2`, `-3` and so on follow the stem; when it is taken by the very same bytes (by
    a process that died before it could say so), that file is the result. A link is never followed.

    Raises:
        DownloadError: the folder cannot be written to.
    """
    # Not to be cancelled half-way: a file under its final name that nobody knows of.
    with disk_errors(folder), anyio.CancelScope(shield=True):
        return await _settle(part, folder, (stem, suffix), None)
    raise AssertionError("unreachable: nobody cancels the scope")


async def keep_bytes(
    content: bytes,
    folder: Path,
    name: tuple[str, str],
    writer: Writer,
    *,
    replaces: Callable[[bytes], bool] | None = None,
) -> Path:
    """
    Write a small file whole or not at all, under the first free name by the rules of `keep`.

    `name` is stem and suffix. A file in the way whose content `replaces` accepts is replaced.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    unfinished = unfinished_file(folder, writer)
    with anyio.CancelScope(shield=True):
        try:
            await run_sync(unfinished.write_bytes, content)
            return await _settle(unfinished, folder, name, replaces)
        finally:
            with contextlib.suppress(OSError):
                await run_sync(functools.partial(unfinished.unlink, missing_ok=True))
    raise AssertionError("unreachable: nobody cancels the scope")


async def _settle(
    part: Path, folder: Path, name: tuple[str, str], replaces: Callable[[bytes], bool] | None
) -> Path:
    await run_sync(_flush, part)
    stem, suffix = name
    for number in itertools.count(1):
        target = folder / f"{stem}{'' if number == 1 else f'-{number}'}{suffix}"
        try:
            await _rename(part, target)
        except FileExistsError:
            if replaces and await run_sync(_is_ours, target, replaces):
                await run_sync(part.replace, target)
            elif not await run_sync(_same, part, target):
                continue
        await run_sync(flush_folder, folder)
        await run_sync(Part(part).discard)
        return target
    raise AssertionError("unreachable: the numbers do not end")


async def _rename(part: Path, target: Path) -> None:
    for tries_left in range(_BUSY_TRIES, -1, -1):
        try:
            return await run_sync(rename_new, part, target)
        except PermissionError:
            # Windows: a virus scanner or an indexer holds a new file open for a moment.
            if sys.platform != "win32" or not tries_left:
                raise
        await anyio.sleep(_BUSY_SECONDS)
    return None


def rename_new(part: Path, target: Path) -> None:
    """Rename a file, and never over another one. Blocks, raises OSError: FileExistsError where there is one."""
    if sys.platform == "win32":
        part.rename(target)  # fails there if the target exists
        return
    try:
        os.link(part, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without hard links, such as exFAT. Only two of our own processes could meet here, with
        # the same job and so the same bytes.
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        part.rename(target)
        return
    part.unlink()


def _same(part: Path, target: Path) -> bool:
    return _is_file(target) and filecmp.cmp(part, target, shallow=False)


def _is_ours(target: Path, replaces: Callable[[bytes], bool]) -> bool:
    return _is_file(target) and target.stat().st_size <= _SMALL_BYTES and replaces(target.read_bytes())


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _flush(path: Path) -> None:
    with path.open("r+b") as file:
        flush(file)
