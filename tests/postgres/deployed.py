"""A team's installation as processes: servers, workers, and a proxy that does as `deploy/haproxy.cfg` says."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
from anyio.abc import Process

from seedance_mcp.server.http_server import HttpServer, Receive, Scope, Send, bound

NAME = "videos.test"
"""Under which clients come."""

_LOOK_SECONDS = 0.5
_NOT_HANDED_ON = frozenset({b"connection", b"transfer-encoding", b"keep-alive", b"content-length"})


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Member:
    """One command of the installation, which can be ended as a rolling restart ends it, and started again on the same port."""

    def __init__(self, environ: Mapping[str, str], state: Path, *words: str) -> None:
        self._environ = {**os.environ, **environ, "SEEDANCE_STATE_DIR": str(state)}
        self._words = words
        self._process: Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it is ready: it says so itself."""
        self._process = await anyio.open_process(
            [sys.executable, "-P", "-m", "seedance_mcp", *self._words],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stderr=None,
        )
        assert self._process.stdout
        await self._process.stdout.receive()

    async def end(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        return await self._process.wait()

    async def close(self) -> None:
        """Kill it, if it runs."""
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class Worker(Member):
    """One `work`."""

    def __init__(self, environ: Mapping[str, str], state: Path) -> None:
        super().__init__(environ, state, "work")


class Replica(Member):
    """One `serve --no-buy`."""

    def __init__(self, environ: Mapping[str, str], state: Path, port: int) -> None:
        super().__init__(environ, state, "serve", "--no-buy", "--port", str(port), "--public-host", NAME)
        self.port = port

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        await super().start()
        async with httpx2.AsyncClient() as http:
            while not await self._is_ready(http):
                assert self._process
                assert self._process.returncode is None, "it did not start"
                await anyio.sleep(0.1)

    async def _is_ready(self, http: httpx2.AsyncClient) -> bool:
        try:
            answer = await http.get(f"http://127.0.0.1:{self.port}/health/ready")
        except httpx2.HTTPError:
            return False
        return answer.status_code == 200


class _RoundRobin:
    """
    Hands each request to the next server that is ready, and to another one where nothing was done yet: no connection, or 503.
    """

    def __init__(self, ports: Sequence[int], http: httpx2.AsyncClient) -> None:
        self._ports, self._http = list(ports), http
        self._ready = list(ports)
        self._turn = 0

    async def look(self) -> None:
        """Ask again and again who is ready."""
        while True:
            ready: list[int] = []
            for port in self._ports:
                with contextlib.suppress(httpx2.HTTPError):
                    answer = await self._http.get(f"http://127.0.0.1:{port}/health/ready", timeout=3.0)
                    ready += [port] if answer.status_code == 200 else []
            self._ready = ready or self._ports
            await anyio.sleep(_LOOK_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        for left in reversed(range(2 * len(self._ports))):
            self._turn += 1
            port = self._ready[self._turn % len(self._ready)]
            request = self._http.build_request(
                scope["method"],
                f"http://127.0.0.1:{port}{scope['path']}",
                headers=[pair for pair in scope["headers"] if pair[0] not in _NOT_HANDED_ON],
                content=body,
            )
            try:
                response = await self._http.send(request, stream=True)
            except httpx2.ConnectError:
                if left:
                    continue
                await _say(send, 503)
                return
            if response.status_code == 503 and left:
                await response.aclose()
                continue
            await _hand_on(response, send)
            return


async def _hand_on(response: httpx2.Response, send: Send) -> None:
    headers = [pair for pair in response.headers.raw if pair[0].lower() not in _NOT_HANDED_ON]
    try:
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        async for piece in response.aiter_raw():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await response.aclose()


async def _say(send: Send, status: int) -> None:
    headers: list[Any] = [(b"content-length", b"0"), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def proxied(ports: Sequence[int]) -> AsyncGenerator[str]:
    """Put a proxy in front of servers; its address."""
    listening = bound("127.0.0.1", 0, hint="")
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    async with (
        httpx2.AsyncClient(timeout=httpx2.Timeout(None, connect=2.0), limits=limits) as http,
        anyio.create_task_group() as tasks,
    ):
        balance = _RoundRobin(ports, http)
        server = HttpServer(balance, listening, connections=2000, last_answers_seconds=1)
        tasks.start_soon(server.run_until_ended)
        tasks.start_soon(balance.look)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def members(
    environ: Mapping[str, str], folder: Path, *, count: int = 2
) -> AsyncGenerator[tuple[list[Replica], list[Worker]]]:
    """Start so many servers and as many workers, each with a state folder of its own."""
    servers = [
        Replica(environ, folder / f"state-serve-{number}", port)
        for number, port in enumerate(free_ports(count))
    ]
    workers = [Worker(environ, folder / f"state-work-{number}") for number in range(count)]
    try:
        async with anyio.create_task_group() as tasks:
            for one in (*servers, *workers):
                tasks.start_soon(one.start)
        yield servers, workers
    finally:
        with anyio.CancelScope(shield=True):
            for one in (*servers, *workers):
                await one.close()
