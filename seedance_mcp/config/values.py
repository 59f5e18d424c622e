"""What the text of a setting means: a path, an amount, a switch."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

_MOST = 1_000_000_000
"""More than anyone means, and few enough for every sum and every column."""


class NotAllowed(ValueError):
    """The text can be read, and means something that the setting does not take; the message says what it takes."""


def path(text: str) -> Path:
    """Read a path, from the working directory if it is not absolute; `~` is the home folder."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise NotAllowed(
            "the home folder that it begins with is not known; it must be written in full"
        ) from None


def paths(text: str) -> tuple[Path, ...]:
    """Read paths as the platform separates them in `PATH`."""
    return tuple(path(part) for part in text.split(os.pathsep) if part.strip())


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


def web_address(text: str) -> str:
    """Read a URL, without the slash at its end."""
    if not text.startswith(("https://", "http://")):
        raise NotAllowed("it must be https://host[:port]")
    return text.rstrip("/")


def choice(*allowed: str) -> Callable[[str], str]:
    """Make a reader of one of these words."""

    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise NotAllowed(f"it must be one of {', '.join(allowed)}")
        return word

    return read
