"""Notes in the log what was called, by whom, and how that went; never with what words."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any, cast

import anyio

from ..callers import Caller
from ..http_server import Send
from ..rights import rights

_LOG = logging.getLogger(__name__)

_NAMELESS = "an unknown method"
"""What a client calls that the server does not have, it could call as it likes."""


class CallLog:
    """One request, and the way for its answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._began = anyio.current_time()
        self._status = 0
        self._fields: dict[str, str | int] = {}

    def asked(self, caller: Caller, message: Mapping[str, Any]) -> None:
        """Note who asks, and for what."""
        self._fields["caller"] = caller.id or "this machine"
        if caller.team:
            self._fields["team"] = caller.team
        method, params = str(message.get("method")), message.get("params")
        known = method == "tools/call" or method in rights()["methods"]
        self._fields["method"] = method if known else _NAMELESS
        if method == "tools/call" and isinstance(params, dict):
            tool = cast("dict[str, Any]", params).get("name")
            if isinstance(tool, str) and tool in rights()["tools"]:
                self._fields["tool"] = tool

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Hand on a part of the answer."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
        await self._send(message)

    def write(self) -> None:
        """Write the line, once the request is over."""
        if self._fields and _LOG.isEnabledFor(logging.INFO):
            milliseconds = round(1000 * (anyio.current_time() - self._began))
            fields = {**self._fields, "status": self._status, "ms": milliseconds}
            words = " ".join(str(fields[name]) for name in ("method", "tool") if name in fields)
            _LOG.info(
                "%s for %s: %d after %d ms",
                words,
                fields["caller"],
                self._status,
                milliseconds,
                extra={"fields": fields},
            )
