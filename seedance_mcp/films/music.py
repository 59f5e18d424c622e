"""The music of a film: a file on this machine, that is looked at before anything is bought."""

from __future__ import annotations

from ..errors import MediaError
from ..jobs import Sources
from ..types import MediaFile


async def open_music(sources: Sources, source: str) -> MediaFile:
    """
    Check the music that a document names; `source` means the same everywhere.

    Raises:
        MediaError: it cannot be used, with what to do about it.
        JobNotFound, JobNotFinished: it names a job that has no such file (yet).
    """
    file = await sources.open(source, kind="audio")
    if file.path is None:
        raise MediaError("The music has to be a file on this machine.", hint="Save it, and name its path.")
    if file.kind == "image" or not file.audio_codec:
        raise MediaError(f"The music {file.path} has no sound in it.", hint="Name a file that has.")
    return file
