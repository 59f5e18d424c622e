"""The key that seals what clients bring back with an answer: it outlives the process, so that a restart forgets no question."""

from __future__ import annotations

import secrets
from pathlib import Path

from ...config import make_private, open_private

_BYTES = 32


def state_key(folder: Path) -> bytes:
    """Return the key of a state folder, made on first use; where none can be kept, one for this process alone."""
    path = folder / "request-state.key"
    fresh = secrets.token_bytes(_BYTES)
    try:
        make_private(folder)
        with open_private(path, new=True) as file:
            file.write(fresh)
        return fresh
    except FileExistsError:
        return _kept(path) or fresh
    except OSError:
        return fresh


def _kept(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except OSError:
        return None
    return key if len(key) == _BYTES else None  # another process may be writing it
