"""What the text of a setting means: an amount, a time, a switch, one of several words."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from .cleaning import NotAllowed

_MOST = 1_000_000_000
"""More than anyone means, and few enough for every sum and every column."""


def amount(text: str) -> Decimal:
    """Read an amount of money, zero to a billion."""
    read = Decimal(text)
    if not read.is_finite() or not 0 <= read <= _MOST:
        raise NotAllowed(f"it must be zero or more, at most {_MOST:,}")
    return read


def rate(text: str) -> Decimal:
    """Read how many units of one currency another is worth, 0.001 to 1000."""
    read = Decimal(text)
    if not read.is_finite() or not Decimal("0.001") <= read <= 1000:
        raise NotAllowed("it must be between 0.001 and 1000")
    return read


def count(text: str) -> int:
    """Read a whole number, zero to a billion."""
    read = int(text)
    if not 0 <= read <= _MOST:
        raise NotAllowed(f"it must be zero or more, at most {_MOST:,}")
    return read


def seconds(text: str) -> float:
    """Read a time of less than a day, in seconds."""
    read = float(text)
    if not 0 <= read < 86_400:
        raise NotAllowed("it must be between 0 and 86400 seconds")
    return read


def switch(text: str) -> bool:
    """Read 1 or 0, or the usual words for them."""
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise NotAllowed("it must be 1 or 0")


def choice(*allowed: str) -> Callable[[str], str]:
    """Make a reader of one of these words."""

    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise NotAllowed(f"it must be one of {', '.join(allowed)}")
        return word

    return read
