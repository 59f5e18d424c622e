"""A loopback server that says what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketAttribute, SocketStream

from .wire import Connection, Request, Response

Say = Callable[[Connection, Request], Awaitable[bool]]
"""Answers a request. Returns whether the connection can go on."""


@dataclass
class Scripted:
    """The server: where it is, what it was asked, how many connections came."""

    origin: str = ""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def scripted(say: Say) -> AsyncIterator[Scripted]:
    """Serve `say` on a port of 127.0.0.1."""
    server = Scripted()

    async def attend(stream: SocketStream) -> None:
        server.connections += 1
        async with stream:
            connection = Connection(stream)
            async for request in connection.requests():
                server.requests.append(request)
                try:
                    if not await say(connection, request):
                        return
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    return

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    server.origin = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
    group = anyio.create_task_group()
    await group.__aenter__()
    group.start_soon(listener.serve, attend)
    try:
        yield server
    finally:
        group.cancel_scope.cancel()
        # The error of the test is its own; inside a group's it would not be recognised.
        try:
            await group.__aexit__(None, None, None)
        finally:
            await listener.aclose()


def saying(*answers: Response | str) -> Say:
    """One answer after another, the last one for ever. `hang up` closes the connection instead."""
    waiting = list(answers)

    async def say(connection: Connection, request: Request) -> bool:
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, str):
            return False
        await connection.send(answer)
        return True

    return say
