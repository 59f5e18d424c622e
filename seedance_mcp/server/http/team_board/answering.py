"""Answers at `/board`: lets people sign in, and hands what they ask on to the board of each."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from anyio.abc import TaskGroup
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from ....audience import Audience, answering
from ....counting import Counted, count
from ....errors import SeedanceError
from ...board import requests
from ...board.access import page_headers
from ...board.answers import refusal, refused_by
from ...board.page import signed_in_page
from ...http_server import HEAD_BYTES, AsgiApp, Receive, Scope, Send
from ..refusals import Refused
from ..stays import Stay
from .attempts import Attempts
from .cookie_sessions import SESSION_SECONDS, CookieSessions, NotSignedIn, Session
from .peoples_boards import PeoplesBoards
from .sign_in_page import AGAIN, NOT_FINISHED, NOT_GOOD, NOT_NOW, form_headers, sign_in_page

if TYPE_CHECKING:
    from ...callers import Caller
    from ..doorkeeper import Doorkeeper
    from ..limits import Traffic
    from ..places import Doorplate
    from ..team_server import TeamServers
    from .issuer_sign_in import IssuerSignIn

_LOG = logging.getLogger(__name__)

BASE = "/board"
_SIGN_IN, _SIGN_OUT = "/sign-in", "/sign-out"
_TO_ISSUER, _FROM_ISSUER = "/sign-in/issuer", "/sign-in/callback"
_NOT_FINISHED = "not-finished"
_COOKIE, _PENDING_COOKIE = "seedance-board", "seedance-board-sign-in"
_MOST_TOKEN_CHARACTERS = 200
_LOOKING = ("GET", "HEAD")


@dataclass(frozen=True, kw_only=True)
class Door:
    """What is in front of everything that the server answers, the same as for calls."""

    doorplate: Doorplate
    doorkeeper: Doorkeeper
    traffic: Traffic
    public: frozenset[str]
    """Names under which others reach the server, through a proxy with a certificate."""

    issuer: IssuerSignIn | None = None
    """Signs people in at the authorization server, where the board has a name there."""


class TeamBoard:
    """
    The board of one server, for whoever signs in with a named token.

    The cookie of a session alone lets nobody in: each change names the page it comes from, which has to be ours.
    """

    def __init__(self, tasks: TaskGroup, teams: TeamServers, door: Door) -> None:
        self._door = door
        self._sessions = CookieSessions()
        self._attempts = Attempts()
        self._boards = PeoplesBoards(tasks, teams, BASE)
        self._several = teams.several

    def answers(self, scope: Scope) -> bool:
        """Return whether a request is for this."""
        return scope["type"] == "http" and (scope["path"] == BASE or scope["path"].startswith(f"{BASE}/"))

    def begin_ending(self) -> None:
        """End the streams of all pages."""
        self._boards.begin_ending()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"][len(BASE) :] or "/"
        own = form_headers() if path == _SIGN_IN else page_headers()

        async def answer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                headers.update(own)
                message = {**message, "headers": headers.raw}
            await send(message)

        request = Request({**scope, "path": path, "root_path": ""}, receive)
        try:
            answering = await self._answer(request, path)
            await answering(request.scope, receive, answer)
        except Refused as refused:
            await _told(refused)(request.scope, receive, answer)
        except requests.Refused as refused:
            await refused.response(request.scope, receive, answer)
        except SeedanceError as error:
            await refused_by(error, 503)(request.scope, receive, answer)

    async def _answer(self, request: Request, path: str) -> AsgiApp:
        """Return what answers a request. Raises Refused, and SeedanceError: the job database cannot be used now."""
        self._check_comes_from_here(request, path)
        if path == "/" and request.method in _LOOKING:  # the page itself holds nothing of anybody
            return HTMLResponse(signed_in_page())
        if path == _SIGN_IN:
            return await self._sign_in(request)
        if self._door.issuer is not None and path in (_TO_ISSUER, _FROM_ISSUER) and request.method == "GET":
            return await (self._to_issuer if path == _TO_ISSUER else self._from_issuer)(
                request, self._door.issuer
            )
        text = self._cookie(request)
        session = await self._session(text)
        if session is None:
            return refusal(
                401, "not_signed_in", "Nobody is signed in here (any more).", f"Open {BASE}{_SIGN_IN}."
            )
        if path == _SIGN_OUT and request.method == "POST":
            return self._sign_out(request, text)
        return partial(self._for_them, session, text)

    def _check_comes_from_here(self, request: Request, path: str) -> None:
        headers = Headers(scope=request.scope)
        is_link = (
            path in ("/", _SIGN_IN, _FROM_ISSUER)
            and request.method == "GET"
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") == "document"
        )
        self._door.doorplate.check(headers, linked=is_link)
        if sum(len(name) + len(value) for name, value in headers.raw) > HEAD_BYTES:
            raise Refused(
                431, f"The head of a request may have {HEAD_BYTES // 1024} KiB.", connection="close"
            )
        if request.method not in _LOOKING and headers.getlist("origin") != [self._own_origin(request)]:
            raise Refused(403, "Only the board's own page may ask for this (Origin).")

    async def _sign_in(self, request: Request) -> Response:
        page = partial(
            sign_in_page,
            BASE + _SIGN_IN,
            request.headers.get("accept-language", ""),
            issuer=BASE + _TO_ISSUER if self._door.issuer is not None else "",
            several=self._several,
        )
        if request.method in _LOOKING:
            if request.url.query == _NOT_FINISHED:
                return page(NOT_FINISHED)
            brought = self._cookie(request)
            return page(AGAIN if brought and self._sessions.find(brought) is None else "")
        if request.method != "POST":
            raise Refused(405, "A token is sent by POST.", allow="GET, HEAD, POST")
        address = _address(request)
        self._attempts.begin(address)
        content = await requests.content_of(request, "application/x-www-form-urlencoded")
        text = _token_in(content)
        try:
            caller = await self._door.doorkeeper.named(text) if text else None
        except SeedanceError:
            self._attempts.succeeded(address)
            return page(NOT_NOW, 503)
        if caller is None:
            count(Counted.REFUSAL, "401")
            _LOG.info("Refused to sign in to the board with what is no good token")
            return page(NOT_GOOD, 401)
        self._attempts.succeeded(address)
        return self._signed_in(request, caller)

    def _signed_in(self, request: Request, caller: Caller) -> Response:
        self._sessions.end(self._cookie(request))
        _LOG.info("Signed in to the board: %s", caller.id)
        answer = RedirectResponse(BASE, 303)
        self._set_cookie(request, answer, self._sessions.open(caller), SESSION_SECONDS)
        return answer

    async def _to_issuer(self, request: Request, issuer: IssuerSignIn) -> Response:
        """Send the browser to the authorization server, with a cookie by which it is known when it comes back."""
        from .issuer_sign_in import PENDING_SECONDS

        self._attempts.begin(_address(request))
        try:
            begun = await issuer.begin(f"{self._own_origin(request)}{BASE}{_FROM_ISSUER}")
        except NotSignedIn as error:
            return self._not_signed_in(error)
        answer = RedirectResponse(begun.address, 303)
        self._set_cookie(request, answer, begun.cookie, PENDING_SECONDS, _PENDING_COOKIE)
        return answer

    async def _from_issuer(self, request: Request, issuer: IssuerSignIn) -> Response:
        """Sign in whoever comes back from the authorization server: their token is looked at, and not kept."""
        address = _address(request)
        self._attempts.begin(address)
        try:
            token = await issuer.finish(self._cookie(request, _PENDING_COOKIE), request.query_params)
            caller = await self._door.doorkeeper.of_access_token(token)
        except (NotSignedIn, Refused, SeedanceError) as error:
            answer = self._not_signed_in(error)
        else:
            self._attempts.succeeded(address)
            self._attempts.succeeded(address)  # that it was begun, too
            answer = self._signed_in(request, caller)
        self._set_cookie(request, answer, "", 0, _PENDING_COOKIE)
        return answer

    def _not_signed_in(self, error: Exception) -> Response:
        count(Counted.REFUSAL, "401")
        why = error.refusal.message if isinstance(error, Refused) else str(error)
        _LOG.info("Nobody was signed in to the board by the authorization server: %s", why)
        return RedirectResponse(f"{BASE}{_SIGN_IN}?{_NOT_FINISHED}", 303)

    def _sign_out(self, request: Request, text: str) -> Response:
        self._sessions.end(text)
        answer = JSONResponse({"ok": True})
        self._set_cookie(request, answer, "", 0)
        return answer

    async def _session(self, text: str) -> Session | None:
        """Return the session that a cookie names, if its token is still good."""
        session = self._sessions.find(text)
        if session is None:
            return None
        if not await self._door.doorkeeper.still_admits(session.caller):
            self._sessions.end(text)
            return None
        return session

    async def _for_them(
        self, session: Session, text: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        with self._door.traffic.call(session.caller.id):
            board = await self._boards.of(session.caller)

            async def may_stay() -> bool:
                return await self._session(text) is not None

            if scope["method"] not in _LOOKING:
                _LOG.info("A request on the board by %s that may change something", session.caller.id)
            gone = refusal(401, "not_signed_in", "Nobody is signed in here any more.")
            stay = Stay(scope, receive, send, gone)
            with answering(Audience(afar=not session.caller.local, team=session.caller.team)):
                await stay.go_on(partial(board, scope, receive), may_stay)

    def _is_public(self, request: Request) -> bool:
        return request.headers.get("host") in self._door.public

    def _own_origin(self, request: Request) -> str:
        host = request.headers.get("host", "")
        return f"https://{host}" if self._is_public(request) else f"http://{host}"

    def _cookie(self, request: Request, called: str = _COOKIE) -> str:
        """Return what the one cookie of ours holds; empty if there is none, or several: another page has set one then."""
        name = f"__Host-{called}" if self._is_public(request) else called
        pairs = [
            part.strip().partition("=")
            for line in request.headers.getlist("cookie")
            for part in line.split(";")
        ]
        found = [value for key, _, value in pairs if key == name]
        return found[0] if len(found) == 1 else ""

    def _set_cookie(
        self, request: Request, answer: Response, value: str, seconds: int, called: str = _COOKIE
    ) -> None:
        public = self._is_public(request)
        answer.set_cookie(
            f"__Host-{called}" if public else called,
            value,
            max_age=seconds,
            path="/" if public else BASE,
            secure=public,
            httponly=True,
            # Whoever comes back from the authorization server comes from another site.
            samesite="lax" if called == _PENDING_COOKIE else "strict",
        )


def _told(refused: Refused) -> Response:
    """Write a refusal as the board's page reads it."""
    count(Counted.REFUSAL, str(refused.refusal.status))
    _LOG.info("Refused a request of the board with %d: %s", refused.refusal.status, refused.refusal.message)
    answer = refusal(refused.refusal.status, "refused", refused.refusal.message)
    answer.headers.update(refused.refusal.headers)
    return answer


def _address(request: Request) -> str:
    return str((request.scope.get("client") or ("",))[0])


def _token_in(content: bytes) -> str:
    """Return the token in a form; empty if it is none."""
    try:
        given = parse_qs(content.decode("ascii"), max_num_fields=5).get("token", [])
    except ValueError:
        return ""
    text = given[0].strip() if len(given) == 1 else ""
    return text if len(text) <= _MOST_TOKEN_CHARACTERS else ""
