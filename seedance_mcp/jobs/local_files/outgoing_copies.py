"""The short life of a copy that leaves the machine: made in a private folder, sent, removed."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
from collections.abc import AsyncGenerator, Callable
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from ...config import Settings, make_private
from ...errors import MediaError
from ...media import PictureLimits, copy_to_leave
from ...types import MediaFile

_RULES = 1
"""Raise it when what is cut out changes: uploads made by other rules are then not used again."""


@contextlib.asynccontextmanager
async def leaving(
    file: MediaFile, *, settings: Settings, instance: str, fit: PictureLimits | None = None
) -> AsyncGenerator[MediaFile]:
    """
    Provide the copy of a local file that may leave, for as long as the context is open; see `copy_to_leave`.

    `instance` is this process's: what a dead one left behind is known by it.

    Raises:
        MediaError: the file has changed, may not be read any more, or hides what cannot be removed.
    """
    readable = settings.media_folders
    if file.recorded and file.path is not None:  # the copy is made only of the very bytes that were recorded
        readable = (*readable, file.path.parent)
    folder = _home(settings.state_dir) / f"{instance}.{secrets.token_hex(8)}"
    try:
        try:
            make_private(folder)
            copy = await copy_to_leave(
                file,
                folder,
                allowed=readable,
                forbidden=(settings.state_dir,),
                fit=fit,
            )
        except OSError as error:
            raise MediaError(
                f"The copy that would leave cannot be written to the state folder: {error.strerror or error}.",
                hint="Make the state folder writable and free some space on its disk. Nothing was sent.",
            ) from error
        yield copy
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(partial(shutil.rmtree, folder, ignore_errors=True))


def copy_key(file: MediaFile, fit: PictureLimits | None) -> str:
    """What tells copies apart before they are made: the content of the original, and what is done to it. 64 hex digits."""
    return hashlib.sha256(f"{_RULES} {file.sha256} {fit}".encode()).hexdigest()


def sweep_copies(state_dir: Path, alive: Callable[[str], bool]) -> None:
    """Remove the copies that dead processes left; `alive` tells whether one with an instance id still runs. Blocks."""
    home = _home(state_dir)
    if home.is_dir():
        for folder in home.iterdir():
            if not alive(folder.name.partition(".")[0]):
                shutil.rmtree(folder, ignore_errors=True)


def _home(state_dir: Path) -> Path:
    return state_dir / "leaving"
