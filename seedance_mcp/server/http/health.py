"""What probes are answered, whoever sends them: that the server lives, and whether it can work. Nothing else is told."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import anyio

from ...errors import SeedanceError
from ..http_server import Receive, Scope, Send

if TYPE_CHECKING:
    from .team_server import TeamServers

_LIVE, _READY = "/health/live", "/health/ready"

_LOOK_SECONDS = 1.0
"""How old an answer of the database may be, so that probes by the thousand ask it once."""


class Health:
    """
    Answers probes. A provider's outage is no reason not to be ready.

    Of several teams one is enough: what is in the way of another must not take the server from this one.
    """

    def __init__(self, teams: TeamServers) -> None:
        self._teams = teams
        self._looked_at = float("-inf")
        self._can_work = False
        self._looking: anyio.Lock | None = None

    def answers(self, scope: Scope) -> bool:
        """Return whether a request is a probe."""
        return (
            scope["type"] == "http"
            and scope["path"] in (_LIVE, _READY)
            and scope["method"] in ("GET", "HEAD")
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200, or 503 while the server cannot work or is ending."""
        status = 200 if scope["path"] == _LIVE or await self._is_ready() else 503
        headers = [(b"content-length", b"0"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _is_ready(self) -> bool:
        """Return whether the database is open and answers, with the schema of this version, and the end has not begun."""
        if self._looking is None:
            self._looking = anyio.Lock()
        async with self._looking:
            if self._is_open() and anyio.current_time() - self._looked_at > _LOOK_SECONDS:
                self._can_work = await self._a_database_answers()
                self._looked_at = anyio.current_time()
        return self._is_open() and self._can_work

    def _is_open(self) -> bool:
        return any(team.is_open for team in self._teams)

    async def _a_database_answers(self) -> bool:
        for team in self._teams:
            with contextlib.suppress(SeedanceError):
                if team.is_open:
                    await team.opening.app.installation.ensure_current()
                    return True
        return False
