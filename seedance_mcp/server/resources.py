"""The resources: jobs and films with their pictures and videos, models with guides, the budget, and the files of skills."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from mcp import MCPError
from mcp.server import MCPServer, ServerRequestContext
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    Annotations,
    BlobResourceContents,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)
from pydantic import BaseModel

from .. import presentation
from ..audience import from_afar
from ..errors import FilmNotFound, InvalidRequest, JobNotFinished, JobNotFound, MediaError, SeedanceError
from ..presentation import times
from ..types import Job
from .answers import commands_in
from .board.mcp_app import APP_MIME_TYPE, BOARD_URI, page_meta, video_hosts
from .opening import Opening
from .skills import MARKDOWN, SCHEME, listed_skill_files, read_skill_file
from .transport import lowlevel

if TYPE_CHECKING:
    from ..app import App
    from ..films import Film

MAX_VIDEO_BYTES = 8 * 1024 * 1024
"""Largest video that is handed over inside a message. Larger ones are read from their path."""

VIDEO_PART_BYTES = 384 * 1024
"""Size of the parts in which a page fetches a video of any size."""

_LISTED_JOBS = 20
_LISTED_FILMS = 5
_BOARD_JOBS = 50
_JSON, _JPEG, _MP4 = "application/json", "image/jpeg", "video/mp4"
_SCHEME = "seedance://"

_FIXED = (
    ("jobs", "Jobs", "The recent jobs and the budget"),
    ("models", "Models", "What each model can do, and what it costs where"),
    ("budget", "Budget", "What is spent, of which a part is reserved for jobs under way, and what is left"),
    ("board", "Board", "What the board shows: jobs, spending, what waits for the person"),
)
_TEMPLATES = (
    ("jobs/{job_id}", "Job", "One job", _JSON),
    ("jobs/{job_id}/contact-sheet", "Contact sheet", "Frames of a finished job's video", _JPEG),
    ("jobs/{job_id}/poster", "Poster", "One small frame of a finished job's video", _JPEG),
    ("jobs/{job_id}/video", "Video", "A finished job's video, up to 8 MB", _MP4),
    ("jobs/{job_id}/video/{part}", "Part of a video", "384 KiB of it; the first is 0", _MP4),
    ("board/{before}", "Older jobs", "The board's next page; `more` of the one before", _JSON),
    ("films/{film_id}", "Film", "One film with its shots", _JSON),
    ("films/{film_id}/video", "Film's video", "A joined film, up to 8 MB", _MP4),
    ("films/{film_id}/video/{part}", "Part of a film", "384 KiB of it; the first is 0", _MP4),
    ("models/{model}", "Model", "One model with its limits", _JSON),
    ("guide/{model}", "Prompt guide", "How to write prompts for a model", MARKDOWN),
)

ADDRESSES = tuple(_SCHEME + path for path, *_ in (*_FIXED, *_TEMPLATES))
"""Every address, those with a part to fill in as templates; the files of skills have others."""

_Context = ServerRequestContext[Any, Any]
_Content = tuple[str, str | bytes]


def add_resources(server: MCPServer[Any]) -> None:
    """Serve the resources. They are looked up at each request, because the list of jobs changes."""
    inner = lowlevel(server)
    inner.add_request_handler("resources/list", PaginatedRequestParams, _list)
    inner.add_request_handler("resources/templates/list", PaginatedRequestParams, _list_templates)
    inner.add_request_handler("resources/read", ReadResourceRequestParams, _read)


async def _list(context: _Context, params: PaginatedRequestParams) -> ListResourcesResult:
    found = [
        Resource(uri=_SCHEME + path, name=path, title=title, description=text, mime_type=_JSON)
        for path, title, text in _FIXED
    ]
    found.append(
        Resource(
            uri=BOARD_URI, name="board.html", title="Board", mime_type=APP_MIME_TYPE, _meta=page_meta([])
        )
    )
    found += listed_skill_files()
    jobs: list[Job] = []
    opening = cast("Opening", context.lifespan_context)
    await opening.first_try()
    with contextlib.suppress(SeedanceError):  # what is always there is listed all the same
        jobs = await opening.app.recent(_LISTED_JOBS)
        found += [_film_resource(film) for film in await opening.app.films.recent(_LISTED_FILMS)]
    return ListResourcesResult(resources=[*found, *(_resource(job) for job in jobs)])


def _film_resource(film: Film) -> Resource:
    return Resource(
        uri=f"{_SCHEME}films/{film.record.id}",
        name=film.record.id,
        title=" ".join(film.document.title.split())[:80],
        description=presentation.film_views.how_film_is(film),
        mime_type=_JSON,
        annotations=Annotations(last_modified=times.moment(film.record.changed_at)),
    )


def _resource(job: Job) -> Resource:
    prompt = " ".join((job.request.prompt or "").split())[:80]
    return Resource(
        uri=f"{_SCHEME}jobs/{job.id}",
        name=job.id,
        title=prompt or job.id,
        description=f"{job.status.value}, {job.model} at {job.provider}",
        mime_type=_JSON,
        annotations=Annotations(last_modified=times.moment(job.finished_at or job.created_at)),
    )


async def _list_templates(context: _Context, params: PaginatedRequestParams) -> ListResourceTemplatesResult:
    return ListResourceTemplatesResult(
        resource_templates=[
            ResourceTemplate(
                uri_template=_SCHEME + path,
                name=path.replace("/{", "-{"),
                title=title,
                description=text,
                mime_type=kind,
            )
            for path, title, text, kind in _TEMPLATES
        ]
    )


async def _read(context: _Context, params: ReadResourceRequestParams) -> ReadResourceResult:
    uri = params.uri
    try:
        if uri.startswith(SCHEME):  # needs no app: how to direct can be read while the settings are wrong
            kind, content = _skill_file(uri)
        elif uri == BOARD_URI:
            return await _board_page(context)
        else:
            kind, content = await _find(await _app(context), uri)
    except (JobNotFound, FilmNotFound, InvalidRequest, JobNotFinished, MediaError) as error:
        raise MCPError(INVALID_PARAMS, error.message, {"uri": uri[:200], "hint": error.hint}) from None
    except SeedanceError as error:
        raise MCPError(INTERNAL_ERROR, error.message, {"uri": uri[:200], "hint": error.hint}) from None
    if isinstance(content, bytes):
        blob = base64.b64encode(content).decode()
        return ReadResourceResult(contents=[BlobResourceContents(uri=uri, mime_type=kind, blob=blob)])
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type=kind, text=content)])


async def _board_page(context: _Context) -> ReadResourceResult:
    from .board.page import joined_page

    hosts: list[str] = []
    with contextlib.suppress(SeedanceError):  # the page tells what is wrong
        opening = cast("Opening", context.lifespan_context)
        await opening.first_try()
        hosts = await video_hosts(opening.app)
    page = TextResourceContents(
        uri=BOARD_URI, mime_type=APP_MIME_TYPE, text=joined_page(), _meta=page_meta(hosts)
    )
    return ReadResourceResult(contents=[page])


async def _find(app: App, uri: str) -> _Content:
    if uri.startswith(_SCHEME):
        match uri.removeprefix(_SCHEME).split("/"):
            case ["jobs"]:
                return _as_json(await presentation.job_views.jobs(app, _LISTED_JOBS), app)
            case ["jobs", job_id]:
                return _as_json(await presentation.job_views.job(app, await app.job(job_id)), app)
            case ["jobs", job_id, part] if part in _PARTS:
                return await _PARTS[part](app, await app.job(job_id))
            case ["jobs", job_id, "video", part] if re.fullmatch(r"\d{1,6}", part):
                return await _part(app, await app.job(job_id), int(part))
            case ["films", film_id]:
                return _as_json(await presentation.film_views.film(app, await app.films.find(film_id)), app)
            case ["films", film_id, "video"]:
                return await _film(app, film_id)
            case ["films", film_id, "video", part] if re.fullmatch(r"\d{1,6}", part):
                return await _film(app, film_id, int(part))
            case ["board"]:
                return await _board(app)
            case ["board", before]:
                return await _board(app, before)
            case ["models"]:
                return _as_json(presentation.catalog_views.models(app), app)
            case ["models", model]:
                return _as_json(presentation.catalog_views.models(app, model=model), app)
            case ["budget"]:
                return _as_json(await presentation.budget_views.budget(app), app)
            case ["guide", "film"]:
                from ..catalog import film_guide

                return MARKDOWN, film_guide()
            case ["guide", model]:
                return MARKDOWN, app.catalog.guide(model).text
            case _:
                pass
    known = ", ".join(ADDRESSES)
    raise InvalidRequest([f"There is no resource {uri[:200]!r}."], hint=f"There are: {known}.")


def _skill_file(uri: str) -> _Content:
    text = read_skill_file(uri)
    if text is None:
        known = ", ".join(entry.uri for entry in listed_skill_files())
        raise InvalidRequest(
            [f"There is no resource {uri[:200]!r}."], hint=f"Begin with {known}, which names the other files."
        )
    return MARKDOWN, text


async def _board(app: App, before: str | None = None) -> _Content:
    from ..presentation.board import board  # many shapes, that a server which starts does not need

    return _as_json(await board(app, before=before, limit=_BOARD_JOBS, person=False), app)


async def _contact_sheet(app: App, job: Job) -> _Content:
    jpeg = await app.videos.preview(job)
    if jpeg is None:
        raise JobNotFinished(f"Job {job.id} is {job.status.value} and has no video to look at.")
    return _JPEG, jpeg


async def _poster(app: App, job: Job) -> _Content:
    return _JPEG, await app.videos.poster(job)


async def _video(app: App, job: Job) -> _Content:
    if job.artifacts is not None and job.artifacts.bytes > MAX_VIDEO_BYTES:
        raise _too_large(job.artifacts.bytes, job.artifacts.video_path)
    return _MP4, await app.videos.read(job, 0, MAX_VIDEO_BYTES)


async def _part(app: App, job: Job, number: int) -> _Content:
    part = await app.videos.read(job, number * VIDEO_PART_BYTES, VIDEO_PART_BYTES)
    if not part:
        raise InvalidRequest([f"The video of job {job.id} has no part {number}."])
    return _MP4, part


async def _film(app: App, film_id: str, number: int | None = None) -> _Content:
    """Return a joined film whole, or a part of it by its number."""
    from ..films import file_of, read_film

    film = await app.films.fetched(await app.films.find(film_id))
    if number is None:
        content, size = await read_film(film, 0, MAX_VIDEO_BYTES)
        if size > MAX_VIDEO_BYTES:
            raise _too_large(size, str(file_of(film)))
        return _MP4, content
    content, _ = await read_film(film, number * VIDEO_PART_BYTES, VIDEO_PART_BYTES)
    if not content:
        raise InvalidRequest([f"The video of film {film_id} has no part {number}."])
    return _MP4, content


def _too_large(size: int, path: str) -> MediaError:
    return MediaError(
        f"The video has {size} bytes, too many for a message.",
        hint="Read it in parts: .../video/0, .../video/1 and so on."
        if from_afar()
        else f"It lies at {path}.",
    )


_PARTS: dict[str, Callable[[App, Job], Awaitable[_Content]]] = {
    "contact-sheet": _contact_sheet,
    "poster": _poster,
    "video": _video,
}


def _as_json(content: BaseModel, app: App) -> _Content:
    said = commands_in(content.model_dump(mode="json"), app.settings)
    return _JSON, json.dumps(said, ensure_ascii=False, indent=1)


async def _app(context: _Context) -> App:
    opening = cast("Opening", context.lifespan_context)
    await opening.first_try()
    try:
        return opening.app
    except SeedanceError as error:
        raise MCPError(INTERNAL_ERROR, error.message, {"hint": error.hint}) from None
