"""The key that seals what clients bring back with an answer, where several servers answer them: one for an installation."""

from __future__ import annotations

from .connection import Connection

_KEY = "request_state_key"


def keep_key(connection: Connection, fresh: str) -> str:
    """Return the installation's key, which is the `fresh` one if there was none."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", (_KEY, fresh)
    )
    (kept,) = connection.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    return kept
