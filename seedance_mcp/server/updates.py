"""Notifies clients when a job changes, over `subscriptions/listen` and the older `resources/subscribe`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server import MCPServer, ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    SubscriptionBus,
)
from mcp.types import EmptyResult, NotificationParams, SubscribeRequestParams, UnsubscribeRequestParams

from ..backoff import Outage
from ..errors import StoreError
from .transport import connection_of, lowlevel

if TYPE_CHECKING:
    from ..app import App

_LOG = logging.getLogger(__name__)

_STORE_PAUSE_SECONDS = 1.0
"""How long what cannot be read now is left alone."""

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


class PeoplesBus(SubscriptionBus):
    """Hands an event to those who listen for the person whom it is about. Whoever is subscribed while they call is theirs."""

    def __init__(self, person_who_calls: Callable[[], str]) -> None:
        self._person_who_calls = person_who_calls
        self._buses: dict[str, InMemorySubscriptionBus] = {}

    async def publish(self, event: ServerEvent) -> None:
        """Deliver an event about what is the same to all."""
        for bus in list(self._buses.values()):
            await bus.publish(event)

    async def publish_to(self, person: str, event: ServerEvent) -> None:
        """Deliver an event to this person alone."""
        if bus := self._buses.get(person):
            await bus.publish(event)

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Register whoever calls now; returns what ends that."""
        return self._buses.setdefault(self._person_who_calls(), InMemorySubscriptionBus()).subscribe(listener)


class Updates:
    """Everyone who wants to know, and what they want to know about."""

    def __init__(self, bus: PeoplesBus) -> None:
        self._bus = bus
        self._sessions: dict[int, tuple[ServerSession, set[str]]] = {}

    @contextlib.asynccontextmanager
    async def following(self, app: App) -> AsyncGenerator[None]:
        """Publish every change of a job while the context is open. Changes in quick succession count once."""
        changed: set[str] = set()
        known: set[str] = set()
        with _logged("the jobs that are known already"):
            known.update(await app.installation.recent_ids(100))
        bell = anyio.Event()

        def ring(job_id: str) -> None:
            changed.add(job_id)
            bell.set()

        async def publish() -> None:
            nonlocal bell
            outage = Outage()
            while True:
                await bell.wait()
                bell = anyio.Event()
                jobs = sorted(changed)
                changed.clear()
                with _logged("a change"):
                    try:
                        people = await app.installation.people_of(jobs)
                    except StoreError as error:
                        if outage.failed():
                            _LOG.warning("Clients are told of changes later: %s", error)
                        changed.update(jobs)
                        bell.set()
                        await anyio.sleep(_STORE_PAUSE_SECONDS)
                        continue
                    outage.over()
                    for person in sorted(set(people.values())):
                        await self._tell(
                            person, [job_id for job_id in jobs if people.get(job_id) == person], known
                        )

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

    async def _tell(self, person: str, jobs: Sequence[str], known: set[str]) -> None:
        """Tell a person of changes in these jobs; those that were not `known` are from now on."""
        places = [f"seedance://jobs/{job_id}" for job_id in jobs]
        for uri in (*places, "seedance://jobs", "seedance://budget"):
            await self._updated(person, uri)
        if not known.issuperset(jobs):
            known.update(jobs)
            await self._list_changed(person)

    async def _updated(self, person: str, uri: str) -> None:
        with _logged("a change"):
            await self._bus.publish_to(person, ResourceUpdated(uri=uri))
        if person:  # who opened with `initialize` is on stdin
            return
        for session, wanted in list(self._sessions.values()):
            if uri in wanted:
                with _logged("a change"):
                    await session.send_resource_updated(uri)

    async def _list_changed(self, person: str) -> None:
        with _logged("a new job"):
            await self._bus.publish_to(person, ResourcesListChanged())
        if person:
            return
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
