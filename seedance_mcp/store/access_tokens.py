"""The named tokens by which the server knows who calls over HTTP."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import anyio

from ..errors import InvalidRequest, StoreError
from ..texts import storable
from .connection import Connection, Database

SCOPES = ("read", "spend", "admin")
"""What a token may be good for. Each reads; on the wire they are written `seedance:read` and so on."""

MAX_NAME_CHARACTERS = 60
MAX_PERSON_CHARACTERS = 200

_DAY = 86_400.0
_LOOK_SECONDS = 2.0
"""How old what is known of the tokens may be: a revoked one is good for so long."""

_USED_SECONDS = 3600.0
_NOTE_SECONDS = 0.2
_FORM = re.compile(r"sdc_([a-z2-7]{8})_([A-Za-z0-9_-]{43})")
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_NOBODY = bytes(32)
_COLUMNS = "id, name, digest, scopes, created_at, expires_at, revoked_at, used_at, person"


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """What is kept of a token; times are seconds since the epoch. Without a `person` it is of whoever runs the installation."""

    id: str
    name: str
    scopes: frozenset[str]
    created_at: float
    expires_at: float
    revoked_at: float | None = None
    used_at: float | None = None
    digest: bytes = field(repr=False)
    person: str = ""

    def is_good(self, now: float) -> bool:
        """Return whether it opens anything at this moment."""
        return self.revoked_at is None and now < self.expires_at


class AccessTokens:
    """The tokens of one installation. What is known of them is at most two seconds old."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self._known: Mapping[str, AccessToken] = {}
        self._looked_at = float("-inf")
        self._looking: anyio.Lock | None = None

    async def add(
        self, name: str, scopes: frozenset[str], days: int, *, person: str = ""
    ) -> tuple[AccessToken, str]:
        """
        Make a token for this person; returns what is kept of it, and its text, which nobody can tell afterwards.

        Raises:
            InvalidRequest: the name is empty or too long, or the person is.
            StoreError: it could not be kept.
        """
        if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
            raise InvalidRequest([f"The name of a token has 1 to {MAX_NAME_CHARACTERS} characters."])
        person = unicodedata.normalize("NFC", person)
        if len(person) > MAX_PERSON_CHARACTERS or person != storable(person).strip():
            raise InvalidRequest(
                [f"A person has at most {MAX_PERSON_CHARACTERS} characters, and no blanks around them."]
            )
        token_id = "".join(secrets.choice(_LETTERS) for _ in range(8))
        secret = secrets.token_urlsafe(32)
        now = self._store.clock()
        token = AccessToken(
            id=token_id,
            name=storable(name),
            scopes=scopes | {"read"},
            created_at=now,
            expires_at=now + days * _DAY,
            digest=_digest(secret),
            person=person,
        )
        await self._store.write(lambda connection: _insert(connection, token))
        return token, f"sdc_{token_id}_{secret}"

    async def all(self) -> list[AccessToken]:
        """List every token there ever was, oldest first. Raises StoreError."""
        return await self._store.read(_all)

    async def revoke(self, token_id: str) -> AccessToken:
        """
        Make a token good for nothing from now on.

        Raises:
            InvalidRequest: there is no such token.
            StoreError: it could not be kept.
        """
        now = self._store.clock()
        await self._store.write(lambda connection: _revoke(connection, token_id, now))
        tokens = await self.all()
        found = next((token for token in tokens if token.id == token_id), None)
        if found is None:
            namesakes = [token for token in tokens if token.name == token_id]
            raise InvalidRequest([_unknown(token_id, namesakes)], hint=_BY_ID)
        return found

    async def any_good(self) -> bool:
        """Return whether some token opens something now. Raises StoreError."""
        now = self._store.clock()
        return any(token.is_good(now) for token in (await self._current()).values())

    async def is_good(self, token_id: str) -> bool:
        """Return whether a token that was found before still opens anything. Raises StoreError."""
        token = (await self._current()).get(token_id)
        return token is not None and token.is_good(self._store.clock())

    async def are_wanted(self) -> bool:
        """
        Return whether calls need a token: from the first one on, also when all are revoked. Raises StoreError.

        Whoever takes a token away wants less to be open, not more.
        """
        return bool(await self._current())

    async def find(self, text: str) -> AccessToken | None:
        """Return the token that a caller shows; None if it is none of ours, or not good any more. Raises StoreError."""
        shown = _FORM.fullmatch(text)
        if shown is None:
            return None
        known = await self._current()
        token = known.get(shown[1])
        right = hmac.compare_digest(_digest(shown[2]), token.digest if token else _NOBODY)
        now = self._store.clock()
        if token is None or not right or not token.is_good(now):
            return None
        await self._note_use(token, now)
        return token

    async def _current(self) -> Mapping[str, AccessToken]:
        if self._looking is None:
            self._looking = anyio.Lock()
        async with self._looking:
            if anyio.current_time() - self._looked_at > _LOOK_SECONDS:
                self._known = {token.id: token for token in await self.all()}
                self._looked_at = anyio.current_time()
            return self._known

    async def _note_use(self, token: AccessToken, now: float) -> None:
        """Note, once an hour, that a token was used. A database that is busy is no reason to let a call wait."""
        if token.used_at is not None and abs(now - token.used_at) < _USED_SECONDS:
            return
        note: Callable[[Connection], None] = lambda connection: _used(connection, token.id, now)  # noqa: E731
        with suppress(StoreError):
            await self._store.write_briefly(note, _NOTE_SECONDS)
            self._looked_at = float("-inf")


_BY_ID = "Give the id of the token; `seedance-mcp tokens list` shows all of them. Nothing was changed."


def _unknown(token_id: str, namesakes: Sequence[AccessToken]) -> str:
    """Say that there is no token with this id, and which have it as their name."""
    if not namesakes:
        return f"There is no token {token_id[:20]!r}."
    ids = [f"{one.id} (revoked)" if one.revoked_at is not None else one.id for one in namesakes]
    return f"A token is revoked by its id, and {token_id!r} is a name; the id: {', '.join(ids)}."


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _insert(connection: Connection, token: AccessToken) -> None:
    connection.execute(
        "INSERT INTO access_tokens (id, name, digest, scopes, created_at, expires_at, person)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            token.id,
            token.name,
            token.digest,
            " ".join(sorted(token.scopes)),
            token.created_at,
            token.expires_at,
            token.person,
        ),
    )


def _revoke(connection: Connection, token_id: str, now: float) -> None:
    change = "UPDATE access_tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
    connection.execute(change, (now, token_id))


def _used(connection: Connection, token_id: str, now: float) -> None:
    connection.execute("UPDATE access_tokens SET used_at = ? WHERE id = ?", (now, token_id))


def _all(connection: Connection) -> list[AccessToken]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM access_tokens ORDER BY seq")  # noqa: S608  only names
    return [
        AccessToken(
            id=token_id,
            name=name,
            digest=digest,
            scopes=frozenset(scopes.split()),
            created_at=created_at,
            expires_at=expires_at,
            revoked_at=revoked_at,
            used_at=used_at,
            person=person,
        )
        for token_id, name, digest, scopes, created_at, expires_at, revoked_at, used_at, person in rows
    ]
