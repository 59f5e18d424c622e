"""Notifies clients when a job changes, over `subscriptions/listen` and the older `resources/subscribe`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server import MCPServer, ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import ResourcesListChanged, ResourceUpdated, SubscriptionBus
from mcp.types import EmptyResult, NotificationParams, SubscribeRequestParams, UnsubscribeRequestParams

from .transport import connection_of, lowlevel

if TYPE_CHECKING:
    from ..app import App

_LOG = logging.getLogger(__name__)

_MOST_SESSIONS = 1000
_MOST_SUBSCRIPTIONS = 1000
"""Of one client. Whoever asks for more is told about fewer."""


@contextlib.contextmanager
def _logged(what: str) -> Generator[None]:
    """Let no exception out: news that cannot be told to one client must not end the server, or keep it from the others."""
    try:
        yield
    except Exception:
        _LOG.exception("A client could not be told of %s", what)


class Updates:
    """Everyone who wants to know, and what they want to know about."""

    def __init__(self, bus: SubscriptionBus) -> None:
        self._bus = bus
        self._sessions: dict[int, tuple[ServerSession, set[str]]] = {}

    @contextlib.asynccontextmanager
    async def following(self, app: App) -> AsyncGenerator[None]:
        """Publish every change of a job while the context is open. Changes in quick succession count once."""
        changed: set[str] = set()
        known: set[str] = set()
        with _logged("the jobs that are known already"):
            known.update(job.id for job in await app.recent(100))
        bell = anyio.Event()

        def ring(job_id: str) -> None:
            changed.add(job_id)
            bell.set()

        async def publish() -> None:
            nonlocal bell
            while True:
                await bell.wait()
                bell = anyio.Event()
                jobs = sorted(changed)
                changed.clear()
                places = [f"seedance://jobs/{job_id}" for job_id in jobs]
                for uri in (*places, "seedance://jobs", "seedance://budget"):
                    await self._updated(uri)
                if not known.issuperset(jobs):
                    known.update(jobs)
                    await self._list_changed()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(publish)
            forget = app.on_change(ring)
            try:
                yield
            finally:
                forget()
                tasks.cancel_scope.cancel()

    def serve_handshake_clients(self, server: MCPServer[Any]) -> None:
        """Add what the SDK does not serve: subscriptions of clients that opened with `initialize`."""
        inner = lowlevel(server)
        inner.add_notification_handler("notifications/initialized", NotificationParams, self._arrived)
        inner.add_request_handler("resources/subscribe", SubscribeRequestParams, self._subscribe)
        inner.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, self._unsubscribe)

    async def _updated(self, uri: str) -> None:
        with _logged("a change"):
            await self._bus.publish(ResourceUpdated(uri=uri))
        for session, wanted in list(self._sessions.values()):
            if uri in wanted:
                with _logged("a change"):
                    await session.send_resource_updated(uri)

    async def _list_changed(self) -> None:
        with _logged("a new job"):
            await self._bus.publish(ResourcesListChanged())
        for session, _ in list(self._sessions.values()):
            with _logged("a new job"):
                await session.send_resource_list_changed()

    async def _arrived(self, context: ServerRequestContext[Any, Any], params: NotificationParams) -> None:
        self._wanted(context)

    async def _subscribe(
        self, context: ServerRequestContext[Any, Any], params: SubscribeRequestParams
    ) -> EmptyResult:
        wanted = self._wanted(context)
        if len(wanted) < _MOST_SUBSCRIPTIONS:
            wanted.add(params.uri)
        return EmptyResult()

    async def _unsubscribe(
        self, context: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        self._wanted(context).discard(params.uri)
        return EmptyResult()

    def _wanted(self, context: ServerRequestContext[Any, Any]) -> set[str]:
        connection = connection_of(context.session)
        key = id(connection)
        if key not in self._sessions:
            if len(self._sessions) >= _MOST_SESSIONS:
                return set()
            self._sessions[key] = context.session, set()
            connection.exit_stack.callback(self._sessions.pop, key, None)
        return self._sessions[key][1]
