"""Which URLs may be connected to, and the HTTP transport that connects to nothing else."""

from __future__ import annotations

import functools
import re
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from ..errors import UnexpectedResponse
from .network import Backend, Gate, Resolve, resolve_name
from .ranges import is_number, is_public

if TYPE_CHECKING:
    import httpcore2
    import httpx2

__all__ = ["Resolve", "check_url", "client", "endpoint", "is_public", "transport"]

_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?"
)

_OLD_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LOCAL_ENDINGS = frozenset({"internal", "lan", "local", "localdomain", "localhost", "onion"})


def endpoint(url: str) -> str:
    """
    Write the host and port of a URL as `host:port`: the form in which trusted endpoints are named.

    Raises:
        UnexpectedResponse: it is no http or https URL with a host.
    """
    parsed = _parse(url)
    return f"{parsed.raw_host.decode('ascii')}:{parsed.port or {'http': 80, 'https': 443}[parsed.scheme]}"


def check_url(url: str, *, trusted: frozenset[str]) -> None:
    """
    Refuse a URL that we do not connect to, whatever its name resolves to.

    `trusted` holds `host:port` of the base URLs that the user has set: only there plain http and private
    addresses are allowed. What a name resolves to is checked by `transport`, when it connects.

    Raises:
        UnexpectedResponse: it is not https, has a user name in it, or names a private address.
    """
    parsed = _parse(url)
    if parsed.userinfo:
        raise UnexpectedResponse("The URL has a user name or password in it.")
    if endpoint(url) in trusted:
        return
    host = parsed.raw_host.decode("ascii")
    if parsed.scheme != "https":
        raise UnexpectedResponse(f"The URL on {host} is not https.")
    if is_number(host):
        if not is_public(host):
            raise UnexpectedResponse(f"{host} is not a public address.")
    elif not _NAME.fullmatch(host):
        raise UnexpectedResponse("The URL has no valid host name.")
    elif _is_private_name(host.rstrip(".")):
        raise UnexpectedResponse(f"{host} is not a public host name.")


def _is_private_name(host: str) -> bool:
    """Tell whether a name is an address in a spelling of old, or exists in a local network only."""
    last = host.rpartition(".")[2]
    return "." not in host or bool(_OLD_NUMBER.fullmatch(last)) or last in _LOCAL_ENDINGS


def _parse(url: str) -> httpx2.URL:
    import httpx2

    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise UnexpectedResponse("The URL cannot be read.") from error
    if parsed.scheme not in ("http", "https") or not parsed.raw_host:
        raise UnexpectedResponse("The URL is not an https URL with a host.")
    if parsed.port is not None and not 0 < parsed.port < 65_536:
        raise UnexpectedResponse("The URL has a port that does not exist.")
    return parsed


def transport(
    *,
    trusted: frozenset[str],
    keepalive: bool = True,
    before_first_byte: Callable[[], Awaitable[None]] | None = None,
    resolve: Resolve = resolve_name,
    tls: ssl.SSLContext | None = None,
) -> httpx2.AsyncBaseTransport:
    """
    Build an HTTP/1.1 transport that resolves a name once and connects only to addresses it has judged.

    A name with one private address among its addresses is refused as a whole, unless its `host:port` is in
    `trusted`; the refusal is an `httpx2.ConnectError`, so nothing was sent. No proxy is ever used, whatever
    the environment says: a proxy would look the name up again. `SSL_CERT_FILE` and `SSL_CERT_DIR` are obeyed.

    `before_first_byte` is awaited once, when the connection and its encryption stand and before the first
    byte of the request goes out. If it raises, nothing goes out and its exception reaches the caller. Such a
    transport carries one request: after the call it connects no more.
    """
    import httpcore2
    import httpx2

    gate = Gate(before_first_byte) if before_first_byte else None
    context = tls or _system_tls()
    reuse = keepalive and gate is None
    built = httpx2.AsyncHTTPTransport(verify=context)
    # httpx2 has no argument for a network backend; its pool is the documented class of httpcore2.
    built._pool = httpcore2.AsyncConnectionPool(  # pyright: ignore[reportPrivateUsage]
        ssl_context=context,
        max_connections=20,
        max_keepalive_connections=20 if reuse else 0,
        keepalive_expiry=20,
        network_backend=cast("httpcore2.AsyncNetworkBackend", Backend(trusted, resolve, gate)),
    )
    return built


def client(
    *,
    trusted: frozenset[str],
    connect_seconds: float = 15,
    read_seconds: float = 60,
    over: httpx2.AsyncBaseTransport | None = None,
) -> httpx2.AsyncClient:
    """
    Build a client over `transport`: no redirects, no proxy, no netrc, no compressed answers asked for.

    Callers that follow a redirect pass each target through `check_url` first.
    """
    import httpx2

    return httpx2.AsyncClient(
        transport=over or transport(trusted=trusted),
        timeout=httpx2.Timeout(read_seconds, connect=connect_seconds),
        follow_redirects=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "seedance-mcp"},
    )


@functools.cache
def _system_tls() -> ssl.SSLContext:
    """The certificates of this machine: read once, because that takes 30 ms."""
    import httpcore2

    return httpcore2.default_ssl_context()
