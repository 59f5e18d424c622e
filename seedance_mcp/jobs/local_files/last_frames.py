"""The picture that a job's video ends on, as a file beside the video."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ...errors import JobNotFinished, MediaError
from ...media import extract_last_frame
from ...types import Job
from .final_files import keep_bytes
from .unfinished import Writer


@dataclass(frozen=True, kw_only=True)
class LastFrame:
    """The file with the picture, and its hash in lower-case hex."""

    path: Path
    sha256: str


async def last_frame_of(job: Job, writer: Writer) -> Path:
    """
    Return the picture that a finished job's video ends on, taking it from the video if the provider sent none.

    Raises:
        JobNotFinished, MediaError: there is no video, it cannot be read, or the picture cannot be written.
    """
    if job.artifacts is None:
        raise JobNotFinished(f"Job {job.id} has no video yet.")
    if job.artifacts.last_frame_path and Path(job.artifacts.last_frame_path).is_file():
        return Path(job.artifacts.last_frame_path)
    return (await keep_last_frame(Path(job.artifacts.video_path), writer)).path


async def keep_last_frame(video: Path, writer: Writer) -> LastFrame:
    """
    Write the last frame of a video as a PNG beside it, by the rules of `keep_bytes`.

    It is drawn each time, never looked up by its name: what has that name may be somebody else's.

    Raises:
        MediaError: the file is no video that decodes, or the picture cannot be written.
    """
    picture = await extract_last_frame(video)
    try:
        path = await keep_bytes(picture, video.parent, (f"{video.stem}-last-frame", ".png"), writer)
    except OSError as error:
        raise MediaError(
            f"The last frame cannot be written to {video.parent}: {error.strerror or type(error).__name__}.",
            hint="Free some space there, or make the folder writable.",
        ) from error
    return LastFrame(path=path, sha256=hashlib.sha256(picture).hexdigest())
