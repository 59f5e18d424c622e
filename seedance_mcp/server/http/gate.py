"""What is in front of everything that is served over HTTP: each request passes here, or is told why not."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from starlette.datastructures import Headers

from ...counting import Counted, count
from ..callers import CALLER_KEY, TRACKER_KEY, Caller
from ..http_server import HEAD_BYTES, AsgiApp, Receive, Scope, Send
from ..rights import right_for_message
from .call_log import CallLog
from .incoming import message_in
from .limits import Limits, Traffic, read_body
from .refusals import Refused
from .stays import Stay
from .visits import Visits

if TYPE_CHECKING:
    from .challenges import Challenges
    from .doorkeeper import Doorkeeper
    from .places import Doorplate

_LOG = logging.getLogger(__name__)

_PATH = "/mcp"
_MOST_PROGRAM_CHARACTERS = 200


class Gate:
    """
    Lets one request after the other through to the protocol, with who calls noted in its scope.

    First comes what costs nothing to look at, so that whoever may not call cannot have a body read either.
    """

    def __init__(
        self,
        inner: AsgiApp,
        *,
        doorplate: Doorplate,
        doorkeeper: Doorkeeper,
        challenges: Challenges,
        limits: Limits,
        traffic: Traffic,
    ) -> None:
        self._inner = inner
        self._doorplate = doorplate
        self._doorkeeper = doorkeeper
        self._challenges = challenges
        self._limits = limits
        self._traffic = traffic
        self._visits = Visits()
        self._arriving: set[anyio.CancelScope] = set()

    def begin_ending(self) -> None:
        """Let no more requests through."""
        self._traffic.begin_ending()
        for arriving in list(self._arriving):
            arriving.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers, log = Headers(scope=scope), CallLog(send)
        try:
            self._doorplate.check(headers)
            self._check_form(scope, headers)
            caller = await self._doorkeeper.admit(headers, scope)
            with self._traffic.call(caller.id):
                await self._pass(scope, receive, log, caller)
        except Refused as refused:
            await _refuse(refused, scope, receive, log.send)
        finally:
            log.write()

    async def _arrived(self, receive: Receive, headers: Headers) -> bytes:
        """Read a body; one that is still arriving when the end begins is not waited for."""
        with anyio.CancelScope() as arriving:
            self._arriving.add(arriving)
            try:
                return await read_body(receive, headers.get("content-length"), self._limits)
            finally:
                self._arriving.discard(arriving)
        raise Refused(503, "The server is ending.", retry_after="1", connection="close")

    def _check_form(self, scope: Scope, headers: Headers) -> None:
        # Below it, only a head that comes in pieces is measured.
        if sum(len(name) + len(value) for name, value in headers.raw) > HEAD_BYTES:
            raise Refused(
                431, f"The head of a request may have {HEAD_BYTES // 1024} KiB.", connection="close"
            )
        if scope["path"] != _PATH:
            raise Refused(404, f"There is nothing here; the server is at {_PATH}.")
        if (
            scope["method"] != "POST"
        ):  # no stream is kept open for a client, and no session that could be ended
            raise Refused(405, "Each message is a POST.", allow="POST")
        kinds = headers.getlist("content-type")
        if [kind.partition(";")[0].strip().casefold() for kind in kinds] != ["application/json"]:
            raise Refused(415, "A message is application/json.")

    async def _pass(self, scope: Scope, receive: Receive, log: CallLog, caller: Caller) -> None:
        headers = Headers(scope=scope)
        body = await self._arrived(receive, headers)
        message = message_in(body)
        log.asked(caller, message)
        if right_for_message(message) not in caller.scopes:
            raise self._challenges.right_needed("spend", caller.scopes, caller.team)
        program = headers.get("user-agent", "")[:_MOST_PROGRAM_CHARACTERS]
        scope = {
            **scope,
            "headers": [
                pair for pair in scope["headers"] if pair[0] != b"authorization"
            ],  # who calls is known by now
            CALLER_KEY: caller,
            TRACKER_KEY: self._visits.reader(caller, program),
        }
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Any:
            return waiting.pop() if waiting else await receive()

        stay = Stay(scope, receive, log.send, self._challenges.not_good().refusal)
        await stay.go_on(partial(self._inner, scope, again), partial(self._doorkeeper.still_admits, caller))


async def _refuse(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    count(Counted.REFUSAL, str(refused.refusal.status))
    _LOG.info("Refused a request with %d: %s", refused.refusal.status, refused.refusal.message)
    refusal = refused.refusal
    if "transfer-encoding" in Headers(
        scope=scope
    ):  # its parts may be of a byte each, too much work to pass over
        refusal = replace(refusal, headers={**refusal.headers, "connection": "close"})
    await refusal(scope, receive, send)
