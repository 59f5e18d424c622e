"""Who may use the board, and the local one above all: codes that work once, tokens for them, addresses of videos."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

_CODE_SECONDS = 60.0
_MOST = 50
"""Sessions at once; the oldest ends for one more. A page that is reloaded keeps its own."""

_WORDS = {"ask": b"a code is asked for: ", "give": b"the code is given: "}


@dataclass
class _Code:
    given_at: float
    session: str | None = None


class Entry(Protocol):
    """Whom a board answers, and under which paths it plays videos to them."""

    may_change: bool
    """Whether whoever is let in may do more than look."""

    def knows(self, token: str) -> bool:
        """Return whether a request with this token is answered; without a token it is empty."""
        ...

    def media_path(self, job_id: str) -> str:
        """Return the path under which a page plays a job's video: the element that plays sends no token."""
        ...

    def film_path(self, film_id: str, version: str) -> str:
        """Return the path, less its ending, under which a page plays this version of a joined film."""
        ...

    def may_play(self, mark: str, name: str) -> bool:
        """Return whether the path was given out for this job or film."""
        ...


class Marks:
    """Paths of videos that this process alone can make, below the `base` under which the board is served."""

    def __init__(self, base: str = "") -> None:
        self._base = base
        self._media = secrets.token_bytes(32)

    def media_path(self, job_id: str) -> str:
        """Return the path under which a page plays a job's video."""
        return f"{self._base}/media/{self._mark(job_id)}/{job_id}.mp4"

    def film_path(self, film_id: str, version: str) -> str:
        """Return the path, less its ending, under which a page plays this version of a joined film."""
        return f"{self._base}/media/{self._mark(film_id)}/{film_id}/{version}"

    def may_play(self, mark: str, name: str) -> bool:
        """Return whether the path was given out for this job or film."""
        return hmac.compare_digest(self._mark(name), _ascii(mark))

    def _mark(self, name: str) -> str:
        return hmac.new(self._media, name.encode(), hashlib.sha256).hexdigest()[:40]


class Sessions(Marks):
    """
    The sessions of one running board. Everything is forgotten when the process ends.

    The address that opens a browser can be read by others on this machine while the browser starts, so what stands in it
    works once, for a minute. Used twice within it, it may have been read: then the session that it opened ends as well.
    """

    def __init__(self, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`secret` is what other processes of the same user prove themselves by."""
        super().__init__()
        self.may_change = True
        self._secret = secret.encode()
        self._clock = clock
        self._codes: dict[str, _Code] = {}
        self._sessions: dict[str, None] = {}

    def code(self) -> str:
        """Return a code that opens one session within a minute."""
        now = self._clock()
        self._codes = {code: one for code, one in self._codes.items() if now - one.given_at <= _CODE_SECONDS}
        code = secrets.token_urlsafe(18)
        self._codes[digest_of(code)] = _Code(now)
        return code

    def open(self, code: str) -> str | None:
        """Exchange a code for the token of a new session; None if it is not good any more."""
        known = self._codes.get(digest_of(code))
        if known is None or self._clock() - known.given_at > _CODE_SECONDS:
            return None
        if known.session is not None:
            self._sessions.pop(known.session, None)
            return None
        token = secrets.token_urlsafe(32)
        known.session = digest_of(token)
        self._sessions[known.session] = None
        while len(self._sessions) > _MOST:
            del self._sessions[next(iter(self._sessions))]
        return token

    def knows(self, token: str) -> bool:
        """Return whether a session with this token is open."""
        return digest_of(token) in self._sessions

    def answer_to(self, nonce: str, proof: str) -> dict[str, str] | None:
        """Give a code to another process that knows the secret, with a proof that this one does; None if it does not."""
        if not hmac.compare_digest(prove(self._secret, "ask", nonce), _ascii(proof)):
            return None
        code = self.code()
        return {"code": code, "proof": prove(self._secret, "give", nonce + code)}


def prove(secret: bytes, what: str, text: str) -> str:
    """Prove to know the secret, without telling it, for one of two purposes."""
    return hmac.new(secret, _WORDS[what] + text.encode(), hashlib.sha256).hexdigest()


def digest_of(text: str) -> str:
    """Return the hash by which a secret is kept."""
    # Only hashes are looked up: how long that takes tells nothing of what they are made of.
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _ascii(text: str) -> str:
    return text.encode("ascii", errors="replace").decode()
