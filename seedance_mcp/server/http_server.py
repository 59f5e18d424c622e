"""An HTTP server on a socket that is bound already, ended by who has started it."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from typing import Any

import anyio
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import ConfigError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

HEAD_BYTES = 16 * 1024
"""The most that the head of a request may have."""

_HEADER_SECONDS = 10.0
"""How long the head of a request may take to arrive, from the connection or its first byte on."""

_MORE_CONNECTIONS = 32
"""So many beyond the limit are answered with 503; others are hung up on, for each takes one of the process's files."""

_BACKLOG = 64
"""As many are accepted at once, before one of them can be hung up on."""


class HttpServer(uvicorn.Server):
    """Serves one application, and says neither what it is nor what is asked of it."""

    def __init__(
        self, app: AsgiApp, listening: socket.socket, *, connections: int, last_answers_seconds: int
    ) -> None:
        """`connections` is the most at once; requests under way at the end get `last_answers_seconds`."""
        self._listening = listening
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                lifespan="off",
                http=_Punctual,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=HEAD_BYTES,
                limit_concurrency=_affordable(connections),
                backlog=_BACKLOG,
                timeout_graceful_shutdown=last_answers_seconds,
            )
        )

    async def run_until_ended(self) -> None:
        """Serve until `end` is called, or the caller is cancelled, as Ctrl-C does on Windows."""
        try:
            await self.serve(sockets=[self._listening])
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self.shutdown(sockets=[self._listening])
            raise

    def end(self) -> None:
        """Take no more requests, and give those under way their last seconds."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to who ends this server: uvicorn would raise each once more, before the app is closed."""
        yield


def _affordable(connections: int) -> int:
    """Return how many connections leave files for the work itself: half of those that the system lets a process open."""
    try:
        import resource
    except ImportError:  # Windows
        return connections
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return connections if most == resource.RLIM_INFINITY else max(1, min(connections, most // 2))


class _Punctual(H11Protocol):
    """Hangs up on who does not bring the head of a request to its end, and on who is too many; uvicorn would not."""

    _late: Any = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > (self.limit_concurrency or 0) + _MORE_CONNECTIONS:
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def _watch(self) -> None:
        # Typed as always there; before the first request it is None.
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._rest()
        elif self._late is None:
            self._late = self.loop.call_later(_HEADER_SECONDS, self._hang_up)

    def _rest(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _hang_up(self) -> None:
        self._late = None
        if not self.transport.is_closing():
            self.transport.close()


def bound(host: str, port: int, *, hint: str) -> socket.socket:
    """
    Listen on an address of this machine; port 0 is any that is free. `hint` says what to do where that fails.

    Raises:
        ConfigError: it cannot be used.
    """
    # Only for a socket that names its protocol does the event loop send every part of an answer at once, not after 40 ms.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()  # whoever opens the address at once is answered a moment later
    except (OSError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"Port {port} of {host} cannot be used: {why}.", hint=hint) from error
    return listening
