"""HTTP/1.1 over bare byte streams, so that every way of breaking it can be played."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

HEAD_LIMIT = 64_000
BODY_LIMIT = 70_000_000

REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client sent. Header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path, decoded, without the query."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, list[str]]:
        """The query parameters, every value of each."""
        return parse_qs(urlsplit(self.target).query)

    @property
    def json(self) -> Any:
        """The body. ValueError if it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Response:
    """What is answered: a body, its type, further headers."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> Response:
        """A JSON answer."""
        return cls(
            status=status,
            body=json.dumps(value, ensure_ascii=False).encode(),
            headers={name.replace("_", "-"): text for name, text in headers.items()},
        )

    def head(self, length: int | None = None) -> bytes:
        """The status line and the headers; `length` is what Content-Length claims."""
        headers = {
            "Content-Type": self.content_type,
            "Content-Length": str(len(self.body) if length is None else length),
            **self.headers,
        }
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Whatever')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


class Connection:
    """One client's connection."""

    def __init__(self, stream: SocketStream) -> None:
        self.stream = stream
        self._reader = BufferedByteReceiveStream(stream)

    async def requests(self) -> AsyncIterator[Request]:
        """Every request that arrives whole, until the client leaves."""
        while True:
            try:
                head = await self._reader.receive_until(b"\r\n\r\n", HEAD_LIMIT)
                yield await self._rest(head.decode("latin-1"))
            except (anyio.EndOfStream, anyio.IncompleteRead, anyio.DelimiterNotFound):
                return
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    async def _rest(self, head: str) -> Request:
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = await self._chunks()
        else:
            length = int(headers.get("content-length", "0"))
            if length > BODY_LIMIT:
                raise anyio.IncompleteRead
            body = await self._reader.receive_exactly(length) if length else b""
        return Request(method=method, target=target, headers=headers, body=body)

    async def _chunks(self) -> bytes:
        body = b""
        while True:
            size = int((await self._reader.receive_until(b"\r\n", 100)).split(b";")[0], 16)
            body += (await self._reader.receive_exactly(size + 2))[:-2]
            if not size:
                return body

    async def send(self, response: Response) -> None:
        """Answer in full."""
        await self.stream.send(response.head() + response.body)

    async def drip(self, data: bytes, seconds: float) -> None:
        """Send one byte at a time with a pause after each: slow enough to starve, fast enough to look alive."""
        for position in range(len(data)):
            await self.stream.send(data[position : position + 1])
            await anyio.sleep(seconds)

    async def wait_until_left(self) -> None:
        """Say nothing until the client gives up."""
        while True:
            try:
                await self.stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    async def reset(self) -> None:
        """Break the connection off with a RST."""
        raw = self.stream.extra(SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await anyio.aclose_forcefully(self.stream)
