"""How much may be asked at once and in a minute, and how large and how slow a request may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from ..http_server import Receive
from .refusals import Refused

_MOST_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one server. `calls_a_minute` and `at_once_from_rest` are those of each token."""

    body_bytes: int = 4 * 1024 * 1024
    body_seconds: float = 30.0
    calls: int = 256
    calls_a_minute: int = 600
    at_once_from_rest: int = 120
    last_answers_seconds: int = 6
    connections: int = 512


class Rates:
    """How often each token has called: a bucket that fills with time and that each call takes one from."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = anyio.current_time) -> None:
        self._limits = limits
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, token_id: str) -> None:
        """Raise Refused if a token has called too often."""
        now, most = self._clock(), float(self._limits.at_once_from_rest)
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
