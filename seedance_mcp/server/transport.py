"""Serves one client on stdio, in whichever protocol era it speaks, until it leaves or a signal comes."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import anyio
from anyio.from_thread import BlockingPortal
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server import MCPServer, NotificationOptions, ServerRequestContext
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.session import ServerSession
from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request
from mcp.shared.jsonrpc_dispatcher import cancelled_request_id_from_params
from mcp.shared.message import SessionMessage
from mcp.types import SERVER_INFO_META_KEY, DiscoverResult
from mcp_types.jsonrpc import (
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic_core import to_json

from ..texts import storable_value
from .ending import Ending
from .messages import BATCHES, error, id_in, read
from .wire import MAX_LINE_BYTES, Blocking, Overlong, claim, read_lines, write_line

_LOG = logging.getLogger(__name__)

_LAST_ANSWERS_SECONDS = 0.5
"""How long calls that are under way may still answer after the client has closed its end."""

_NEVER_ANSWERED = "subscriptions/listen"
_MOST_NAME_CHARACTERS = 100


def lowlevel(server: MCPServer[Any]) -> Server[Any]:
    """Return the SDK's inner server, whose handlers `MCPServer` does not expose."""
    return server._lowlevel_server  # pyright: ignore[reportPrivateUsage]


def connection_of(session: ServerSession) -> Connection:
    """Return the connection behind a session: it outlives the request, and runs clean-ups when it ends."""
    return session._connection  # pyright: ignore[reportPrivateUsage]


def peer_of(request: ServerRequestContext[Any, Any]) -> object | None:
    """
    Return what stays the same object for as long as one client is connected, in either protocol era.

    None where every call comes by itself and nothing tells that two are of the same client (HTTP without sessions).
    """
    connection = connection_of(request.session)
    if connection.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return connection
    if connection.has_standalone_channel:
        return connection.outbound
    # In one process without a transport, the lifespan is the client's own.
    return request.lifespan_context if request.request is None else None


def client_of(request: ServerRequestContext[Any, Any]) -> str:
    """
    Return the name that a client gives itself; empty if it gives none.

    Over HTTP without sessions a client of the older era has said its name in another request, and only the name of its
    program is there.
    """
    params = request.session.client_params
    if params is not None:
        return params.client_info.name
    program: str = getattr(request.request, "headers", {}).get("user-agent", "")
    return program.partition("/")[0].strip()[:_MOST_NAME_CHARACTERS]


async def serve_stdio(server: MCPServer[Any], *, legacy_only: bool, ending: Ending) -> None:
    """
    Serve on this process's stdin and stdout until the client closes them, or until SIGTERM or SIGINT.

    A signal is treated like the end of input, so that the lifespan always closes in order; a second signal
    finds the default handlers again and ends the process at once. `legacy_only` refuses `server/discover`.
    `ending` begins before anything else is done about the end.
    """
    incoming, outgoing = claim()
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    inner = lowlevel(server)
    async with BlockingPortal() as portal, anyio.create_task_group() as tasks:
        pipe = _Pipe(server, incoming, outgoing, Blocking(portal), legacy_only=legacy_only)
        tasks.start_soon(pipe.read, to_server, ending)
        tasks.start_soon(pipe.write, from_server)
        tasks.start_soon(_on_signal, pipe.stop)
        options = inner.create_initialization_options(NotificationOptions(resources_changed=True))
        await inner.run(from_client, to_client, options)
        tasks.cancel_scope.cancel()


async def _on_signal(stop: Callable[[], None]) -> None:
    if sys.platform == "win32":
        return  # no signal handlers on this event loop there: Ctrl-C arrives as KeyboardInterrupt
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            _LOG.info("Stopping on signal %s", number.name)
            stop()
            return


class _Pipe:
    """
    Both directions of one connection.

    Some clients ask `server/discover` and then open with the older `initialize` all the same. The SDK
    takes the first request as a decision for one protocol era, so `server/discover` is answered here until
    another request has decided.
    """

    def __init__(
        self, server: MCPServer[Any], incoming: int, outgoing: int, blocking: Blocking, *, legacy_only: bool
    ) -> None:
        self._server = server
        self._incoming = incoming
        self._outgoing = outgoing
        self._blocking = blocking
        self._legacy_only = legacy_only
        self._reading, self._answering = anyio.CancelScope(), anyio.CancelScope()
        self._turn = anyio.Lock()
        self._decided = False
        self._opening: int | str | None = None
        self._batches = False
        self._batch_of: dict[int | str, list[JSONRPCMessage]] = {}
        """The answers so far of the batch that an open request came in."""
        self._unanswered: set[int | str] = set()
        self._all_answered = anyio.Event()

    def stop(self) -> None:
        """End the input now: no further request is taken, and none that is under way is waited for."""
        self._reading.cancel()
        self._answering.cancel()

    async def read(
        self, to_server: MemoryObjectSendStream[SessionMessage | Exception], ending: Ending
    ) -> None:
        """Hand every message to the server; close its input when the client has left."""
        async with to_server:
            with self._reading:
                async with aclosing(read_lines(self._incoming, self._blocking)) as lines:
                    async for line in lines:
                        await self._take(line, to_server.send)
            await ending.begin()  # outside: after a signal nothing else comes before it, either
            with self._answering:
                with anyio.move_on_after(_LAST_ANSWERS_SECONDS):
                    await self._answered()
                await self._send_incomplete()

    async def write(self, from_server: MemoryObjectReceiveStream[SessionMessage]) -> None:
        """Write every message of the server; stop reading when nobody listens any more."""
        async with from_server:
            async for item in from_server:
                message = item.message
                if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
                    await self._answer(message, message.id)
                else:
                    await self._send(message)

    async def _answer(self, message: JSONRPCResponse | JSONRPCError, number: int | str) -> None:
        if number == self._opening and isinstance(message, JSONRPCResponse):
            self._batches = message.result.get("protocolVersion") == BATCHES
        batch = self._batch_of.pop(number, None)
        if batch is None:
            await self._send(message)
        else:
            batch.append(message)
            await self._send_if_complete(batch)
        self._settle(number)

    def _settle(self, number: int | str) -> None:
        self._unanswered.discard(number)
        self._all_answered.set()

    async def _answered(self) -> None:
        while self._unanswered:
            self._all_answered = anyio.Event()
            await self._all_answered.wait()

    async def _take(
        self, line: bytes | Overlong, forward: Callable[[SessionMessage | Exception], Awaitable[None]]
    ) -> None:
        if isinstance(line, Overlong):
            await self._send(_too_long(line))
            return
        got = read(line, batches=self._batches)
        for refusal in got.refused:
            _LOG.warning("Refused a message of %d bytes: %s", len(line), refusal.error.message)
        if got.batch:
            batch: list[JSONRPCMessage] = [*got.refused]
            numbers = [message.id for message in got.messages if isinstance(message, JSONRPCRequest)]
            self._batch_of |= dict.fromkeys(numbers, batch)
            await self._send_if_complete(batch)
        else:
            await self._send(*got.refused)
        for message in got.messages:
            await self._accept(message, forward)

    async def _accept(
        self, message: JSONRPCMessage, forward: Callable[[SessionMessage | Exception], Awaitable[None]]
    ) -> None:
        if isinstance(message, JSONRPCRequest):
            if not self._decided and message.method == "server/discover":
                await self._send(self._discovered(message))
                return
            self._decided = True
            if message.method == "initialize":
                self._opening = message.id
            if message.method != _NEVER_ANSWERED:
                self._unanswered.add(message.id)
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            await self._given_up(cancelled_request_id_from_params(message.params))
        await forward(SessionMessage(message))

    async def _given_up(self, number: int | str | None) -> None:
        """Wait no longer for a request that its client has cancelled: it is not answered any more."""
        if number is None:
            return
        self._settle(number)
        batch = self._batch_of.pop(number, None)
        if batch is not None:
            await self._send_if_complete(batch)

    async def _send_if_complete(self, batch: list[JSONRPCMessage]) -> None:
        if batch and not any(open_ is batch for open_ in self._batch_of.values()):
            await self._write(b"[" + b",".join(_dumped(message) for message in batch) + b"]")

    async def _send_incomplete(self) -> None:
        """Send what has been answered of batches; nothing more will be."""
        batches = list(self._batch_of.values())
        self._batch_of.clear()
        for number, batch in enumerate(batches):
            if not any(batch is earlier for earlier in batches[:number]):
                await self._send_if_complete(batch)

    async def _send(self, *messages: JSONRPCMessage) -> None:
        for message in messages:
            await self._write(_dumped(message))

    async def _write(self, line: bytes) -> None:
        try:
            async with self._turn:
                await write_line(self._outgoing, line, self._blocking)
        except OSError:
            self.stop()

    def _discovered(self, request: JSONRPCRequest) -> JSONRPCResponse | JSONRPCError:
        if self._legacy_only:
            return error(request.id, METHOD_NOT_FOUND, "Method not found")
        route = classify_inbound_request({"method": request.method, "params": request.params})
        if isinstance(route, InboundLadderRejection):
            return error(request.id, route.code, route.message, route.data)
        inner = lowlevel(self._server)
        hint = inner.cache_hints.get("server/discover")
        answer = DiscoverResult(
            supported_versions=list(MODERN_PROTOCOL_VERSIONS),
            capabilities=inner.get_capabilities(protocol_version=route.protocol_version),
            instructions=inner.instructions,
            ttl_ms=hint.ttl_ms if hint else 0,
            cache_scope=hint.scope if hint else "private",
            _meta={SERVER_INFO_META_KEY: inner.server_info_stamp},
        )
        body = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
        return JSONRPCResponse(jsonrpc="2.0", id=request.id, result=body)


def _dumped(message: JSONRPCMessage) -> bytes:
    try:
        return message.model_dump_json(by_alias=True, exclude_unset=True).encode()
    except ValueError:  # half a surrogate pair: the rest of the answer has to go out
        return to_json(storable_value(message.model_dump(by_alias=True, exclude_unset=True)))


def _too_long(line: Overlong) -> JSONRPCError:
    return error(
        id_in(line.head, line.tail),
        INVALID_REQUEST,
        f"The message is longer than {MAX_LINE_BYTES // 1024**2} MB. Pass files by path or URL.",
    )
