"""Makes sure that a result could be kept, before anything is spent."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import anyio.to_thread

from ...config import Settings
from ...errors import ConfigError
from ..context import JobContext

_FREE_BYTES = 500_000_000


async def preflight(context: JobContext, *, paid: bool) -> None:
    """
    Look whether the database, the output folder and, for a paid video, the disks could take it.

    Raises:
        ConfigError: the output folder cannot be written to, or for a paid video the disk is nearly full.
        StoreGone: the job database is no longer there.
    """
    await context.store.read(lambda _: None)
    await anyio.to_thread.run_sync(_look_at_disks, context.settings, paid)


def _look_at_disks(settings: Settings, paid: bool) -> None:
    _try_writing(settings.output_dir)
    for folder in (settings.output_dir, settings.state_dir) if paid else ():
        free = _free_bytes(folder)
        if free < _FREE_BYTES:
            raise ConfigError(
                f"Only {free / 1e6:.0f} MB are free on the disk with {folder}; 500 MB are wanted before buying.",
                hint="Free some space first: a paid video must have somewhere to go. Nothing was spent.",
            )


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError as error:
        raise ConfigError(
            f"How much is free on the disk with {folder} cannot be told: {error.strerror or error}.",
            hint="See that the folder is there and can be read, then restart the server. Nothing was spent.",
        ) from error


def _try_writing(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"Videos cannot be saved in {folder}: {error.strerror or error}.",
            hint="Make the folder writable, or set SEEDANCE_OUTPUT_DIR to another one. Nothing was spent.",
        ) from error
