"""What is shown of the verdicts on takes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import trace_of
from ..types import Review, Unjudged
from . import results as shape
from .times import moment

if TYPE_CHECKING:
    from ..app import App

_LOG = logging.getLogger(__name__)

_NEXT_STEP = {
    "good": "Nothing more is to be done for this take.",
    "usable": "Whether another take is worth its price is the person's decision; estimate_cost tells the price.",
    "bad": "Change one thing, then tell the person the price of another take (estimate_cost).",
}
_NEXT_STEP_IN_FILM = {
    "good": _NEXT_STEP["good"],
    "usable": (
        "Whether another take is worth its price is the person's decision; plan_film with film_id {film_id} and redo"
        " tells the price."
    ),
    "bad": (
        "Change one thing of its shot with plan_film and film_id {film_id}, which prices another take in the film; tell"
        " the person the price."
    ),
}
"""A take that generate_video makes would stand beside the film."""


async def known(app: App, job_ids: Sequence[str]) -> Mapping[str, Review]:
    """Look up the reviews that count; if they cannot be read, none: the jobs have to be told of all the same."""
    try:
        return await app.reviews.of(job_ids)
    except Exception as error:
        _LOG.warning("Reviews cannot be read now: %s", error, exc_info=trace_of(error))
        return {}


async def unjudged(app: App) -> Unjudged:
    """Look up what has not been judged; if that cannot be read, nothing."""
    try:
        return await app.reviews.unjudged()
    except Exception as error:
        _LOG.warning("It cannot be read now what has no review: %s", error, exc_info=trace_of(error))
        return Unjudged(count=0, job_ids=())


def shown(review: Review) -> shape.ReviewShape:
    """A review."""
    opinion = review.opinion
    return shape.ReviewShape(
        verdict=opinion.verdict,
        by=review.by,
        relayed=review.relayed,
        notes=opinion.notes,
        scores=dict(opinion.scores),
        at=moment(review.at),
    )


def kept(counts: Review, film_id: str | None) -> shape.ReviewedShape:
    """The review that counts after one was given; `film_id`: of a take of that film."""
    steps = _NEXT_STEP if film_id is None else _NEXT_STEP_IN_FILM
    return shape.ReviewedShape(
        job_id=counts.job_id,
        review=shown(counts),
        next_step=steps[counts.opinion.verdict].format(film_id=film_id),
    )
