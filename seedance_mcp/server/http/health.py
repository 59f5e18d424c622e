"""What probes are answered, whoever sends them: that the server lives, and whether it can work. Nothing else is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..http_server import Receive, Scope, Send

if TYPE_CHECKING:
    from ..opening import Opening

_LIVE, _READY = "/health/live", "/health/ready"


class Health:
    """Answers probes. A provider's outage is no reason not to be ready."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    def answers(self, scope: Scope) -> bool:
        """Return whether a request is a probe."""
        return (
            scope["type"] == "http"
            and scope["path"] in (_LIVE, _READY)
            and scope["method"] in ("GET", "HEAD")
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200, or 503 while the server cannot work or is ending."""
        status = 200 if scope["path"] == _LIVE or self._opening.is_open else 503
        headers = [(b"content-length", b"0"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
