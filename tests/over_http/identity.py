"""An authorization server on this machine: it signs tokens, right and wrong ones, and tells its public keys."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.emulator.scripted import Scripted, scripted
from tests.emulator.wire import Connection, Request, Response

RESOURCE = "https://videos.test/mcp"
"""The address of the server that the tokens are for; `behind_a_proxy` has it."""

METADATA = "https://videos.test/.well-known/oauth-protected-resource/mcp"
PERSON = "auth0|1234"
SPEND = "openid seedance:read seedance:spend"

_ALGORITHMS = {"rsa": "RS256", "ec": "ES256", "ed": "EdDSA"}


def private_key(kind: str, number: int = 0) -> Any:
    """A private key, the same one for a number."""
    return _made(kind, number)


@cache
def _made(kind: str, number: int) -> Any:
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else ed25519.Ed25519PrivateKey.generate()


def public_jwk(kid: str, kind: str, number: int = 0, **more: Any) -> dict[str, Any]:
    """Its public half, as a list of keys has it."""
    public = private_key(kind, number).public_key()
    written = {"rsa": RSAAlgorithm, "ec": ECAlgorithm, "ed": OKPAlgorithm}[kind].to_jwk(public, as_dict=True)
    return {**written, "kid": kid, "use": "sig", **more}


class Identity:
    """
    The authorization server. `keys` is what it lists, `answers` what it says instead, by path.

    With `told_of_person`, claims, it gives an id token besides an access token.
    """

    def __init__(self) -> None:
        self.keys = [public_jwk(kind, kind) for kind in _ALGORITHMS]
        self.answers: dict[str, Response] = {}
        self.when_asked: Callable[[], None] = lambda: None
        self.told_of_person: dict[str, Any] | None = None
        self.origin = ""
        self.server = Scripted()

    @property
    def issuer(self) -> str:
        """As it names itself: with a slash at its end, which belongs to the name."""
        return f"{self.origin}/tenant/"

    def asked(self, path: str) -> int:
        """How often it was asked for a path."""
        return sum(request.path == path for request in self.server.requests)

    def claims(self, **changed: Any) -> dict[str, Any]:
        """What a good token says; a claim that is changed to None is left out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": RESOURCE, "sub": PERSON, "scope": SPEND,
            "iat": now, "exp": now + 300, **changed,
        }  # fmt: skip
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self, kind: str = "ec", *, header: dict[str, Any] | None = None, key: Any = None, **changed: Any
    ) -> str:
        """Sign a token; `changed` are claims, `key` another key than the one that is listed."""
        return jwt.encode(
            self.claims(**changed),
            key or private_key(kind),
            _ALGORITHMS[kind],
            {"kid": kind, "typ": "at+jwt", **(header or {})},
        )

    def by_hand(self, header: dict[str, Any], signature: bytes = b"", **changed: Any) -> str:
        """Write a token that no library signs."""
        parts = (json.dumps(header).encode(), json.dumps(self.claims(**changed)).encode(), signature)
        return ".".join(unpadded(part) for part in parts)

    async def say(self, connection: Connection, request: Request) -> bool:
        """
        Answer: the metadata of OpenID Connect, not those of OAuth, the keys, and what a client signs in by.

        A code is the scope that a person has agreed to.
        """
        self.when_asked()
        usual: dict[str, Any] = {
            "/tenant/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "jwks_uri": f"{self.origin}/keys",
                "authorization_endpoint": f"{self.origin}/authorize",
                "token_endpoint": f"{self.origin}/token",
                "registration_endpoint": f"{self.origin}/register",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
            },
            "/keys": {"keys": self.keys},
        }
        if request.path == "/register":
            usual["/register"] = {**request.json, "client_id": "a-client"}
        if request.path == "/token":
            form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
            made = self.token(aud=form["resource"], scope=form["code"])
            usual["/token"] = {"access_token": made, "token_type": "Bearer", "scope": form["code"]}
            if self.told_of_person is not None:
                claims = {"aud": form["client_id"], "scope": None, **self.told_of_person}
                usual["/token"]["id_token"] = self.token(header={"typ": "JWT"}, **claims)
        answer = self.answers.get(request.path)
        if answer is None:
            known = usual.get(request.path)
            answer = Response(status=404) if known is None else Response.of(known)
        await connection.send(answer)
        return True


def unpadded(part: bytes) -> str:
    """Write bytes as parts of a token are written."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


@asynccontextmanager
async def identity() -> AsyncIterator[Identity]:
    """Run one until the context ends."""
    provider = Identity()
    async with scripted(provider.say) as server:
        provider.server, provider.origin = server, server.origin
        yield provider
