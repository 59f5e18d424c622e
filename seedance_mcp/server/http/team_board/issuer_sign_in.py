"""Signing in to the board at the authorization server: the browser is sent there, and comes back with a code (OAuth, PKCE)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from ...board.sessions import digest_of
from ..access_jwts import AccessJwts
from ..challenges import PREFIX
from ..issuer_keys import KeysUnavailable, exchanged, metadata_of
from .cookie_sessions import NotSignedIn

if TYPE_CHECKING:
    from ....config import Settings
    from ..authorization import Authorization

_LOG = logging.getLogger(__name__)

PENDING_SECONDS = 600
"""How long a person may take at the authorization server."""

_MOST_PENDING = 500
_MOST_CODE_CHARACTERS = 4096
_KEPT_SECONDS = 600.0
_SCOPES = ("openid", *(f"{PREFIX}{scope}" for scope in ("read", "spend", "admin")))


@dataclass(frozen=True, kw_only=True)
class _Pending:
    state: str
    nonce: str
    verifier: str
    redirect: str
    until: float


@dataclass(frozen=True, kw_only=True)
class Begun:
    """Where the browser goes now, and what its cookie holds meanwhile."""

    address: str
    cookie: str


class IssuerSignIn:
    """The sign-ins of one server that are under way. Tokens of the authorization server are looked at and not kept."""

    def __init__(
        self, authorization: Authorization, client_id: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._authorization = authorization
        self._client_id = client_id
        self._clock = clock
        self._pending: dict[str, _Pending] = {}
        self._endpoints: tuple[str, ...] = ()
        self._read_at = float("-inf")
        self._identities = AccessJwts(
            authorization.issuer, client_id, authorization.source.algorithms, authorization.keys
        )

    @classmethod
    def of(cls, settings: Settings, authorization: Authorization | None) -> IssuerSignIn | None:
        """Return it, where the settings name the board to an authorization server."""
        client_id = settings.oauth_board_client_id
        return None if authorization is None or client_id is None else cls(authorization, client_id)

    async def begin(self, redirect: str) -> Begun:
        """Begin a sign-in that comes back to the address `redirect`. Raises NotSignedIn: the authorization server is away."""
        authorize, _ = await self._addresses()
        now = self._clock()
        self._pending = {key: one for key, one in self._pending.items() if now < one.until}
        while len(self._pending) >= _MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        cookie, state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
        self._pending[digest_of(cookie)] = _Pending(
            state=state, nonce=nonce, verifier=verifier, redirect=redirect, until=now + PENDING_SECONDS
        )
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": redirect,
            "scope": " ".join(_SCOPES),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": self._authorization.resource,
        }
        return Begun(
            address=f"{authorize}{'&' if '?' in authorize else '?'}{urlencode(asked)}", cookie=cookie
        )

    async def finish(self, cookie: str, told: Mapping[str, str]) -> str:
        """
        Return the access token of whoever comes back, once for each `begin`, to the browser that holds its cookie.

        `told` is what the authorization server has the browser bring along.

        Raises:
            NotSignedIn: it is not good, or that cannot be told now.
        """
        pending = self._pending.pop(digest_of(cookie), None)
        if pending is None or self._clock() >= pending.until:
            raise NotSignedIn("it was not begun in this browser, or too long ago")
        if not hmac.compare_digest(pending.state.encode(), told.get("state", "").encode()):
            raise NotSignedIn("it is another one than was begun in this browser (state)")
        if told.get("iss", self._authorization.issuer) != self._authorization.issuer:
            raise NotSignedIn("another authorization server has answered (iss)")
        code = told.get("code", "")
        if not code or len(code) > _MOST_CODE_CHARACTERS:
            raise NotSignedIn("the authorization server has refused it")
        _, token_endpoint = await self._addresses()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.redirect,
            "client_id": self._client_id,
            "code_verifier": pending.verifier,
            "resource": self._authorization.resource,
        }
        try:
            answer = await exchanged(self._authorization.source, token_endpoint, form)
        except KeysUnavailable as error:
            raise NotSignedIn(f"the code was not taken: {error}") from None
        token, identity = answer.get("access_token"), answer.get("id_token")
        if not isinstance(token, str):
            raise NotSignedIn("its answer has no access token")
        if identity is not None:
            await self._check_identity(str(identity), token, pending.nonce)
        return token

    async def _check_identity(self, identity: str, token: str, nonce: str) -> None:
        """Compare who signed in, by OpenID Connect, with whose the access token is. Raises NotSignedIn."""
        try:
            who = await self._identities.read(identity)
            access = await self._authorization.tokens.read(token)
        except KeysUnavailable as error:
            raise NotSignedIn(f"the keys cannot be had: {error}") from None
        if who is None or access is None or who.subject != access.subject:
            raise NotSignedIn("the tokens are not good, or not of one person")
        if not hmac.compare_digest(nonce.encode(), (who.nonce or "").encode()):
            raise NotSignedIn("it was not begun here (nonce)")

    async def _addresses(self) -> tuple[str, ...]:
        now = self._clock()
        if not self._endpoints or now - self._read_at >= _KEPT_SECONDS:
            source = self._authorization.source
            try:
                self._endpoints = await metadata_of(source, "authorization_endpoint", "token_endpoint")
            except KeysUnavailable as error:
                raise NotSignedIn(f"its metadata cannot be had: {error}") from None
            self._read_at = now
        return self._endpoints
