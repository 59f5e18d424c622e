"""What a request is answered that does not get through: a status, and a sentence in the form in which clients look for one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..http_server import Receive, Scope, Send

_INVALID_REQUEST = -32600


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """
    An answer of HTTP that refuses.

    The body is an error of JSON-RPC: clients hand its message on to who has called, and know a bare status by its number.
    """

    status: int
    message: str
    code: int = _INVALID_REQUEST
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        error = {"code": self.code, "message": self.message}
        body = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
        headers = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            "cache-control": "no-store",
            **self.headers,
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


class Refused(Exception):
    """A request does not get through."""

    def __init__(self, status: int, message: str, *, code: int = _INVALID_REQUEST, **headers: str) -> None:
        """`code` is that of JSON-RPC. Underscores in the names of headers stand for hyphens."""
        super().__init__(message)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.refusal = Refusal(status=status, message=message, code=code, headers=named)
