"""Runs the board in this process and opens it as a browser does; and the assistant beside it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings
from seedance_mcp.presentation.board import BoardAddress
from seedance_mcp.server.board.running import serve_board
from tests.server.asking import SMALL

STALLED = {**SMALL, "prompt": "[sandbox:stall] a fox", "wait_seconds": 0}
"""A request that is bought and then never ends, so that nothing is drawn."""


class Page:
    """The board as its page in a browser reaches it; with the token of a session once it has `signed_in`."""

    def __init__(self, client: httpx2.AsyncClient, address: BoardAddress) -> None:
        self.client = client
        self.address = address

    @property
    def host(self) -> str:
        """Address and port."""
        return urlsplit(self.address.to_show).netloc

    async def sign_in(self, url: str | None = None) -> None:
        """Exchange the code of an address for a token, which goes along from now on."""
        answer = await self.client.post("/session", json={"code": code_in(url or self.address.to_open)})
        assert answer.status_code == 200, answer.text
        self.client.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    async def board(self, **parameters: Any) -> dict[str, Any]:
        """The board as data."""
        answer = await self.client.get("/api/board", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, content: Any) -> httpx2.Response:
        """Send JSON."""
        return await self.client.post(path, json=content)

    async def buy(self, usd: str, key: str | None = None, **changes: Any) -> httpx2.Response:
        """Buy with a click."""
        arguments = {name: value for name, value in STALLED.items() if name != "wait_seconds"} | changes
        return await self.post(
            "/api/buy",
            {"arguments": arguments, "usd": usd, "request_key": key or secrets.token_hex(8)},
        )

    async def answer(self, question: dict[str, Any], yes: bool, usd: str | None = None) -> httpx2.Response:
        """Answer a question, to the price that it showed."""
        given = {"question_id": question["question_id"], "yes": yes, "usd": usd or question["usd"]}
        return await self.post("/api/answer", given)


def code_in(url: str) -> str:
    """The code at the end of an address."""
    return urlsplit(url).fragment.removeprefix("code=")


@asynccontextmanager
async def opened(settings: Settings, *, signed_in: bool = True, port: int = 0) -> AsyncGenerator[Page]:
    """Run the board in this process until the context ends."""
    send, receive = anyio.create_memory_object_stream[BoardAddress](1)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            with send, receive:
                start = partial(serve_board, port=port, tell=send.send_nowait)
                tasks.start_soon(start, settings, partial(open_app, settings))
                address = await receive.receive()
                base = address.to_show.partition("#")[0]
                async with httpx2.AsyncClient(base_url=base, timeout=20) as client:
                    page = Page(client, address)
                    if signed_in:
                        await page.sign_in()
                    yield page
            tasks.cancel_scope.cancel()
