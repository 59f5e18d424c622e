"""Looking at a video: a job's, or a local file that may be read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio.to_thread

from ..config import Settings
from ..errors import InspectionFailed, JobNotFinished, MediaError
from ..media import VideoFacts, contact_sheet, inspect, meant_path, probe_video, write_whole
from ..types import Job

_PREVIEW_BYTES = 60_000
_PREVIEW_FRAMES = 6
_SHEET_BYTES = 150_000


@dataclass(frozen=True, kw_only=True)
class Viewed:
    """A video as seen: measured facts, and its contact sheet as JPEG and as a file."""

    facts: VideoFacts
    jpeg: bytes
    sheet: Path


async def view(
    source: str, frames: int, *, load: Callable[[str], Awaitable[Job]], settings: Settings
) -> Viewed:
    """
    Measure a video and draw its contact sheet, beside a job's video, else into the output folder.

    Raises:
        JobNotFound, JobNotFinished, MediaError: there is nothing to look at, or the sheet cannot be written.
    """
    path, sheet = await _find(source, load, settings)
    facts = await probe_video(path)
    jpeg = await contact_sheet(path, frames=frames, max_bytes=_SHEET_BYTES)
    try:
        await anyio.to_thread.run_sync(_write, sheet, jpeg)
    except OSError as error:
        raise MediaError(
            f"The contact sheet cannot be written to {sheet.parent}: {error.strerror}.",
            hint="Free some space there, or make the folder writable.",
        ) from error
    return Viewed(facts=facts, jpeg=jpeg, sheet=sheet)


async def preview(job: Job) -> bytes | None:
    """Make a small contact sheet (JPEG, under 60 KB) of a finished job; None if there is no video to show."""
    if job.artifacts is None or not Path(job.artifacts.video_path).is_file():
        return None
    try:
        path = Path(job.artifacts.video_path)
        return await contact_sheet(path, frames=_PREVIEW_FRAMES, max_bytes=_PREVIEW_BYTES)
    except (MediaError, InspectionFailed):
        return None


async def _find(source: str, load: Callable[[str], Awaitable[Job]], settings: Settings) -> tuple[Path, Path]:
    job_id = source.removeprefix("job:")
    if not job_id.startswith("job_"):
        allowed, forbidden = (settings.output_dir, *settings.media_dirs), (settings.state_dir,)
        path = await anyio.to_thread.run_sync(
            partial(meant_path, source, allowed=allowed, forbidden=forbidden)
        )
        file = await inspect(path, allowed=allowed, forbidden=forbidden)
        if file.kind != "video" or file.path is None:
            raise MediaError(f"{source} is not a video.", hint="Pass a job id or the path of a video.")
        return file.path, settings.output_dir / f"{file.path.stem}-sheet.jpg"
    job = await load(job_id)
    if job.artifacts is None:
        if job.finished:
            raise MediaError(f"Job {job_id} ended as {job.status} and has no video.", hint="Use another job.")
        raise JobNotFinished(f"Job {job_id} is {job.status}; there is no video to look at yet.")
    path = Path(job.artifacts.video_path)
    if not path.is_file():
        raise MediaError(
            f"The video of job {job_id} is no longer at {path}.", hint="Put it back, or pass its new path."
        )
    return path, path.with_name(f"{path.stem}-sheet.jpg")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
