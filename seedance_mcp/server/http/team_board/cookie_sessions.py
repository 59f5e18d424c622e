"""Who is signed in to the board: sessions that a cookie names, and whose cookie nobody can tell from what is kept."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from ...board.sessions import digest_of
from ...callers import Caller

SESSION_SECONDS = 12 * 3600
_MOST = 1000
_MOST_OF_A_TOKEN = 20
"""Sessions at once; the oldest ends for one more."""


class NotSignedIn(Exception):
    """Nobody was signed in: the browser has not begun it, it was refused, or what came back is not good. Says why."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Who is signed in, and until when at most, in seconds since the epoch."""

    caller: Caller
    until: float


class CookieSessions:
    """The sessions of one running server. Everything is forgotten when the process ends."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def open(self, caller: Caller) -> str:
        """Open a session for whoever has shown a good token; returns what its cookie holds."""
        now = self._clock()
        self._sessions = {key: one for key, one in self._sessions.items() if now < one.until}
        own = [key for key, one in self._sessions.items() if one.caller.id == caller.id]
        for key in own[: max(0, len(own) - _MOST_OF_A_TOKEN + 1)]:
            del self._sessions[key]
        while len(self._sessions) >= _MOST:
            del self._sessions[next(iter(self._sessions))]
        text = secrets.token_urlsafe(32)
        self._sessions[digest_of(text)] = Session(caller=caller, until=now + SESSION_SECONDS)
        return text

    def find(self, text: str) -> Session | None:
        """Return the session that a cookie names; None if it has ended, or there never was one."""
        session = self._sessions.get(digest_of(text))
        return session if session is not None and self._clock() < session.until else None

    def end(self, text: str) -> None:
        """End a session, if it has not ended before."""
        self._sessions.pop(digest_of(text), None)
