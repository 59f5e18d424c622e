"""Lets only pages with a session call what the board answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from .answers import refusal
from .sessions import Sessions

SIGN_IN = "Run `seedance-mcp board` in a terminal: it opens the page with a code that is good for it."


class _HasSessions(Protocol):
    sessions: Sessions


Has = TypeVar("Has", bound=_HasSessions)


def signed_in(
    handler: Callable[[Has, Request], Awaitable[Response]],
) -> Callable[[Has, Request], Awaitable[Response]]:
    """Let only a page with the token of a session call this."""

    @wraps(handler)
    async def guarded(self: Has, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.sessions.knows(token):
            return refusal(401, "not_signed_in", "This page has no session.", SIGN_IN)
        return await handler(self, request)

    return guarded
