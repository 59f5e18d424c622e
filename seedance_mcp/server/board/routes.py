"""What the board in a browser answers: the page, the board as data, videos, and what a person does with a click."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from ...errors import FilmNotFound, InvalidRequest, JobNotFound, MediaError, SeedanceError, StoreError
from ...jobs import is_path
from ...presentation import board as shown
from ...presentation import reviews
from ...texts import one_line
from ...types import Job, PurchaseTerms, VideoRequest
from ..answers import commands_in
from ..arguments import checked
from .answers import refusal, refused_by
from .events import Changes
from .film_routes import FilmRoutes
from .folders import open_folder
from .in_process import ToolsHere
from .media import played
from .page import local_page
from .peers import is_this_user
from .requests import Answer, CodeToExchange, CodeWanted, Purchase, Refused, Verdict, arguments_of, body_of
from .sessions import Entry, Sessions
from .signed_in import SIGN_IN, administrators_only, may_change, may_look_only, signed_in

if TYPE_CHECKING:
    from ...app import App

_JOB_ID = re.compile(r"job_[A-Za-z0-9_-]{1,64}")


class Board:
    """The board of one open app, as its page in a browser calls it."""

    def __init__(
        self, app: App, sessions: Entry, *, tools: ToolsHere, changes: Changes, paths: bool = True
    ) -> None:
        """With `paths` the page is on this machine, for who may know where files lie and name them."""
        self.sessions = sessions
        self._app = app
        self._tools = tools
        self._changes = changes
        self._paths = paths

    def routes(self) -> list[BaseRoute]:
        """Return what is served, for whoever the sessions let in."""
        return [
            Route("/api/board", self._board),
            Route("/api/events", self._events),
            Route("/api/team", self._team),
            Route("/api/tools/{name}", self._tool, methods=["POST"]),
            Route("/api/jobs/{job_id}/{picture:str}", self._picture),
            Route("/api/answer", self._answer, methods=["POST"]),
            Route("/api/buy", self._buy, methods=["POST"]),
            Route("/api/review", self._review, methods=["POST"]),
            Route("/media/{mark}/{job_id}.mp4", self._media),
            *FilmRoutes(self._app, self.sessions, paths=self._paths).routes(),
        ]

    @signed_in
    async def _board(self, request: Request) -> Response:
        limit = request.query_params.get("limit", str(shown.JOBS_A_PAGE))
        if not re.fullmatch(r"[1-9]\d{0,2}", limit) or int(limit) > shown.JOBS_A_PAGE:
            raise InvalidRequest([f"limit has to be a number from 1 to {shown.JOBS_A_PAGE}."])
        found = await shown.board(
            self._app,
            before=request.query_params.get("before"),
            limit=int(limit),
            person=self._paths,
            questions=self._app.for_everybody.questions,
        )
        told: dict[str, Any] = {"jobs": tuple(map(self._with_media, found.jobs))}
        if not self._paths:
            told["local_url"] = None
        scope = self._app.scope
        rights = {"may_change": self.sessions.may_change, "administers": scope.administers}
        return self._said({**found.model_copy(update=told).model_dump(), "rights": rights})

    @signed_in
    async def _team(self, request: Request) -> Response:
        from ...presentation import team

        if not self._app.scope.administers:
            return administrators_only()
        return self._said((await team.team(self._app.for_everybody)).model_dump())

    @signed_in
    async def _events(self, request: Request) -> Response:
        events = self._changes.listen()
        if events is None:
            return refusal(429, "too_many", "Too many pages of the board are open.", "Close some of them.")
        return StreamingResponse(events, media_type="text/event-stream")

    @signed_in
    async def _tool(self, request: Request) -> Response:
        arguments = await arguments_of(request)
        if "confirm_token" in arguments:
            raise InvalidRequest(
                ["confirm_token is not taken here."], hint="A person answers on the board itself."
            )
        answer = await self._tools.call(request.path_params["name"], arguments)
        return _nothing_here() if answer is None else JSONResponse(answer)

    @signed_in
    async def _picture(self, request: Request) -> Response:
        draw = {"poster": self._app.videos.poster, "sheet": self._app.videos.sheet}.get(
            request.path_params["picture"]
        )
        if draw is None:
            return _nothing_here()
        return Response(await draw(await self._job(request)), media_type="image/jpeg")

    @signed_in
    async def _answer(self, request: Request) -> Response:
        if not (self.sessions.may_change or self._app.scope.administers):
            return may_look_only()
        given = await body_of(request, Answer)
        questions = self._app.for_everybody.questions
        answered = await questions.answer(given.question_id, agrees=given.yes, usd=given.usd)
        if answered.taken:
            text = (
                "Agreed, once. Tell the assistant to go on."
                if given.yes
                else "Not agreed. Nothing was bought."
            )
            return JSONResponse({"ok": True, "text": text})
        if answered.question is None:
            return refusal(
                409,
                "closed",
                "This question is no longer open: it was answered, or is older than 15 minutes.",
                question=None,
            )
        if answered.not_theirs:
            return administrators_only()
        now = shown.waiting(self._app, answered.question).model_dump()
        return refusal(409, "changed", "The price is another than the one that was answered.", question=now)

    @may_change
    async def _buy(self, request: Request) -> Response:
        wanted = await body_of(request, Purchase)
        video = VideoRequest(**checked(VideoRequest, wanted.arguments, VideoRequest.model_fields))
        if not self._paths and (paths := [source for _, _, source in video.media() if is_path(source)]):
            raise InvalidRequest(
                [f"{one_line(path, 80)!r} is a path of the server's machine." for path in paths]
            )
        # The click is the person's own agreement, to this price.
        terms = PurchaseTerms(max_usd=wanted.usd, request_key=wanted.request_key, confirmed=True)
        started = await self._app.generate(video, terms)
        job = self._with_media(shown.card(self._app, started.job, person=self._paths))
        return self._said(
            {
                "ok": True,
                "job": job.model_dump(),
                "deduplicated": started.deduplicated,
                "text": started.reason,
            }
        )

    @may_change
    async def _review(self, request: Request) -> Response:
        from ...jobs import opinion

        given = await body_of(request, Verdict)
        judged = opinion(given.verdict, given.notes, given.scores)
        _, counts = await self._app.reviews.add(given.job_id, judged, by="person")
        return JSONResponse({"ok": True, "review": reviews.shown(counts).model_dump()})

    async def _media(self, request: Request) -> Response:
        if not self.sessions.may_play(request.path_params["mark"], request.path_params["job_id"]):
            return _nothing_here()
        return await played(self._app, await self._job(request), request)

    async def _job(self, request: Request) -> Job:
        """The job that a path names. Raises JobNotFound."""
        job_id: str = request.path_params["job_id"]
        if not _JOB_ID.fullmatch(job_id):
            raise JobNotFound(job_id[:80])
        return await self._app.job(job_id)

    def _with_media(self, card: shown.JobCard) -> shown.JobCard:
        if not card.has_video:
            return card
        return card.model_copy(update={"media": self.sessions.media_path(card.job_id)})

    def _said(self, content: dict[str, Any]) -> Response:
        return JSONResponse(commands_in(content, self._app.settings))


class LocalBoard(Board):
    """The same with its page, for a browser on this machine, and with what only such a page may ask for."""

    def __init__(self, app: App, sessions: Sessions, *, tools: ToolsHere, changes: Changes) -> None:
        super().__init__(app, sessions, tools=tools, changes=changes)
        self._codes = sessions

    def routes(self) -> list[BaseRoute]:
        """Return everything that is served, without the guard in front of it."""
        return [
            Route("/", self._page),
            Route("/session", self._session, methods=["POST"]),
            Route("/code", self._code, methods=["POST"]),
            Route("/api/jobs/{job_id}/open-folder", self._folder, methods=["POST"]),
            *super().routes(),
        ]

    async def _page(self, request: Request) -> Response:
        return HTMLResponse(local_page())

    async def _session(self, request: Request) -> Response:
        given = await body_of(request, CodeToExchange)
        # The code stood among a program's arguments, which all users of a machine can read.
        if not is_this_user(request.scope.get("client"), request.scope.get("server")):
            return refusal(403, "another_user", "Only the user who runs the board may open it.")
        token = self._codes.open(given.code)
        if token is None:
            return refusal(401, "not_signed_in", "This code was used, or is older than a minute.", SIGN_IN)
        return JSONResponse({"token": token})

    async def _code(self, request: Request) -> Response:
        wanted = await body_of(request, CodeWanted)
        given = self._codes.answer_to(wanted.nonce, wanted.proof)
        if given is None:
            return refusal(401, "not_signed_in", "Only the user who runs the board may ask for a code.")
        return JSONResponse(given)

    @signed_in
    async def _folder(self, request: Request) -> Response:
        await arguments_of(request)
        job = await self._job(request)
        (await self._app.videos.open(job)).close()
        assert job.artifacts is not None
        await anyio.to_thread.run_sync(open_folder, Path(job.artifacts.video_path).parent)
        return JSONResponse({"ok": True})


def application(board: Board) -> Starlette:
    """Return a board as what a server runs: its routes, and answers for whatever goes wrong."""
    return Starlette(
        routes=board.routes(),
        exception_handlers={
            Refused: _refused,
            SeedanceError: _failed,
            HTTPException: _nothing,
            Exception: _broken,
        },
    )


def _nothing_here() -> Response:
    return refusal(404, "not_found", "There is nothing here.")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error.response


async def _failed(request: Request, error: Exception) -> Response:
    match error:
        case JobNotFound() | FilmNotFound() | MediaError():
            status = 404
        case InvalidRequest():
            status = 400
        case StoreError():
            status = 503
        case _:
            status = 409
    assert isinstance(error, SeedanceError)
    return refused_by(error, status)


async def _nothing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(error.status_code, "not_found", "There is nothing here that could be asked so.")


async def _broken(request: Request, error: Exception) -> Response:
    return refusal(
        500, "internal", "Something went wrong inside the board. This is a bug; its terminal has the details."
    )
