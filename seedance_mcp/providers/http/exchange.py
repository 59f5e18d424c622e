"""One free request and its whole answer, over connections that are kept for the next one."""

from __future__ import annotations

import logging

import httpx2

from ...counting import Counted, count
from ...errors import ProviderUnavailable
from .addresses import transport
from .origin import Origin
from .replies import Answer, answer_of, take
from .their_clock import TheirClock
from .timeouts import Deadlines, Timing
from .unreachable import why_unreachable, with_advice

logger = logging.getLogger(__name__)


class Exchange:
    """
    Sends to one API; `title` is how a person knows it. Redirects are never followed.

    It sends by the transport itself: a client above it adds redirects, cookies, hooks and logins, of which none is wanted.
    """

    def __init__(self, origin: Origin, title: str, deadlines: Deadlines, timing: Timing) -> None:
        """Prepare; nothing is connected yet."""
        self._origin = origin
        self._title = title
        self._timing = timing
        self._transport: httpx2.AsyncBaseTransport | None = None
        self._timeouts = httpx2.Timeout(deadlines.read, connect=deadlines.connect).as_dict()
        self._closed = False
        self.their_clock = TheirClock(timing)

    async def send(self, request: httpx2.Request) -> Answer:
        """
        Send once and take the answer, whatever its status.

        Raises:
            ProviderUnavailable: no connection came about, or it broke before the answer was complete.
        """
        if self._closed:
            raise RuntimeError(f"The connections to {self._title} are closed.")
        if self._transport is None:
            self._transport = transport(trusted=self._origin.trusted, outbound=self._origin.outbound)
        request.extensions["timeout"] = self._timeouts
        body = bytearray()
        try:
            response = await self._transport.handle_async_request(request)
            try:
                whole = await take(response.aiter_raw(), body)
            finally:
                await response.aclose()
        except (httpx2.TransportError, OSError) as error:
            count(Counted.PROVIDER_CALL, self._origin.provider, "free", "none")
            raise ProviderUnavailable(
                f"{self._title} cannot be reached: {why_unreachable(error)}.",
                hint=with_advice(
                    ProviderUnavailable.default_hint,
                    error,
                    self._origin.outbound,
                    address=self._origin.setting,
                ),
            ) from error
        count(Counted.PROVIDER_CALL, self._origin.provider, "free", str(response.status_code))
        logger.debug(
            "%s: %s %s: HTTP %d", self._title, request.method, request.url.path, response.status_code
        )
        answer = answer_of(
            response.status_code,
            response.headers,
            bytes(body),
            whole=whole,
            now=self._timing.now(),
            key=self._origin.key,
        )
        return answer.with_date(self.their_clock.read(response.headers))

    async def close(self) -> None:
        """Close the connections, for good: one opened by a later call would be nobody's to close."""
        self._closed = True
        closing, self._transport = self._transport, None
        if closing:
            await closing.aclose()
