"""Signing in to the board at an authorization server: whose session it becomes, and what else comes back from there."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from seedance_mcp.config import Settings
from seedance_mcp.errors import ConfigError
from seedance_mcp.server.http.authorization import Authorization
from tests.emulator.wire import Response

from .identity import PERSON, RESOURCE, SPEND, Identity, identity
from .local import PUBLIC, STALLED, bearer, behind_a_proxy, called, post, result_of, serving
from .test_board import Browser, browser

CALLBACK = "https://videos.test/board/sign-in/callback"
COMES_BACK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
ADMIN = f"{SPEND} seedance:admin"


def _cookies(answer: httpx2.Response) -> dict[str, str]:
    """What each cookie of an answer holds, with its attributes."""
    return dict(one.split("=", 1) for one in answer.headers.get_list("set-cookie"))


@dataclass
class Scene:
    """A server with a board, the authorization server, and one browser."""

    provider: Identity
    url: str
    person: Browser

    async def begin(self) -> tuple[dict[str, str], str]:
        """Go to the authorization server: what it is asked, and the cookie of the browser meanwhile."""
        answer = await self.person.get("/sign-in/issuer")
        assert answer.status_code == 303, answer.text
        address = urlsplit(answer.headers["location"])
        assert f"{address.scheme}://{address.netloc}{address.path}" == f"{self.provider.origin}/authorize"
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        name, held = next(iter(_cookies(answer).items()))
        value, _, attributes = held.partition("; ")
        assert name == "__Host-seedance-board-sign-in"
        assert attributes == "HttpOnly; Max-Age=600; Path=/; SameSite=lax; Secure"
        return asked, f"{name}={value}"

    async def come_back(self, cookie: str, **told: str) -> httpx2.Response:
        """Come back with what the authorization server says."""
        return await self.person.http.get(
            "/board/sign-in/callback",
            params=told,
            headers={"Host": "videos.test", "Cookie": cookie, **COMES_BACK},
        )

    async def board(self, answer: httpx2.Response) -> httpx2.Response:
        """The board, by the cookies of an answer."""
        held = "; ".join(f"{name}={value.partition(';')[0]}" for name, value in _cookies(answer).items())
        return await self.person.get("/api/board", Cookie=held)

    async def refused(self, cookie: str, **told: str) -> None:
        """Come back with what lets nobody in."""
        answer = await self.come_back(cookie, **told)
        assert (answer.status_code, answer.headers["location"]) == (303, "/board/sign-in?not-finished")
        assert list(_cookies(answer)) == ["__Host-seedance-board-sign-in"]
        assert (await self.board(answer)).status_code == 401


@asynccontextmanager
async def scene(settings: Settings) -> AsyncGenerator[Scene]:
    async with identity() as provider:
        named = replace(
            settings,
            oauth_issuer=provider.issuer,
            oauth_people=(PERSON,),
            oauth_board_client_id="the-board",
        )
        async with (
            serving(named, behind_a_proxy(), board=True) as url,
            browser(url, "videos.test") as person,
        ):
            yield Scene(provider, url, person)


async def test_whoever_signs_in_there_has_the_board_of_the_same_person(settings: Settings) -> None:
    async with scene(settings) as at, httpx2.AsyncClient() as http:
        form = await at.person.get("/sign-in")
        assert '<a href="/board/sign-in/issuer">Sign in with your account</a>' in form.text
        asked, cookie = await at.begin()
        answer = await at.come_back(cookie, code=SPEND, state=asked["state"], iss=at.provider.issuer)
        assert (answer.status_code, answer.headers["location"]) == (303, "/board")
        session = _cookies(answer)["__Host-seedance-board"]
        assert session.endswith("; HttpOnly; Max-Age=43200; Path=/; SameSite=strict; Secure")
        sent = next(one for one in at.provider.server.requests if one.path == "/token")
        given = {name: values[0] for name, values in parse_qs(sent.body.decode()).items()}
        digest = hashlib.sha256(given.pop("code_verifier").encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
        assert given == {
            "grant_type": "authorization_code",
            "code": SPEND,
            "redirect_uri": CALLBACK,
            "client_id": "the-board",
            "resource": RESOURCE,
        }
        assert (asked["redirect_uri"], asked["client_id"], asked["resource"]) == (
            CALLBACK,
            "the-board",
            RESOURCE,
        )
        assert asked["code_challenge_method"] == "S256"
        same = {**PUBLIC, **bearer(at.provider.token())}
        job = result_of(await post(http, at.url, called("generate_video", STALLED), same))
        board = (await at.board(answer)).json()
        assert [one["job_id"] for one in board["jobs"]] == [job["structuredContent"]["job_id"]]
        assert board["rights"] == {"may_change": True, "administers": False}
        assert "eyJ" not in answer.text + str(answer.headers) + str(board)
        await at.refused(cookie, code=SPEND, state=asked["state"])  # each is good once


@pytest.mark.parametrize(
    ("scopes", "rights"),
    [
        (ADMIN, {"may_change": True, "administers": True}),
        ("openid seedance:read", {"may_change": False, "administers": False}),
    ],
)
async def test_what_they_may_do_is_what_their_token_says(
    settings: Settings, scopes: str, rights: dict[str, bool]
) -> None:
    async with scene(settings) as at:
        asked, cookie = await at.begin()
        answer = await at.come_back(cookie, code=scopes, state=asked["state"])
        assert (await at.board(answer)).json()["rights"] == rights


async def test_who_signed_in_by_openid_connect_is_whose_token_it_is(settings: Settings) -> None:
    async with scene(settings) as at:
        claims: list[dict[str, Any]] = [
            {"nonce": "another"},
            {},
            {"nonce": "", "sub": "somebody"},
            {"nonce": "", "aud": "another-client"},
        ]
        for wrong in claims:
            asked, cookie = await at.begin()
            at.provider.told_of_person = {
                **wrong,
                **({"nonce": asked["nonce"]} if wrong.get("nonce") == "" else {}),
            }
            await at.refused(cookie, code=SPEND, state=asked["state"])
        asked, cookie = await at.begin()
        at.provider.told_of_person = {"nonce": asked["nonce"]}
        answer = await at.come_back(cookie, code=SPEND, state=asked["state"])
        assert (await at.board(answer)).status_code == 200


async def test_what_is_not_of_this_browser_or_not_good_lets_nobody_in(settings: Settings) -> None:
    async with scene(settings) as at:
        asked, cookie = await at.begin()
        await at.refused("", code=SPEND, state=asked["state"])
        await at.refused(cookie, code=SPEND, state="x")
        asked, cookie = await at.begin()
        await at.refused(cookie, error="access_denied", state=asked["state"])
        asked, cookie = await at.begin()
        await at.refused(cookie, code=SPEND, state=asked["state"], iss="https://evil.example/")
        asked, cookie = await at.begin()
        await at.refused(cookie, code="openid", state=asked["state"])  # with no scope of ours
        page = await at.person.get("/sign-in?not-finished")
        assert "You were not signed in." in page.text


async def test_tokens_of_others_and_for_others_let_nobody_in(settings: Settings) -> None:
    async with scene(settings) as at:
        for token in (at.provider.token(sub="somebody"), at.provider.token(aud="https://another/mcp"), "x"):
            asked, cookie = await at.begin()
            at.provider.answers["/token"] = Response.of({"access_token": token})
            await at.refused(cookie, code=SPEND, state=asked["state"])
        at.provider.answers["/token"] = Response(status=400)
        asked, cookie = await at.begin()
        await at.refused(cookie, code=SPEND, state=asked["state"])


async def test_no_page_of_others_sends_a_browser_there(settings: Settings) -> None:
    async with scene(settings) as at:
        answer = await at.person.http.get(
            "/board/sign-in/issuer", headers={"Host": "videos.test", **COMES_BACK}
        )
        assert answer.status_code == 403
        for _ in range(10):
            assert (await at.person.get("/sign-in/issuer")).status_code == 303
        assert (await at.person.get("/sign-in/issuer")).status_code == 429


async def test_without_a_name_for_the_board_nobody_signs_in_there(settings: Settings) -> None:
    async with identity() as provider:
        named = replace(settings, oauth_issuer=provider.issuer, oauth_people=(PERSON,))
        async with (
            serving(named, behind_a_proxy(), board=True) as url,
            browser(url, "videos.test") as person,
        ):
            assert "issuer" not in (await person.get("/sign-in")).text
            assert (await person.get("/sign-in/issuer")).status_code == 401
    with pytest.raises(ConfigError, match="SEEDANCE_OAUTH_BOARD_CLIENT_ID"):
        Authorization.of(replace(settings, oauth_board_client_id="the-board"), RESOURCE)
