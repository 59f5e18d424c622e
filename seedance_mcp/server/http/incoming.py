"""Reads the one message that a request brings, or says in a sentence why it is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from mcp_types.jsonrpc import PARSE_ERROR

from .refusals import Refused

_FORM = (
    'A message is an object of JSON-RPC with "jsonrpc": "2.0", a "method", an "id" if it is to be answered, and "params" if'
    " there are any."
)


def message_in(body: bytes) -> Mapping[str, Any]:
    """
    Read a message. The protocol reads it once more, by itself.

    Raises:
        Refused: it is none.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "The body is not JSON, or has too many levels.", code=PARSE_ERROR) from None
    if isinstance(content, list):
        raise Refused(400, "A batch is not taken: send each message in a POST of its own.")
    if not isinstance(content, dict):
        raise Refused(400, f"The body is no message. {_FORM}")
    message = cast("dict[str, Any]", content)
    is_answer = "method" not in message and ("result" in message or "error" in message)
    if message.get("jsonrpc") != "2.0" or not (is_answer or isinstance(message.get("method"), str)):
        raise Refused(400, f"The body is no message. {_FORM}")
    if "params" in message and not isinstance(message["params"], dict):
        raise Refused(400, "The params of a message are an object.")
    number = message.get("id", 0)
    is_number = isinstance(number, str | int) and not isinstance(number, bool)
    if not (is_number or is_answer or str(message["method"]).startswith("notifications/")):
        raise Refused(400, "The id of a request is a text or a whole number.")
    return message
