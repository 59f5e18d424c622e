"""Prints a film, a plan, or what is wrong with a document as one JSON object, in the words of the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...app import App
from ...config import command
from ...errors import SeedanceError
from ...films import Film, FilmPlan
from ..text import json_text
from ..words import told

if TYPE_CHECKING:
    from ...presentation.results import FilmShape
    from ...types import FilmQuality


def print_plan(planned: FilmPlan, path: Path) -> None:
    """Print what making the film would buy; of a plan that would be refused now, why that is stands in the way of it."""
    from ...presentation import film_views

    shape = film_views.plan(planned)
    if planned.refusal is not None:
        notes = tuple(note for note in shape.notes if note != planned.refused)
        shape = shape.model_copy(update={"plan": None, "problems": (planned.refused,), "notes": notes})
    _print(shape, _after_plan(planned, path))


async def print_film(app: App, film: Film) -> None:
    """Print a film as it stands."""
    from ...presentation import film_views

    _print(await film_views.film(app, film), after_film(film))


def print_problems(problems: Sequence[str], quality: FilmQuality | None) -> None:
    """Print what is wrong with a document, or with what is wanted of it: nothing was opened for that."""
    from ...presentation.results import FilmShape

    nothing: dict[str, Any] = {
        name: field.get_default(call_default_factory=True) if not field.is_required() else None
        for name, field in FilmShape.model_fields.items()
    }
    said = {
        "shots": (),
        "quality": quality,
        "problems": [told(problem) for problem in problems],
        "next_step": "Correct the document; nothing was bought.",
    }
    print(json_text({**nothing, **said}))


async def id_of(app: App, named: Path | str) -> str:
    """Return the id of the film that is named by its document, which is read for that, or by the id itself."""
    return named if isinstance(named, str) else (await app.films.read(named)).id


def path_of(film: Film) -> Path:
    """Return where the film's document lies; the film's id in its place if it has none."""
    return Path(film.record.folder or "", film.record.name or film.id)


def as_typed(path: Path) -> str:
    """Write a path as it can be typed where the person is."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def made_by(film: Film) -> str:
    """Return the words of the command that makes a film in the quality at which it was last made."""
    wanted = f" --quality {film.quality}" if film.quality != "final" else ""
    return f"film make {as_typed(path_of(film))}{wanted}"


def after_film(film: Film) -> str:
    """Say what to do next with a film."""
    if not film.record.name:
        way_out = f" {command(f'film cancel {film.id}')} stops it." if film.is_busy else ""
        return f"An assistant wrote this film, and plans and makes what is left of it: it has no document.{way_out}"
    name, making = as_typed(path_of(film)), made_by(film)
    plan = f"{command(making.replace('film make', 'film plan', 1))} says what is left to make or to change, and the price."
    match film.status:
        case "making" | "joining":
            return f"The film goes on by itself; {command(making)} waits for it."
        case "succeeded" if film.film_path is not None:
            view, review = command(f"view {film.id}"), command(f"film review {name} SHOT good")
            return f"{view} draws it, and {review} keeps your verdict on a shot. After a change {plan}"
        case "stopped" if any(state.state == "unclear" for state in film.shots):
            return (
                "Do not make the unclear shot again: it may have been bought, and is counted as spent."
                f" {command('jobs show')} with its job tells what to do."
            )
        case _:
            return f"What is made is kept. {plan}"


def help_with(refusal: SeedanceError) -> str:
    """Return what to do about a plan that would be refused: a film has no option for its provider."""
    return told(refusal.hint.replace("provider 'sandbox' works", "--quality animatic works"))


def _after_plan(planned: FilmPlan, path: Path) -> str:
    if planned.problems:
        return "Correct what is named; nothing was bought."
    wanted = f" --quality {planned.quality}" if planned.quality != "final" else ""
    wanted += "".join(f" --redo {shlex.quote(shot)}" for shot in planned.redo)
    make = command(f"film make {as_typed(path)}{wanted}")
    making = f"{make} makes it." if planned.maximum.is_free else f"{make} asks, and makes it."
    return f"{help_with(planned.refusal)} Then {making}".lstrip() if planned.refusal is not None else making


def _print(shape: FilmShape, next_step: str) -> None:
    changes: dict[str, Any] = {
        "next_step": next_step,
        "problems": tuple(told(problem) for problem in shape.problems),
        "notes": tuple(told(note) for note in shape.notes),
        "advice": tuple(one.model_copy(update={"text": told(one.text)}) for one in shape.advice),
    }
    print(json_text(shape.model_copy(update=changes).model_dump(mode="json")))
