"""Local files that may be read: those in the media folders, and jobs' own files wherever they lie."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from anyio.to_thread import run_sync

from ...config import Settings
from ...errors import JobNotFinished, MediaError
from ...media import inspect, lies_in, meant_path, spellings, unquoted
from ...store import Store, job_records
from ...types import Artifacts, Job, MediaFile
from .last_frames import keep_last_frame, last_frame_of
from .unfinished import writer_of


class LocalFiles:
    """
    Checks local files before they are used.

    Servers with different output folders share one state folder. A job's own video and last frame may therefore be
    read by each of them; outside the media folders only while the file is, by its hash, the one that was recorded.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._allowed = settings.media_folders
        self._forbidden = (settings.state_dir,)

    async def named(self, text: str) -> MediaFile:
        """
        Check the file that a text stands for; see `meant_path`.

        Raises:
            MediaError: it may not be read, or cannot be used.
        """
        if not unquoted(text).strip():
            raise MediaError("No file was named: the path is empty.", hint="Name a file by its whole path.")
        find = partial(meant_path, text, allowed=self._allowed, forbidden=self._forbidden)
        return await self.at(await run_sync(find), text)

    async def at(self, path: Path, text: str) -> MediaFile:
        """
        Check the file at a path, for which `text` was written.

        Raises:
            MediaError: it may not be read, or cannot be used.
        """
        try:
            return await self._read(path)
        except MediaError:
            own = await self._own_file(text)
            if own is None:
                raise
        return await self._recorded(*own)

    async def video(self, job: Job) -> MediaFile:
        """
        Check the video of a job.

        Raises:
            MediaError: there is none, it cannot be used, or it has changed where only what was recorded may be read.
            JobNotFinished: there is none yet.
        """
        made = _files_of(job)
        path = Path(made.video_path)
        return await (self._read(path) if await self._holds(path) else self._recorded(path, made.sha256))

    async def last_frame(self, job: Job) -> MediaFile:
        """
        Check the picture that a job's video ends on; it is taken from the video if there is none.

        Raises:
            MediaError, JobNotFinished: as in `video`; or it cannot be written.
        """
        made = _files_of(job)
        video = Path(made.video_path)
        if await self._holds(video):
            return await self._read(await last_frame_of(job, writer_of(self._store)))
        if made.last_frame_path and made.last_frame_sha256 and Path(made.last_frame_path).is_file():
            return await self._recorded(Path(made.last_frame_path), made.last_frame_sha256)
        await self._recorded(video, made.sha256)  # what is drawn from it is sent
        drawn = await keep_last_frame(video, writer_of(self._store))
        return await self._recorded(drawn.path, drawn.sha256)

    async def check_video(self, job: Job) -> None:
        """
        See that the video of a job may be looked at; in the media folders, whoever looks sees what it is.

        Raises:
            MediaError, JobNotFinished: as in `video`.
        """
        if not await self._holds(Path(_files_of(job).video_path)):
            await self.video(job)

    async def may_read(self, text: str) -> bool:
        """Return whether the file at a whole path may be read from here, or cannot be read from anywhere: it is not there."""
        path = Path(unquoted(text))
        if await self._holds(path) or not await run_sync(path.is_file):
            return True
        return await self._own_file(text) is not None

    async def _holds(self, path: Path) -> bool:
        return await run_sync(lies_in, path.parent, self._allowed)

    async def _read(self, path: Path) -> MediaFile:
        return await inspect(path, allowed=self._allowed, forbidden=self._forbidden)

    async def _recorded(self, path: Path, sha256: str) -> MediaFile:
        if not await run_sync(path.parent.is_dir):
            raise MediaError(f"There is no file {path}.", hint="Put it back, or pass its new path.")
        file = await inspect(path, allowed=(path.parent,), forbidden=self._forbidden)
        if file.sha256 != sha256:
            raise MediaError(
                f"{path} has changed since it was saved, and lies outside the folders that may be read.",
                hint="Ask the person to put its folder into SEEDANCE_MEDIA_DIRS, or to copy it into a folder that may be"
                " read.",
            )
        return replace(file, recorded=True)

    async def _own_file(self, text: str) -> tuple[Path, str] | None:
        """Return the path and the hash of the job's own file outside the media folders that a text names, if it names one."""
        paths = spellings(text)
        job = await self._store.read(partial(job_records.with_file, paths=paths))
        if job is None or job.artifacts is None:
            return None
        made = job.artifacts
        for path, sha256 in ((made.video_path, made.sha256), (made.last_frame_path, made.last_frame_sha256)):
            if sha256 is not None and path in paths:
                return None if await self._holds(Path(path)) else (Path(path), sha256)
        return None


def _files_of(job: Job) -> Artifacts:
    if job.artifacts is not None:
        return job.artifacts
    if job.finished:
        raise MediaError(f"Job {job.id} ended as {job.status} and has no video.", hint="Use another job.")
    raise JobNotFinished(f"Job {job.id} is {job.status}; it has no video yet.")
