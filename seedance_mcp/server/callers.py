"""Who makes a call, and in whose scope it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware

from ..audience import Audience, answering
from ..types import Scope
from .opening import called_by

CALLER_KEY, TRACKER_KEY, BOARD_KEY = "seedance.caller", "seedance.tracker", "seedance.board"
"""Where in the scope of a request over HTTP stands who calls, what that client was told before, and the board's address."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """
    Who makes a call: on stdio the person whose machine it is, over HTTP whoever a token stands for.

    `scopes` are what they may do: read, spend, admin. Who is not `local` sits at another machine, or is another person than
    the one whose machine it is, and names no path of this one. Without an `id` it is the person whose machine it is. `person`
    is whose jobs and money it is about; empty: those of whoever runs the installation. `team` is the team that they are in,
    where there are several. `until` is when a token ends that nobody can revoke here, in seconds since the epoch.
    """

    id: str = ""
    name: str = ""
    person: str = ""
    team: str = ""
    scopes: frozenset[str] = frozenset({"read", "spend", "admin"})
    local: bool = True
    until: float | None = None

    @property
    def scope(self) -> Scope:
        """In whose scope what they ask over HTTP is answered."""
        return Scope(person=self.person, administers="admin" in self.scopes)


_THE_PERSON = Caller()


def asked_over_http(request: ServerRequestContext[Any, Any]) -> Mapping[str, Any]:
    """Return what the server's gate has noted of a request; nothing on stdio, or behind another server's HTTP."""
    return getattr(request.request, "scope", None) or {}


def caller_of(request: ServerRequestContext[Any, Any]) -> Caller:
    """Return who makes a request."""
    return asked_over_http(request).get(CALLER_KEY, _THE_PERSON)


async def as_their_caller(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Answer each request over HTTP in the scope of the person who makes it."""
    if CALLER_KEY not in asked_over_http(ctx):
        return await call_next(ctx)
    caller = caller_of(ctx)
    whom = Audience(afar=not caller.local, board=asked_over_http(ctx).get(BOARD_KEY, ""), team=caller.team)
    with called_by(caller.scope), answering(whom):
        return await call_next(ctx)


def always_by(caller: Caller) -> ServerMiddleware[Any]:
    """Have every request be one of this caller over HTTP, in a server that nobody else reaches."""

    async def by_them(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        asked = replace(ctx, request=SimpleNamespace(scope={CALLER_KEY: caller}))
        return await as_their_caller(asked, call_next)

    return by_them
