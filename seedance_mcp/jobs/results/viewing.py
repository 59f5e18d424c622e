"""Looking at a video: a job's, or a local file that may be read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from ...config import Settings
from ...errors import InspectionFailed, JobNotFinished, MediaError
from ...media import MARK_BYTES, VideoFacts, contact_sheet, is_marked, mark, probe_video
from ...types import Job
from ..local_files.final_files import keep_bytes
from ..local_files.readable_files import LocalFiles
from ..local_files.unfinished import Writer

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
    source: str,
    frames: int,
    *,
    load: Callable[[str], Awaitable[Job]],
    files: LocalFiles,
    settings: Settings,
    writer: Writer,
) -> Viewed:
    """
    Measure a video and draw its contact sheet, beside a job's video, else into the output folder.

    An earlier sheet of ours is replaced. Any other file, and one that was changed since, is left alone: then the
    sheet gets a name with `-2` and so on.

    Raises:
        JobNotFound, JobNotFinished, MediaError: there is nothing to look at, or the sheet cannot be written.
    """
    path, folder = await _find(source, load, files)
    folder = folder or settings.output_dir
    facts = await probe_video(path)
    jpeg = mark(await contact_sheet(path, frames=frames, max_bytes=_SHEET_BYTES - MARK_BYTES))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sheet = await keep_bytes(jpeg, folder, (f"{path.stem}-sheet", ".jpg"), writer, replaces=is_marked)
    except OSError as error:
        raise MediaError(
            f"The contact sheet cannot be written to {folder}: {error.strerror or type(error).__name__}.",
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


async def _find(
    source: str, load: Callable[[str], Awaitable[Job]], files: LocalFiles
) -> tuple[Path, Path | None]:
    """Return the path of the video, and of a job's video the folder that it lies in."""
    job_id = source.removeprefix("job:")
    if not job_id.startswith("job_"):
        file = await files.named(source)
        if file.kind != "video" or file.path is None:
            raise MediaError(f"{source} is not a video.", hint="Pass a job id or the path of a video.")
        return file.path, file.path.parent if file.recorded else None
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
    await files.check_video(job)
    return path, path.parent
