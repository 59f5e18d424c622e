"""The team as whoever administers sees it: who spends how much, and who made what. Of what others make no word and no video."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from . import amounts, times
from .results import JobWord, Shape

if TYPE_CHECKING:
    from ..app import App
    from ..store import Approval
    from ..types import Job

_DAYS = 14
_MOST_JOBS = 100
_MOST_ANSWERS = 50


class PersonDay(Shape):
    """What one person has spent on one day (UTC), what is reserved included. An empty `person` runs the server."""

    day: str
    person: str
    jobs: int
    usd: str


class TeamJob(Shape):
    """Somebody's job. `usd` is what was charged, or what is expected; null if nothing was bought."""

    job_id: str
    person: str
    created_at: str
    status: JobWord
    provider: str
    model: str
    usd: str | None


class Answer(Shape):
    """
    What an administrator has answered, or what was bought on that.

    `answer` is `agreed`, `refused` or `bought`; where nothing came of it, how its job ended (`not_sent`, `rejected`,
    `absent`, `cancelled`), and `usd` is null. `job_id`, of what was bought, may be a film's.
    """

    at: str
    answer: str
    administrator: str
    person: str
    usd: str | None
    job_id: str | None


class Team(Shape):
    """The team. Caps that are null are not set."""

    now: str
    today: str
    per_day_usd: str
    per_day_per_person_usd: str | None
    approve_above_usd: str | None
    spending: tuple[PersonDay, ...]
    jobs: tuple[TeamJob, ...]
    answers: tuple[Answer, ...]


async def team(app: App) -> Team:
    """Look at everybody's spending, jobs and agreements. `app` is of who sees all. Raises StoreError."""
    settings = app.settings
    by_person: defaultdict[tuple[str, str], list[tuple[int, Decimal]]] = defaultdict(list)
    for line in await app.spending(_DAYS):
        by_person[line.day, line.person].append((line.jobs, line.usd))
    per_person = settings.max_usd_per_day_per_person
    approve_above = settings.approve_above_usd
    now = times.moment(app.installation.store.clock())
    return Team(
        now=now,
        today=now[:10],
        per_day_usd=amounts.decimal(settings.max_usd_per_day),
        per_day_per_person_usd=None if per_person is None else amounts.decimal(per_person),
        approve_above_usd=None if approve_above is None else amounts.decimal(approve_above),
        spending=tuple(
            PersonDay(
                day=day,
                person=person,
                jobs=sum(jobs for jobs, _ in lines),
                usd=amounts.decimal(sum((usd for _, usd in lines), Decimal(0))),
            )
            for (day, person), lines in sorted(
                by_person.items(), key=lambda one: (one[0][0], sum(usd for _, usd in one[1])), reverse=True
            )
        ),
        jobs=tuple(map(_job, await app.recent(_MOST_JOBS))),
        answers=tuple(map(_answer, await app.questions.answered_by_administrators(_MOST_ANSWERS))),
    )


def _job(job: Job) -> TeamJob:
    return TeamJob(
        job_id=job.id,
        person=job.person,
        created_at=times.moment(job.created_at),
        status=job.status.value,
        provider=job.provider,
        model=job.model,
        usd=None if job.never_bought else amounts.amount(job.charge or job.estimate).usd,
    )


def _answer(one: Approval) -> Answer:
    return Answer(
        at=times.moment(one.at),
        answer=one.unbought.value if one.unbought else one.answer,
        administrator=one.administrator,
        person=one.person,
        usd=None if one.unbought else amounts.decimal(one.usd),
        job_id=one.job_id,
    )
