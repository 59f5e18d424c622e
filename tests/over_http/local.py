"""Runs the server over HTTP in this process, and speaks to it as clients and as strangers do."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings
from seedance_mcp.server.http.limits import Limits
from seedance_mcp.server.http.places import Place
from seedance_mcp.server.http.serving import Parts, serve_http
from tests.server.asking import SMALL
from tests.server.conftest import Era
from tests.server.process import MODERN

STALLED = {**SMALL, "prompt": "[sandbox:stall] a fox", "wait_seconds": 0}
"""A request that is bought and then never ends, so that nothing is drawn."""

HERE = Place.named("127.0.0.1", 0)
PUBLIC = {"Host": "videos.test"}
"""What a proxy with a name hands on."""

NEW = {"MCP-Protocol-Version": "2026-07-28"}
BOTH_KINDS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@asynccontextmanager
async def serving(
    settings: Settings, place: Place = HERE, limits: Limits | None = None, *, board: bool = False
) -> AsyncGenerator[str]:
    """Serve in this process until the context ends; the address on this machine."""
    send, receive = anyio.create_memory_object_stream[str](2)
    with anyio.fail_after(90):
        async with anyio.create_task_group() as tasks:
            with send, receive:
                parts = Parts(board=board)
                tasks.start_soon(
                    partial(serve_http, settings, place, tell=send.send_nowait, limits=limits, parts=parts)
                )
                told = await receive.receive()
                yield f"http://127.0.0.1:{place.port}/mcp" if place.public else told
            tasks.cancel_scope.cancel()


def behind_a_proxy() -> Place:
    """A place with a public name, on a port that is free now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Place.named("127.0.0.1", free.getsockname()[1], ["videos.test"])


async def token(
    settings: Settings,
    name: str = "laptop",
    scopes: tuple[str, ...] = ("read", "spend"),
    days: int = 30,
    person: str = "",
) -> str:
    """Make a token as the command does."""
    async with open_app(settings, watch=False) as app:
        _, text = await app.installation.tokens.add(name, frozenset(scopes), days, person=person)
    return text


def bearer(text: str) -> dict[str, str | bytes]:
    """The header in which a token is sent."""
    return {"Authorization": f"Bearer {text}".encode()}


@asynccontextmanager
async def client(
    url: str, era: Era, headers: Mapping[str, Any] | None = None, **more: Any
) -> AsyncGenerator[Client]:
    """The SDK's client, with these headers in every request."""
    async with (
        httpx2.AsyncClient(headers=dict(headers or {}), timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=era, **more) as connected,
    ):
        yield connected


def called(
    tool: str, arguments: Mapping[str, Any] | None = None, number: int = 1, **params: Any
) -> dict[str, Any]:
    """A call of a tool as it stands on the wire in the newer era; for the older one the envelope does no harm."""
    return {
        "jsonrpc": "2.0",
        "id": number,
        "method": "tools/call",
        "params": {"name": tool, "arguments": dict(arguments or {}), "_meta": MODERN, **params},
    }


LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": MODERN}}


def wire_headers(message: Mapping[str, Any]) -> dict[str, str]:
    """What goes with a message in the newer era."""
    headers = {**BOTH_KINDS, **NEW, "Mcp-Method": str(message["method"])}
    name = message["params"].get("name")
    return {**headers, "Mcp-Name": name} if name else headers


async def post(
    http: httpx2.AsyncClient,
    url: str,
    message: Mapping[str, Any],
    headers: Mapping[str, str | bytes] | None = None,
) -> httpx2.Response:
    """Send one message by itself."""
    all_headers: dict[Any, Any] = {**wire_headers(message), **(headers or {})}
    return await http.post(url, content=json.dumps(message).encode(), headers=all_headers)


def result_of(answer: httpx2.Response) -> dict[str, Any]:
    """The result in an answer, however it came."""
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"].startswith("application/json"):
        return answer.json()["result"]
    last = [line for line in answer.text.splitlines() if line.startswith("data: ")][-1]
    return json.loads(last.removeprefix("data: "))["result"]


def why(answer: httpx2.Response) -> str:
    """The sentence of a refusal, in the form in which clients find it."""
    body = answer.json()
    assert body["jsonrpc"] == "2.0"
    return body["error"]["message"]


def with_meta(message: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    """The same message with more of what a client says of itself."""
    params = message["params"]
    return {**message, "params": {**params, "_meta": {**params["_meta"], **meta}}}
