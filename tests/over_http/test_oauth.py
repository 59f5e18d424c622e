"""Tokens of an authorization server: who gets in with them, and every way in which one can be wrong."""

from __future__ import annotations

import hmac
import logging
import os
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from seedance_mcp.config import Settings
from seedance_mcp.errors import ConfigError
from seedance_mcp.server.http import access_jwts
from seedance_mcp.server.http.issuer_keys import IssuerKeys, KeySource, KeysUnavailable, fetched
from seedance_mcp.server.http.serving import serve_http
from tests.emulator.wire import Response
from tests.sweep import sweep

from .identity import METADATA, PERSON, RESOURCE, Identity, identity, private_key, public_jwk, unpadded
from .local import (
    HERE,
    LIST,
    PUBLIC,
    STALLED,
    Era,
    bearer,
    behind_a_proxy,
    called,
    client,
    post,
    result_of,
    serving,
    token,
    why,
)

ERAS = ({}, {"MCP-Protocol-Version": "2025-11-25"})
"""What is sent with a request of the newer era and of the older one."""

FUZZED = 10_000 if os.environ.get("SEEDANCE_TEST_LONG") else 2_000

Bad = Callable[[Identity], str]


def _hs256(provider: Identity) -> str:
    """Signed with the public key as if it were a secret: who takes the algorithm from the token lets that in."""
    pem = private_key("rsa").public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    unsigned = provider.by_hand({"alg": "HS256", "kid": "rsa", "typ": "JWT"}).rpartition(".")[0]
    return f"{unsigned}.{unpadded(hmac.digest(pem, unsigned.encode(), 'sha256'))}"


def _now() -> int:
    return int(time.time())


BAD: dict[str, Bad] = {
    "expired": lambda idp: idp.token(exp=_now() - 31),
    "not yet valid": lambda idp: idp.token(nbf=_now() + 40),
    "made in the future": lambda idp: idp.token(iat=_now() + 40),
    "another audience": lambda idp: idp.token(aud="https://other.test/mcp"),
    "an audience that begins alike": lambda idp: idp.token(aud=f"{RESOURCE}/"),
    "an audience of no text": lambda idp: idp.token(aud=[1, None]),
    "another issuer": lambda idp: idp.token(iss=idp.issuer.rstrip("/")),
    "another key of the name": lambda idp: idp.token(key=private_key("ec", 1)),
    "a key under another's name": lambda idp: idp.token("ed", header={"kid": "rsa"}),
    "unknown kid": lambda idp: idp.token(header={"kid": "nobody"}),
    "no kid": lambda idp: jwt.encode(idp.claims(), private_key("ec"), "ES256"),
    "a kid that is a number": lambda idp: idp.by_hand({"alg": "ES256", "kid": 7}, b"x" * 64),
    "no sub": lambda idp: idp.token(sub=None),
    "empty sub": lambda idp: idp.token(sub=""),
    "sub that is a list": lambda idp: _signed(idp, sub=[PERSON]),
    "no exp": lambda idp: idp.token(exp=None),
    "exp in words": lambda idp: _signed(idp, exp="tomorrow"),
    "endless exp": lambda idp: _signed(idp, exp=float("inf")),
    "no aud": lambda idp: idp.token(aud=None),
    "no iss": lambda idp: idp.token(iss=None),
    "bound to a key of its holder": lambda idp: idp.token(cnf={"jkt": "x"}),
    "a token of another kind": lambda idp: idp.token(header={"typ": "logout+jwt"}),
    "an extension nobody knows": lambda idp: _signed(idp, {"crit": ["b64"], "b64": True}),
    "alg none": lambda idp: idp.by_hand({"alg": "none", "kid": "ec"}),
    "alg None": lambda idp: idp.by_hand({"alg": "None", "kid": "ec"}, b"x"),
    "no alg": lambda idp: idp.by_hand({"kid": "ec"}, b"x" * 64),
    "alg that is a list": lambda idp: idp.by_hand({"alg": ["ES256"], "kid": "ec"}, b"x" * 64),
    "HS256 with the public key": _hs256,
    "an algorithm that was not allowed": lambda idp: jwt.encode(
        idp.claims(), private_key("rsa"), "RS512", {"kid": "rsa"}
    ),
    "a signature of nothing": lambda idp: idp.token().rpartition(".")[0] + "." + "A" * 86,
    "no signature": lambda idp: idp.token().rpartition(".")[0] + ".",
    "claims of another token": lambda idp: _mixed(idp.token(sub="other"), idp.token()),
    "five parts": lambda idp: f"{idp.token()}.x.y",
    "two of them": lambda idp: f"{idp.token()} {idp.token()}",
    "blanks inside": lambda idp: idp.token().replace(".", ". ", 1),
    "padding": lambda idp: f"{idp.token()}==",
    "deep header": lambda idp: f"{unpadded(b'[' * 5000)}.e30.e30",
    "garbage": lambda idp: "garbage",
    "one letter": lambda idp: "x",
    "dots": lambda idp: "..",
    "bytes that are no text": lambda idp: f"{unpadded(bytes(range(128, 255)))}.{unpadded(b'{}')}.{unpadded(b'x')}",
    "too long": lambda idp: idp.token(much="x" * 9000),
}  # fmt: skip


def _signed(provider: Identity, header: dict[str, Any] | None = None, **changed: Any) -> str:
    """Sign what the library would not write."""
    whole = {"alg": "EdDSA", "kid": "ed", "typ": "at+jwt", **(header or {})}
    unsigned = provider.by_hand(whole, **changed).rpartition(".")[0]
    return f"{unsigned}.{unpadded(private_key('ed').sign(unsigned.encode()))}"


def _mixed(claims: str, rest: str) -> str:
    head, _, signature = rest.split(".")
    return ".".join((head, claims.split(".")[1], signature))


@asynccontextmanager
async def _signing_in(settings: Settings, **more: Any) -> AsyncGenerator[tuple[str, Identity]]:
    """Serve behind a proxy, for the one person that an authorization server knows."""
    async with identity() as provider:
        named = replace(settings, oauth_issuer=provider.issuer, oauth_subject=PERSON, **more)
        async with serving(named, behind_a_proxy()) as url:
            yield url, provider


async def test_a_token_that_is_wrong_in_any_way_opens_nothing(settings: Settings) -> None:
    async with _signing_in(settings) as (url, provider), httpx2.AsyncClient() as http:
        assert result_of(await post(http, url, LIST, {**PUBLIC, **bearer(provider.token())}))["tools"]
        for name, made in BAD.items():
            for era in ERAS:
                answer = await post(http, url, LIST, {**PUBLIC, **era, **bearer(made(provider))})
                assert (name, answer.status_code) == (name, 401)
                assert answer.headers["www-authenticate"] == (
                    f'Bearer realm="seedance", error="invalid_token", resource_metadata="{METADATA}"'
                )
                assert why(answer) == "The token is not good here (any more)."


async def test_only_the_log_says_what_is_wrong_with_a_token(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reasons = {
        "expired": "ExpiredSignatureError", "another audience": "InvalidAudienceError", "another issuer": "InvalidIssuerError",
        "another key of the name": "InvalidSignatureError", "unknown kid": "its key (kid)", "alg None": "its algorithm",
        "no sub": "MissingRequiredClaimError", "empty sub": "it has no sub", "garbage": "it is no JWT",
    }  # fmt: skip
    async with _signing_in(settings) as (url, provider), httpx2.AsyncClient() as http:
        for name, reason in reasons.items():
            caplog.clear()
            await post(http, url, LIST, {**PUBLIC, **bearer(BAD[name](provider))})
            (said,) = [one.getMessage() for one in caplog.records if one.name == access_jwts.__name__]
            assert said.startswith(f"A token for {RESOURCE} is refused: {reason}")


async def test_who_is_signed_in_looks_and_spends(settings: Settings, era: Era) -> None:
    async with _signing_in(settings) as (url, provider):
        for kind in ("rsa", "ec", "ed"):
            headers = {**PUBLIC, **bearer(provider.token(kind))}
            async with client(url, era, headers) as assistant:
                assert (await assistant.list_tools()).tools
                bought = await assistant.call_tool(
                    "generate_video", {**STALLED, "prompt": f"[sandbox:stall] {kind}"}
                )
                assert not bought.is_error
                assert bought.structured_content


async def test_a_good_token_may_be_written_in_several_ways(settings: Settings) -> None:
    async with _signing_in(settings) as (url, provider), httpx2.AsyncClient() as http:
        ways: tuple[dict[str, Any], ...] = (
            {"aud": ["https://other.test", RESOURCE]},
            {"exp": _now() - 20},
            {"nbf": _now() + 20},
            {"exp": time.time() + 60.5},
            {"scope": None, "scp": ["seedance:spend", 7]},
            {"scope": "seedance:admin"},
        )
        for changed in ways:
            answer = await post(http, url, LIST, {**PUBLIC, **bearer(provider.token(**changed))})
            assert result_of(answer)["tools"], changed
        answer = await post(http, url, LIST, {**PUBLIC, **bearer(provider.token(header={"typ": "JWT"}))})
        assert result_of(answer)["tools"]


async def test_clients_are_led_to_the_authorization_server(settings: Settings) -> None:
    async with _signing_in(settings) as (url, provider), httpx2.AsyncClient() as http:
        answer = await post(http, url, LIST, PUBLIC)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (
            401, f'Bearer realm="seedance", scope="seedance:read", resource_metadata="{METADATA}"',
        )  # fmt: skip
        place = url.removesuffix("/mcp") + METADATA.removeprefix("https://videos.test")
        told = await http.get(place, headers=PUBLIC)
        assert told.json() == {
            "resource": RESOURCE,
            "authorization_servers": [provider.issuer],
            "scopes_supported": ["seedance:read", "seedance:spend"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Seedance video",
        }
        assert (await http.head(place, headers=PUBLIC)).content == b""
        assert (await http.get(place, headers={"Host": "evil.test"})).status_code == 421
        assert (await http.post(place, headers=PUBLIC)).status_code == 404


async def test_a_scope_that_is_missing_can_be_asked_for(settings: Settings) -> None:
    async with _signing_in(settings) as (url, provider), httpx2.AsyncClient() as http:
        for scope, message, needed in (
            ("seedance:read", called("generate_video", STALLED), "seedance:read seedance:spend"),
            ("openid profile", LIST, "seedance:read"),
            (None, LIST, "seedance:read"),
            ("seedance:reader xseedance:spend", LIST, "seedance:read"),
        ):
            for era in ERAS:
                sent = {**PUBLIC, **era, **bearer(provider.token(scope=scope))}
                answer = await post(http, url, message, sent)
                assert (answer.status_code, answer.headers["www-authenticate"]) == (
                    403,
                    f'Bearer realm="seedance", error="insufficient_scope", scope="{needed}",'
                    f' resource_metadata="{METADATA}"',
                )
        looking = {**PUBLIC, **bearer(provider.token(scope="seedance:read"))}
        assert (
            result_of(await post(http, url, called("check_status"), looking))["structuredContent"]["jobs"]
            == []
        )


async def test_a_client_signs_in_by_itself_and_asks_for_more_when_it_buys(
    settings: Settings, era: Era
) -> None:
    """The SDK's own client, which finds everything by what it is refused with."""
    agreed: list[dict[str, str]] = []

    async def ask(address: str) -> None:
        agreed.append({name: values[0] for name, values in parse_qs(urlsplit(address).query).items()})

    async def answer() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(code=agreed[-1]["scope"], state=agreed[-1]["state"])

    async with identity() as provider:
        named = replace(settings, oauth_issuer=provider.issuer, oauth_subject=PERSON)
        async with serving(named) as url:
            about = OAuthClientMetadata(redirect_uris=[AnyUrl("http://127.0.0.1/back")], client_name="test")
            signing_in = OAuthClientProvider(url, about, _Kept(), ask, answer)
            async with (
                httpx2.AsyncClient(auth=signing_in, timeout=60) as http,
                Client(streamable_http_client(url, http_client=http), mode=era) as assistant,
            ):
                listed = await assistant.call_tool("check_status", {})
                assert not listed.is_error
                assert [one["scope"] for one in agreed] == ["seedance:read"]
                bought = await assistant.call_tool("generate_video", STALLED)
                assert not bought.is_error
    assert [one["scope"] for one in agreed] == ["seedance:read", "seedance:read seedance:spend"]
    assert {one["resource"] for one in agreed} == {url}


class _Kept:
    """What the client keeps of its sign-in."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.info: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.info = client_info


async def test_nobody_comes_in_whom_the_settings_do_not_name(settings: Settings) -> None:
    async with _signing_in(settings) as (url, provider), httpx2.AsyncClient() as http:
        for other in ("auth0|12345", "AUTH0|1234", f"{PERSON} "):
            answer = await post(http, url, LIST, {**PUBLIC, **bearer(provider.token(sub=other))})
            assert answer.status_code == 403
            assert "is not for" in why(answer)
            assert "www-authenticate" not in answer.headers


async def test_named_tokens_count_beside_those_of_an_authorization_server(settings: Settings) -> None:
    named = await token(settings)
    async with _signing_in(settings) as (url, provider), httpx2.AsyncClient() as http:
        assert result_of(await post(http, url, LIST, {**PUBLIC, **bearer(named)}))["tools"]
        assert (await post(http, url, LIST, {**PUBLIC, **bearer(f"{named[:-2]}xx")})).status_code == 401
        assert provider.server.requests == []


async def test_on_this_machine_everybody_signs_in_too(settings: Settings) -> None:
    async with identity() as provider:
        named = replace(settings, oauth_issuer=provider.issuer, oauth_subject=PERSON)
        async with serving(named) as url, httpx2.AsyncClient() as http:
            assert (await post(http, url, LIST)).status_code == 401
            assert (await post(http, url, LIST, bearer(provider.token(aud=url)))).status_code == 200
            assert (await post(http, url, LIST, bearer(provider.token()))).status_code == 401
            told = await http.get(url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp"))
            assert told.json()["resource"] == url


async def test_another_audience_and_place_of_keys_can_be_set(settings: Settings) -> None:
    async with identity() as provider:
        named = replace(
            settings, oauth_issuer=provider.issuer, oauth_subject=PERSON, oauth_audience="api://videos",
            oauth_jwks=f"{provider.origin}/keys?p=1", oauth_algorithms=("EdDSA",),
        )  # fmt: skip
        async with serving(named, behind_a_proxy()) as url, httpx2.AsyncClient() as http:
            for kind, audience, status in (
                ("ed", "api://videos", 200),
                ("ed", RESOURCE, 401),
                ("ec", "api://videos", 401),
            ):
                sent = {**PUBLIC, **bearer(provider.token(kind, aud=audience))}
                assert (await post(http, url, LIST, sent)).status_code == status
        assert {request.path for request in provider.server.requests} == {"/keys"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"oauth_subject": None}, "SEEDANCE_OAUTH_SUBJECT"),
        ({"oauth_issuer": None}, "SEEDANCE_OAUTH_ISSUER"),
        ({"oauth_issuer": None, "oauth_subject": None, "oauth_audience": "x"}, "SEEDANCE_OAUTH_ISSUER"),
    ],
)
async def test_half_an_authorization_server_is_none(
    settings: Settings, changed: dict[str, Any], words: str
) -> None:
    named = replace(settings, oauth_issuer="https://id.test", oauth_subject=PERSON)
    with pytest.raises(ConfigError) as refused:
        await serve_http(replace(named, **changed), HERE, tell=lambda url: None)
    assert words in refused.value.hint


async def test_a_token_that_is_good_is_in_no_file_log_or_answer(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with _signing_in(settings) as (url, provider), httpx2.AsyncClient() as http:
        good = provider.token()
        said: list[str] = []
        for text in (good, provider.token(scope="seedance:read"), provider.token(exp=1), f"{good[:-4]}AAAA"):
            for message in (LIST, called("generate_video", STALLED), called("nothing")):
                answer = await post(http, url, message, {**PUBLIC, **bearer(text)})
                said.append(answer.text + str(answer.headers))
    logged = [
        r.getMessage() for r in caplog.records if r.name.startswith(("seedance", "mcp", "uvicorn", "httpx2"))
    ]
    claims, signature = good.split(".")[1:]
    assert not any(
        part in words for words in (*said, *logged, *capfd.readouterr()) for part in (claims, signature)
    )
    assert sweep(settings.state_dir, [claims.encode(), signature.encode()]) == []


async def test_the_protocol_is_not_told_the_token(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bytes] = []
    handle = StreamableHTTPSessionManager.handle_request

    async def look(self: StreamableHTTPSessionManager, scope: Any, receive: Any, send: Any) -> None:
        told.extend(name for name, _ in scope["headers"])
        await handle(self, scope, receive, send)

    monkeypatch.setattr(StreamableHTTPSessionManager, "handle_request", look)
    async with _signing_in(settings) as (url, provider), httpx2.AsyncClient() as http:
        assert (await post(http, url, LIST, {**PUBLIC, **bearer(provider.token())})).status_code == 200
    assert b"host" in told
    assert b"authorization" not in told


async def test_what_a_token_began_ends_a_while_after_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedance_mcp.server.http.doorkeeper._LAST_CALL_SECONDS", 1.0)
    monkeypatch.setattr(access_jwts, "LEEWAY_SECONDS", 0.0)
    waiting = called("generate_video", {**STALLED, "wait_seconds": 60})
    async with _signing_in(settings) as (url, provider), httpx2.AsyncClient(timeout=60) as http:
        with anyio.fail_after(20):
            answer = await post(http, url, waiting, {**PUBLIC, **bearer(provider.token(exp=_now() + 2))})
    assert answer.status_code == 401


LETTERS = (*range(33, 127), *range(128, 256))
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, 1e308, float("inf"), float("nan"), "", "x", "\0", [], {}, {"a": 1}, [RESOURCE, 0],
    "none", "HS256", "ES256", "EdDSA", ["ES256"], "ec", "ed", "at+jwt",
)  # fmt: skip
HEADERS = ("alg", "kid", "typ", "crit", "b64", "jku", "jwk", "x5u", "zip", "enc")


def _fuzzed(random: Random, provider: Identity) -> bytes:
    """Something that a stranger may send as a token: nearly a good one, or not at all."""
    good = provider.token(random.choice(("ec", "ed")))
    match random.randrange(6):
        case 0:  # a few characters are others, more or fewer
            letters = list(good.encode())
            while bytes(letters) == good.encode():
                at = random.randrange(len(letters))
                letters[at : at + random.randint(0, 2)] = random.choices(LETTERS, k=random.randint(0, 3))
            return bytes(letters)
        case 1:  # a header of anything over good claims
            header = {name: random.choice(ODD) for name in random.sample(HEADERS, random.randint(0, 6))}
            return provider.by_hand(header, random.randbytes(random.choice((0, 32, 64, 256)))).encode()
        case 2:  # claims of anything, well signed
            changed = {
                name: random.choice(ODD) for name in (random.choice(("iss", "aud", "exp", "sub")), "scope")
            }
            return _signed(provider, None, **changed).encode()
        case 3:  # parts in another order, or of two tokens
            parts = [*good.split("."), *provider.token("ed", sub="other").split(".")]
            mixed = ".".join(random.choices(parts, k=random.randint(1, 5)))
            return (f"{mixed}." if mixed == good else mixed).encode()
        case 4:
            return bytes(random.choices(LETTERS, k=random.randint(1, 60)))
        case _:
            return good.encode()[: random.randrange(1, len(good))]


async def test_no_fuzzed_token_gets_in_or_breaks_anything(settings: Settings) -> None:
    random = Random(20261130)
    answers = Counter[int]()
    async with _signing_in(settings) as (url, provider), httpx2.AsyncClient() as http:
        good = provider.token()
        for number in range(FUZZED):
            text = _fuzzed(random, provider)
            sent = {**PUBLIC, **ERAS[number % 2], "Authorization": b"Bearer " + text}
            answer = await post(http, url, LIST, sent)
            answers[answer.status_code] += 1
            assert answer.status_code in (400, 401, 403), text
            assert text.strip() == b"" or len(text) < 12 or text not in answer.content, text
            if number % 200 == 0:
                assert (await post(http, url, LIST, {**PUBLIC, **bearer(good)})).status_code == 200
        assert provider.asked("/keys") <= 3
    assert answers[401] > 0.9 * FUZZED


# The keys.


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _keys(provider: Identity, clock: _Clock) -> IssuerKeys:
    return IssuerKeys(KeySource(issuer=provider.issuer, algorithms=("ES256", "EdDSA")), clock)


async def test_keys_are_kept_and_fetched_anew_for_one_that_is_not_known() -> None:
    clock = _Clock()
    async with identity() as provider:
        keys = _keys(provider, clock)
        assert await keys.find("ec", "ES256")
        assert await keys.find("ed", "EdDSA")
        assert await keys.find("rsa", "RS256") is None, "no algorithm that was allowed"
        assert provider.asked("/keys") == 1
        provider.keys.append(public_jwk("new", "ec", 1))
        for at, asked in ((29.0, 1), (30.0, 2), (31.0, 2), (59.0, 2), (60.0, 3)):
            clock.now = at
            assert (await keys.find("nobody", "ES256"), provider.asked("/keys")) == (None, asked)
        assert await keys.find("new", "ES256")
        clock.now = 659.0
        assert await keys.find("ec", "ES256")
        assert provider.asked("/keys") == 3
        provider.keys = provider.keys[1:]
        clock.now = 660.0
        assert await keys.find("ec", "ES256")
        assert provider.asked("/keys") == 4


async def test_the_last_good_keys_are_kept_for_a_day_while_there_are_no_new_ones() -> None:
    clock = _Clock()
    async with identity() as provider:
        keys = _keys(provider, clock)
        provider.answers["/keys"] = Response(status=500)
        for at, asked in ((0.0, 1), (1.9, 1), (2.0, 2)):
            clock.now = at
            with pytest.raises(KeysUnavailable):
                await keys.find("ec", "ES256")
            assert provider.asked("/keys") == asked
        del provider.answers["/keys"]
        clock.now = 10.0
        assert await keys.find("ec", "ES256")
        for answer in (Response(status=500), Response.of({"keys": []}), Response(body=b"{"), Response.of([])):
            provider.answers["/keys"] = answer
            clock.now += 600.0
            assert await keys.find("ec", "ES256")
        clock.now = 10.0 + 86_400.0
        assert await keys.find("ec", "ES256")
        clock.now += 31.0
        with pytest.raises(KeysUnavailable):
            await keys.find("ec", "ES256")


async def test_many_calls_at_once_fetch_the_keys_once() -> None:
    async with identity() as provider:
        keys = _keys(provider, _Clock())
        async with anyio.create_task_group() as tasks:
            for kid in ("ec", "nobody") * 20:
                tasks.start_soon(keys.find, kid, "ES256")
        assert provider.asked("/keys") == 1


async def test_who_waited_for_keys_in_vain_does_not_ask_again_one_by_one() -> None:
    clock, refused = _Clock(), Counter[type[Exception]]()

    async def look() -> None:
        try:
            await keys.find("ec", "ES256")
        except KeysUnavailable as error:
            refused[type(error)] += 1

    def take_long() -> None:
        clock.now += 5.0

    async with identity() as provider:
        keys = _keys(provider, clock)
        provider.answers["/keys"], provider.when_asked = Response(status=500), take_long
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(look)
        assert (refused[KeysUnavailable], provider.asked("/keys")) == (20, 1)


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/keys", Response(status=302, headers={"Location": "/other"}), "302"),
        ("/keys", Response(body=b" " * 300_000), "256 KiB"),
        ("/keys", Response(body=b"[" * 100_000), "JSON"),
        ("/keys", Response.of({"keys": {"kid": "ec"}}), "no key"),
        ("/keys", Response.of({"keys": [7, None, {"kid": "ec"}, {"kid": "ec", "kty": "EC", "crv": "P-256", "x": 1, "y": "?"}]}),
         "no key"),
        ("/tenant/.well-known/openid-configuration", Response.of({"issuer": "https://other.test"}), "another issuer"),
        ("/tenant/.well-known/openid-configuration", Response(status=404), "404"),
    ],
)  # fmt: skip
async def test_what_is_no_list_of_keys_is_taken_for_none(path: str, answer: Response, words: str) -> None:
    async with identity() as provider:
        provider.answers[path] = answer
        with pytest.raises(KeysUnavailable, match=words):
            await fetched(KeySource(issuer=provider.issuer, algorithms=("ES256",)))
        assert provider.asked("/other") == 0


async def test_metadata_lead_to_no_other_place_on_this_machine() -> None:
    async with identity() as provider, identity() as inner:
        for place in (
            f"{inner.origin}/keys",
            "http://10.0.0.7/keys",
            "https://localhost/keys",
            "file:///etc/passwd",
            "x",
        ):
            provider.answers["/tenant/.well-known/openid-configuration"] = Response.of(
                {"issuer": provider.issuer, "jwks_uri": place}
            )
            with pytest.raises(KeysUnavailable) as refused:
                await fetched(KeySource(issuer=provider.issuer, algorithms=("ES256",)))
            assert "cannot be reached" not in str(refused.value), "it was not even tried"
        assert inner.server.requests == []


async def test_keys_that_cannot_be_trusted_are_left_out() -> None:
    weak = {"kty": "RSA", "kid": "weak", "e": "AQAB", "n": unpadded(b"\xc1" + b"\x11" * 127)}
    async with identity() as provider:
        provider.keys = [
            public_jwk("fine", "ec"),
            public_jwk("to encrypt", "ec", use="enc"),
            public_jwk("to sign", "ec", key_ops=["sign"]),
            public_jwk("of another algorithm", "ec", alg="ES512"),
            {"kty": "oct", "kid": "secret", "k": unpadded(b"x" * 32), "alg": "ES256"},
            weak,
        ]
        keys = await fetched(KeySource(issuer=provider.issuer, algorithms=("RS256", "ES256", "ES512")))
    assert set(keys) == {("fine", "ES256")}


async def test_nobody_gets_in_while_the_keys_are_not_known(settings: Settings) -> None:
    async with _signing_in(settings) as (url, provider), httpx2.AsyncClient() as http:
        provider.answers["/keys"] = Response(status=503)
        answer = await post(http, url, LIST, {**PUBLIC, **bearer(provider.token())})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert "keys" in why(answer)
