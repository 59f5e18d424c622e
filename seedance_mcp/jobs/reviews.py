"""Verdicts on takes: checked, kept with the job, and asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, get_args

from ..errors import InvalidRequest, JobNotFinished
from ..store import Connection, job_records, reviews
from ..texts import number_of, one_line, unusable
from ..types import (
    MAX_REVIEW_CHARACTERS,
    SCORES,
    Job,
    JobStatus,
    Opinion,
    Review,
    Reviewer,
    Unjudged,
    Verdict,
)
from .context import JobContext

_BEST = 5
_NAMED = 4
"""As many unknown scores are named; of more only their number is told."""

_MOST_REVIEWS = 100
"""Of one job by one of the two: whoever changes their mind more often is a program that has lost its way."""

_UNJUDGED_NAMED = 10


def opinion(verdict: str, notes: str | None = None, scores: Mapping[str, Any] | None = None) -> Opinion:
    """
    Check a verdict with its notes and scores; scores without a value are left out.

    Raises:
        InvalidRequest: names everything that is wrong with it.
    """
    given = {name: value for name, value in (scores or {}).items() if value is not None}
    notes = (notes or "").strip()
    verdicts: tuple[Verdict, ...] = get_args(Verdict)
    problems: list[str] = []
    if verdict not in verdicts:
        problems.append(f"verdict must be one of {', '.join(verdicts)}.")
    if len(notes) > MAX_REVIEW_CHARACTERS:
        problems.append(f"notes has {len(notes)} characters; at most {MAX_REVIEW_CHARACTERS} are kept.")
    problems += unusable("notes", notes[:MAX_REVIEW_CHARACTERS])
    problems += _unknown([name for name in given if name not in SCORES])
    problems += [
        f"scores.{name} must be a whole number from 1 to {_BEST}."
        for name, value in given.items()
        if name in SCORES and (type(value) is not int or not 1 <= value <= _BEST)
    ]
    if problems:
        raise InvalidRequest(problems, hint="Change it and call again; nothing was kept.")
    return Opinion(verdict=next(word for word in verdicts if word == verdict), notes=notes, scores=given)


def _unknown(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    told = ", ".join(repr(one_line(name, 40)) for name in names[:_NAMED])
    more = f" and {number_of(len(names) - _NAMED, 'more name')}" if len(names) > _NAMED else ""
    return [f"There is no score {told}{more}. Scores are {', '.join(SCORES)}."]


class Reviews:
    """The reviews of this installation. A person's last one counts, whatever an assistant says later; all stay on record."""

    def __init__(self, context: JobContext) -> None:
        self._store = context.store
        self._events = context.events

    async def add(
        self, job_id: str, opinion: Opinion, *, by: Reviewer, relayed: bool = False
    ) -> tuple[Review, Review]:
        """
        Keep an opinion on the video of a job, unless its author's last one says the same; costs nothing.

        `relayed`: an assistant hands on what the person said. Returns the author's review, and the one that counts.

        Raises:
            JobNotFound: there is no such job.
            JobNotFinished: it has no video yet.
            InvalidRequest: it ended without a video, or was reviewed too often.
        """
        review = Review(job_id=job_id, opinion=opinion, by=by, relayed=relayed, at=self._store.clock())
        kept, counts = await self._store.write(partial(_keep, review=review))
        if kept is review:
            self._events.told(job_id)
        return kept, counts

    async def of(self, job_ids: Sequence[str]) -> Mapping[str, Review]:
        """For each of these jobs that was reviewed, the review that counts. One query for all."""
        return await self._store.read(partial(reviews.in_force, job_ids=job_ids))

    async def history(self, job_id: str) -> list[Review]:
        """List every review of a job: the one that counts first, the person's before an assistant's, newest first."""
        return await self._store.read(partial(reviews.history, job_id=job_id))

    async def unjudged(self) -> Unjudged:
        """Name the newest ten jobs that succeeded within the last seven days and have no review, and count them."""
        return await self._store.read(
            partial(reviews.unjudged, now=self._store.clock(), most=_UNJUDGED_NAMED)
        )


def _keep(connection: Connection, review: Review) -> tuple[Review, Review]:
    _ensure_video(job_records.find(connection, review.job_id))
    kept = reviews.newest(connection, review.job_id, review.by)
    if kept is None or not _says_the_same(kept, review):
        if reviews.count(connection, review.job_id, review.by, relayed=review.relayed) >= _MOST_REVIEWS:
            raise InvalidRequest(
                [f"Job {review.job_id} has {_MOST_REVIEWS} verdicts of this kind already."],
                hint="The last one stays in force; nothing was kept.",
            )
        reviews.add(connection, review)
        kept = review
    return kept, reviews.in_force(connection, [review.job_id])[review.job_id]


def _says_the_same(kept: Review, review: Review) -> bool:
    """True as well of a word that is handed on after the person has entered it; the other way round it is new."""
    return kept.opinion == review.opinion and (review.relayed or not kept.relayed)


def _ensure_video(job: Job) -> None:
    if job.status is JobStatus.SUCCEEDED:
        return
    if not job.finished:
        raise JobNotFinished(f"Job {job.id} is {job.status.value}; there is no video to judge yet.")
    raise InvalidRequest(
        [f"Job {job.id} ended as {job.status.value} and has no video to judge."],
        hint="Judge one that succeeded. Call check_status without job_id to list recent jobs.",
    )
