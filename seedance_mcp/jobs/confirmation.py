"""Prices that a person has to agree to: single-use tokens, bound to the request and its price."""

from __future__ import annotations

import hashlib
import secrets
from decimal import Decimal

from ..config import Confirm
from ..errors import ConfirmationRequired
from ..types import Price
from .ledger import from_micros, to_micros
from .store import Connection

_VALID_SECONDS = 15 * 60.0


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def needed(price: Price, *, mode: Confirm, above_usd: Decimal) -> bool:
    """Tell whether a person has to agree to this price."""
    return mode != "off" and price.usd > above_usd


def ask(
    connection: Connection, *, fingerprint: str, price: Price, mode: Confirm, now: float
) -> ConfirmationRequired:
    """Put the question on record and make the error that carries it to the assistant."""
    token = secrets.token_hex(4)
    connection.execute(
        "INSERT INTO confirmations (token_hash, fingerprint, usd_micros, at) VALUES (?, ?, ?, ?)",
        (_digest(token), fingerprint, to_micros(price.usd), now),
    )
    message = f"This video may cost {price.usd:.2f} USD ({price.amount} {price.currency}). A person has to agree first."
    if mode == "strict":
        hint = (
            f"Ask the person to run `seedance-mcp approve {token}` in a terminal within 15 minutes,"
            " then call again with the same arguments."
        )
        return ConfirmationRequired(message, token=None, hint=hint)
    hint = f"Tell the person the price. When they agree, call again with the same arguments and confirm_token={token!r}."
    return ConfirmationRequired(message, token=token, hint=hint)


def given(
    connection: Connection, token: str | None, *, fingerprint: str, price: Price, mode: Confirm, now: float
) -> bool:
    """
    Use up the agreement for this request, if there is one: the passed token, or in strict mode an approval.

    A token holds for 15 minutes, once, for the same request at no higher a price.
    """
    row = connection.execute(
        "SELECT token_hash FROM confirmations WHERE fingerprint = ? AND used_at IS NULL AND at > ?"
        " AND usd_micros >= ? AND (approved_at IS NOT NULL OR (? = 'ask' AND token_hash = ?)) LIMIT 1",
        (fingerprint, now - _VALID_SECONDS, to_micros(price.usd), mode, _digest(token or "")),
    ).fetchone()
    if row is None:
        return False
    connection.execute("UPDATE confirmations SET used_at = ? WHERE token_hash = ?", (now, row[0]))
    return True


def approve(connection: Connection, token: str, *, now: float) -> Decimal | None:
    """Note that the person at the terminal agrees. Returns the price in USD, or None for an unknown or old token."""
    row = connection.execute(
        "UPDATE confirmations SET approved_at = ? WHERE token_hash = ? AND used_at IS NULL AND at > ?"
        " RETURNING usd_micros",
        (now, _digest(token), now - _VALID_SECONDS),
    ).fetchone()
    return None if row is None else from_micros(row[0])
