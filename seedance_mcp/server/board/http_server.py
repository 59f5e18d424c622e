"""The HTTP server of the local board: on a socket that is bound already, ended by who has started it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Generator

import anyio
import uvicorn

from .access import Access
from .routes import LocalBoard

_LAST_ANSWERS_SECONDS = 2
_HEADER_BYTES = 16 * 1024
_CONNECTIONS = 200


class HttpServer(uvicorn.Server):
    """Serves the board behind its guard, and says neither what it is nor what is asked of it."""

    def __init__(self, board: LocalBoard, listening: socket.socket) -> None:
        self._listening = listening
        super().__init__(
            uvicorn.Config(
                Access(board.routes(), listening.getsockname()[1]),
                lifespan="off",
                http="h11",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=_HEADER_BYTES,
                limit_concurrency=_CONNECTIONS,
                timeout_graceful_shutdown=_LAST_ANSWERS_SECONDS,
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
        """Take no more requests, and give those under way two seconds."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to who ends this server: uvicorn would raise each once more, before the app is closed."""
        yield
