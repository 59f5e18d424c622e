"""Which URLs may be connected to, and the HTTP transport that connects to nothing else."""

from __future__ import annotations

import re
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from ...config import DIRECT, Outbound
from ...errors import UnexpectedResponse
from .certificates import certificates_of
from .ip_ranges import is_number, is_private_name, is_public
from .network import Backend, Gate, Line, Resolve, resolve_name

if TYPE_CHECKING:
    import httpcore2
    import httpx2

__all__ = ["Resolve", "check_url", "client", "endpoint", "is_public", "transport"]

_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?"
)


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
    elif is_private_name(host):
        raise UnexpectedResponse(f"{host} is not a public host name.")


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
    outbound: Outbound = DIRECT,
    keepalive: bool = True,
    before_first_byte: Callable[[], Awaitable[None]] | None = None,
    resolve: Resolve = resolve_name,
    tls: ssl.SSLContext | None = None,
) -> httpx2.AsyncBaseTransport:
    """
    Build an HTTP/1.1 transport that resolves a name once and connects only to addresses it has judged.

    A name with one private address among its addresses is refused as a whole, unless its `host:port` is in
    `trusted`; the refusal is an `httpx2.ConnectError`, so nothing was sent. A proxy is used only where `outbound` has
    one, always through a tunnel (CONNECT), also for plain http: what a proxy answers is then never taken for what the
    other side answers. It looks names up itself, so of a host behind it only the name, or the literal address, is judged.

    `before_first_byte` is awaited once, when the connection and its encryption stand and before the first
    byte of the request goes out. If it raises, nothing goes out and its exception reaches the caller. Such a
    transport carries one request: after the call it connects no more.

    Raises:
        ConfigError: the certificates that the environment names cannot be used.
    """
    gate = Gate(before_first_byte) if before_first_byte else None
    context = tls or certificates_of(outbound.certificates)
    line = Line(trusted=trusted, resolve=resolve, gate=gate, tls=context)
    reuse = keepalive and gate is None
    proxies = outbound.proxies
    if proxies is None:
        return _over(Backend(line), context, reuse=reuse)
    https, http = (
        _over(Backend(line, partial(proxies.between, scheme)), context, reuse=reuse)
        for scheme in ("https", "http")
    )
    return _by_scheme(https, http)


def _over(backend: Backend, context: ssl.SSLContext, *, reuse: bool) -> httpx2.AsyncBaseTransport:
    import httpcore2
    import httpx2

    built = httpx2.AsyncHTTPTransport(verify=context)
    # httpx2 has no argument for a network backend; its pool is the documented class of httpcore2.
    built._pool = httpcore2.AsyncConnectionPool(  # pyright: ignore[reportPrivateUsage]
        ssl_context=context,
        max_connections=20,
        max_keepalive_connections=20 if reuse else 0,
        keepalive_expiry=20,
        network_backend=cast("httpcore2.AsyncNetworkBackend", backend),
    )
    return built


def _by_scheme(
    https: httpx2.AsyncBaseTransport, http: httpx2.AsyncBaseTransport
) -> httpx2.AsyncBaseTransport:
    """Join two transports: which proxy is between may depend on the scheme, which no connection knows."""
    import httpx2

    class ByScheme(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            chosen = https if request.url.scheme == "https" else http
            return await chosen.handle_async_request(request)

        async def aclose(self) -> None:
            await https.aclose()
            await http.aclose()

    return ByScheme()


def client(
    *,
    trusted: frozenset[str],
    outbound: Outbound = DIRECT,
    connect_seconds: float = 15,
    read_seconds: float = 60,
    over: httpx2.AsyncBaseTransport | None = None,
) -> httpx2.AsyncClient:
    """
    Build a client over `transport`: no redirects, no other proxy than that of `outbound`, no netrc, no compressed answers.

    Callers that follow a redirect pass each target through `check_url` first.

    Raises:
        ConfigError: the certificates that the environment names cannot be used.
    """
    import httpx2

    return httpx2.AsyncClient(
        transport=over or transport(trusted=trusted, outbound=outbound),
        timeout=httpx2.Timeout(read_seconds, connect=connect_seconds),
        follow_redirects=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "seedance-mcp"},
    )
