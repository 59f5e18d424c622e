"""The access tokens (JWT) of an authorization server: whether one is good here, whose it is, and what for."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import jwt

from ..callers import Caller
from .challenges import PREFIX
from .issuer_keys import IssuerKeys

_LOG = logging.getLogger(__name__)

LEEWAY_SECONDS = 30.0
"""How far the clocks of this machine and of the authorization server may be apart."""

_MOST_CHARACTERS = 8192
_MOST_KID_CHARACTERS = 256
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_REQUIRED = ("iss", "aud", "exp", "sub")
_KINDS = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_UNDERSTOOD_BY_NOBODY_HERE = ("crit", "b64")
_WRONG = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True, kw_only=True)
class AccessJwt:
    """
    A token that is good: whose, for what, and until when, in seconds since the epoch.

    `nonce` is what a sign-in was begun with, in a token that tells who signed in (OpenID Connect). `groups` are the values of
    the claim that tells teams.
    """

    subject: str
    scopes: frozenset[str]
    until: float
    nonce: str | None = None
    groups: frozenset[str] = frozenset()


class _Refused(Exception):
    """A token is not good, for this reason, which only the log is told: it holds nothing of the token."""


class AccessJwts:
    """The tokens that one authorization server gives out for one audience."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        algorithms: tuple[str, ...],
        keys: IssuerKeys,
        team_claim: str | None = None,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._algorithms = algorithms
        self._keys = keys
        self._team_claim = team_claim

    async def read(self, text: str) -> AccessJwt | None:
        """
        Check a token; None if it is not good for whatever reason.

        A token that is bound to a key of its holder (`cnf`) is none that whoever brings it may use.

        Raises:
            KeysUnavailable: it cannot be told.
        """
        try:
            return await self._checked(text)
        except _Refused as refused:
            _LOG.info("A token for %s is refused: %s", self._audience, refused)
            return None

    async def _checked(self, text: str) -> AccessJwt:
        if len(text) > _MOST_CHARACTERS or not _FORM.fullmatch(text):
            raise _Refused("it is no JWT, or too long")
        try:
            header = jwt.get_unverified_header(text)
        except _WRONG as error:
            raise _Refused(type(error).__name__) from None
        kid, algorithm = header.get("kid"), header.get("alg")
        if algorithm not in self._algorithms:
            raise _Refused("its algorithm is not among SEEDANCE_OAUTH_ALGORITHMS")
        if not isinstance(kid, str) or len(kid) > _MOST_KID_CHARACTERS:
            raise _Refused("it names no key (kid)")
        extended = any(name in header for name in _UNDERSTOOD_BY_NOBODY_HERE)
        if extended or str(header.get("typ", "JWT")).casefold() not in _KINDS:
            raise _Refused("it is of another kind (typ), or extended (crit)")
        key = await self._keys.find(kid, algorithm)
        if key is None:
            raise _Refused("its key (kid) is not among those of the authorization server")
        try:
            claims = jwt.decode(
                text,
                key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(_REQUIRED)},
            )
        except _WRONG as error:
            raise _Refused(type(error).__name__) from None
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise _Refused("it has no sub")
        if "cnf" in claims:
            raise _Refused("it is bound to a key of its holder (cnf)")
        nonce = claims.get("nonce")
        return AccessJwt(
            subject=subject,
            scopes=_scopes(claims),
            until=float(claims["exp"]) + LEEWAY_SECONDS,
            nonce=nonce if isinstance(nonce, str) else None,
            groups=_texts(claims.get(self._team_claim)) if self._team_claim else frozenset(),
        )


def _texts(value: object) -> frozenset[str]:
    """Return the texts in a claim that is one, or a list of them."""
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    return frozenset(one for one in values if isinstance(one, str))


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Read what a token is good for here; whatever else its scopes are, they are other servers' affair."""
    named: set[str] = set()
    for claim in ("scope", "scp"):  # RFC 9068; what some authorization servers call it
        value = claims.get(claim)
        words = value.split() if isinstance(value, str) else value
        if isinstance(words, list):
            named |= {word for word in cast("list[Any]", words) if isinstance(word, str)}
    ours = {scope for scope in Caller().scopes if f"{PREFIX}{scope}" in named}
    return frozenset(ours | {"read"}) if ours else frozenset()
