"""What probes are answered, whoever sends them: that the server lives, and whether it can work. Nothing else is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from ...errors import SeedanceError
from ..http_server import Receive, Scope, Send

if TYPE_CHECKING:
    from ..opening import Opening

_LIVE, _READY = "/health/live", "/health/ready"

_LOOK_SECONDS = 1.0
"""How old an answer of the database may be, so that probes by the thousand ask it once."""


class Health:
    """Answers probes. A provider's outage is no reason not to be ready."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
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
            if self._opening.is_open and anyio.current_time() - self._looked_at > _LOOK_SECONDS:
                self._can_work = await self._database_answers()
                self._looked_at = anyio.current_time()
        return self._opening.is_open and self._can_work

    async def _database_answers(self) -> bool:
        try:
            await self._opening.app.installation.ensure_current()
        except SeedanceError:
            return False
        return True
