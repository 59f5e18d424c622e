"""The tools that price and make films: many shots, agreed to once, joined into one file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import anyio.to_thread
from mcp.types import CallToolResult, ContentBlock, InputRequiredResult
from pydantic import Field, WithJsonSchema

from ... import presentation
from ...errors import InvalidRequest
from ...types import FILM_PREFIX, FilmQuality, PurchaseTerms, Reviewer
from ..answers import answer, job_link, picture, video_link, video_resource
from ..calls import Call
from ..consent import film_agreed
from ..tooling import Answer
from .answering import WaitSeconds, if_possible, meanwhile
from .buying import Usd

if TYPE_CHECKING:
    from ...films import Film, FilmUpdate

FilmId = Annotated[str, Field(max_length=64)]
Shots = Annotated[tuple[str, ...], Field(max_length=120)]
Storyboard = Annotated[
    dict[str, Any] | None,
    WithJsonSchema(
        {
            "type": "object",
            "description": "Form: seedance://guide/film; with film_id only what changes, shots by id",
        }
    ),
]
_MOST_SHEET_BYTES = 4_000_000
_ORDERED_BEFORE = "This plan was agreed to before, and nothing more is bought by it: plan_film tells what the film needs now."


async def plan_film(
    call: Call,
    *,
    film_id: FilmId | None = None,
    storyboard: Storyboard = None,
    quality: Annotated[FilmQuality, Field(description="animatic: free rehearsal")] = "final",
    redo: Annotated[Shots, Field(description="Shots to make anew")] = (),
    keep: Annotated[Shots, Field(description="Stale shots to accept")] = (),
) -> Answer:
    """
    Price a film of several shots, or what changed of it. Costs nothing.
    Then create_film.
    """
    films = call.app.films
    if storyboard is None and film_id is None:
        raise InvalidRequest(
            ["A storyboard is required for a new film, a film_id for one that there is."],
            hint="seedance://guide/film describes the storyboard; nothing was spent.",
        )
    if storyboard is not None:
        from ...films import named_files, planned_as_written

        if not call.caller.local:
            call.check_sources(named_files(storyboard))
        planned = await planned_as_written(
            partial(films.take, storyboard, film_id),
            lambda film: films.plan(film.id, quality, redo, keep, version=film.version),
        )
    else:
        planned = await films.plan(film_id or "", quality, redo, keep)
    shown = presentation.film_views.plan(planned).model_copy(
        update={"finished_meanwhile": await meanwhile(call)}
    )
    return answer(presentation.film_views.how_plan_is(planned), shown, film_link(planned.film_id))


async def create_film(
    call: Call,
    *,
    film_id: FilmId,
    plan: Annotated[str, Field(max_length=64, description="Of plan_film")],
    max_usd: Usd = None,
    confirm_token: Annotated[str | None, Field(max_length=200)] = None,
    wait_seconds: WaitSeconds = None,
) -> Answer:
    """
    Make what a plan of plan_film lists, and join the film. Spends money.
    Then check_status with film_id as job_id.
    """
    known = await call.app.films.is_ordered(film_id, plan)
    made = await film_agreed(call, film_id, plan, PurchaseTerms(max_usd=max_usd, confirm_token=confirm_token))
    if isinstance(made, InputRequiredResult):
        return made
    notes = (_ORDERED_BEFORE,) if known and not made.is_busy else ()
    film = await wait_for_film(call, made, wait_seconds, usual=call.waits.generate)
    return await film_answer(call, film, *notes)


def is_film(source: str) -> bool:
    """Return whether an id is that of a film, not of a job or a set."""
    return source.startswith(FILM_PREFIX)


def film_link(film_id: str) -> ContentBlock:
    """Where the film can be read as a resource."""
    return job_link(film_id, "films")


def film_video(film_id: str) -> ContentBlock:
    """Where a film's video can be read, for who has no use for a file of this machine."""
    return video_resource(film_id, kind="films")


async def wait_for_film(call: Call, film: Film, asked: float | None, *, usual: float) -> Film:
    """Wait until nothing more happens to a film by itself; `asked` and `usual` as in `wait_for_set`."""
    seconds = min(usual if asked is None else asked, call.waits.most)
    if not film.is_busy or seconds <= 0:
        return film

    async def report(update: FilmUpdate) -> None:
        from ...app import Update

        await call.report(Update(fraction=update.done / max(1, update.total), message=update.words))

    with call.until_ending():
        return await if_possible(call.app.films.wait(film.record.id, seconds, report), film)
    return await if_possible(call.app.films.find(film.record.id), film)


async def film_answer(call: Call, film: Film, *notes: str) -> CallToolResult:
    """Answer with a film: how each shot is, what to do next, links and the sheet of all shots."""
    jobs = [state.job for state in film.shots if state.job is not None]
    news = await if_possible(call.finished_meanwhile(*(job.id for job in jobs if job.finished)), [])
    film = await if_possible(call.app.films.fetched(film, whole=False), film)
    shown = await presentation.film_views.film(call.app, film)
    if call.over_http:
        shown = await if_possible(presentation.film_views.with_link(call.app, film, shown), shown)
    shown = shown.model_copy(
        update={"notes": notes, "finished_meanwhile": presentation.job_views.finished(news)}
    )
    blocks: list[ContentBlock] = [film_link(film.record.id)]
    if film.film_path is not None:
        here = call.caller.local
        blocks.append(video_link(film.film_path) if here else film_video(film.record.id))
    if film.sheet_path is not None and call.app.settings.preview:
        jpeg = await if_possible(_read(film.sheet_path), b"")
        blocks += [picture(jpeg)] if jpeg else []
    return answer(presentation.film_views.how_film_is(film), shown, *blocks)


async def film_file(call: Call, source: str) -> Path | None:
    """
    Return the path of a film's file for its id; None for what is no film's id.

    Raises:
        FilmNotFound: there is no such film.
        JobNotFinished: it is not joined yet.
    """
    if not is_film(source):
        return None
    from ...films import file_of

    films = call.app.films
    return file_of(await films.fetched(await films.find(source)))


async def film_rows(call: Call, source: str) -> list[ContentBlock]:
    """Draw a film shot by shot, a row each with both sides of every cut; nothing for what is no film's id."""
    if not is_film(source):
        return []
    from ...films import sheet_files, sheets_of

    film = await call.app.films.find(source)
    drawn = [await _read(str(path)) for path in await anyio.to_thread.run_sync(sheet_files, film)]
    if drawn:
        return [picture(jpeg) for jpeg in drawn if jpeg]
    return [picture(one.sheet.jpeg) for one in await sheets_of(film)]


async def film_choice(call: Call, job_id: str, by: Reviewer) -> str:
    """
    Let a job's take be the one that its shot of a film shows, and say which one that is then.

    Raises:
        InvalidRequest: the job is no take that a shot of a film can show.
    """
    film, state = await call.app.films.choose_job(job_id, by=by)
    is_shown = state.chosen is not None and state.chosen.job_id == job_id
    shows = "shows it" if is_shown else "still shows another, which the person chose"
    return f" Shot {state.shot} of film {film.id} {shows}; plan_film tells what follows."


async def _read(path: str) -> bytes:
    content = await anyio.Path(Path(path)).read_bytes()
    return content if len(content) <= _MOST_SHEET_BYTES else b""
