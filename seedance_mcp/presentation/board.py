"""The board: jobs, spending and what waits for a person at one glance, for a page to show. All of it is text, never HTML."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ..errors import InvalidRequest, OtherAccount
from ..types import FRAME_FIELDS, MEDIA_FIELDS, Job, JobStatus, Place, Review
from . import amounts, job_views, reviews, times, views
from .results import Amount, Failure, JobWord, ReviewShape, Shape

if TYPE_CHECKING:
    from ..app import App
    from ..jobs import Questions, Today
    from ..store import WaitingQuestion

JOBS_A_PAGE = 200
_PROMPT_CHARACTERS = 1_000
_LAST_FRAME_OF = re.compile(r"job:([\w-]+)/last_frame")
_NAMES = ("job:", "media:", "asset:")
_ADDRESS = re.compile(r"https?://[^/?#@]*(?=[/?#]|$)")


class Lineage(Shape):
    """Which jobs a job goes back to: the one whose settings it took, and the one whose last frame it begins with."""

    based_on: str | None
    continues: str | None


class Group(Shape):
    """Of a set of variations that were bought together, which one a job is."""

    id: str
    number: int


class JobCard(Shape):
    """
    A job on the board. `prompt` is its beginning; `video_path` and `media`, where it plays, are on the local page alone.

    With `never_bought` it ended with nothing bought, and `estimate` is what it would have cost.
    """

    job_id: str
    status: JobWord
    stopping: bool
    provider: str
    model: str
    prompt: str
    prompt_characters: int
    placeholder: bool
    progress: float | None
    estimate: Amount
    charge: Amount | None
    never_bought: bool
    price_again_usd: str | None
    width: int | None
    height: int | None
    duration_seconds: float | None
    created_at: str
    finished_at: str | None
    error: Failure | None
    notes: tuple[str, ...]
    has_video: bool
    bytes: int | None
    lineage: Lineage | None
    settings: dict[str, Any]
    review: ReviewShape | None
    group: Group | None
    video_url: str | None
    url_expires_at: str | None
    video_path: str | None = None
    media: str | None = None


class Waiting(Shape):
    """
    A price that a person has to agree to. `usd` is the most it can cost or, if that is not known, what is counted for it.

    `text` is the whole question in English; `length`, `count`, `prompt` and `notes` are what is in it, for other languages.
    With a `code` it waits for an administrator. `person` is whose purchase it is about, where that is another's than who
    looks; empty for whoever runs the server.
    """

    question_id: str
    code: str | None
    person: str | None
    text: str
    provider: str
    model: str
    usd: str
    known: bool
    reason: str
    length: str
    count: int
    prompt: str
    prompt_characters: int
    notes: tuple[str, ...]
    asked_at: str
    expires_at: str


class Caps(Shape):
    """The limits that hold for who looks: those of all together or of each person, whichever allow less."""

    per_job_usd: str
    per_day_usd: str
    jobs_per_hour: int


class SpentAt(Shape):
    """What one provider was paid today."""

    provider: str
    usd: str


class Spending(Shape):
    """What is spent today (UTC), and what is left. `reserved_usd`, for jobs under way, is a part of `spent_today_usd`."""

    caps: Caps
    spent_today_usd: str
    reserved_usd: str
    left_today_usd: str
    providers: tuple[SpentAt, ...]


class BoardShape(Shape):
    """
    The board. `more` is the place of the next page of jobs; `local_url` where it runs in a browser on this machine; `team`
    whose it is, where there are several.
    """

    now: str
    team: str | None
    version: str
    jobs: tuple[JobCard, ...]
    more: str | None
    total: int
    waiting: tuple[Waiting, ...]
    spending: Spending
    notes: tuple[str, ...]
    local_url: str | None


@dataclass(frozen=True, kw_only=True)
class BoardAddress:
    """
    Where the board is in the browser. Both addresses hold a code that is good once, within a minute.

    `to_open` is for the program that opens a browser, whose arguments others on this machine can read; `to_show` for
    the person. `already`: it runs in another process.
    """

    to_show: str
    to_open: str
    already: bool


async def board(
    app: App,
    *,
    before: str | None = None,
    limit: int = JOBS_A_PAGE,
    person: bool,
    questions: Questions | None = None,
) -> BoardShape:
    """
    Look at everything at once, in a handful of queries.

    `before` is the `more` of the page before. Only with `person`, for the page that nobody but the user of this machine
    can open, does it say where videos lie. `questions` are those that are shown, if not the app's own.

    Raises:
        InvalidRequest: `before` is no such place.
        StoreError: the job database cannot be used.
    """
    page, total = await app.overview.page(_place(before), limit)
    running = app.board.running()
    others = await beside(app, page.jobs)
    return BoardShape(
        now=times.moment(time.time()),
        team=app.settings.team,
        version=_version(),
        jobs=tuple(
            [
                card(app, job, await job_views.waits_for(app, job), others[job.id], person=person)
                for job in page.jobs
            ]
        ),
        more=None if page.last is None else str(page.last),
        total=total,
        waiting=tuple(waiting(app, one) for one in await (questions or app.questions).waiting()),
        spending=_spending(app, today := await app.overview.today()),
        notes=(
            *([_STOPPED] if today.stopped else []),
            *([app.notice] if app.notice else []),
            *(one.words for one in page.damaged),
            *await job_views.incidents(app),
        ),
        local_url=None if running is None else running.url,
    )


_STOPPED = (
    "Nothing is bought now: the job database was lost or restored, and what was spent before is not all known."
    " `seedance-mcp jobs allow-spending` lets purchases go on."
)


@cache
def _version() -> str:
    return version("seedance-mcp")


def _place(before: str | None) -> int | None:
    if before is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", before):
        raise InvalidRequest(
            [f"There is no page before {before[:40]!r}."], hint="Take `more` of the page before."
        )
    return int(before)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What stands beside a job's record: the verdict that counts, and its place in a set."""

    review: Review | None = None
    place: Place | None = None


async def beside(app: App, jobs: Sequence[Job]) -> dict[str, Beside]:
    """Look up what stands beside these jobs, in two queries."""
    job_ids = [job.id for job in jobs]
    known, places = await reviews.known(app, job_ids), await app.sets.places(job_ids)
    return {one: Beside(review=known.get(one), place=places.get(one)) for one in job_ids}


_ALONE = Beside()


def card(
    app: App, job: Job, other: OtherAccount | None = None, beside: Beside = _ALONE, *, person: bool
) -> JobCard:
    """One job; `other` is the key that it waits for."""
    review, place = beside.review, beside.place
    info = app.catalog.providers.get(job.provider)
    files, prompt = job.artifacts, job.request.prompt or ""
    return JobCard(
        job_id=job.id,
        status=job.status.value,
        stopping=job_views.is_stopping(job),
        provider=job.provider,
        model=job.model,
        prompt=prompt[:_PROMPT_CHARACTERS],
        prompt_characters=len(prompt),
        placeholder=info is not None and info.placeholder,
        progress=1.0 if job.status is JobStatus.SUCCEEDED else job.progress,
        estimate=amounts.amount(job.estimate),
        charge=amounts.amount(job.charge) if job.charge else None,
        never_bought=job.never_bought,
        price_again_usd=amounts.decimal(job.maximum.usd) if job.maximum.known else None,
        width=files.width if files else None,
        height=files.height if files else None,
        duration_seconds=files.duration_seconds if files else None,
        created_at=times.moment(job.created_at),
        finished_at=times.moment(job.finished_at) if job.finished_at else None,
        error=job_views.failure(job, info, other),
        notes=job_views.remarks(app, job, other),
        has_video=files is not None,
        bytes=files.bytes if files else None,
        lineage=_lineage(job),
        settings=_settings(job),
        review=reviews.shown(review) if review else None,
        group=Group(id=place.set_id, number=place.number) if place else None,
        video_url=_web_address(job),
        url_expires_at=times.moment(job.url_expires_at) if job.url_expires_at else None,
        video_path=files.video_path if files and person else None,
    )


def waiting(app: App, one: WaitingQuestion) -> Waiting:
    """A question that nobody has answered yet."""
    asked = one.question
    return Waiting(
        question_id=one.key,
        code=one.code,
        person=None if one.person == app.scope.person else one.person,
        text=asked.text,
        provider=asked.provider,
        model=asked.model,
        usd=amounts.decimal(asked.price.usd),
        known=asked.price.known,
        reason=asked.reason,
        length=asked.length,
        count=asked.count,
        prompt=asked.prompt,
        prompt_characters=asked.prompt_characters,
        notes=asked.remarks.lines,
        asked_at=times.moment(one.asked_at),
        expires_at=times.moment(one.expires_at),
    )


def _spending(app: App, today: Today) -> Spending:
    settings, money = app.settings, today.budget
    hourly = settings.max_jobs_per_hour
    if not app.scope.sees_all and settings.max_jobs_per_hour_per_person is not None:
        hourly = min(hourly, settings.max_jobs_per_hour_per_person)
    return Spending(
        caps=Caps(
            per_job_usd=amounts.decimal(settings.max_usd_per_job),
            per_day_usd=amounts.decimal(money.max_per_day_usd),
            jobs_per_hour=hourly,
        ),
        spent_today_usd=amounts.decimal(money.spent_today_usd),
        reserved_usd=amounts.decimal(money.reserved_usd),
        left_today_usd=amounts.decimal(money.left_today_usd),
        providers=tuple(
            SpentAt(provider=provider, usd=amounts.decimal(usd))
            for provider, usd in today.by_provider.items()
            if usd
        ),
    )


def _lineage(job: Job) -> Lineage | None:
    frames = (
        _LAST_FRAME_OF.fullmatch(source) for field in FRAME_FIELDS for source in job.request.sources(field)
    )
    continues = next((found[1] for found in frames if found), None)
    if continues is None and job.request.based_on is None:
        return None
    return Lineage(based_on=job.request.based_on, continues=continues)


def _settings(job: Job) -> dict[str, Any]:
    """The settings of a job; of files and links only what they are called: no folder, nothing signed."""
    told = views.settings_of(job.request)
    for field in MEDIA_FIELDS:
        if field in told:
            told[field] = [_label(source) for source in job.request.sources(field)]
    return told


def _label(source: str) -> str:
    if source.startswith(_NAMES):
        return source
    host = _ADDRESS.match(source)
    return f"{host[0]}/…" if host else PurePath(source.replace("\\", "/")).name


def _web_address(job: Job) -> str | None:
    url = job_views.address(job.video_url)
    return url if url is not None and url.startswith("https://") else None
