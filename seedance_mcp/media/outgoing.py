"""The copy of a file that may leave the machine: without location and other hidden data, and made to fit where asked."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import anyio.to_thread

from ..config import open_private
from ..errors import MediaError
from ..types import MediaFile
from . import cuts
from .access.descriptors import open_allowed, open_plain
from .confine import Limits, Reply, run_worker
from .fitting import PictureLimits

_LIMITS = Limits(seconds=60)
_BLOCK_BYTES = 1 << 20
_SAME = ("width", "height", "fps", "video_codec", "audio_codec")


async def copy_to_leave(
    file: MediaFile,
    folder: Path,
    *,
    allowed: Sequence[Path],
    forbidden: Sequence[Path],
    fit: PictureLimits | None = None,
) -> MediaFile:
    """
    Write into `folder` what of a file that `inspect` passed may leave the machine. The file itself stays as it is.

    Gone are EXIF (all but which way up the picture is), GPS, XMP, IPTC, comments, tags, user data, and tracks
    that are neither picture nor sound; picture and sound are the same bytes wherever the format allows it. With
    `fit` an image is drawn anew. The same file gives the same copy, whose hash the answer has.

    Raises:
        MediaError: the file has changed since it was checked, what is hidden in it cannot be removed, or what is
            left is not the same picture, film or sound.
    """
    assert file.path is not None
    name = secrets.token_hex(8)
    raw, copy = folder / f"{name}.raw", folder / f"{name}.copy"
    try:
        # A copy first: what is looked at and what is cut are then the same bytes, whoever writes to the original.
        with open_allowed(file.path, allowed=allowed, forbidden=forbidden) as (source, _):
            digest = await anyio.to_thread.run_sync(_copy, source, raw)
        if digest != file.sha256:
            raise MediaError(
                f"{file.path} changed while it was being used.",
                hint="Wait until it is written, then try again.",
            )
        arguments = {"limits": asdict(fit)} if fit else {}
        reply = await _on(raw, "fit" if fit else "clean", arguments, edits=file.kind != "image")
        if "cleaned" in reply.facts:
            raw.rename(copy)
            size, digest = await anyio.to_thread.run_sync(_measure, copy)
            facts = reply.facts["cleaned"]
        else:
            size, digest = await anyio.to_thread.run_sync(_edit, raw, copy, reply)
            facts = await _seen(file, copy)
        _check_same(file, facts, fit)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    finally:
        raw.unlink(missing_ok=True)
    same: dict[str, Any] = {name: facts.get(name) for name in _SAME}
    return MediaFile(
        kind=file.kind,
        path=copy,
        bytes=size,
        sha256=digest,
        mime_type=facts["mime_type"],
        duration_seconds=file.duration_seconds,
        **same,
    )


async def _seen(file: MediaFile, copy: Path) -> Mapping[str, Any]:
    """Look at the copy."""
    try:
        return (await _on(copy, "inspect", {})).facts
    except MediaError as error:
        raise _different(file) from error


def _check_same(file: MediaFile, facts: Mapping[str, Any], fit: PictureLimits | None) -> None:
    """Refuse a copy that is not what the file was."""
    # A film's length stands in its index, which is the same.
    names = ("duration_seconds", *_SAME) if file.kind == "audio" else _SAME
    if fit is None and any(facts.get(name) != getattr(file, name) for name in names):
        raise _different(file)


def _different(file: MediaFile) -> MediaError:
    return MediaError(
        f"Without what is hidden in it, {file.path} would not be the same any more, so it is not sent.",
        hint="Export it again as JPEG or PNG (image), MP4 (video), or MP3 or WAV (sound).",
    )


async def _on(path: Path, task: str, arguments: dict[str, Any], *, edits: bool = False) -> Reply:
    """Let a worker do a task on a file; with `edits` it may write over what is there, and make it no longer."""
    source = open_plain(path, writable=edits)
    limits = replace(_LIMITS, file_bytes=os.fstat(source).st_size) if edits else _LIMITS
    try:
        return await run_worker(task, arguments, source=source, limits=limits)
    finally:
        os.close(source)


def _copy(source: int, target: Path) -> str:
    with os.fdopen(source, "rb", closefd=False) as content:
        return _write(target, iter(lambda: content.read(_BLOCK_BYTES), b""))[1]


def _edit(raw: Path, target: Path, reply: Reply) -> tuple[int, str]:
    if "cuts" not in reply.facts:
        return _write(target, (reply.payload,))
    with raw.open("rb") as content:
        return _write(target, cuts.pieces(content, cuts.read(reply.facts["cuts"])))


def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _write(target: Path, pieces: Iterable[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with open_private(target, new=True) as file, ThreadPoolExecutor(max_workers=1) as beside:
        for piece in pieces:
            hashed = beside.submit(digest.update, piece)
            size += file.write(piece)
            hashed.result()
    return size, digest.hexdigest()
