"""What the board answers about films: storyboards, prices, takes, the joined film; and what a click makes of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ...errors import FilmNotFound, MediaError, PlanChanged
from ...presentation import board_films as shown
from ...presentation.board import JobCard
from ...types import PurchaseTerms
from ..answers import commands_in
from .answers import refusal
from .media import sent_file
from .requests import Choice, FilmPurchase, PlanWanted, arguments_of, body_of
from .sessions import Entry
from .signed_in import may_change, may_look_only, signed_in

if TYPE_CHECKING:
    from ...app import App

_FILM_ID = re.compile(r"flm_[a-z0-9]{1,32}")
_KINDS = {"mp4": "video/mp4", "vtt": "text/vtt; charset=utf-8"}


class FilmRoutes:
    """The films of one open app, as the page in a browser calls them; with `paths`, where their files lie is told."""

    def __init__(self, app: App, sessions: Entry, *, paths: bool = True) -> None:
        self.sessions = sessions
        self._app = app
        self._paths = paths

    def routes(self) -> list[BaseRoute]:
        """Return what is served of films."""
        return [
            Route("/api/films", self._films),
            Route("/api/films/{film_id}/plan", self._plan, methods=["POST"]),
            Route("/api/films/{film_id}/make", self._make, methods=["POST"]),
            Route("/api/films/{film_id}/choose", self._choose, methods=["POST"]),
            Route("/api/films/{film_id}/cancel", self._cancel, methods=["POST"]),
            Route("/media/{mark}/{film_id}/{version:str}.{kind:str}", self._media),
        ]

    @signed_in
    async def _films(self, request: Request) -> Response:
        wanted = request.query_params.get("open")
        if wanted is not None and not _FILM_ID.fullmatch(wanted):
            raise FilmNotFound(wanted[:80])
        found = await shown.films(self._app, wanted)
        film = None if found.film is None else self._with_media(found.film)
        return self._said(found.model_copy(update={"film": film}))

    @signed_in
    async def _plan(self, request: Request) -> Response:
        wanted = await body_of(request, PlanWanted)
        if wanted.keep and not self.sessions.may_change:  # what is kept is remembered
            return may_look_only()
        planned = await self._app.films.plan(
            _film_id(request), wanted.quality, tuple(wanted.redo), tuple(wanted.keep)
        )
        return self._said(shown.plan(planned))

    @may_change
    async def _make(self, request: Request) -> Response:
        wanted = await body_of(request, FilmPurchase)
        # The click is the person's own agreement, to this plan at this price.
        terms = PurchaseTerms(max_usd=wanted.usd, confirmed=True)
        try:
            await self._app.films.make(_film_id(request), wanted.plan, terms)
        except PlanChanged as changed:
            now = commands_in(shown.plan(changed.plan).model_dump(), self._app.settings)
            return refusal(
                409,
                changed.code,
                changed.message,
                "Look at the new prices; nothing was bought.",
                plan=now,
                differences=list(changed.differences),
            )
        return JSONResponse({"ok": True})

    @may_change
    async def _choose(self, request: Request) -> Response:
        wanted = await body_of(request, Choice)
        await self._app.films.choose(_film_id(request), wanted.shot, wanted.take)
        return JSONResponse({"ok": True})

    @may_change
    async def _cancel(self, request: Request) -> Response:
        await arguments_of(request)
        _, words = await self._app.films.cancel(_film_id(request))
        return JSONResponse({"ok": True, "text": words})

    async def _media(self, request: Request) -> Response:
        """Answer with the joined film or its captions: the elements that load them send no token."""
        film_id, kind = _film_id(request), request.path_params["kind"]
        if kind not in _KINDS or not self.sessions.may_play(request.path_params["mark"], film_id):
            return refusal(404, "not_found", "There is nothing here.")
        film = await self._app.films.fetched(await self._app.films.find(film_id))
        captions = next((name for name in film.captions if name.endswith(".vtt")), None)
        path = film.film_path if kind == "mp4" else captions
        if path is None:
            raise MediaError(f"Film {film_id} is not joined, or has no captions.")
        return await sent_file(Path(path), _KINDS[kind], request)

    def _with_media(self, film: shown.BoardFilm) -> shown.BoardFilm:
        joined = film.joined
        if joined is not None:
            place = self.sessions.film_path(film.film_id, joined.version)
            captions = f"{place}.vtt" if joined.has_captions else None
            path = joined.path if self._paths else ""
            joined = joined.model_copy(update={"media": f"{place}.mp4", "captions": captions, "path": path})
        shots = tuple(
            shot.model_copy(update={"takes": tuple(map(self._playable, shot.takes))}) for shot in film.shots
        )
        return film.model_copy(update={"joined": joined, "shots": shots})

    def _playable(self, take: shown.TakeShape) -> shown.TakeShape:
        job: JobCard | None = take.job
        if job is None or not job.has_video:
            return take
        media, path = self.sessions.media_path(job.job_id), job.video_path if self._paths else None
        return take.model_copy(update={"job": job.model_copy(update={"media": media, "video_path": path})})

    def _said(self, content: shown.FilmsShape | shown.BoardPlan) -> Response:
        return JSONResponse(commands_in(content.model_dump(), self._app.settings))


def _film_id(request: Request) -> str:
    """The film that a path names. Raises FilmNotFound."""
    film_id: str = request.path_params["film_id"]
    if not _FILM_ID.fullmatch(film_id):
        raise FilmNotFound(film_id[:80])
    return film_id
