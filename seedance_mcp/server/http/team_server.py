"""The MCP server of each team over HTTP: an app, what seals its clients' state, and streams of news of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio
from anyio.abc import TaskStatus
from mcp.server import ServerRequestContext
from mcp.server.request_state import RequestStateSecurity
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.subscriptions import ListenHandler
from mcp.server.transport_security import TransportSecuritySettings

from ...backoff import exponential
from ...errors import SeedanceError, StoreError
from ..assembly import OverHttp, assemble
from ..callers import BOARD_KEY, CALLER_KEY, Caller, caller_of
from ..ending import Ending
from ..http_server import Receive, Scope, Send
from ..opening import Opening
from ..transport import lowlevel
from .state_key import state_key

if TYPE_CHECKING:
    from mcp.server import MCPServer

    from ...config import Settings

_LOG = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
"""Seconds between two tries to reach the database of a team."""

_NOT_YET = StoreError(
    "The job database is still being opened.", hint="Call again in a moment: it is tried until it opens."
)


class TeamServer:
    """The server of one team, or of an installation that has no teams."""

    def __init__(
        self, settings: Settings, names: TransportSecuritySettings, *, body_bytes: int, buys: bool
    ) -> None:
        """`names` are those under which it may be called; without `buys` workers do that."""
        self.settings = settings
        self.name = settings.team or ""
        """Empty: there are no teams."""
        self._names, self._body_bytes, self._buys = names, body_bytes, buys
        self._ending = Ending()
        self._reason: SeedanceError = _NOT_YET
        self._key: bytes | None = None
        self._opening: Opening | None = None
        self._server: MCPServer[Any] | None = None
        self._protocol: StreamableHTTPSessionManager | None = None

    @property
    def opening(self) -> Opening:
        """Its app, or why there is none. Raises SeedanceError: its database could not be reached so far."""
        if self._opening is None:
            raise self._reason
        return self._opening

    @property
    def is_open(self) -> bool:
        """True if its app is open, and the end has not begun."""
        return self._opening is not None and self._opening.is_open

    @property
    def waiting(self) -> int:
        """How many of its calls wait for something."""
        return self._opening.waiting if self._opening is not None else 0

    async def get_key(self) -> None:
        """Get what seals the state that clients bring back. Raises StoreError: the database cannot be used now."""
        self._key = await state_key(self.settings)

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Run until the end, from when its database can be reached; it counts as started after the first try."""
        failures = 0
        while self._key is None:
            try:
                await self.get_key()
            except SeedanceError as error:
                self._reason = error
                failures += 1
                if failures == 1:
                    _LOG.error(
                        "The team %s cannot be served now: %s %s", self.name, error.message, error.hint
                    )
                    task_status.started()
                await anyio.sleep(exponential(_FIRST_PAUSE, failures, longest=_LONGEST_PAUSE))
        security = RequestStateSecurity(keys=[self._key], bind_principal=_principal)
        over_http = OverHttp(security=security, opened=partial(setattr, self, "_opening"), buys=self._buys)
        self._server = assemble(self.settings, ending=self._ending, http=over_http)
        protocol = StreamableHTTPSessionManager(
            lowlevel(self._server),
            stateless=True,
            max_request_body_size=self._body_bytes,
            security_settings=self._names,
        )
        async with protocol.run():
            self._protocol = protocol
            if failures:
                _LOG.warning("The team %s is served now.", self.name)
            else:
                task_status.started()
            await anyio.sleep_forever()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of somebody of this team."""
        assert self._protocol is not None, "nobody is let in before"
        await self._protocol.handle_request(scope, receive, send)

    async def first_try(self) -> None:
        """Wait for the first try to open its app to succeed or fail."""
        if self._opening is not None:
            await self._opening.first_try()

    async def begin_ending(self) -> None:
        """Have calls that wait answer, close streams of news, and leave a watcher for what is open."""
        if self._opening is None or self._server is None:
            return
        self._opening.stop_waiting()
        entry = lowlevel(self._server).get_request_handler("subscriptions/listen")
        if entry is not None:
            cast("ListenHandler", entry.handler).close()
        await self._ending.begin()


class TeamServers:
    """The servers of all teams, which answer at one address; whose a request is, the doorkeeper has found out."""

    def __init__(self, servers: Sequence[TeamServer], *, board: str = "") -> None:
        """`board` is the address of the board; empty: none is served."""
        self.board = board
        self._servers: Mapping[str, TeamServer] = {server.name: server for server in servers}
        self.several = "" not in self._servers
        """Whether there are teams, so that nobody is let in of whom it is not known in which one they are."""

    def __iter__(self) -> Iterator[TeamServer]:
        return iter(self._servers.values())

    def named(self, team: str) -> TeamServer | None:
        """Return the server of a team, if this process has it."""
        return self._servers.get(team)

    def of(self, caller: Caller) -> TeamServer:
        """Return the server of whoever was let in."""
        return self._servers[caller.team]

    async def first_try(self) -> None:
        """Wait for the first try of each to open its app."""
        async with anyio.create_task_group() as tasks:
            for server in self:
                tasks.start_soon(server.first_try)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request in the team of whoever sends it."""
        scope[BOARD_KEY] = self.board
        await self.of(scope[CALLER_KEY])(scope, receive, send)


def _principal(context: ServerRequestContext[Any, Any]) -> str | None:
    """Return whose state a request brings back: what one token was asked, no other one answers."""
    return caller_of(context).id or None
