"""From a provider's result URL to a verified file under its final name."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

import anyio
from anyio.to_thread import run_sync

from ..config import DIRECT, Outbound
from ..errors import DownloadError, InspectionFailed, MediaError
from .files import keep
from .parts import Part, disk_errors
from .transfer import Limits, LinkExpired, NoVideo, Report, transfer

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

_PIECE = 1 << 20
_LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A complete download: size, hash (lower-case hex), and how many of its bytes were here already."""

    bytes: int
    sha256: str
    reused: int


@dataclass(frozen=True, kw_only=True)
class Saved(Generic[T]):
    """A file under its final name, and what `verify` found out about it."""

    path: Path
    bytes: int
    sha256: str
    facts: T


async def save(
    url: str,
    part: Path,
    *,
    stem: str,
    suffix: str,
    verify: Callable[[Path], Awaitable[T]],
    trusted: frozenset[str],
    local_folder: Path | None,
    outbound: Outbound = DIRECT,
    limits: Limits = _LIMITS,
    report: Report | None = None,
    over: httpx2.AsyncBaseTransport | None = None,
) -> Saved[T]:
    """
    Fetch a result, verify it, and give it its final name in the folder of `part`.

    `verify` raises `MediaError` for a file that is not a complete video; then nothing of it stays. The other
    arguments are those of `fetch`.

    Raises:
        LinkExpired: ask the provider for a fresh URL, then try again.
        NoVideo: the whole of it arrived, or began to, and it is no video.
        DownloadError: anything else that went wrong; what arrived is kept where it can be gone on with.
    """
    fetched = await fetch(
        url,
        part,
        trusted=trusted,
        local_folder=local_folder,
        outbound=outbound,
        limits=limits,
        report=report,
        over=over,
    )
    try:
        facts = await verify(part)
    except MediaError as error:
        with disk_errors(part.parent):
            await run_sync(Part(part).discard)
        raise NoVideo(
            f"What arrived is not a complete video: {error.message}", bytes=fetched.bytes - fetched.reused
        ) from error
    except InspectionFailed as error:  # what arrived stays: it may be sound
        raise DownloadError(
            f"The video is here, but not checked: {error.message}", hint=error.hint
        ) from error
    path = await keep(part, part.parent, stem, suffix)
    return Saved(path=path, bytes=fetched.bytes, sha256=fetched.sha256, facts=facts)


async def fetch(
    url: str,
    part: Path,
    *,
    trusted: frozenset[str],
    local_folder: Path | None,
    outbound: Outbound = DIRECT,
    limits: Limits = _LIMITS,
    report: Report | None = None,
    over: httpx2.AsyncBaseTransport | None = None,
) -> Fetched:
    """
    Bring the whole of `url` into `part`, going on where an earlier try stopped if that is the same file.

    https only, without credentials, from public addresses; `trusted` names the `host:port` of base URLs
    that the user has set, where plain http and private addresses are allowed. A `file:` URL is copied if it
    lies inside `local_folder`. `outbound` is how others are reached; `over` replaces the transport.

    Raises:
        LinkExpired: the URL no longer works; ask the provider for a fresh one.
        DownloadError: anything else; calling again goes on or starts over, whichever is right.
    """
    unfinished = Part(part)
    with disk_errors(part.parent, unfinished):
        reused = 0
        if url[:5].lower() == "file:":
            await run_sync(_copy, url, unfinished, local_folder, limits)
        else:
            with anyio.move_on_after(limits.deadline_seconds) as deadline:
                reused = await transfer(
                    url,
                    unfinished,
                    trusted=trusted,
                    outbound=outbound,
                    limits=limits,
                    report=report,
                    over=over,
                )
            if deadline.cancelled_caught:
                raise DownloadError(f"The download took longer than {limits.deadline_seconds:g} seconds.")
        size, digest = await run_sync(_measure, part)
    return Fetched(bytes=size, sha256=digest, reused=reused)


def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def _copy(url: str, part: Part, local_folder: Path | None, limits: Limits) -> None:
    source = Path(url2pathname(urlsplit(url).path)).resolve()
    if local_folder is None or not source.is_relative_to(local_folder.resolve()):
        raise DownloadError("The result is a local file outside the folder that its provider works in.")
    # Non-blocking, because opening a pipe would wait for its other end for ever.
    flags = (
        os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    )
    try:
        descriptor = os.open(source, flags)
    except FileNotFoundError:
        raise LinkExpired("The result file is gone.") from None
    with os.fdopen(descriptor, "rb") as original:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise DownloadError("The result is not a regular file.")
        limits.check(facts.st_size)
        with part.begin(None) as file:
            while piece := original.read(_PIECE):
                file.write(piece)
