"""Turns what the app knows into what an assistant sees."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..errors import OtherAccount, SeedanceError, trace_of
from ..remarks import Advice
from ..types import Job, JobStatus, Price, VideoRequest
from . import results as shape

if TYPE_CHECKING:
    from ..app import App, Quote, UploadedMedia, Viewed
    from ..catalog import ProviderInfo

_LOG = logging.getLogger(__name__)

_MOST_INCIDENTS = 10
"""Told at once; the log has them all."""

UNKNOWN = "unknown"


def decimal(amount: Decimal) -> str:
    """Write an amount without exponent and without zeros at the end."""
    return format(amount.normalize(), "f")


def moment(seconds: float) -> str:
    """Write a time given in seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def amount(price: Price) -> shape.Amount:
    """A price; one that nobody has said is called unknown, and what is counted for it is in the notes."""
    if not price.known:
        return shape.Amount(amount=UNKNOWN, currency=price.currency, usd=UNKNOWN)
    return shape.Amount(amount=decimal(price.amount), currency=price.currency, usd=decimal(price.usd))


async def job(
    app: App,
    job: Job,
    *,
    deduplicated: bool = False,
    notes: Iterable[str] = (),
    advice: Iterable[Advice] = (),
) -> shape.JobShape:
    """A job. What there is to say of it, such as that the file is not as ordered, is added to the notes."""
    from ..jobs import lost_answers

    other = await _waits_for(app, job)
    info = app.catalog.providers.get(job.provider)
    placeholder = info is not None and info.placeholder
    files = job.artifacts
    error = None
    if job.error is not None or job.error_code is not None:
        error = shape.Failure(
            code=job.error_code or "error",
            message=job.error or "The provider gave no reason.",
            hint=lost_answers.hint(job, info, other) or (other.hint if other else ""),
            retryable=job.error_code in _retryable_codes(),
        )
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
        video_url=_address(job.video_url),
        url_expires_at=moment(job.url_expires_at) if job.url_expires_at else None,
        last_frame_path=files.last_frame_path if files else None,
        width=files.width if files else None,
        height=files.height if files else None,
        duration_seconds=files.duration_seconds if files else None,
        sha256=files.sha256 if files else None,
        created_at=moment(job.created_at),
        finished_at=moment(job.finished_at) if job.finished_at else None,
        deduplicated=deduplicated,
        error=error,
        next_step=_next_step(job, info) if other is None else other.hint,
        notes=(
            *notes,
            *_delivery_note(app, job),
            *([job.folder_error] if job.folder_error else []),
            *([files.doubt] if files and files.doubt else []),
            *_hook_note(job),
            *([] if job.estimate.known else [_unknown_price(job)]),
            *([other.message] if other else []),
            *([placeholder_note(app)] if placeholder else []),
        ),
        advice=_advice(advice),
    )


def _address(url: str | None) -> str | None:
    """The provider's address of a video, if it is one: nothing else that a provider wrote there reaches a client."""
    return url if url and re.fullmatch(r"(https?|file)://[!-~]+", url) else None


def _unknown_price(job: Job) -> str:
    if job.charge is not None:
        return f"Its price was unknown when it was started; {decimal(job.charge.usd)} USD were charged."
    return (
        f"Its price is unknown: at most {decimal(job.maximum.usd)} USD is counted for it, until the provider says what"
        " it charged."
    )


async def _waits_for(app: App, job: Job) -> OtherAccount | None:
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


def done(app: App, job: Job) -> str:
    """Describe what a call for this job does there: what the sandbox makes is not bought."""
    info = app.catalog.providers.get(job.provider)
    return "made" if info is not None and info.placeholder else "bought"


def placeholder_note(app: App) -> str:
    """Describe what the sandbox's videos are, and what brings real ones: a key, another setting, another argument."""
    what = "This is a placeholder drawn on this machine, not the model's work; for real videos"
    providers, ready, default = app.catalog.providers, app.providers_ready(), app.settings.provider
    real = " or ".join(name for name, info in providers.items() if ready[name] and not info.placeholder)
    if real and default is not None and default in providers and providers[default].placeholder:
        return (
            f"{what} call with provider {real}, whose key is set, or the person removes SEEDANCE_PROVIDER={default} from the"
            " server's environment."
        )
    if real:
        return f"{what} call with provider {real}, whose key is set, or with none."
    variables = sorted({name for info in providers.values() for name in info.key_variables})
    wrong = (*app.malformed_keys.values(), *app.misnamed_keys.values())
    return " ".join(
        [f"{what} the person sets one of {', '.join(variables)} in the server's environment.", *wrong]
    )


def is_stopping(job: Job) -> bool:
    """Return whether the provider was asked to stop a job that it may still finish."""
    return job.cancel_asked_at is not None and job.status in (JobStatus.QUEUED, JobStatus.RUNNING)


def _next_step(job: Job, info: ProviderInfo | None) -> str:
    from ..jobs import lost_answers

    check = f"call check_status with job_id {job.id}"
    match job.status:
        case JobStatus.SUCCEEDED:
            path = job.artifacts.video_path if job.artifacts else "its path"
            return (
                f"Show the person the video at {path}. view_video with source {job.id} lets you look at it."
            )
        case JobStatus.FAILED | JobStatus.CANCELLED | JobStatus.EXPIRED:
            return job.error_hint or "Nothing more happens to this job; tell the person how it ended."
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
        case _:
            return f"The job goes on by itself; {check} to wait for it."


def _retryable_codes() -> frozenset[str]:
    def below(kind: type[SeedanceError]) -> Iterable[type[SeedanceError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    return frozenset(kind.code for kind in below(SeedanceError) if kind.retryable)


async def budget(app: App) -> shape.BudgetShape:
    """What may still be spent."""
    now = await app.budget()
    return shape.BudgetShape(
        spent_today_usd=decimal(now.spent_today_usd),
        reserved_usd=decimal(now.reserved_usd),
        left_today_usd=decimal(now.left_today_usd),
        max_per_job_usd=decimal(now.max_per_job_usd),
    )


async def jobs(app: App, limit: int) -> shape.JobsShape:
    """The recent jobs and the budget."""
    found = await app.recent(limit)
    damaged = [one.words for one in await app.damaged(limit)]
    notes = (*damaged, *await incidents(app))
    shown: list[shape.JobShape] = []
    for one in found:
        try:
            shown.append(await job(app, one))
        except Exception:  # one that cannot be shown must not hide the others
            _LOG.exception("%s cannot be shown", one.id)
            notes = (*notes, f"Job {one.id} ({one.status.value}) cannot be shown; the server's log says why.")
    return shape.JobsShape(jobs=tuple(shown), budget=await budget(app), notes=notes)


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


async def estimate(app: App, quote: Quote) -> shape.EstimateShape:
    """A price here and elsewhere."""
    known = quote.estimate
    return shape.EstimateShape(
        provider=quote.offer.provider.name,
        model=quote.offer.model.id,
        estimate=amount(known.price) if known else None,
        maximum=amount(known.maximum) if known else None,
        tokens=known.tokens if known else None,
        basis=known.basis if known else None,
        verified=known.verified.isoformat() if known else None,
        confidence=known.confidence if known else None,
        reason=quote.reason,
        settings=_settings(quote.request),
        offers=tuple(
            shape.Alternative(
                provider=other.offer.provider.name,
                model=other.offer.model.id,
                ready=other.ready,
                usd=decimal(other.estimate.price.usd) if other.estimate else None,
                amount=decimal(other.estimate.price.amount) if other.estimate else None,
                currency=other.estimate.price.currency if other.estimate else None,
                differences=other.differences,
            )
            for other in quote.others
        ),
        budget=await budget(app),
        usual_seconds=None if quote.usual_seconds is None else round(quote.usual_seconds, 1),
        notes=(
            *quote.notes,
            *filter(None, [quote.within]),
            *(
                []
                if known
                else [
                    f"The price is unknown, at most {decimal(app.settings.max_usd_per_job)} USD is counted."
                ]
            ),
            *([placeholder_note(app)] if quote.offer.provider.placeholder else []),
        ),
        advice=_advice(quote.advice),
        next_step=f"Tell the person {'the price' if known else 'that the price is unknown'}. {quote.outlook.words}",
    )


def _advice(given: Iterable[Advice]) -> tuple[shape.AdviceShape, ...]:
    return tuple(shape.AdviceShape(code=one.code, text=one.text) for one in given)


def _settings(request: VideoRequest) -> dict[str, Any]:
    told = request.model_dump(mode="json", exclude_none=True, exclude={"prompt", "model", "provider"})
    return {name: value for name, value in told.items() if value not in ([], {})}


def upload(uploaded: UploadedMedia) -> shape.UploadShape:
    """A checked file."""
    file = uploaded.file
    carried = f" To {', '.join(uploaded.carried_to)} it goes by way of {uploaded.carried_by}."
    what = "asset id" if file.is_asset else "address"
    unseen = (
        f"The {what} is passed to the provider as it is. What is behind it was not looked at: whether it is there, is"
        " an image, a video or a sound, and suits a model, only the provider finds out."
    )
    return shape.UploadShape(
        media_id=uploaded.media_id,
        kind=file.kind,
        mime_type=file.mime_type,
        bytes=file.bytes,
        width=file.width,
        height=file.height,
        duration_seconds=file.duration_seconds,
        sha256=file.sha256,
        usable_with=uploaded.usable_with,
        problems=uploaded.problems,
        next_step=f"Pass {uploaded.media_id} as a media argument of generate_video or estimate_cost."
        f"{carried if uploaded.carried_to else ''}{''.join(f' {note}' for note in uploaded.notes)}",
        notes=() if file.sha256 else (unseen,),
    )


def not_there(facts: shape.FactsShape) -> str:
    """Name what was looked for in a video and is not there; empty if everything is. Sound that is not there has no silences."""
    found = {"cuts": facts.cuts, "blacks": facts.blacks, "freezes": facts.freezes}
    found |= {"silences": facts.silences} if facts.has_audio else {"sound": ()}
    missing = [name for name, places in found.items() if not places]
    if not missing:
        return ""
    return f"no {' and no '.join(filter(None, (', no '.join(missing[:-1]), missing[-1])))}; "


def view(viewed: Viewed) -> shape.ViewShape:
    """A video as seen."""
    facts = viewed.facts
    return shape.ViewShape(
        video_path=str(facts.path),
        facts=shape.FactsShape.model_validate(facts, from_attributes=True),
        sheet=str(viewed.sheet),
        title=facts.title,
        comment=facts.comment,
    )
