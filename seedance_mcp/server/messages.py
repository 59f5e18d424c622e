"""Reads what came on a line: a message, a batch of them, or something that is none and gets an answer that says so."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from mcp.types import jsonrpc_message_adapter
from mcp_types.jsonrpc import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
)
from pydantic import ValidationError
from pydantic_core import from_json

from .. import tolerant_json
from ..texts import storable, storable_value

MOST_IN_A_BATCH = 100
BATCHES = "2025-03-26"
"""The one revision of the protocol that has batches."""

_MARK = codecs.BOM_UTF8
_LOOKED_AT_BYTES = 512
_ID = rb'"id"\s*:\s*(\d{1,18}|"[^"\\]{1,100}")'
_LEADING_ID = re.compile(rb'\A\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?' + _ID + rb"\s*,")
_TRAILING_ID = re.compile(rb",\s*" + _ID + rb'\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*\Z')


@dataclass(frozen=True)
class Line:
    """The messages of a line, the answers to what on it is none, and whether all answers have to go out as one array."""

    messages: tuple[JSONRPCMessage, ...] = ()
    refused: tuple[JSONRPCError, ...] = ()
    batch: bool = False


def read(line: bytes, *, batches: bool) -> Line:
    """
    Read a line without its end. `batches`: the revision that was negotiated has them.

    A byte order mark before a message is dropped. What is a notification or a response but for a mistake in it is
    dropped as well: the protocol answers neither.
    """
    while line.startswith(_MARK):
        line = line.removeprefix(_MARK)
    if not line.strip():
        return Line()
    try:
        content = _content(line)
    except ValueError:
        return Line(refused=(_unreadable(line),))
    if not isinstance(content, list):
        return _one(content)
    if not batches:
        return _refused(
            None, f"A batch is a message of protocol {BATCHES} alone. Send each request on its own line."
        )
    items = cast("list[Any]", content)
    if not 0 < len(items) <= MOST_IN_A_BATCH:
        return _refused(None, f"A batch has 1 to {MOST_IN_A_BATCH} messages.")
    return _batch(items)


def error(request_id: int | str | None, code: int, message: str, data: Any = None) -> JSONRPCError:
    """Write an answer that says what went wrong."""
    fields = {} if data is None else {"data": data}
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message, **fields))


def id_in(head: bytes, tail: bytes) -> int | str | None:
    """Find the id of a request that cannot be read as a whole, in its beginning and its end."""
    start = head.removeprefix(_MARK)[:_LOOKED_AT_BYTES]
    found = _TRAILING_ID.search(tail[-_LOOKED_AT_BYTES:]) or _LEADING_ID.search(start)
    if found is None:
        return None
    number = found[1]
    return number[1:-1].decode(errors="replace") if number[:1] == b'"' else int(number)


def _content(line: bytes) -> Any:
    """
    Read JSON, also with half surrogate pairs and bytes that are no UTF-8, which become U+FFFD.

    Only in the arguments of a tool they stay: it refuses them by name, lest something is bought that nobody wrote.
    """
    try:
        return from_json(line)
    except ValueError:
        content = tolerant_json.read_strictly(line.decode("utf-8", "surrogateescape"))
    if isinstance(content, list):
        return [_sayable(item) for item in cast("list[Any]", content)]
    return _sayable(content)


def _sayable(content: Any) -> Any:
    said = storable_value(content)
    if not isinstance(said, dict):
        return said
    fields = cast("dict[str, Any]", said)
    if fields.get("id") != content.get("id"):
        fields["id"] = None  # no answer could name it
    arguments: Any = None
    if fields.get("method") == "tools/call" and isinstance(fields.get("params"), dict):
        arguments = content["params"].get("arguments")
    if isinstance(arguments, dict):
        pairs = cast("dict[str, Any]", arguments).items()
        fields["params"]["arguments"] = {storable(name): value for name, value in pairs}
    return fields


def _unreadable(line: bytes) -> JSONRPCError:
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in line:
        return error(
            None, PARSE_ERROR, "This is not UTF-8. Messages have to be written in UTF-8, not in UTF-16."
        )
    number = id_in(line, line)
    return error(number, PARSE_ERROR, f"This is not JSON, or has more than {tolerant_json.LEVELS} levels.")


def _batch(items: list[Any]) -> Line:
    messages: list[JSONRPCMessage] = []
    refused: list[JSONRPCError] = []
    used: set[int | str] = set()
    for item in items:
        line = _one(item)
        refused += line.refused
        for message in line.messages:
            if not isinstance(message, JSONRPCRequest):
                messages.append(message)
            elif message.id in used:
                refused.append(error(message.id, INVALID_REQUEST, "This id is used twice in the batch."))
            elif message.method == "initialize":
                refused.append(error(message.id, INVALID_REQUEST, "initialize cannot be part of a batch."))
            else:
                used.add(message.id)
                messages.append(message)
    return Line(tuple(messages), tuple(refused), batch=True)


def _one(content: Any) -> Line:
    try:
        message = jsonrpc_message_adapter.validate_python(content, by_name=False)
    except ValidationError:
        return _no_message(content)
    if isinstance(message, JSONRPCNotification) and _is_request(content):
        return _refused(None, "The id of a request is a text or a whole number.")
    return Line((message,))


def _no_message(content: Any) -> Line:
    if not isinstance(content, Mapping):
        return _refused(None, "This is not a JSON-RPC request.")
    fields = cast("Mapping[str, Any]", content)
    if "method" not in fields and ("result" in fields or "error" in fields):
        return Line()
    if isinstance(fields.get("method"), str) and "id" not in fields:
        return Line()
    number = fields.get("id")
    known = number if isinstance(number, int | str) and not isinstance(number, bool) else None
    return _refused(known, "This is not a JSON-RPC request.")


def _is_request(content: Any) -> bool:
    """True of a request whose id cannot be used. Some clients write `"id": null` into notifications."""
    return "id" in content and not str(content["method"]).startswith("notifications/")


def _refused(request_id: int | str | None, message: str) -> Line:
    return Line(refused=(error(request_id, INVALID_REQUEST, message),))
