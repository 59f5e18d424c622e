"""Runs the server over HTTP until a signal ends it."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup
from mcp.server.transport_security import TransportSecuritySettings

from ...errors import ConfigError, StoreError
from ...teams import teams_of
from ..http_server import HttpServer, Receive, Scope, Send, bound
from .challenges import Challenges
from .doorkeeper import Doorkeeper
from .gate import Gate
from .health import Health
from .limits import Limits, Traffic
from .places import Doorplate, Place
from .team_server import TeamServer, TeamServers

if TYPE_CHECKING:
    from ...config import Settings
    from ...metrics import MetricsPlace
    from ...store import figures
    from .authorization import Authorization, ResourceMetadata
    from .team_board.answering import TeamBoard

_LOG = logging.getLogger(__name__)

_NOTICED_SECONDS = 2.0
"""How long a server that others reach through a proxy still answers, with 503, after it is not ready any more."""

_TAKEN = "Give another --port; 0 takes any that is free."


@dataclass(frozen=True, kw_only=True)
class Parts:
    """
    What a server does. `metrics` is where figures are given out, `board` whether people see the board at `/board`.

    Without `buys` it only reserves, waits and answers: workers do the rest (`seedance-mcp work`).
    """

    buys: bool = True
    metrics: MetricsPlace | None = None
    board: bool = False


_MCP_ALONE = Parts()


async def serve_http(
    settings: Settings,
    place: Place,
    *,
    tell: Callable[[str], None],
    limits: Limits | None = None,
    parts: Parts = _MCP_ALONE,
) -> None:
    """
    Serve at a place until SIGTERM, SIGINT or SIGHUP comes; `tell` is told the address, then those of the board and the metrics.

    Last it is told where a proxy finds the server (`127.0.0.1:8765`), if the place has public names. Port 0 is any that is
    free.

    Raises:
        ConfigError: workers are to buy, and the job database is a file.
        ConfigError: the address cannot be used, or the settings of an authorization server or of the object store; or more
            than this machine reaches it, and there is neither such a server nor a token.
        StoreError: it cannot be told whether there is a token, or the job database in PostgreSQL cannot be used.
    """
    if not parts.buys and settings.database_url is None:
        raise ConfigError(
            "Without SEEDANCE_DATABASE_URL the job database is a file of this machine, and no worker buys from it.",
            hint="Leave --no-buy away, or set SEEDANCE_DATABASE_URL and start `seedance-mcp work` as well.",
        )
    teams = teams_of(settings)
    for team in teams:
        if team.object_store is not None:
            from ...objects import access_of

            access_of(team)
    if not place.is_private and settings.oauth_issuer is None:
        await _refuse_without_tokens(teams, place)
    with contextlib.closing(bound(place.host, place.port, hint=_TAKEN)) as listening:
        service = _Service(settings, place, listening, limits or Limits.of(settings), parts)
        await service.run(tell)


async def _refuse_without_tokens(teams: Sequence[Settings], place: Place) -> None:
    from ...app import open_app

    troubles: list[StoreError] = []
    for team in teams:
        try:
            async with open_app(team, watch=False) as app:
                if await app.installation.tokens.any_good():
                    return
        except StoreError as error:
            troubles.append(error)
    if troubles:
        raise troubles[0]
    where = place.public[0] if place.public else place.host
    raise ConfigError(
        f"Others could reach the server at {where}, and there is no token by which it would know them.",
        hint="Make one with `seedance-mcp tokens add NAME`, then start the server again. Without a token it serves this"
        " machine alone: leave --host and --public-host away.",
    )


class _Service:
    """One run."""

    def __init__(
        self,
        settings: Settings,
        place: Place,
        listening: socket.socket,
        limits: Limits,
        parts: Parts,
    ) -> None:
        self._place, self._limits, self._listening = place, limits, listening
        self._parts, self._traffic = parts, Traffic(limits)
        self._settings = settings
        self._port: int = listening.getsockname()[1]
        self._authorization = _authorization(settings, place.url(self._port))
        names = TransportSecuritySettings(
            allowed_hosts=sorted(place.own_names(self._port)),
            allowed_origins=sorted(place.own_origins(self._port)),
        )
        self._teams = TeamServers(
            [
                TeamServer(team, names, body_bytes=limits.body_bytes, buys=parts.buys)
                for team in teams_of(settings)
            ],
            board=f"{place.url(self._port).removesuffix('/mcp')}/board" if parts.board else "",
        )

    async def run(self, tell: Callable[[str], None]) -> None:
        if not self._teams.several:
            for server in self._teams:
                await server.get_key()
        async with anyio.create_task_group() as tasks:
            async with anyio.create_task_group() as starting:
                for server in self._teams:
                    starting.start_soon(tasks.start, server.run)
            doorplate = Doorplate(self._place, self._port)
            challenges = Challenges(
                self._authorization.metadata if self._authorization else None, several=self._teams.several
            )
            doorkeeper = Doorkeeper(
                self._teams,
                private=self._place.is_private,
                challenges=challenges,
                authorization=self._authorization,
            )
            gate = Gate(
                self._teams,
                doorplate=doorplate,
                doorkeeper=doorkeeper,
                challenges=challenges,
                limits=self._limits,
                traffic=self._traffic,
            )
            others: list[Health | ResourceMetadata | TeamBoard] = [Health(self._teams)]
            board = self._board(tasks, doorplate, doorkeeper)
            if board is not None:
                others.append(board)
            if self._authorization is not None:
                from .authorization import ResourceMetadata

                others.append(ResourceMetadata(self._authorization, doorplate))

            async def answer(scope: Scope, receive: Receive, send: Send) -> None:
                chosen = next((one for one in others if one.answers(scope)), gate)
                await chosen(scope, receive, send)

            http = HttpServer(
                answer,
                self._listening,
                connections=self._limits.connections,
                last_answers_seconds=self._limits.last_answers_seconds,
            )
            tasks.start_soon(_at_a_signal, partial(self._end, gate, board, http))
            with _counting(self._parts.metrics, self._teams) as counted:
                url = self._place.url(self._port)
                tell(url)
                if board is not None:
                    tell(self._teams.board)
                if counted is not None:
                    tell(counted)
                if self._place.public:
                    tell(self._place.listens_at(self._port))
                await http.run_until_ended()
            tasks.cancel_scope.cancel()

    def _board(self, tasks: TaskGroup, doorplate: Doorplate, doorkeeper: Doorkeeper) -> TeamBoard | None:
        """Return the board, if it is wanted; what it is made of is loaded only then."""
        if not self._parts.board:
            return None
        from .team_board.answering import Door, TeamBoard

        issuer = None
        if self._authorization is not None:  # whose tokens need a library
            from .team_board.issuer_sign_in import IssuerSignIn

            issuer = IssuerSignIn.of(self._settings, self._authorization)
        door = Door(
            doorplate=doorplate,
            doorkeeper=doorkeeper,
            traffic=self._traffic,
            public=frozenset(self._place.public),
            issuer=issuer,
        )
        return TeamBoard(tasks, self._teams, door)

    async def _end(self, gate: Gate, board: TeamBoard | None, http: HttpServer) -> None:
        """
        Take no more calls, have those that wait answer, close streams of news, and leave a watcher for what is open.

        A proxy is given the time to notice: what it has sent meanwhile is told to go elsewhere, where a closed port would break
        it off. Whatever else is under way gets its last seconds. A purchase belongs to the process, not to its call.
        """
        gate.begin_ending()
        if board is not None:
            board.begin_ending()
        async with anyio.create_task_group() as ending:
            for server in self._teams:
                ending.start_soon(server.begin_ending)
        if not self._place.is_private:
            await anyio.sleep(_NOTICED_SECONDS)
        http.end()


def _authorization(settings: Settings, resource: str) -> Authorization | None:
    """Read what the settings say of an authorization server; what checks its tokens is loaded only where there is one."""
    if not any(
        (
            settings.oauth_issuer,
            settings.oauth_subject,
            settings.oauth_people,
            settings.oauth_audience,
            settings.oauth_jwks,
            settings.oauth_board_client_id,
        )
    ):
        return None
    from .authorization import Authorization

    return Authorization.of(settings, resource)


def _counting(place: MetricsPlace | None, teams: TeamServers) -> AbstractContextManager[str | None]:
    """Give out metrics at a place; what counts and writes them is loaded only where there is one."""
    if place is None:
        return contextlib.nullcontext()
    from ...metrics import Live, serving_metrics

    def figures_of(server: TeamServer) -> figures.Figures:
        return server.opening.app.installation.figures_now()

    live = Live(
        figures={server.name: partial(figures_of, server) for server in teams},
        waiting=lambda: sum(server.waiting for server in teams),
    )
    return serving_metrics(place, live)


async def _at_a_signal(end: Callable[[], Awaitable[None]]) -> None:
    if sys.platform == "win32":
        return  # no signal handlers on this event loop there: Ctrl-C arrives as KeyboardInterrupt
    numbers = [signal.SIGTERM, signal.SIGINT]
    if (
        signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    ):  # a terminal closes; `nohup` wants to outlive it
        numbers.append(signal.SIGHUP)
    with anyio.open_signal_receiver(*numbers) as signals:
        async for number in signals:
            _LOG.info("Stopping on signal %s", number.name)
            break
    # Outside: a second signal finds the default handlers again and ends the process at once.
    await end()
