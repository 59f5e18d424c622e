"""Reads the addresses that a user may put in the place of a provider's or a store's own."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from .cleaning import NotAllowed

_POSTGRES = re.compile(
    r"postgres(?:ql)?://(?:(?:[\w.~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?[^\s@/?#]*(?:/[^\s@?#]*)?(?:\?[^\s@#]*)?"
)
_HOST = re.compile(r"[\w.{}-]+|[0-9A-Fa-f:.]+")


def web_address(text: str) -> str:
    """
    Read a base URL, without the slash at its end. The message of an error repeats nothing of it.

    Raises:
        NotAllowed: it is more or less than scheme, host, port and path.
    """
    parts = _split(text)
    if parts is None or parts.scheme not in ("https", "http"):
        raise NotAllowed("it must be https://host[:port][/path]")
    if "@" in parts.netloc:
        raise NotAllowed(
            "there is a user name or password in it, which would be sent and logged; take it out"
        )
    if "?" in text or "#" in text:
        raise NotAllowed("it must end with the path, without `?` or `#`")
    return text.rstrip("/")


def issuer(text: str) -> str:
    """
    Read the address by which an authorization server names itself, to the letter: a slash at its end belongs to it.

    Raises:
        NotAllowed: it is plain http to another machine, or more than scheme, host, port and path.
    """
    text = jwks(text)
    if "?" in text:
        raise NotAllowed("it must end with the path, without `?`")
    return text


def jwks(text: str) -> str:
    """Read where an authorization server's keys are; otherwise as `issuer`, but that it may have a query."""
    parts = _split(text)
    here = parts is not None and is_this_machine(parts.hostname or "")
    if parts is None or parts.scheme not in (("https", "http") if here else ("https",)):
        raise NotAllowed("it must be https://host[:port][/path]; http:// only on this machine")
    if "@" in parts.netloc or "#" in text:
        raise NotAllowed("there is a user name, a password or a `#` in it; take it out")
    return text


def postgres(text: str) -> SecretStr:
    """
    Read the address of a database in PostgreSQL. The message of an error repeats nothing of it.

    What is left to libpq to take apart must have one reading: its own messages repeat the host, which would be a part of a
    password that stands there as it is.

    Raises:
        NotAllowed: it has another form, or a user name or password with characters that an address may not hold.
    """
    if not _POSTGRES.fullmatch(text):
        raise NotAllowed(
            "it must be postgresql://[user[:password]@]host[:port]/database, where every other character than a letter or a"
            " digit in the password is written as %XX"
        )
    return SecretStr(text)


def is_readable_on_the_way(url: str) -> bool:
    """Return whether what is sent to a URL can be read between here and there: plain http to another machine."""
    parts = _split(url)
    return parts is not None and parts.scheme == "http" and not is_this_machine(parts.hostname or "")


def on_this_machine(url: str) -> bool:
    """Return whether a URL, as it is written, leads nowhere else."""
    parts = _split(url)
    return parts is not None and is_this_machine(parts.hostname or "")


def is_this_machine(host: str) -> bool:
    """Return whether a host, as it is written, is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split(text: str) -> SplitResult | None:
    """Take a URL apart; None if it cannot be, or has no host."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    good = bool(parts.hostname) and not re.search(r"\s", text)
    return parts if good and _HOST.fullmatch(parts.hostname or "") else None
