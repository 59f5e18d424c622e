"""From a provider's result URL to a verified file under its final name."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

import anyio
from anyio.to_thread import run_sync

from ...errors import DownloadError, InspectionFailed, MediaError
from ...media import UnfinishedInspection
from ..local_files.final_files import keep
from ..local_files.parts import Part, disk_errors
from .transfer import LinkExpired, NotChecked, NoVideo, Report, Route, source_of, transfer

T = TypeVar("T")

_PIECE = 1 << 20


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


class Download:
    """One result on its way to a folder: from a URL into `part`, going on where an earlier try of it stopped."""

    def __init__(self, url: str, part: Path, route: Route, report: Report | None = None) -> None:
        self._url = url
        self._part = part
        self._route = route
        self._report = report

    async def save(self, stem: str, suffix: str, verify: Callable[[Path], Awaitable[T]]) -> Saved[T]:
        """
        Fetch the result unless all of it is here, verify it, and give it its final name in the folder of the part.

        `verify` raises `MediaError` for a file that is not a complete video; then nothing of it stays. Where it raises
        `InspectionFailed` or `UnfinishedInspection`, nobody knows: what is here stays, and is verified anew by the next try.

        Raises:
            LinkExpired: ask the provider for a fresh URL, then try again.
            NoVideo: the whole of it arrived, or began to, and it is no video.
            NotChecked: the whole of it is here, and it could not be verified now.
            FolderUnusable: the folder of the part takes no file.
            DownloadError: anything else that went wrong; what arrived is kept where it can be gone on with.
        """
        with disk_errors(self._part.parent):
            here = await run_sync(_all_of, Part(self._part))
        if here is not None:
            with contextlib.suppress(NoVideo):  # then it is fetched anew
                return await self._settle(here, (stem, suffix), verify)
        return await self._settle(await self.fetch(), (stem, suffix), verify)

    async def _settle(
        self, fetched: Fetched, name: tuple[str, str], verify: Callable[[Path], Awaitable[T]]
    ) -> Saved[T]:
        part = self._part
        try:
            facts = await verify(part)
        except (InspectionFailed, UnfinishedInspection) as error:
            raise NotChecked(f"The video is here, but it could not be checked: {error.message}") from error
        except MediaError as error:
            with disk_errors(part.parent):
                await run_sync(Part(part).discard)
            raise NoVideo(
                f"What arrived is not a complete video: {error.message}", bytes=fetched.bytes - fetched.reused
            ) from error
        path = await keep(part, part.parent, *name)
        return Saved(path=path, bytes=fetched.bytes, sha256=fetched.sha256, facts=facts)

    async def fetch(self) -> Fetched:
        """
        Bring the whole result into the part.

        Raises:
            LinkExpired: the URL no longer works; ask the provider for a fresh one.
            FolderUnusable: the folder of the part takes no file.
            DownloadError: anything else; calling again goes on or starts over, whichever is right.
        """
        unfinished = Part(self._part)
        with disk_errors(self._part.parent, unfinished):
            try:
                reused = await self._bring(unfinished)
            except ValueError as error:  # not its words: they can hold a signed URL
                raise DownloadError(
                    "The address of the video, or an answer from there, makes no sense."
                ) from error
            # Without that note, all that is lost is that it is fetched again.
            with contextlib.suppress(OSError):
                await run_sync(unfinished.end, source_of(self._url))
            size, digest = await run_sync(_measure, self._part)
        return Fetched(bytes=size, sha256=digest, reused=reused)

    async def _bring(self, unfinished: Part) -> int:
        route = self._route
        if self._url[:5].lower() == "file:":
            await run_sync(_copy, self._url, unfinished, route)
            return 0
        seconds, reused = route.limits.deadline_seconds, 0
        with anyio.move_on_after(seconds) as deadline:
            reused = await transfer(self._url, unfinished, route, self._report)
        if deadline.cancelled_caught:
            raise DownloadError(f"The download took longer than {seconds:g} seconds.")
        return reused


def _all_of(part: Part) -> Fetched | None:
    """What is here, if that is the whole of a download."""
    if not part.is_whole:
        return None
    size, digest = _measure(part.path)
    return Fetched(bytes=size, sha256=digest, reused=size)


def _measure(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def _copy(url: str, part: Part, route: Route) -> None:
    folder = route.local_folder
    source = Path(url2pathname(urlsplit(url).path)).resolve()
    if folder is None or not source.is_relative_to(folder.resolve()):
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
        route.limits.check(facts.st_size)
        with part.begin(None) as file:
            while piece := original.read(_PIECE):
                file.write(piece)
