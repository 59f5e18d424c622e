"""Jobs as assistants and people see them: how each stands, why it failed, and what to do next."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..audience import from_afar
from ..errors import OtherAccount, SeedanceError, trace_of
from ..remarks import Advice
from ..texts import one_line
from ..types import Job, JobState, JobStatus, Review
from . import results as shape
from . import reviews
from .amounts import amount, decimal
from .budget_views import budget
from .times import moment

if TYPE_CHECKING:
    from ..app import App
    from ..catalog import ProviderInfo

_LOG = logging.getLogger(__name__)

_MOST_INCIDENTS = 10
"""Told at once; the log has them all."""

_TITLE_CHARACTERS = 60


async def job(
    app: App,
    job: Job,
    *,
    deduplicated: bool = False,
    notes: Iterable[str] = (),
    advice: Iterable[Advice] = (),
    reviewed: Mapping[str, Review] | None = None,
) -> shape.JobShape:
    """
    A job. What there is to say of it, such as that the file is not as ordered, is added to the notes.

    `reviewed` are the reviews of several jobs that were looked up together; None: that of this one is looked up.
    """
    if reviewed is None:
        reviewed = await reviews.known(app, [job.id])
    review = reviewed.get(job.id)
    other = await waits_for(app, job)
    info = app.catalog.providers.get(job.provider)
    placeholder = info is not None and info.placeholder
    files = job.artifacts
    return shape.JobShape(
        job_id=job.id,
        status=job.status.value,
        provider=job.provider,
        model=job.model,
        prompt=job.request.prompt,
        placeholder=placeholder,
        progress=1.0 if job.status is JobStatus.SUCCEEDED else job.progress,
        estimate=amount(job.estimate),
        charge=amount(job.charge) if job.charge else None,
        video_path=files.video_path if files else None,
        video_url=address(job.video_url),
        url_expires_at=moment(job.url_expires_at) if job.url_expires_at else None,
        last_frame_path=files.last_frame_path if files else None,
        width=files.width if files else None,
        height=files.height if files else None,
        duration_seconds=files.duration_seconds if files else None,
        sha256=files.sha256 if files else None,
        created_at=moment(job.created_at),
        finished_at=moment(job.finished_at) if job.finished_at else None,
        deduplicated=deduplicated,
        error=failure(job, info, other),
        review=reviews.shown(review) if review else None,
        next_step=_next_step(app, job, info, review, await _used_up(app, job))
        if other is None
        else other.hint,
        notes=(*notes, *remarks(app, job, other), *([placeholder_note(app)] if placeholder else [])),
        advice=advice_shapes(advice),
    )


def failure(job: Job, info: ProviderInfo | None, other: OtherAccount | None) -> shape.Failure | None:
    """Why a job has no video, if there is a reason; `other` is the key that it waits for."""
    from ..jobs import lost_answers

    if job.error is None and job.error_code is None:
        return None
    return shape.Failure(
        code=job.error_code or "error",
        message=job.error or "The provider gave no reason.",
        hint=lost_answers.hint(job, info, other) or (other.hint if other else ""),
        retryable=job.error_code in _retryable_codes(),
    )


def remarks(app: App, job: Job, other: OtherAccount | None) -> tuple[str, ...]:
    """What there is to say of a job besides how it stands; `other` is the key that it waits for."""
    files = job.artifacts
    untaken = app.untaken(job)
    return (
        *([untaken] if untaken else []),
        *_delivery_note(app, job),
        *([elsewhere] if (elsewhere := app.videos.elsewhere(job)) else []),
        *([job.folder_error] if job.folder_error else []),
        *([files.doubt] if files and files.doubt else []),
        *_hook_note(job),
        *_draft_note(job),
        *([] if job.estimate.known else [_unknown_price(job)]),
        *([other.message] if other else []),
    )


def address(url: str | None) -> str | None:
    """
    The provider's address of a video, if it is one: nothing else that a provider wrote there reaches a client.

    A file of the sandbox is told to nobody elsewhere.
    """
    if url is None or (from_afar() and url.startswith("file:")):
        return None
    return url if re.fullmatch(r"(https?|file)://[!-~]+", url) else None


def _unknown_price(job: Job) -> str:
    if job.charge is not None:
        return f"Its price was unknown when it was started; {decimal(job.charge.usd)} USD were charged."
    return (
        f"Its price is unknown: at most {decimal(job.maximum.usd)} USD is counted for it, until the provider says what"
        " it charged."
    )


async def waits_for(app: App, job: Job) -> OtherAccount | None:
    """Name which key a job waits for; what cannot be known now is left out, for the job has to be told of all the same."""
    try:
        return await app.waits_for(job)
    except Exception as error:
        _LOG.warning(
            "%s: it cannot be known now whether it waits for a key: %s",
            job.id,
            error,
            exc_info=trace_of(error),
        )
        return None


def _delivery_note(app: App, job: Job) -> tuple[str, ...]:
    words = app.not_as_ordered(job)
    if words is None:
        return ()
    return (
        f"Not as ordered: {words}. Tell the person, who can look at the provider's console;"
        f" `seedance-mcp jobs show {job.id} --refund-note` writes what the provider's support needs to know.",
    )


def _hook_note(job: Job) -> tuple[str, ...]:
    return (f"The person's command SEEDANCE_ON_FINISH {job.hook_error}.",) if job.hook_error else ()


def _draft_note(job: Job) -> tuple[str, ...]:
    if not job.is_draft or job.state not in _DRAFTED:
        return ()
    return (
        f"This is a draft. In full it is made by generate_video with quality 'final' and based_on {job.id}; estimate_cost"
        " with these tells the price, and whether it will be the same take.",
    )


_DRAFTED = frozenset({JobState.REMOTE_DONE, JobState.DONE})


def done(app: App, job: Job) -> str:
    """Describe what a call for this job does there: what the sandbox makes is not bought."""
    info = app.catalog.providers.get(job.provider)
    return "made" if info is not None and info.placeholder else "bought"


def placeholder_note(app: App) -> str:
    """Describe what the sandbox's videos are, and what brings real ones: a key, another setting, another argument."""
    where = "by the server" if from_afar() else "on this machine"
    what = f"This is a placeholder drawn {where}, not the model's work; for real videos"
    settings = "settings file of the server" if from_afar() else "server's environment"
    providers, ready, default = app.catalog.providers, app.providers_ready(), app.settings.provider
    real = " or ".join(name for name, info in providers.items() if ready[name] and not info.placeholder)
    if real and default is not None and default in providers and providers[default].placeholder:
        return (
            f"{what} call with provider {real}, whose key is set, or the person removes SEEDANCE_PROVIDER={default} from the"
            f" {settings}."
        )
    if real:
        return f"{what} call with provider {real}, whose key is set, or with none."
    variables = sorted({name for info in providers.values() for name in info.key_variables})
    wrong = (*app.malformed_keys.values(), *app.misnamed_keys.values())
    who = "whoever runs it" if from_afar() else "the person"
    if team := app.settings.team:
        return (
            f"{what} {who} puts a key into a file named like its provider, among the keys of the team {team}."
        )
    return " ".join([f"{what} {who} sets one of {', '.join(variables)} in the {settings}.", *wrong])


def is_stopping(job: Job) -> bool:
    """Return whether the provider was asked to stop a job that it may still finish."""
    return job.cancel_asked_at is not None and job.status in (JobStatus.QUEUED, JobStatus.RUNNING)


async def _used_up(app: App, job: Job) -> str:
    """Say that an administrator's agreement was used up by a job with which nothing was bought; empty if it was not."""
    asks = app.settings.approve_above_usd is not None and not app.scope.administers
    if not asks or not job.never_bought or await app.questions.agreed_by_administrator([job.id]) is None:
        return ""
    return " The administrator's agreement to it is used up: trying again needs a new one, for which the same call asks."


def _next_step(app: App, job: Job, info: ProviderInfo | None, review: Review | None, used_up: str) -> str:
    from ..jobs import lost_answers

    check = f"call check_status with job_id {job.id}"
    match job.status:
        case JobStatus.SUCCEEDED if app.videos.elsewhere(job):
            return "Tell the person that the video was saved on another machine, and where there."
        case JobStatus.SUCCEEDED:
            look = f"view_video with source {job.id} lets you look at it"
            keep = "" if review else ", then review keeps your verdict and the person's"
            return f"{show(job)} {look}{keep}."
        case JobStatus.FAILED | JobStatus.CANCELLED | JobStatus.EXPIRED:
            ended = job.error_hint or "Nothing more happens to this job; tell the person how it ended."
            return f"{ended}{used_up}"
        case JobStatus.UNKNOWN if job.finished:
            return (
                "Do not submit again: it cannot be found out whether the provider took it. Ask the person to"
                f" look at the provider's console, then to run `seedance-mcp jobs resolve {job.id}`."
            )
        case JobStatus.UNKNOWN if lost_answers.a_person_has_to_look(job, info):
            return (
                "Do not submit again: the provider may have taken it, and it is counted as spent."
                f" {lost_answers.look_yourself(job, info)}"
            )
        case JobStatus.UNKNOWN if info is not None and info.placeholder:
            return f"The sandbox may have started it, for nothing. The server is finding out; {check} in a minute."
        case JobStatus.UNKNOWN:
            return (
                "Do not submit again: the provider may have taken it, and it is counted as spent. The server"
                f" is finding out; {check} in a minute."
            )
        case _ if is_stopping(job):
            return (
                f"The provider was asked to stop it; {check} to see whether it did. A video that it finishes all the"
                " same is saved, and may be charged."
            )
        case _ if app.untaken(job):
            return (
                "No worker has taken it yet: tell the person that whoever runs the installation has to see that"
                f" `seedance-mcp work` runs. It is bought as soon as one does, within the hour; {check} to look again."
            )
        case _ if job.waits_for_worker:
            return f"It waits for a worker that buys it; {check} to wait for it."
        case _:
            return f"The job goes on by itself; {check} to wait for it."


def show(job: Job) -> str:
    """Say what is to be done with a video on this machine."""
    if from_afar():
        return f"Give the person the video: {in_resources(f'jobs/{job.id}')}"
    path = job.artifacts.video_path if job.artifacts else "its path"
    return f"Show the person the video at {path}."


def in_resources(owner: str) -> str:
    """Say which resources are a video, for who has no use for its file; `owner` is `jobs/{job_id}` or `films/{film_id}`."""
    return f"it is the resource seedance://{owner}/video, up to 8 MB, and in parts .../video/0, .../video/1 and so on."


def _retryable_codes() -> frozenset[str]:
    def below(kind: type[SeedanceError]) -> Iterable[type[SeedanceError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    return frozenset(kind.code for kind in below(SeedanceError) if kind.retryable)


async def jobs(app: App, limit: int) -> shape.JobsShape:
    """The recent jobs and the budget."""
    found = await app.recent(limit)
    damaged = [one.words for one in await app.damaged(limit)]
    notes = (*damaged, *await incidents(app))
    shown: list[shape.JobShape] = []
    reviewed = await reviews.known(app, [one.id for one in found])
    unjudged = await reviews.unjudged(app)
    places = await app.sets.places([one.id for one in found])
    for one in found:
        try:
            place = places.get(one.id)
            whole = await job(app, one, reviewed=reviewed)
            shown.append(whole.model_copy(update={"set_id": place.set_id}) if place else whole)
        except Exception:  # one that cannot be shown must not hide the others
            _LOG.exception("%s cannot be shown", one.id)
            notes = (*notes, f"Job {one.id} ({one.status.value}) cannot be shown; the server's log says why.")
    return shape.JobsShape(
        jobs=tuple(shown),
        budget=await budget(app),
        unjudged=unjudged.job_ids,
        unjudged_count=unjudged.count,
        films_in_making=await _films_in_making(app),
        notes=notes,
    )


async def _films_in_making(app: App) -> tuple[str, ...]:
    """How far each film is that is being made; jobs are told of all the same if that cannot be read."""
    if not app.runner.films.busy:
        return ()
    try:
        return tuple(
            f"{update.film.id} ({one_line(update.film.document.title, _TITLE_CHARACTERS)}): {update.words}"
            for update in await app.films.making()
        )
    except Exception as error:
        _LOG.warning("It cannot be read now which films are being made: %s", error, exc_info=trace_of(error))
        return ()


async def incidents(app: App, job_id: str | None = None) -> list[str]:
    """A sentence for each thing that failed within a day in a way that nobody planned, of one job or of all."""
    found = [incident for incident in await app.incidents() if job_id in (None, incident.job_id)]
    if job_id:
        return [incident.words for incident in found]
    return [
        f"{incident.job_id}: {incident.words}" if incident.job_id else incident.words
        for incident in found[:_MOST_INCIDENTS]
    ]


def finished(found: Iterable[Job]) -> tuple[shape.Finished, ...]:
    """Jobs that ended meanwhile."""
    return tuple(
        shape.Finished(
            job_id=one.id,
            status=one.status.value,
            video_path=one.artifacts.video_path if one.artifacts else None,
        )
        for one in found
    )


def advice_shapes(given: Iterable[Advice]) -> tuple[shape.AdviceShape, ...]:
    """Pieces of advice, each with its code."""
    return tuple(shape.AdviceShape(code=one.code, text=one.text) for one in given)
