"""Whose a job is: with which key and at which address it was bought, and whether whoever asks now is the same account."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from ..errors import OtherAccount
from ..types import Job
from .database import Connection

if TYPE_CHECKING:
    from ..catalog import ProviderInfo

NO_KEY = "none"
"""The fingerprint of an account without a key."""

_PORTS = {"http": 80, "https": 443}
_PLAIN = 12
"""Characters of a part of an address that is too short for a secret."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """
    An account at a provider, as it is reached.

    `fingerprint` is that of the key (see `fingerprint`), `address` the base URL as `written` has it; None: it does
    not count.
    """

    provider: str
    fingerprint: str
    address: str | None

    @classmethod
    def of(cls, job: Job) -> Account:
        """The account that a job was bought with. Jobs of earlier versions do not know their address."""
        return cls(provider=job.provider, fingerprint=job.account, address=job.base_url)


def fingerprint(key: SecretStr | None) -> str:
    """Return the fingerprint of a key: the first 8 hex digits of its SHA-256, `none` without a key."""
    return short_digest(key.get_secret_value()) if key else NO_KEY


def written(base_url: str) -> str:
    """
    Write a base URL as records have it: scheme, host, port and path, one spelling for what is the same.

    A user name, a password and a query are left out. A relay's path may hold a secret as well, so a part of it that is
    long enough for one is told by the first 8 hex digits of its SHA-256.
    """
    try:
        parts = urlsplit(base_url.strip())
        port = parts.port
    except ValueError:
        return f"~{short_digest(base_url)}"
    host = parts.hostname or ""
    place = f"[{host}]" if ":" in host else host
    if port not in (None, _PORTS.get(parts.scheme)):
        place = f"{place}:{port}"
    names = [
        name if len(name) <= _PLAIN else f"~{short_digest(name)}" for name in parts.path.split("/") if name
    ]
    return "/".join((f"{parts.scheme}://{place}", *names))


def short_digest(text: str) -> str:
    """The first 8 hex digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]


def is_same(connection: Connection, one: Account, other: Account) -> bool:
    """
    Return whether two are one account at one address, by the records or by a person's word (`say_same`).

    A word joins fingerprints; for jobs bought elsewhere it holds at the address at which it was given.
    """
    if one.provider != other.provider:
        return False
    here = one.address == other.address or None in (one.address, other.address)
    if here and one.fingerprint == other.fingerprint:
        return True
    words = _words(connection, one.provider)
    ours = _joined(words, one.fingerprint)
    said_at = {word.base_url for word in words if word.fingerprint in ours}
    return other.fingerprint in ours and (here or not said_at.isdisjoint((one.address, other.address)))


def joined(connection: Connection, provider: str, fingerprint: str) -> frozenset[str]:
    """Return every fingerprint that opens the same account at this provider, the given one among them."""
    return _joined(_words(connection, provider), fingerprint)


class _Word(NamedTuple):
    fingerprint: str
    same_as: str
    base_url: str


def _words(connection: Connection, provider: str) -> list[_Word]:
    rows = connection.execute(
        "SELECT fingerprint, same_as, base_url FROM same_accounts WHERE provider = ?", (provider,)
    )
    return [_Word(*row) for row in rows]


def _joined(words: Sequence[_Word], fingerprint: str) -> frozenset[str]:
    found = {fingerprint}
    for _ in words:  # each time one word further, at least
        pairs = ({word.fingerprint, word.same_as} for word in words)
        found = found.union(*(pair for pair in pairs if not found.isdisjoint(pair)))
    return frozenset(found)


def providers_of(connection: Connection, fingerprint: str) -> list[str]:
    """Name the providers at which jobs were bought with the key of this fingerprint."""
    rows = connection.execute("SELECT DISTINCT provider FROM jobs WHERE account = ?", (fingerprint,))
    return sorted(name for (name,) in rows)


def say_same(connection: Connection, earlier: str, now: Account, *, at: float) -> None:
    """
    Keep a person's word that the key with the fingerprint `earlier` opens the same account as the one set now.

    It covers jobs that were bought at another address than the one set now.
    """
    connection.execute(
        "INSERT INTO same_accounts (provider, fingerprint, same_as, base_url, at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (provider, fingerprint, same_as, base_url) DO UPDATE SET at = excluded.at",
        (now.provider, earlier, now.fingerprint, now.address or "", at),
    )


def take_back(connection: Connection, earlier: str, provider: str) -> bool:
    """Forget every word of a person about this fingerprint; tells whether there was one."""
    cursor = connection.execute(
        "DELETE FROM same_accounts WHERE provider = ? AND ? IN (fingerprint, same_as)", (provider, earlier)
    )
    return cursor.rowcount > 0


def other_account(job: Job, info: ProviderInfo, here: Account, malformed: str | None = None) -> OtherAccount:
    """
    Make the error that says which key a job waits for, and what a person can do about it.

    `malformed` says in a sentence why the key that is set now cannot be one.
    """
    bought = Account.of(job)
    elsewhere = None not in (bought.address, here.address) and bought.address != here.address
    keys = " or ".join(info.key_variables)
    then = f"with the key {bought.fingerprint}…" if bought.fingerprint != NO_KEY else "without a key"
    if bought.fingerprint == here.fingerprint:
        now = f"the address set now is {here.address}"
    elif malformed is not None:
        now = f"the key set now cannot be used ({malformed.rstrip('.')})"
    elif here.fingerprint == NO_KEY:
        now = f"no key is set for it now ({keys})" if keys else "it takes none now"
    else:
        now = f"the key set now is {here.fingerprint}…" + (f" at {here.address}" if elsewhere else "")
    place = f" at {bought.address}" if elsewhere else ""
    wanted: list[str] = []
    given: list[str] = []
    if bought.fingerprint != here.fingerprint:
        wanted.append("that key" if bought.fingerprint != NO_KEY else "no key")
        given.append(f"{keys} set to that key" if bought.fingerprint != NO_KEY else f"{keys} not set")
    if elsewhere:
        wanted.append("that address")
        given.append(f"SEEDANCE_{info.name.upper()}_BASE_URL set to that address")
    return OtherAccount(
        f"Job {job.id} was bought from {info.name} {then}{place}; {now}, so nobody here may ask about it.",
        hint=f"It waits, counted as spent, and goes on by itself once a server with {' and '.join(wanted)} runs, or"
        f" in a terminal with {' and '.join(given)}: `seedance-mcp watch --until-idle`."
        " Do not submit it again: the same request is this job."
        " If it is the same account all the same (a new key, a new address), a person says so in a terminal:"
        f" `seedance-mcp jobs same-account {bought.fingerprint} --provider {info.name}`.",
    )
