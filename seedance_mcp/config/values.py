"""What the text of a setting means: an amount, a time, a switch, one of several words."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from .cleaning import NotAllowed

_MOST = 1_000_000_000
"""More than anyone means, and few enough for every sum and every column."""


SIGNATURE_ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
"""How an authorization server may sign tokens: with a private key alone, whose public half is no secret."""

_NUMBER = "it must be a number such as 1.5: with a point, without a comma, a currency or words"
_KEY_NAME = re.compile(r"[A-Z][A-Z0-9_]*_(?:KEY|TOKEN)")
_TEAM = re.compile(r"[a-z][a-z0-9_]{0,29}")
_NOT_A_TEAM = re.compile(r"pg_.*|public|default|any")
_WHOLE_NUMBER = "it must be a whole number such as 20, in digits alone"


def amount(text: str) -> Decimal:
    """Read an amount of money, zero to a billion."""
    read = _decimal(text)
    if not read.is_finite() or not 0 <= read <= _MOST:
        raise NotAllowed(f"it must be zero or more, at most {_MOST:,}")
    return read


def rate(text: str) -> Decimal:
    """Read how many units of one currency another is worth, 0.001 to 1000."""
    read = _decimal(text)
    if not read.is_finite() or not Decimal("0.001") <= read <= 1000:
        raise NotAllowed("it must be between 0.001 and 1000")
    return read


def count(text: str) -> int:
    """Read a whole number, zero to a billion."""
    try:
        read = int(text)
    except ValueError:
        raise NotAllowed(_WHOLE_NUMBER) from None
    if not 0 <= read <= _MOST:
        raise NotAllowed(f"it must be zero or more, at most {_MOST:,}")
    return read


def at_least_one(text: str) -> int:
    """Read a whole number, one to a billion."""
    read = count(text)
    if not read:
        raise NotAllowed("it must be one or more")
    return read


def seconds(text: str) -> float:
    """Read a time of less than a day, in seconds."""
    try:
        read = float(text)
    except ValueError:
        raise NotAllowed(_NUMBER) from None
    if not 0 <= read < 86_400:
        raise NotAllowed("it must be between 0 and 86400 seconds")
    return read


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise NotAllowed(_NUMBER) from None


def switch(text: str) -> bool:
    """Read 1 or 0, or the usual words for them."""
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise NotAllowed("it must be 1 or 0")


def names_of_keys(text: str) -> tuple[str, ...]:
    """Read names of variables that hold keys, with commas or blanks between them."""
    names = tuple(dict.fromkeys(name for name in re.split(r"[\s,;:]+", text) if name))
    if wrong := [name for name in names if not _KEY_NAME.fullmatch(name)]:
        raise NotAllowed(f"{wrong[0]} is not the name of a variable that holds a key, such as NAME_API_KEY")
    return names


def words(text: str) -> tuple[str, ...]:
    """Read words with commas or blanks between them, each once."""
    return tuple(dict.fromkeys(word for word in re.split(r"[\s,]+", text) if word))


def team(text: str) -> str:
    """Read the name of a team, which is a part of the names of its schema, its folders and its objects."""
    if not _TEAM.fullmatch(text):
        raise NotAllowed(
            f"{text[:40]!r} is no name of a team: 1 to 30 small letters a to z, digits and _, a letter first"
        )
    if _NOT_A_TEAM.fullmatch(text):
        raise NotAllowed(f"{text} means something else where names of teams stand; take another name")
    return text


def teams(text: str) -> tuple[str, ...]:
    """Read names of teams with commas or blanks between them."""
    names = words(text)
    if not names:
        raise NotAllowed("it must name one or more teams")
    return tuple(team(name) for name in names)


def teams_by_value(text: str) -> tuple[tuple[str, str], ...]:
    """Read pairs `value=team` with commas between them, each value once."""
    pairs = [part.strip().rpartition("=") for part in text.split(",") if part.strip()]
    read = tuple((value.strip(), team(name.strip())) for value, _, name in pairs)
    if not read or not all(value for value, _ in read):
        raise NotAllowed("it must be value=team, with commas between them")
    if len(dict(read)) != len(read):
        raise NotAllowed("a value stands there twice")
    return read


def signature_algorithms(text: str) -> tuple[str, ...]:
    """Read names of algorithms by which tokens may be signed, with commas or blanks between them."""
    known = {name.casefold(): name for name in SIGNATURE_ALGORITHMS}
    names = tuple(dict.fromkeys(name for name in re.split(r"[\s,;:]+", text) if name))
    if wrong := [name for name in names if name.casefold() not in known]:
        raise NotAllowed(f"{wrong[0][:20]} is none of {', '.join(SIGNATURE_ALGORITHMS)}")
    if not names:
        raise NotAllowed(f"it must name one or more of {', '.join(SIGNATURE_ALGORITHMS)}")
    return tuple(known[name.casefold()] for name in names)


def choice(*allowed: str) -> Callable[[str], str]:
    """Make a reader of one of these words."""

    def read(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise NotAllowed(f"it must be one of {', '.join(allowed)}")
        return word

    return read
