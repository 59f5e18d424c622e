"""The key that seals what clients bring back with an answer: it outlives the process, so that a restart forgets no question."""

from __future__ import annotations

import secrets
from pathlib import Path

from ...config import Settings, make_private, open_private

_BYTES = 32


async def state_key(settings: Settings) -> bytes:
    """
    Return the key by which each server of an installation reads what another one has sealed, made on first use.

    Where several machines share the job database it stands there, otherwise in the state folder; where none can be kept,
    it is for this process alone.

    Raises:
        StoreError: the shared database cannot be used.
    """
    if settings.database_url is None:
        return _key_of(settings.state_dir)
    from ...app import open_app

    async with open_app(settings, watch=False) as app:
        return await app.installation.request_state_key(secrets.token_bytes(_BYTES))


def _key_of(folder: Path) -> bytes:
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
