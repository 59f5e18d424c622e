"""A proxy on 127.0.0.1 that opens tunnels: every name leads to this machine, and every way to refuse can be played."""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSListener

from .tls import GONE, relay


@dataclass
class ProxyServer:
    """
    The proxy: what it was asked, and how it behaves.

    `says`: what it answers to CONNECT instead of opening a tunnel; empty bytes: it hangs up; None: it opens one.
    `login`: `user:password` that it wants. `sent`: everything that clients sent through their tunnels.
    """

    port: int = 0
    says: bytes | None = None
    login: str | None = None
    silent: bool = False
    heads: list[str] = field(default_factory=list)
    sent: bytearray = field(default_factory=bytearray)
    scopes: list[anyio.CancelScope] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        """Whom tunnels were wanted to, in order."""
        return [head.split(" ")[1] for head in self.heads]

    def cut(self) -> None:
        """Cut every tunnel, now."""
        for scope in self.scopes:
            scope.cancel()

    def knows(self, head: str) -> bool:
        """Whether this request has the right login."""
        if self.login is None:
            return True
        wanted = base64.b64encode(self.login.encode()).decode()
        return f"\r\nProxy-Authorization: Basic {wanted}\r\n" in head


@asynccontextmanager
async def proxying(server: ProxyServer, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[ProxyServer]:
    """Run it; with `tls` it is spoken to in TLS."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    server.port = listener.extra(SocketAttribute.local_port)

    async def attend(stream: Any) -> None:
        async with stream:
            with suppress(*GONE):
                await _answer(stream, server)

    async with listener, anyio.create_task_group() as group:
        group.start_soon(
            (TLSListener(listener, tls, standard_compatible=False) if tls else listener).serve, attend
        )
        try:
            yield server
        finally:
            group.cancel_scope.cancel()


async def _answer(stream: Any, server: ProxyServer) -> None:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += await stream.receive(1)
    server.heads.append(head.decode("latin-1"))
    if server.silent:
        await anyio.sleep_forever()
    if not server.knows(server.heads[-1]):
        await stream.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        return
    if server.says is not None:
        await stream.send(server.says)
        return

    def note(piece: bytes) -> bool:
        server.sent += piece
        return True

    port = int(server.targets[-1].rpartition(":")[2])
    async with await anyio.connect_tcp("127.0.0.1", port) as inner:
        await stream.send(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")
        with anyio.CancelScope() as scope:
            server.scopes.append(scope)
            await relay(stream, inner, note)
