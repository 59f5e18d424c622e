"""Which process joins a film: one does, and the others wait for the file. It only saves work; joining twice harms nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

from ..config import make_private
from .machine.process_locks import FileLock

_FOLDER = "joining"


@contextlib.contextmanager
def joining(state_dir: Path, film_id: str) -> Generator[bool]:
    """Tell whether this process is the one that joins the film now: no other will be told so before the end of this."""
    try:
        make_private(state_dir / _FOLDER)
        lock = FileLock(state_dir / _FOLDER / f"{film_id}.lock")
    except OSError:  # no room, or no right: then whoever wants to joins
        yield True
        return
    with contextlib.closing(lock):
        yield lock.try_take()
