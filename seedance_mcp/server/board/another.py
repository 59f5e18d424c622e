"""Asks the board that another process of the same user runs for a code."""

from __future__ import annotations

import contextlib
import hmac
import http.client
import json
import secrets
from typing import TYPE_CHECKING, Any

from .sessions import prove

if TYPE_CHECKING:
    from ...store import RunningBoard

_SECONDS = 3.0
_MOST_BYTES = 4096


def ask_for_code(board: RunningBoard) -> str | None:
    """
    Return a code that opens a session there; None if nobody answers, or not the board. Blocks.

    The secret of the state folder is not sent: each side proves to know it.
    """
    nonce, secret = secrets.token_urlsafe(24), board.secret.encode()
    body = json.dumps({"nonce": nonce, "proof": prove(secret, "ask", nonce)})
    connection = http.client.HTTPConnection("127.0.0.1", board.port, timeout=_SECONDS)
    with contextlib.closing(connection):
        try:
            connection.request("POST", "/code", body, {"Content-Type": "application/json"})
            given: dict[str, Any] = json.loads(connection.getresponse().read(_MOST_BYTES))
            code, proof = str(given["code"]), str(given["proof"])
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            return None
    return code if hmac.compare_digest(proof.encode(), prove(secret, "give", nonce + code).encode()) else None
