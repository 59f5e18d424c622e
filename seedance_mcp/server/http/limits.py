"""How much may be asked at once and in a minute, and how large and how slow a request may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from ..http_server import Receive
from .refusals import Refused

if TYPE_CHECKING:
    from ...config import Settings

_MOST_DIGITS = 12
_BURSTS_A_MINUTE = 5


@dataclass(frozen=True, kw_only=True)
class Limits:
    """
    The limits of one server. `calls_a_minute`, `calls_at_once` and `from_rest` are those of each token.

    `from_rest` is how many may come without a pause from a token that has not called for a while.
    """

    body_bytes: int = 4 * 1024 * 1024
    body_seconds: float = 30.0
    calls: int = 256
    calls_a_minute: int = 600
    calls_at_once: int = 128
    from_rest: int = 120
    last_answers_seconds: int = 6
    connections: int = 512

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Take those that a person can set from the settings."""
        a_minute = settings.http_calls_per_minute
        return cls(
            calls_a_minute=a_minute,
            calls_at_once=settings.http_calls_at_once,
            from_rest=max(1, a_minute // _BURSTS_A_MINUTE),
        )


class Traffic:
    """
    How many calls are under way, and how often each token has called: a bucket that fills with time, one taken by each call.

    It is known in this process alone, which is the whole server.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = anyio.current_time) -> None:
        self._limits = limits
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._under_way = Counter[str]()
        self._ending = False

    def begin_ending(self) -> None:
        """Let no more calls through."""
        self._ending = True

    @contextmanager
    def call(self, token_id: str) -> Generator[None]:
        """
        Count a call while it is under way; without a token's id it counts among all calls alone.

        Raises:
            Refused: there are too many, of this token or of all.
        """
        if token_id:
            self._take(token_id)
            if self._under_way[token_id] >= self._limits.calls_at_once:
                raise Refused(429, "Too many calls at once with this token.", retry_after="1")
        if self._ending or self._under_way.total() >= self._limits.calls:
            raise Refused(
                503, "The server has too much to do, or is ending: call again in a moment.", retry_after="1"
            )
        self._under_way[token_id] += 1
        try:
            yield
        finally:
            self._under_way[token_id] -= 1

    def _take(self, token_id: str) -> None:
        now, most = self._clock(), float(self._limits.from_rest)
        left, since = self._buckets.get(token_id, (most, now))
        per_second = self._limits.calls_a_minute / 60
        left = min(most, left + (now - since) * per_second)
        if left < 1:
            wait = int((1 - left) / per_second) + 1
            raise Refused(429, f"Too many calls; try again in {wait} s.", retry_after=str(wait))
        self._buckets[token_id] = left - 1, now


async def read_body(receive: Receive, declared: str | None, limits: Limits) -> bytes:
    """
    Read a request whole.

    Raises:
        Refused: it is too long, or takes too long to come.
    """
    # The connection stays: what is still on its way is passed over, so that the client lives to read why.
    too_long = Refused(
        413, f"A request may have {limits.body_bytes // 1024**2} MiB. Pass files by URL, or by their path."
    )
    if declared is not None and (len(declared) > _MOST_DIGITS or int(declared) > limits.body_bytes):
        raise too_long
    body = bytearray()
    with anyio.move_on_after(limits.body_seconds):
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise Refused(400, "The request broke off.")
            body += message.get("body", b"")
            if len(body) > limits.body_bytes:
                raise too_long
            if not message.get("more_body", False):
                return bytes(body)
    raise Refused(408, "The request took too long to come.", connection="close")
