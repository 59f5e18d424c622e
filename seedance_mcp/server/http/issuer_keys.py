"""The public keys of an authorization server: fetched, kept for a while, and fetched anew for one that is not among them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit, urlunsplit

import anyio
import jwt

from ...config import DIRECT, Outbound
from ...errors import SeedanceError

if TYPE_CHECKING:
    import httpx2

_LOG = logging.getLogger(__name__)

_KEPT_SECONDS = 600.0
_LAST_GOOD_SECONDS = 86_400.0
"""How long the keys of the last answer count while there is no new one."""

_AGAIN_SECONDS = 30.0
_FIRST_AGAIN_SECONDS = 2.0
"""Between two looks at the authorization server; the second while it has never answered, and so nobody gets in."""

_FETCH_SECONDS = 10.0
_MOST_BYTES = 256 * 1024
_MOST_KEYS = 100
_LEAST_RSA_BITS = 2048

_PUBLIC = ("kty", "crv", "n", "e", "x", "y")
_FITTING: Mapping[tuple[str, str | None], Sequence[str]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
"""By which algorithms a key of a kind and curve signs. Nothing is here that signs with a secret that both sides know."""

Keys = Mapping[tuple[str, str], Any]
"""By the name of a key (`kid`) and an algorithm."""

Json = dict[str, Any]


class KeysUnavailable(Exception):
    """The authorization server has not told its keys."""


@dataclass(frozen=True, kw_only=True)
class KeySource:
    """Whose keys they are, where they lie if not where the issuer's metadata say, and by which algorithms they may sign."""

    issuer: str
    jwks: str | None = None
    algorithms: tuple[str, ...]
    outbound: Outbound = DIRECT


class IssuerKeys:
    """
    The keys of one authorization server.

    A key that is taken out of its list is good for ten minutes more, and for a day while the list cannot be had: an
    authorization server that is away for an hour keeps nobody out who has a token of it.
    """

    def __init__(self, source: KeySource, clock: Callable[[], float] = anyio.current_time) -> None:
        self._source = source
        self._clock = clock
        self._keys: Keys = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: anyio.Lock | None = None

    async def find(self, kid: str, algorithm: str) -> Any | None:
        """
        Return the key of this name, for this algorithm; None if there is none.

        Raises:
            KeysUnavailable: no keys are known, or those that are known are a day old.
        """
        name = (kid, algorithm)
        if self._is_due(name):
            if self._fetching is None:
                self._fetching = anyio.Lock()
            if not (
                self._fetching.locked() and name in self._keys
            ):  # else who fetches already does it for this call, too
                async with self._fetching:
                    if self._is_due(name):
                        await self._fetch()
        if not self._keys or self._clock() - self._fetched_at > _LAST_GOOD_SECONDS:
            raise KeysUnavailable
        return self._keys.get(name)

    def _is_due(self, name: tuple[str, str]) -> bool:
        now = self._clock()
        if name in self._keys and now - self._fetched_at < _KEPT_SECONDS:
            return False
        return now - self._tried_at >= (_AGAIN_SECONDS if self._keys else _FIRST_AGAIN_SECONDS)

    async def _fetch(self) -> None:
        self._tried_at = self._clock()
        try:
            with anyio.fail_after(_FETCH_SECONDS):
                keys = await fetched(self._source)
        except TimeoutError:
            _LOG.warning("The keys of the authorization server did not come within %.0f s.", _FETCH_SECONDS)
        except KeysUnavailable as error:
            _LOG.warning("The keys of the authorization server cannot be had: %s", error)
        else:
            self._keys, self._fetched_at = keys, self._clock()
        finally:
            self._tried_at = self._clock()  # once more: who waited meanwhile does not try again one by one


async def fetched(source: KeySource) -> Keys:
    """
    Ask an authorization server for its keys; those that cannot be used here are left out.

    Raises:
        KeysUnavailable: it cannot be reached, or its answer has no key that can be used.
    """
    from ...providers import addresses

    try:
        # What the user has named may be on this machine or in a private network; what these name in turn may not.
        trusted = frozenset(addresses.endpoint(url) for url in (source.issuer, source.jwks) if url)
        async with addresses.client(trusted=trusted, outbound=source.outbound, read_seconds=5) as client:
            url = source.jwks or _named(await _metadata(client, source.issuer, trusted), "jwks_uri")
            listed = (await _json(client, url, trusted)).get("keys")
    except SeedanceError as error:
        raise KeysUnavailable(error.message) from error
    keys: dict[tuple[str, str], Any] = {}
    for entry in (listed if isinstance(listed, list) else [])[:_MOST_KEYS]:  # pyright: ignore[reportUnknownVariableType]
        if isinstance(entry, dict):
            keys.update(_usable(cast("Json", entry), source.algorithms))
    if not keys:
        raise KeysUnavailable("there is no key in its answer that can be used here")
    return keys


async def metadata_of(source: KeySource, *names: str) -> tuple[str, ...]:
    """
    Read these addresses in the metadata of an authorization server.

    Raises:
        KeysUnavailable: it cannot be reached, or does not tell them.
    """
    from ...providers import addresses

    trusted = frozenset({addresses.endpoint(source.issuer)})
    try:
        async with addresses.client(trusted=trusted, outbound=source.outbound, read_seconds=5) as client:
            with anyio.fail_after(_FETCH_SECONDS):
                told = await _metadata(client, source.issuer, trusted)
        found = tuple(_named(told, name) for name in names)
        for url in found:
            addresses.check_url(url, trusted=trusted)
    except SeedanceError as error:
        raise KeysUnavailable(error.message) from error
    except TimeoutError:
        raise KeysUnavailable("its metadata did not come in time") from None
    return found


async def exchanged(source: KeySource, url: str, form: Mapping[str, str]) -> Json:
    """
    Send a form to an authorization server, once, and return its answer.

    Raises:
        KeysUnavailable: it cannot be reached, or refuses it.
    """
    from ...providers import addresses

    trusted = frozenset({addresses.endpoint(source.issuer)})
    try:
        async with addresses.client(trusted=trusted, outbound=source.outbound, read_seconds=5) as client:
            with anyio.fail_after(_FETCH_SECONDS):
                return await _json(client, url, trusted, form)
    except SeedanceError as error:
        raise KeysUnavailable(error.message) from error
    except TimeoutError:
        raise KeysUnavailable("its answer did not come in time") from None


def _named(metadata: Json, name: str) -> str:
    if not isinstance(metadata.get(name), str):
        raise KeysUnavailable(f"its metadata do not say {name}")
    return metadata[name]


async def _metadata(client: httpx2.AsyncClient, issuer: str, trusted: frozenset[str]) -> Json:
    """Read the metadata of OAuth (RFC 8414), else those of OpenID Connect."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    places = (f"/.well-known/oauth-authorization-server{path}", f"{path}/.well-known/openid-configuration")
    reason = KeysUnavailable("it has no metadata")
    for place in places:
        try:
            metadata = await _json(client, urlunsplit(parts._replace(path=place)), trusted)
        except KeysUnavailable as error:
            reason = error
            continue
        if metadata.get("issuer") != issuer:
            raise KeysUnavailable("its metadata are those of another issuer than SEEDANCE_OAUTH_ISSUER")
        return metadata
    raise reason


async def _json(
    client: httpx2.AsyncClient, url: str, trusted: frozenset[str], form: Mapping[str, str] | None = None
) -> Json:
    """Fetch a JSON object, for a form if there is one: from that very address, for no redirect is followed."""
    import httpx2

    from ...providers import addresses

    addresses.check_url(url, trusted=trusted)
    body = bytearray()
    try:
        method, content = ("GET", None) if form is None else ("POST", dict(form))
        headers = {"Accept": "application/json"}
        async with client.stream(method, url, headers=headers, data=content) as response:
            if response.status_code != 200:
                raise KeysUnavailable(f"it answers with HTTP {response.status_code}")
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise KeysUnavailable(f"its answer has more than {_MOST_BYTES // 1024} KiB")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise KeysUnavailable(f"it cannot be reached ({type(error).__name__})") from error
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise KeysUnavailable("its answer is not a JSON object")
    return cast("Json", content)


def _usable(entry: Json, algorithms: Sequence[str]) -> dict[tuple[str, str], Any]:
    """Read one key, for each algorithm that it may be used with; nothing for one that cannot be used."""
    kid, kind, curve = (entry.get(name) for name in ("kid", "kty", "crv"))
    operations = entry.get("key_ops")
    to_verify = entry.get("use", "sig") == "sig" and (
        not isinstance(operations, list) or "verify" in operations
    )
    if not isinstance(kid, str) or not isinstance(kind, str) or not to_verify:
        return {}
    fitting = _FITTING.get((kind, None if kind == "RSA" else str(curve)), ())
    public = {name: entry[name] for name in _PUBLIC if name in entry}
    found: dict[tuple[str, str], Any] = {}
    for algorithm in fitting:
        if algorithm in algorithms and entry.get("alg", algorithm) == algorithm:
            try:
                key = jwt.PyJWK(public, algorithm).key
            except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
                _LOG.info("A key of the authorization server cannot be read: %s", type(error).__name__)
                return {}
            if kind != "RSA" or key.key_size >= _LEAST_RSA_BITS:
                found[kid, algorithm] = key
    return found
