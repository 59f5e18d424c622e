"""The real server in a process of its own, spoken to in raw lines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def request(
    number: int | str, method: str, params: dict[str, Any] | None = None, *, modern: bool = False
) -> Any:
    """A request as it stands on the wire, with the newer protocol's envelope if asked for."""
    body = {**(params or {}), **({"_meta": MODERN} if modern else {})}
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": body}


def initialize(number: int = 1, *, revision: str = "2025-11-25") -> Any:
    """The opening of the older protocol."""
    hello = {
        "protocolVersion": revision,
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    }
    return request(number, "initialize", hello)


def call(number: int, tool: str, arguments: dict[str, Any], *, modern: bool = False) -> Any:
    """A call of a tool."""
    return request(number, "tools/call", {"name": tool, "arguments": arguments}, modern=modern)


class Server:
    """A running server."""

    def __init__(self, process: Process) -> None:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self.process = process
        self.stdin = process.stdin
        self._lines = BufferedByteReceiveStream(process.stdout)
        self.stderr = b""

    async def send(self, *messages: Any) -> None:
        """Write each message on a line; bytes as they are."""
        for message in messages:
            await self.stdin.send(
                message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
            )

    async def receive(self) -> Any:
        """The next line, which has to be JSON."""
        return json.loads(await self._lines.receive_until(b"\n", 64 * 1024 * 1024))

    async def ask(self, message: Any) -> Any:
        """Send a request and wait for its answer; notifications in between are dropped."""
        await self.send(message)
        while (answer := await self.receive()).get("id") != message["id"]:
            assert "method" in answer, f"an answer to nothing: {answer}"
        return answer

    async def rest(self) -> list[Any]:
        """Everything until the server closes its end."""
        found: list[Any] = []
        while True:
            try:
                found.append(await self.receive())
            except (anyio.EndOfStream, anyio.IncompleteRead):
                return found

    async def drain(self) -> None:
        """Collect what it says on stderr."""
        assert self.process.stderr
        async for chunk in self.process.stderr:
            self.stderr += chunk


@asynccontextmanager
async def serving(
    environ: Mapping[str, str],
    folder: Path,
    *,
    python: Sequence[str] = (),
    before: Sequence[str] = (),
    seconds: float = 60,
) -> AsyncIterator[Server]:
    """Start `python -m seedance_mcp`, with a command `before` it; whatever happens, it is gone afterwards."""
    with anyio.fail_after(seconds):
        async with await anyio.open_process(
            [*before, sys.executable, *python, "-m", "seedance_mcp"],
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=folder,
            env={**os.environ, **environ},
        ) as process:
            server = Server(process)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(server.drain)
                try:
                    yield server
                finally:
                    if process.returncode is None:
                        process.kill()
                    with anyio.CancelScope(shield=True):
                        await process.wait()
