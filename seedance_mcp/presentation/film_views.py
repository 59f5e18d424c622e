"""Turns a film, or the plan of one, into what an assistant sees."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from ..audience import from_afar
from ..texts import number_of
from . import results as shape
from .amounts import UNKNOWN, decimal
from .job_views import advice_shapes, in_resources
from .times import moment

if TYPE_CHECKING:
    from ..app import App
    from ..films import Film, FilmPlan, ShotState
    from ..films.plan import PlanRow
    from ..types import Price

_REVIEW = "review keeps a verdict on a shot by its job_id"


def plan(planned: FilmPlan) -> shape.FilmShape:
    """What making a film would buy."""
    rows = {row.shot: row for row in planned.rows}
    waiting = {row.shot: row for row in planned.waiting}
    return shape.FilmShape(
        film_id=planned.film_id,
        status="planned",
        quality=planned.quality,
        plan=None if planned.problems else planned.token,
        price=shape.FilmPriceShape(
            expected=_usd(planned.expected),
            maximum=_usd(planned.maximum),
            budget_left=decimal(planned.budget_left),
        ),
        qualities={name: _usd(price) for name, price in planned.totals.items()},
        elsewhere={name: _usd(price) for name, price in planned.elsewhere.items()},
        shots=tuple(
            _planned_shot(state, rows.get(state.shot), waiting.get(state.shot)) for state in planned.shots
        ),
        problems=planned.problems,
        film_path=None,
        sheet=None,
        duration_seconds=None,
        next_step=_next_of_plan(planned),
        notes=planned.notes,
        advice=advice_shapes(planned.advice),
    )


async def with_link(app: App, found: Film, shown: shape.FilmShape) -> shape.FilmShape:
    """
    Put into `film_url` a link that is made for this answer, to the film that a worker has put into the object store.

    Where there is none, the film as it is. Raises ConfigError: the key of the store cannot be read now.
    """
    link = app.films.link(found)
    if link is None:
        return shown
    looking = f"view_video with source {found.id} lets you look at it; {_REVIEW}."
    give = "Give the person the link in film_url, from which anyone can save it for an hour; check_status makes a new one."
    return shown.model_copy(
        update={
            "film_url": link.url,
            "url_expires_at": moment(link.expires_at),
            "next_step": f"{give} {looking}",
        }
    )


async def film(app: App, found: Film) -> shape.FilmShape:
    """A film as it stands."""
    return shape.FilmShape(
        film_id=found.record.id,
        status=found.status,
        quality=found.quality,
        plan=found.plan,
        price=shape.FilmPriceShape(
            expected=decimal(found.expected_usd),
            maximum=decimal(found.maximum_usd),
            budget_left=decimal((await app.budget()).left_today_usd),
        ),
        spent_usd=decimal(found.spent_usd),
        shots=tuple(_shot(state) for state in found.shots),
        problems=found.problems,
        film_path=found.film_path,
        sheet=found.sheet_path,
        captions=found.captions,
        duration_seconds=found.duration_seconds,
        next_step=_next_of_film(found),
        advice=advice_shapes(found.advice),
    )


def how_plan_is(planned: FilmPlan) -> str:
    """A plan in one sentence."""
    if planned.problems:
        return f"The film cannot be made as it is: {number_of(len(planned.problems), 'problem')}."
    if not planned.rows:
        return f"Nothing of the film is missing in quality {planned.quality}."
    shots = f"{number_of(len(planned.rows), 'shot')} of {len(planned.shots)}"
    cost = "free" if planned.maximum.is_free else f"at most {_usd(planned.maximum)} USD"
    return f"{shots} to be made in quality {planned.quality}: {cost}. Nothing was bought."


def how_film_is(found: Film) -> str:
    """A film in one sentence."""
    counted = Counter(state.state for state in found.shots)
    words = ", ".join(f"{count} {state}" for state, count in counted.items())
    return f"The film is {found.status}; of {number_of(len(found.shots), 'shot')}: {words}."


def _planned_shot(state: ShotState, row: PlanRow | None, waiting: PlanRow | None) -> shape.ShotShape:
    shown = _shot(state)
    if waiting is not None:
        return shown.model_copy(update={"redo_usd": _usd(waiting.maximum)})
    if row is None:
        return shown
    return shown.model_copy(
        update={
            "why": (row.why,),
            "take": row.take,
            "usd": _usd(row.maximum),
            "in_plan": True,
            "offer": f"{row.provider}/{row.model}",
        }
    )


def _shot(state: ShotState) -> shape.ShotShape:
    return shape.ShotShape(
        shot=state.shot,
        state=state.state,
        why=state.why,
        take=state.take,
        job_id=state.job.id if state.job is not None else None,
        usd=decimal(state.usd) if state.usd is not None else None,
        takes={f"{take.number}": take.job_id or "" for take in state.takes} if len(state.takes) > 1 else {},
    )


def _usd(price: Price) -> str:
    return decimal(price.usd) if price.known else UNKNOWN


def _next_of_plan(planned: FilmPlan) -> str:
    if planned.problems:
        return (
            f"Correct them: plan_film with film_id {planned.film_id} and a storyboard of only what changes"
            " (shots go by id, null removes)."
        )
    call = f"create_film with film_id {planned.film_id} and plan {planned.token}"
    if planned.maximum.usd == Decimal(0):
        return f"{call} makes it; it costs nothing."
    if planned.refused:
        return f"Tell the person the price, and why it could not be made now. Once that is mended, {call} makes it."
    asked = " They are asked to agree." if planned.is_asked else ""
    return f"Tell the person the price. When they want it, {call} makes it.{asked}"


def _next_of_film(found: Film) -> str:
    film_id = found.record.id
    plan_again = f"plan_film with film_id {film_id} tells what is left to make, and the price"
    match found.status:
        case "making" | "joining":
            return f"The film goes on by itself; call check_status with job_id {film_id} to wait for it."
        case "succeeded" if found.film_path is None and found.cut is not None:
            return (
                f"The film is made, and is not on this machine. view_video with source {film_id} lets you look at it;"
                f" {_REVIEW}. After a change {plan_again}."
            )
        case "succeeded" if found.film_path is None:
            return f"The shots are there and the film is not joined: tell the person why. {plan_again}."
        case "succeeded":
            give = (
                f"Give the person the film: {in_resources(f'films/{film_id}')}"
                if from_afar()
                else f"Show the person the film at {found.film_path}."
            )
            return (
                f"{give} view_video with source {film_id} lets you look at it;"
                f" {_REVIEW}. After a change {plan_again}."
            )
        case "stopped":
            if any(state.state == "unclear" for state in found.shots):
                return (
                    "Do not make the unclear shot again: it may have been bought, and is counted as spent. check_status"
                    " with its job_id tells what to do."
                )
            return f"What is finished is kept. {plan_again}."
        case _:
            return f"{plan_again}."
