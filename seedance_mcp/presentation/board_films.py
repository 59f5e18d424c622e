"""Films on the board: the storyboard with all takes of each shot, the joined film, and what making it would cost. Only text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from ..errors import MediaError, SeedanceError
from ..types import FilmQuality, FilmRecord, Job, Take
from . import amounts, board, job_views
from .results import Shape

if TYPE_CHECKING:
    from ..app import App
    from ..films import Film, FilmPlan, PlanRow, Shot, ShotState
    from ..media import Chapter
    from ..types import Price

FILMS_LISTED = 50
_PROMPT_CHARACTERS = 300
_OF_OUTSIDE = (
    "The terminal may read it: run `seedance-mcp film make FILE` with the film's document there; or add the folder to the"
    " setting SEEDANCE_MEDIA_DIRS."
)


class FilmName(Shape):
    """A film in the list of all."""

    film_id: str
    title: str
    file_name: str


class TakeShape(Shape):
    """One take of a shot. `shown`: the film shows it; `chosen`: as somebody wants it. Without a job it is not bought yet."""

    shot: str
    number: int
    quality: FilmQuality
    shown: bool
    chosen: bool
    job: board.JobCard | None


class BoardShot(Shape):
    """A shot of a storyboard: `prompt` is the beginning of what it was asked for, `why` what to know of its state."""

    shot: str
    seconds: float
    prompt: str
    says: tuple[str, ...]
    continues: str | None
    state: str
    why: tuple[str, ...]
    take: int | None
    job_id: str | None
    takes: tuple[TakeShape, ...]


class ChapterShape(Shape):
    """Where in the joined film a shot begins, in seconds."""

    start: float
    title: str


class JoinedShape(Shape):
    """The joined film. `media` and `captions` are where it plays, on the local page alone; `version` changes with the file."""

    version: str
    path: str
    chapters: tuple[ChapterShape, ...]
    has_captions: bool
    language: str
    media: str | None = None
    captions: str | None = None


class BoardFilm(Shape):
    """A film at the quality at which it was last made. `revision` changes with whatever its plans follow from."""

    film_id: str
    title: str
    file_name: str
    status: str
    quality: FilmQuality
    seconds: float
    spent_usd: str
    revision: str
    shots: tuple[BoardShot, ...]
    problems: tuple[str, ...]
    advice: tuple[str, ...]
    joined: JoinedShape | None


class FilmsShape(Shape):
    """All films by name, and one of them in full."""

    films: tuple[FilmName, ...]
    film: BoardFilm | None


class BoardRow(Shape):
    """One take that a plan buys. Amounts are in USD, or `unknown`."""

    shot: str
    take: int
    why: str
    provider: str
    model: str
    usd: str


class BoardPlan(Shape):
    """
    What making a film at a quality would buy. `plan` is the token that agrees to it, None where it cannot be made.

    `totals` has the most that each quality would cost, without those that cannot be made. `refused` says why it cannot be
    made now though there are no `problems`: a key is missing, or a limit is reached.
    """

    film_id: str
    quality: FilmQuality
    plan: str | None
    rows: tuple[BoardRow, ...]
    expected_usd: str
    usd: str
    left_today_usd: str
    totals: Mapping[str, str]
    problems: tuple[str, ...]
    refused: str
    notes: tuple[str, ...]


async def films(app: App, wanted: str | None) -> FilmsShape:
    """
    List the films, the newest change first, with one of them in full: the wanted one, else the newest.

    Raises:
        FilmNotFound: the wanted film is not there.
        StoreError: the job database cannot be used.
    """
    records = await app.films.records(FILMS_LISTED)
    film_id = wanted or (records[0].id if records else None)
    return FilmsShape(
        films=tuple(map(_named, records)), film=await film(app, film_id) if film_id is not None else None
    )


async def film(app: App, film_id: str) -> BoardFilm:
    """One film in full. Raises FilmNotFound, StoreError."""
    found = await app.films.find(film_id)
    with suppress(MediaError):  # it is told of, and plays a moment later
        found = await app.films.fetched(found)
    cards = await _cards(app, found)
    return BoardFilm(
        film_id=found.id,
        title=found.document.title,
        file_name=found.record.name,
        status=found.status,
        quality=found.quality,
        seconds=found.duration_seconds,
        spent_usd=amounts.decimal(found.spent_usd),
        revision=_revision(found),
        shots=tuple(
            _shot(found, shot, state, cards)
            for shot, state in zip(found.document.shots, found.shots, strict=True)
        ),
        problems=tuple(map(_with_help, found.problems)),
        advice=tuple(one.text for one in found.advice),
        joined=await anyio.to_thread.run_sync(_joined, found),
    )


def plan(planned: FilmPlan) -> BoardPlan:
    """What making a film would buy."""
    advice = [one.text for one in planned.advice]
    return BoardPlan(
        film_id=planned.film_id,
        quality=planned.quality,
        plan=None if planned.problems or planned.refused else planned.token,
        rows=tuple(map(_row, planned.rows)),
        expected_usd=_usd(planned.expected),
        usd=_usd(planned.maximum),
        left_today_usd=amounts.decimal(planned.budget_left),
        totals={quality: _usd(price) for quality, price in planned.totals.items()},
        problems=tuple(map(_with_help, planned.problems)),
        refused=planned.refused,
        notes=(*(note for note in planned.notes if note != planned.refused), *advice),
    )


def _with_help(problem: str) -> str:
    """A problem, with what a person at the board can do about it."""
    from ..media import OUTSIDE

    words, outside, _ = problem.partition(OUTSIDE)
    return f"{words}{outside} {_OF_OUTSIDE}" if outside else problem


def _named(record: FilmRecord) -> FilmName:
    title = json.loads(record.document).get("title", record.id)
    return FilmName(film_id=record.id, title=title, file_name=record.name)


async def _cards(app: App, found: Film) -> dict[str, board.JobCard]:
    jobs = list(found.jobs.values())
    beside = await board.beside(app, jobs)
    return {
        job.id: board.card(app, job, await _waits_for(app, job), beside[job.id], person=True) for job in jobs
    }


async def _waits_for(app: App, job: Job) -> Any:
    return None if job.finished else await job_views.waits_for(app, job)


def _shot(
    found: Film,
    shot: Shot,
    state: ShotState,
    cards: Mapping[str, board.JobCard],
) -> BoardShot:
    takes = [take for take in found.takes if take.shot == shot.id and _is_shown(take, found, state)]
    if state.chosen is not None and state.chosen.shot != shot.id:  # the shot was given another name
        takes.append(state.chosen)
    parent = found.document.parent(shot)
    return BoardShot(
        shot=shot.id,
        seconds=shot.seconds,
        prompt=shot.prompt[:_PROMPT_CHARACTERS],
        says=tuple(line.text for line in shot.says),
        continues=parent.id if parent is not None else None,
        state=state.state,
        why=state.why,
        take=state.take,
        job_id=state.job.id if state.job is not None else None,
        takes=tuple(
            TakeShape(
                shot=take.shot,
                number=take.number,
                quality=take.quality,
                shown=take == state.chosen,
                chosen=take == state.chosen and found.chosen.get(shot.id) == take.number,
                job=cards.get(take.job_id or ""),
            )
            for take in takes
        ),
    )


def _is_shown(take: Take, found: Film, state: ShotState) -> bool:
    """Whether anything is to be seen of a take: it was bought, or is about to be."""
    return take.job_id is not None or (found.is_busy and take.number == state.take)


def _joined(found: Film) -> JoinedShape | None:
    """What plays; None: the film is not joined. Blocks."""
    if found.film_path is None:
        return None
    from ..media import read_chapters

    path = Path(found.film_path)
    try:
        chapters: Sequence[Chapter] = read_chapters(path)
        version = f"{path.stat().st_mtime_ns:x}"
    except (SeedanceError, OSError):  # it was there a moment ago
        return None
    return JoinedShape(
        version=version,
        path=found.film_path,
        chapters=tuple(ChapterShape(start=one.start, title=one.title) for one in chapters),
        has_captions=any(name.endswith(".vtt") for name in found.captions),
        language=found.document.captions.language,
    )


def _revision(found: Film) -> str:
    shots = ".".join(
        f"{state.state}{state.take}{state.chosen and state.chosen.number}" for state in found.shots
    )
    return f"{found.record.version}.{found.status}.{found.plan}.{shots}"


def _row(row: PlanRow) -> BoardRow:
    return BoardRow(
        shot=row.shot,
        take=row.take,
        why=row.why,
        provider=row.provider,
        model=row.model,
        usd=_usd(row.maximum),
    )


def _usd(price: Price) -> str:
    return amounts.decimal(price.usd) if price.known else amounts.UNKNOWN
