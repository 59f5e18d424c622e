"""How long a call that was let in may go on: until it has answered, or who makes it may call no longer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio

from ..http_server import AsgiApp, Receive, Scope, Send

_LOOK_SECONDS = 0.5
_LAST_WORD_SECONDS = 1.0


class Stay:
    """
    One request that was let in.

    A stream of news has no end of its own and a call may wait for minutes, so a token that is revoked or expires meanwhile
    has to end them as well. A purchase that is under way goes on: it belongs to the server.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, no_longer: AsgiApp) -> None:
        """`no_longer` is what who may not stay is answered, if nothing was answered yet."""
        self._scope, self._receive, self._send, self._no_longer = scope, receive, send, no_longer
        self._begun = self._answered = False

    async def go_on(
        self, work: Callable[[Send], Awaitable[None]], may_stay: Callable[[], Awaitable[bool]]
    ) -> None:
        """Do the work until it is done, or who asked for it may not stay."""
        with anyio.CancelScope() as staying:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch, may_stay, staying)
                await work(self._told)
                tasks.cancel_scope.cancel()
        if staying.cancelled_caught and not self._answered:
            with anyio.move_on_after(_LAST_WORD_SECONDS):  # who does not listen is not waited for
                await self._end()

    async def _watch(self, may_stay: Callable[[], Awaitable[bool]], staying: anyio.CancelScope) -> None:
        while True:
            await anyio.sleep(_LOOK_SECONDS)
            if not await may_stay():
                staying.cancel()
                return

    async def _told(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
        elif not message.get("more_body", False):
            self._answered = True
        await self._send(message)

    async def _end(self) -> None:
        if self._begun:
            await self._send({"type": "http.response.body", "body": b""})
        else:
            await self._no_longer(self._scope, self._receive, self._send)
