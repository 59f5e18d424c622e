"""Says how a film and its shots stand, keeps a person's verdict on a shot, and stops what is being made."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ...app import App
from ...config import Settings, command
from ...errors import InvalidRequest
from ...films import Film, ShotState
from ...jobs import opinion
from ...texts import digits, inert
from ...types import Verdict
from ..opening import opened
from ..text import NOT_KNOWN, table
from ..words import told
from .as_json import after_film, as_typed, id_of, print_film


async def show(settings: Settings, named: Path | str, as_json: bool) -> int:
    """Print how the film of a document, or of an id, stands."""
    async with opened(settings, watch=False) as app:
        film = await app.films.find(await id_of(app, named))
        if as_json:
            await finish(app, film, as_json=True)
        else:
            print(_lines(film))
    return 0


async def review(settings: Settings, path: Path, shot: str, verdict: Verdict, note: str | None) -> int:
    """
    Keep the person's verdict on the take that a shot shows.

    Raises:
        InvalidRequest: the shot has no take yet.
    """
    judged = opinion(verdict, note, None)
    async with opened(settings, watch=False) as app:
        film = await app.films.find((await app.films.read(path)).id)
        (state,) = (state for state in film.shots if state.shot == shot)
        if state.job is None:
            raise InvalidRequest(
                [f"Shot {shot} has no take yet."],
                hint=f"{command(f'film show {as_typed(path)}')} tells which have.",
            )
        await app.reviews.add(state.job.id, judged, by="person")
    print(f"{inert(shot)}, take {state.take} ({state.job.id}): {verdict}. Kept.")
    return 0


async def choose(settings: Settings, path: Path, choices: Sequence[tuple[str, int | None]]) -> int:
    """
    Let takes be the ones that their shots show; None takes a choice back.

    Raises:
        InvalidRequest: there is no such take, or it has no finished video.
    """
    async with opened(settings, watch=False) as app:
        film_id = (await app.films.read(path)).id
        for shot, take in choices:
            film = await app.films.choose(film_id, shot, take)
            (state,) = (state for state in film.shots if state.shot == shot)
            chosen = f"take {take} is chosen" if take is not None else "nothing is chosen or kept"
            print(f"{inert(shot)}: {chosen}; the film in quality {film.quality} shows {_take(state)}.")
    return 0


def _take(state: ShotState) -> str:
    return f"take {state.chosen.number}" if state.chosen is not None else "nothing"


async def cancel(settings: Settings, named: Path | str) -> int:
    """Stop making the film; exit code 1 if there was nothing to stop."""
    async with opened(settings) as app:
        film_id = await id_of(app, named)
        before = await app.films.find(film_id)
        film, happened = await app.films.cancel(film_id)
    print(f"{film.id}: {film.status}. {inert(told(happened))}")
    return 0 if before.is_busy or film.status == "cancelled" else 1


async def finish(app: App, film: Film, *, as_json: bool) -> None:
    """Print the path of the film (or all of it as JSON) on stdout, the rest on stderr."""
    if as_json:
        await print_film(app, film)
    elif film.status == "succeeded" and film.film_path is not None:
        print(
            f"{len(film.shots)} shots, {film.duration_seconds:g} s, {digits(film.spent_usd)} USD in all, {film.id}",
            file=sys.stderr,
        )
        for one in film.advice:
            print(f"note: {inert(told(one.line))}", file=sys.stderr)
        print(film.film_path)
    else:
        print(_lines(film), file=sys.stderr)
        print(f"next: {inert(after_film(film))}", file=sys.stderr)


def exit_code(film: Film) -> int:
    """Return 0 if there is a film, 1 if there will be none, 3 if that is not known (yet)."""
    if film.is_busy or any(state.state == "unclear" for state in film.shots):
        return NOT_KNOWN
    return 0 if film.status == "succeeded" and film.film_path is not None else 1


def _lines(film: Film) -> str:
    cells = [
        (
            *(state.shot, state.state, f"{state.take or ''}"),
            digits(state.usd) if state.usd is not None else "",
            state.job.id if state.job is not None else "",
            inert("; ".join(state.why)),
        )
        for state in film.shots
    ]
    facts = [
        ("film", film.id),
        ("title", film.document.title),
        ("status", f"{film.status}, quality {film.quality}"),
        ("length", f"{film.duration_seconds:g} s"),
        ("spent", f"{digits(film.spent_usd)} USD"),
        ("file", film.film_path),
        ("sheet", film.sheet_path),
        *(("captions", path) for path in film.captions),
        *(("problem", told(problem)) for problem in film.problems),
        *(("note", told(one.line)) for one in film.advice),
    ]
    lines = [f"{f'{name}:':<11}{inert(value)}" for name, value in facts if value]
    return "\n".join([*lines, table(("SHOT", "STATE", "TAKE", "USD", "JOB", "WHY"), cells)])
