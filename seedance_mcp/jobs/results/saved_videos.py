"""The saved videos of jobs for whoever shows them: parts of the file, a small picture, a contact sheet."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread

from ...config import Settings
from ...errors import InspectionFailed, JobNotFinished, MediaError
from ...media import Unchanged, contact_sheet, poster
from ...types import Artifacts, Job, MediaFile
from ..inputs.sources import Sources

_POSTER_BYTES = 8_000
_PREVIEW_BYTES = 60_000
_PREVIEW_FRAMES = 6
_PICTURES_KEPT = 400
_DRAWN_AT_ONCE = 2
_FETCHED_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class OpenVideo:
    """A saved video, open for reading: whoever has it closes the descriptor."""

    descriptor: int
    bytes: int

    def read(self, start: int, most: int) -> bytes:
        """Read at most so many bytes from this place on. Raises OSError."""
        os.lseek(self.descriptor, start, os.SEEK_SET)
        return os.read(self.descriptor, most)

    def close(self) -> None:
        """Close it."""
        os.close(self.descriptor)


class SavedVideos:
    """
    Opens only what was saved: a link or another file that somebody put in its place may lead to what is private.

    Pictures are kept in memory, for to draw one takes a process. What another machine has saved is fetched whole from the
    object store, if there is one, and only shown with the hash of what was saved.
    """

    def __init__(self, settings: Settings, sources: Sources) -> None:
        self._sources = sources
        self._fetching: dict[str, anyio.Lock] = {}
        self._fetched_at_once: anyio.CapacityLimiter | None = None
        self._forbidden = (settings.state_dir,)
        self._shares = settings.database_url is not None
        self._unchanged: Unchanged | None = None
        self._pictures: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._drawing: anyio.CapacityLimiter | None = None

    async def open(self, job: Job) -> OpenVideo:
        """
        Open a job's video.

        Raises:
            JobNotFinished: it has none.
            MediaError: it is gone, is not what was saved, or is on another machine and cannot be fetched (yet).
        """
        files = job.artifacts
        if files is None:
            raise JobNotFinished(f"Job {job.id} is {job.status.value} and has no video.")
        if self._unchanged is None:
            self._unchanged = Unchanged()
        path = await self._place(job, files)
        video = MediaFile(kind="video", path=path, sha256=files.sha256)
        descriptor = await self._unchanged.open(video, allowed=(path.parent,), forbidden=self._forbidden)
        return OpenVideo(descriptor=descriptor, bytes=os.fstat(descriptor).st_size)

    async def _place(self, job: Job, files: Artifacts) -> Path:
        """Return where a video lies here; one of another machine is fetched first, once for all who want it."""
        path = Path(files.video_path)
        if not (self._shares and self._sources.has_copies()):
            return path
        here = await anyio.to_thread.run_sync(self._sources.video_here, job)
        if here is not None:
            return here
        if self._fetched_at_once is None:
            self._fetched_at_once = anyio.CapacityLimiter(_FETCHED_AT_ONCE)
        lock = self._fetching.setdefault(job.id, anyio.Lock())
        try:
            async with lock, self._fetched_at_once:
                return await self._sources.fetch_video(job)
        finally:
            if not lock.statistics().tasks_waiting:
                self._fetching.pop(job.id, None)

    async def read(self, job: Job, start: int, most: int) -> bytes:
        """Read a part of a job's video. Raises as `open`."""
        video = await self.open(job)
        try:
            return await anyio.to_thread.run_sync(video.read, start, most)
        finally:
            video.close()

    def elsewhere(self, job: Job) -> str | None:
        """Say that a saved video is not at its path on this machine, where another may have saved it; None: nothing of it."""
        if not self._shares or job.artifacts is None:
            return None
        path = Path(job.artifacts.video_path)
        if path.is_file():
            return None
        return (
            f"There is no {path} on this machine: another one that works on the same job database saved the video there, or"
            " it was moved."
        )

    async def poster(self, job: Job) -> bytes:
        """Draw one picture of a job's video, a JPEG of at most 8 kB. Raises as `open`."""
        return await self._picture(job, "poster", _poster)

    async def sheet(self, job: Job) -> bytes:
        """Draw a small contact sheet of a job's video, a JPEG of at most 60 kB. Raises as `open`."""
        return await self._picture(job, "sheet", _sheet)

    async def preview(self, job: Job) -> bytes | None:
        """Draw the same as `sheet`; None if there is no video to show."""
        if job.artifacts is None or not Path(job.artifacts.video_path).is_file():
            return None
        return await _sheet(Path(job.artifacts.video_path))

    async def _picture(self, job: Job, kind: str, draw: Callable[[Path], Awaitable[bytes | None]]) -> bytes:
        (await self.open(job)).close()
        assert job.artifacts is not None
        name, path = (job.artifacts.sha256, kind), await self._place(job, job.artifacts)
        if self._drawing is None:
            self._drawing = anyio.CapacityLimiter(_DRAWN_AT_ONCE)
        async with self._drawing:
            if name not in self._pictures:
                jpeg = await draw(path)
                if jpeg is None:
                    raise MediaError(f"No picture can be made of the video of job {job.id}.")
                self._pictures[name] = jpeg
        self._pictures.move_to_end(name)
        while len(self._pictures) > _PICTURES_KEPT:
            self._pictures.popitem(last=False)
        return self._pictures[name]


async def _poster(path: Path) -> bytes | None:
    try:
        return await poster(path, max_bytes=_POSTER_BYTES)
    except (MediaError, InspectionFailed):
        return None


async def _sheet(path: Path) -> bytes | None:
    try:
        return (await contact_sheet(path, frames=_PREVIEW_FRAMES, max_bytes=_PREVIEW_BYTES)).jpeg
    except (MediaError, InspectionFailed):
        return None
