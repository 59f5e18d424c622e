"""A tunnel through an HTTP proxy: whatever the proxy says before it stands, nothing was sent to the other side."""

from __future__ import annotations

import re
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import anyio

from ...config import Proxy

if TYPE_CHECKING:
    import httpcore2

_MOST_BYTES = 16_384
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n")
_REASONS = {
    403: "does not allow connections to {place}",
    404: "does not find {place}",
    407: "wants a user name and password, or others than it was given (SEEDANCE_PROXY takes user:password@host:port)",
    502: "cannot reach {place}",
    503: "cannot reach {place}",
    504: "had no answer from {place}",
}


async def open_tunnel(
    proxy: Proxy,
    host: str,
    port: int,
    *,
    connect: Callable[[Proxy], Awaitable[httpcore2.AsyncNetworkStream]],
    tls: ssl.SSLContext,
) -> httpcore2.AsyncNetworkStream:
    """
    Let a proxy connect to `host` and return the connection, which is then the other side's.

    Raises:
        httpcore2.ProxyError: the proxy cannot be reached, refuses, or says something else. It never holds the login.
    """
    import httpcore2

    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        stream = await connect(proxy)
    except (httpcore2.NetworkError, OSError) as error:
        raise httpcore2.ProxyError(f"The proxy {proxy} cannot be reached: {error}") from error
    try:
        if proxy.tls:
            stream = await stream.start_tls(tls, server_hostname=proxy.host)
        await stream.write(_request(proxy, place))
        head = await _head(stream)
        status = int(match[1]) if (match := _STATUS.match(head)) else 0
        if not 200 <= status < 300:
            raise httpcore2.ProxyError(_refusal(proxy, place, status))
        if not head.endswith(b"\r\n\r\n"):
            raise httpcore2.ProxyError(f"The proxy {proxy} said more than that the tunnel to {place} stands.")
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            await stream.aclose()
        if isinstance(error, httpcore2.NetworkError | OSError):
            raise httpcore2.ProxyError(f"The connection to the proxy {proxy} broke: {error}") from error
        raise
    return stream


def _request(proxy: Proxy, place: str) -> bytes:
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}", "User-Agent: seedance-mcp"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization.get_secret_value()}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


async def _head(stream: httpcore2.AsyncNetworkStream) -> bytes:
    """The answer up to its blank line; more if the proxy goes on, less if it does not get there."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MOST_BYTES:
        piece = await stream.read(_MOST_BYTES)
        if not piece:
            break
        head += piece
    return head


def _refusal(proxy: Proxy, place: str, status: int) -> str:
    if not status:
        return f"The proxy {proxy} gave no answer that HTTP knows."
    reason = _REASONS.get(status, "does not open a tunnel to {place}").format(place=place)
    return f"The proxy {proxy} {reason} (HTTP {status})."
