"""Compares the files of takes with what was bought: one that was changed or removed since is not shown, joined or continued."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from anyio.to_thread import run_sync

from ..errors import MediaError
from ..texts import one_line
from ..types import Artifacts

NAME_CHARACTERS = 60

BACK_OR_ANEW = "Put the file back as it was, or have that shot made anew (redo)."


async def make_sure(takes: Mapping[str, Artifacts], *, continued: bool = False) -> None:
    """
    Make sure that the videos of shots are those that were bought; `takes` has their files by shot.

    Where they are `continued`, so must be the pictures on which they end; one that is gone is drawn from its video.

    Raises:
        MediaError: some were changed or are gone; each is named with its shot.
    """
    found = await run_sync(
        lambda: [words for shot, made in takes.items() for words in _told(shot, made, continued)]
    )
    if found:
        raise MediaError(" ".join(found), hint=BACK_OR_ANEW)


def _told(shot: str, made: Artifacts, continued: bool) -> Iterator[str]:
    """Say which files of a take are not there or have another hash. Blocks for as long as reading them takes."""
    yield from _changed(f"The video of shot {one_line(shot, NAME_CHARACTERS)}", made.video_path, made.sha256)
    picture = made.last_frame_path
    if continued and picture and made.last_frame_sha256 and Path(picture).is_file():
        name = f"The last picture of shot {one_line(shot, NAME_CHARACTERS)}"
        yield from _changed(name, picture, made.last_frame_sha256)


def _changed(what: str, path: str, sha256: str) -> Iterator[str]:
    try:
        with Path(path).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        yield f"{what} is not at {path} any more."
    except OSError as error:
        yield f"{what} at {path} cannot be read: {error.strerror or type(error).__name__}."
    else:
        if found != sha256:
            yield f"{what} at {path} was changed after it was made."
