"""Writes amounts of money for programs."""

from __future__ import annotations

from decimal import Decimal

from ..types import Price
from . import results as shape

UNKNOWN = "unknown"


def decimal(amount: Decimal) -> str:
    """Write an amount without exponent and without zeros at the end."""
    return format(amount.normalize(), "f")


def amount(price: Price) -> shape.Amount:
    """A price; one that nobody has said is called unknown, and what is counted for it is in the notes."""
    if not price.known:
        return shape.Amount(amount=UNKNOWN, currency=price.currency, usd=UNKNOWN)
    return shape.Amount(amount=decimal(price.amount), currency=price.currency, usd=decimal(price.usd))
