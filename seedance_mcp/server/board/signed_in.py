"""Lets only pages with a session call what the board answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from .answers import refusal
from .sessions import Entry

SIGN_IN = "Run `seedance-mcp board` in a terminal: it opens the page with a code that is good for it."


class _HasSessions(Protocol):
    @property
    def sessions(self) -> Entry: ...


Has = TypeVar("Has", bound=_HasSessions)


def signed_in(
    handler: Callable[[Has, Request], Awaitable[Response]],
) -> Callable[[Has, Request], Awaitable[Response]]:
    """Let only a page with the token of a session call this."""

    @wraps(handler)
    async def guarded(self: Has, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not self.sessions.knows(token if scheme.lower() == "bearer" else ""):
            return refusal(401, "not_signed_in", "This page has no session.", SIGN_IN)
        return await handler(self, request)

    return guarded


def may_change(
    handler: Callable[[Has, Request], Awaitable[Response]],
) -> Callable[[Has, Request], Awaitable[Response]]:
    """Let only a page with a session that may do more than look call this."""

    @signed_in
    @wraps(handler)
    async def guarded(self: Has, request: Request) -> Response:
        return await handler(self, request) if self.sessions.may_change else may_look_only()

    return guarded


def may_look_only() -> Response:
    """Refuse a change to who may look alone."""
    return refusal(
        403,
        "may_look_only",
        "This token may look, and not write, spend or cancel.",
        "A person can make another: `seedance-mcp tokens add NAME --scope spend`, and for an administrator `--scope admin` as"
        " well. Nothing was changed.",
    )


def administrators_only() -> Response:
    """Refuse what takes the right of an administrator."""
    return refusal(
        403,
        "administrators_only",
        "Only an administrator may do this: with a token that has seedance:admin.",
        "The person who runs the server can make one: `seedance-mcp tokens add NAME --scope spend --scope admin`. Nothing"
        " was changed.",
    )
