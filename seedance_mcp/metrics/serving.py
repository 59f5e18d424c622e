"""Gives out the metrics of a process on a port of their own, beside whatever else it does."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..config import extra_command
from ..counting import counted_by
from ..errors import ConfigError
from .live import Live
from .place import MetricsPlace

if TYPE_CHECKING:
    from .tallies import Tallies

_LOG = logging.getLogger(__name__)

_PATH = "/metrics"
_PATIENCE_SECONDS = 10.0
_AT_ONCE = 8


@contextlib.contextmanager
def serving_metrics(place: MetricsPlace, live: Live) -> Generator[str]:
    """
    Count from now on, and tell whoever asks, until the context ends; gives the address.

    It runs in threads of its own: a process whose event loop stands still tells that as well.

    Raises:
        ConfigError: the address cannot be used, or the library is not installed.
    """
    try:
        from .tallies import Tallies
    except ImportError:
        raise ConfigError(
            "Metrics are wanted, and what writes them is not installed.",
            hint=f"Run `{extra_command('team')}`, then start again.",
        ) from None
    tallies = Tallies(live)
    try:
        server = _Server(place, tallies)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"Port {place.port} of {place.host} cannot be used for metrics: {why}.",
            hint="Give another port with --metrics; 0 takes any that is free.",
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        with counted_by(tallies):
            yield place.url(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, place: MetricsPlace, tallies: Tallies) -> None:
        self.address_family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        self.tallies = tallies
        self.is_private = place.is_private
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__((place.host, place.port), _Answer)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; who is too many is hung up on."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where whoever asks has hung up, or is too slow."""
        if not isinstance(sys.exception(), OSError):
            _LOG.exception("The metrics could not be told")


class _Answer(BaseHTTPRequestHandler):
    timeout = _PATIENCE_SECONDS

    def do_GET(self) -> None:
        """Answer one question."""
        from prometheus_client.exposition import choose_encoder

        server = self.server
        assert isinstance(server, _Server)
        if server.is_private and not _names_this_machine(self.headers.get("Host", "")):
            self._send(421, "text/plain", b"")  # a page of another site, by a name that leads here
        elif urlsplit(self.path).path != _PATH:
            self._send(404, "text/plain", b"")
        else:
            encode, kind = choose_encoder(self.headers.get("Accept", ""))
            self._send(200, kind, encode(server.tallies.registry))

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


def _names_this_machine(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
