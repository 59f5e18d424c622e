"""A TCP server that says exactly what a test tells it to, HTTP or not, and remembers what it was sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketAttribute, SocketStream, TaskStatus


@dataclass(frozen=True)
class Asked:
    """One request: its target and its headers, names in lower case."""

    target: str
    headers: Mapping[str, str]

    @property
    def start(self) -> int | None:
        """Where the range that was asked for begins."""
        text = self.headers.get("range")
        return int(text.removeprefix("bytes=").removesuffix("-")) if text else None


Answer = Callable[[Asked, SocketStream], Awaitable[None]]


@dataclass
class RawServer:
    """`asked` holds the requests in order, `connections` counts those that came about."""

    port: int
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    @property
    def trusted(self) -> frozenset[str]:
        return frozenset({f"127.0.0.1:{self.port}"})

    def url(self, path: str = "/clip.mp4") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def reply(status: int, body: bytes = b"", *headers: str, length: int | None = -1) -> bytes:
    """An answer with its Content-Length; `length` lies about it, None leaves it out."""
    lines = [f"HTTP/1.1 {status} Whatever", *headers]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")
    return "\r\n".join((*lines, "Connection: close", "", "")).encode() + body


@asynccontextmanager
async def serving(answer: Answer) -> AsyncGenerator[RawServer]:
    """Serve on a free loopback port; every connection is answered once and then closed."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    server = RawServer(listener.extra(SocketAttribute.local_port))

    async def handle(stream: SocketStream) -> None:
        server.connections += 1
        async with stream:
            # The client may hang up at any moment; that is not what is tested here.
            try:
                asked = await _read(stream)
                server.asked.append(asked)
                await answer(asked, stream)
            except (anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError):
                pass

    async def serve(task_status: TaskStatus[None]) -> None:
        async with listener:
            task_status.started()
            await listener.serve(handle)

    async with anyio.create_task_group() as group:
        await group.start(serve)
        try:
            yield server
        finally:
            group.cancel_scope.cancel()


async def _read(stream: SocketStream) -> Asked:
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive()
    first, *lines = data.decode().split("\r\n\r\n")[0].split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Asked(first.split(" ")[1], headers)


def always(*answers: bytes) -> Answer:
    """Send the same bytes to everyone."""

    async def answer(asked: Asked, stream: SocketStream) -> None:
        for piece in answers:
            await stream.send(piece)

    return answer


def in_turn(*answers: Answer | bytes) -> Answer:
    """Give each request the next answer."""
    left = iter(answers)

    async def answer(asked: Asked, stream: SocketStream) -> None:
        following = next(left)
        if isinstance(following, bytes):
            await stream.send(following)
        else:
            await following(asked, stream)

    return answer
