"""The network as httpcore2 sees it: a name is looked up once, and only judged addresses are connected to."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import anyio

from ...config import Proxy
from .ip_ranges import is_fake, is_number, is_private_name, is_public
from .tunnel import open_tunnel

if TYPE_CHECKING:
    import httpcore2

__all__ = ["READ_BYTES", "Backend", "Gate", "Line", "Resolve", "connect_first", "resolve_name"]

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Turns a host name and a port into addresses, written as numbers."""

_STAGGER_SECONDS = 0.25
READ_BYTES = 256 * 1024
"""As many as asyncio takes from a socket at once: smaller reads would cut that in pieces and copy the rest each time."""


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """Ask the system for the addresses of a host."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(answer[4][0]) for answer in found))


class Gate:
    """A callback that is awaited once, and whose failure closes the way for good."""

    def __init__(self, before: Callable[[], Awaitable[None]]) -> None:
        self._before = before
        self._open = False
        self.used = False

    async def pass_through(self) -> None:
        """Await the callback if it has not been; raise what it raises."""
        if self._open:
            return
        if self.used:
            raise RuntimeError("The callback before the first byte has failed; nothing may be sent.")
        self.used = True
        await self._before()
        self._open = True


class _Stream:
    """A connection that reads in large pieces, and lets no byte of a request out before its gate, if any, is open."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, gate: Gate | None) -> None:
        self._stream = stream
        self._gate = gate
        self._socket: socket.socket | None = stream.get_extra_info("socket")

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._stream.read(max(max_bytes, READ_BYTES), timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        if self._gate:
            await self._gate.pass_through()
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> _Stream:
        try:
            stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:  # httpcore2 closes it where that fails, and not where it is given up
            with anyio.CancelScope(shield=True):
                await self._stream.aclose()
            raise
        return _Stream(stream, self._gate)

    def get_extra_info(self, info: str) -> Any:
        # Asked of every idle connection before each request, which anyio answers by looking up both its addresses as well.
        if info == "is_readable" and self._socket is not None:
            return _is_readable(self._socket)
        return self._stream.get_extra_info(info)


def _is_readable(connection: socket.socket) -> bool:
    """Return whether something has come, such as that the other side has closed; also of one that is closed here."""
    number = connection.fileno()
    if number < 0:
        return True
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([number], [], [], 0)[0])
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))


@dataclass(frozen=True, kw_only=True)
class Line:
    """What connections are made with: see `addresses.transport`. `tls` is for proxies that are spoken to in TLS."""

    trusted: frozenset[str]
    resolve: Resolve
    gate: Gate | None
    tls: ssl.SSLContext


class Backend:
    """The network as httpcore2 sees it: names are looked up once, and what was judged is connected to."""

    def __init__(self, line: Line, proxy: Callable[[str, int], Proxy | None] | None = None) -> None:
        """`proxy` gives the one that is between here and a host and port, if any."""
        self._line = line
        self._proxy = proxy

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> _Stream:
        """Connect to an address of `host` that may be connected to; raise httpcore2's errors."""
        import httpcore2

        gate = self._line.gate
        if gate and gate.used:
            raise RuntimeError("This transport has carried its one request.")
        proxy = self._proxy(host, port) if self._proxy else None
        try:
            with anyio.fail_after(timeout):
                stream = await (
                    self._direct(host, port) if proxy is None else self._behind(proxy, host, port)
                )
        except TimeoutError as error:
            way = f" by way of the proxy {proxy}" if proxy else ""
            raise httpcore2.ConnectTimeout(f"{host} did not answer in time{way}.") from error
        except OSError as error:
            raise httpcore2.ConnectError(f"{host} cannot be reached: {error}") from error
        return _Stream(stream, gate)

    async def _direct(self, host: str, port: int) -> httpcore2.AsyncNetworkStream:
        return await connect_first(await self._judged(host, port), port)

    async def _behind(self, proxy: Proxy, host: str, port: int) -> httpcore2.AsyncNetworkStream:
        import httpcore2

        if f"{host}:{port}" not in self._line.trusted and not (
            is_public(host) if is_number(host) else not is_private_name(host)
        ):
            raise httpcore2.ConnectError(f"{host} is not a public address, and no proxy is asked for it.")
        return await open_tunnel(proxy, host, port, connect=self._to_proxy, tls=self._line.tls)

    async def _to_proxy(self, proxy: Proxy) -> httpcore2.AsyncNetworkStream:
        # The user named it: like a base URL it may be on this machine or in a private network.
        return await connect_first(await self._line.resolve(proxy.host, proxy.port), proxy.port)

    async def _judged(self, host: str, port: int) -> Sequence[str]:
        import httpcore2

        addresses = await self._line.resolve(host, port)
        if f"{host}:{port}" in self._line.trusted:
            return addresses
        refused = [address for address in addresses if not is_public(address)]
        if refused or not addresses:
            raise httpcore2.ConnectError(_why_refused(host, refused))
        return addresses

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)


def _why_refused(host: str, refused: Sequence[str]) -> str:
    if not refused:
        return f"{host} has no address."
    if not all(is_fake(address) for address in refused):
        return f"{host} leads to {refused[0]}, which is not a public address."
    return (
        f"{host} leads to {refused[0]}: a proxy tool on this machine invents addresses (fake-IP mode). "
        f"Exempt {host} there, or let it answer with real addresses."
    )


async def connect_first(addresses: Sequence[str], port: int) -> httpcore2.AsyncNetworkStream:
    """Connect to the first address that answers; the next one is tried when one fails or is slow."""
    import httpcore2

    network = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())
    winner: httpcore2.AsyncNetworkStream | None = None
    failures: list[Exception] = []

    async def attempt(address: str, over: anyio.Event) -> None:
        nonlocal winner
        try:
            stream = await network.connect_tcp(address, port)
        except httpcore2.ConnectError as error:
            failures.append(error)
        else:
            if winner is None:
                winner = stream
                group.cancel_scope.cancel()
            else:
                with anyio.CancelScope(shield=True):
                    await stream.aclose()
        finally:
            over.set()

    try:
        async with anyio.create_task_group() as group:
            for address in addresses:
                over = anyio.Event()
                group.start_soon(attempt, address, over)
                with anyio.move_on_after(_STAGGER_SECONDS):
                    await over.wait()
    except BaseException:
        if winner is not None:  # given up at the very moment of success: nobody else would close it
            with anyio.CancelScope(shield=True):
                await winner.aclose()
        raise
    if winner is None:
        raise failures[0]
    return winner
