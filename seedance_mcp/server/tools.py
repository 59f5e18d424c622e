"""The tools: each turns its arguments into one question to the app, and the answer into a view."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, TypeVar

from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, ContentBlock, InputRequiredResult, ToolAnnotations
from pydantic import Field, WithJsonSchema

from ..errors import trace_of
from ..presentation import catalog_views, results, reviews, set_views, views
from ..remarks import Advice
from ..texts import digits, number_of
from ..types import (
    MAX_COMPARED,
    MAX_SHEET_FRAMES,
    SCORES,
    SET_PREFIX,
    Job,
    JobStatus,
    Look,
    PurchaseTerms,
    Reviewer,
    Show,
    Verdict,
    VideoRequest,
    VideoSet,
)
from .answers import answer, estimate_answer, job_link, jobs_answer, picture, video_link
from .board.mcp_app import on_the_board
from .calls import Call
from .consent import agreed
from .job_tasks import goes_on, task_of
from .tasks import NewTask
from .tooling import Answer, Closed, tool

_LOG = logging.getLogger(__name__)

T = TypeVar("T")

READ = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Looks at what is on this machine."""

ASK = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True)
"""Looks at what a provider or an address says."""

SPEND = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
"""May cost money. Destroys nothing."""

KEEP = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
"""Adds something on this machine. Costs nothing and destroys nothing."""

NOTE = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Writes down what it was told. Costs nothing, and nobody else hears of it."""

CHANGE = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)
"""Ends something that cannot be taken up again."""

WaitSeconds = Annotated[float | None, Field(ge=0, description="Default: what this client allows")]
Usd = Annotated[
    Decimal | None,
    Field(ge=0),
    WithJsonSchema({"type": "number", "minimum": 0, "description": "Refuse if it may cost more"}),
]
RequestKeyText = Annotated[
    str | None,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[A-Za-z0-9._-]{8,64}$",
            "description": "Your name for this purchase: the same key never buys twice",
        }
    ),
]
Variations = Annotated[
    int | None, Field(ge=2, le=6, description="Several takes at once; max_usd is then for all")
]
JobId = Annotated[str, Field(max_length=128)]
Scores = Annotated[
    dict[str, Any] | None,
    WithJsonSchema(
        {
            "type": "object",
            "description": f"1 to 5 (best): {', '.join(SCORES)}",
        }
    ),
]
Source = Annotated[str, Field(max_length=4096)]


class PurchaseArguments(Closed):
    """What `generate_video` takes beside the request to say on what terms it buys."""

    max_usd: Usd = None
    allow_duplicate: bool = Field(False, description="Make the same again")
    request_key: RequestKeyText = None
    confirm_token: str | None = Field(None, max_length=200, description="After the person agreed")
    variations: Variations = None

    @property
    def terms(self) -> PurchaseTerms:
        """The same as terms. No argument can say that a person has agreed to a question, or beforehand."""
        return PurchaseTerms(**self.model_dump())


class IdleArguments(Closed):
    """What `generate_video` takes to buy and `estimate_cost` passes over, whatever it is; of `max_usd` it tells."""

    max_usd: Usd = None
    allow_duplicate: Any = None
    request_key: Any = None
    confirm_token: Any = None
    wait_seconds: Any = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Names what is passed over."""
        given = [name for name in type(self).model_fields if name in self.model_fields_set - {"max_usd"}]
        return (f"Ignored, because nothing is bought here: {', '.join(given)}.",) if given else ()


class LookArguments(Closed):
    """What `view_video` takes to say what is to be seen of a video."""

    show: Show = Field("frames", description="cuts: both sides of each")
    frames: int = Field(9, ge=1, le=MAX_SHEET_FRAMES)
    start: float | None = None
    end: float | None = None
    compare: tuple[Source, ...] = Field((), max_length=MAX_COMPARED - 1, description="Sources beside it")

    @property
    def look(self) -> Look:
        """The same as one look."""
        return Look(**self.model_dump(exclude_none=True))


@cache
def all_tools() -> tuple[Tool, ...]:
    """Make every tool, in the order in which they are listed. They know no settings, so once is enough."""
    job = (results.JobShape,)
    return (
        on_the_board(tool(generate_video, annotations=SPEND, returns=job, proves_reading=False)),
        on_the_board(tool(check_status, annotations=ASK, returns=(results.JobShape, results.JobsShape))),
        tool(
            estimate_cost,
            annotations=READ,
            returns=(results.EstimateShape,),
            describe=False,
            unlisted=IdleArguments,
        ),
        tool(upload_media, annotations=KEEP, returns=(results.UploadShape,)),
        tool(list_models, annotations=READ, returns=(results.ModelsShape,)),
        tool(view_video, annotations=READ, returns=(results.ViewShape,)),
        tool(review, annotations=NOTE, returns=(results.ReviewedShape,)),
        tool(cancel_job, annotations=CHANGE, returns=job),
    )


@cache
def answering_with_a_job() -> Tool:
    """Make what answers with a job for a client that asks by itself: that is no evidence that anybody has read anything."""
    return tool(check_status, annotations=ASK, returns=(results.JobShape,), proves_reading=False)


async def generate_video(
    call: Call,
    request: VideoRequest,
    *,
    wait_seconds: WaitSeconds = None,
    purchase: PurchaseArguments,
) -> Answer:
    """
    Make a video and save it as MP4. Spends money (the sandbox is free): estimate_cost first tells the price.
    Then check_status until it is finished.
    """
    started = await agreed(call, request, purchase.terms)
    if isinstance(started, InputRequiredResult):
        return started
    notes = [started.reason, *started.notes]
    if started.deduplicated:
        another = "allow_duplicate or another seed" if purchase.request_key is None else "a new request_key"
        found = "job" if started.videos is None else "set"
        notes.insert(
            0,
            f"This request was made before: this is its {found}. Nothing was {views.done(call.app, started.job)} now."
            f" Only if the person wants another take: {another}.",
        )
    if started.videos is not None:
        await _wait_for_set(call, started.videos, wait_seconds, usual=call.waits.generate)
        job = await call.app.job(started.job.id)
    elif call.takes_tasks and await goes_on(call.app, started.job):
        return NewTask.of(task_of(started.job, call.app.settings)).saying(notes)
    else:
        job = await _wait(call, started.job, wait_seconds, usual=call.waits.generate)
    return await _job_answer(call, job, deduplicated=started.deduplicated, notes=notes, advice=started.advice)


async def check_status(
    call: Call,
    *,
    job_id: JobId | None = None,
    wait_seconds: WaitSeconds = None,
    limit: Annotated[int, Field(ge=1, le=100)] = 20,
) -> Answer:
    """
    Say how far a job is, after waiting for it a little; without job_id list recent jobs and the budget.
    Costs nothing. When it succeeded, view_video shows it.
    """
    if job_id is None:
        listed = await views.jobs(call.app, limit)
        listed = listed.model_copy(update={"finished_meanwhile": await _meanwhile(call)})
        return jobs_answer(listed)
    if job_id.startswith(SET_PREFIX):
        videos = await call.app.sets.find(job_id)
        await _wait_for_set(call, videos, wait_seconds, usual=call.waits.check)
        return await _job_answer(call, await call.app.job(videos.jobs[0].id))
    job = await _wait(call, await call.app.job(job_id), wait_seconds, usual=call.waits.check)
    return await _job_answer(call, job)


async def estimate_cost(
    call: Call, request: VideoRequest, *, variations: Variations = None, idle: IdleArguments
) -> Answer:
    """
    Price a video here and at every other provider that can make it. Costs nothing, buys nothing.
    Arguments as in generate_video, which is the next call.
    """
    terms = PurchaseTerms(max_usd=idle.max_usd, variations=variations)
    quote = await call.app.estimate(request, terms)
    shown = await views.estimate(call.app, quote)
    shown = shown.model_copy(update={"notes": (*idle.notes, *shown.notes)})
    price = f"{digits(quote.estimate.price.usd)} USD" if quote.estimate else "price unknown"
    if quote.estimate and quote.variations:
        total = digits(quote.estimate.price.usd * quote.variations)
        price = f"{quote.variations} videos at {price} each, {total} USD in all"
    headline = f"{shown.model} at {shown.provider}: {price}. Nothing was bought."
    elsewhere = "elsewhere"
    if quote.offer.provider.placeholder:
        headline = f"{shown.model} in the sandbox: a free placeholder. Nothing was made yet."
        elsewhere = "of the real video"
    return estimate_answer(
        headline, elsewhere, shown.model_copy(update={"finished_meanwhile": await _meanwhile(call)})
    )


async def upload_media(
    call: Call,
    *,
    source: Annotated[str, Field(max_length=4096, description="Local path or https URL")],
    provider: Annotated[str | None, Field(max_length=60)] = None,
) -> Answer:
    """
    Check an image, video or sound against the models' limits and keep it under a media id. Costs nothing.
    Pass the id to generate_video.
    """
    shown = views.upload(await call.app.upload(source, provider))
    offers = number_of(len(shown.usable_with), "offer")
    headline = (
        f"{shown.media_id} is a usable {shown.kind} for {offers}."
        if shown.sha256
        else f"{shown.media_id} is kept as {shown.kind}, not looked at; {offers} could take it."
    )
    return answer(headline, shown.model_copy(update={"finished_meanwhile": await _meanwhile(call)}))


async def list_models(
    call: Call,
    *,
    model: Annotated[str | None, Field(max_length=200, description="Only this one, in detail")] = None,
    provider: Annotated[str | None, Field(max_length=60)] = None,
) -> Answer:
    """
    List models: what they can do, prices, which providers are ready. Costs nothing.
    Next: estimate_cost.
    """
    shown = catalog_views.models(call.app, model=model, provider=provider)
    ready = ", ".join(one.provider for one in shown.providers if one.ready) or "none"
    headline = f"{number_of(len(shown.models), 'model')}; ready providers: {ready}."
    return answer(headline, shown.model_copy(update={"finished_meanwhile": await _meanwhile(call)}))


async def view_video(
    call: Call,
    *,
    source: Annotated[str, Field(max_length=4096, description="Job id or local path")],
    looking: LookArguments,
) -> Answer:
    """
    Show videos as one picture (frames with times, cuts or sound), and measure cuts, blacks, freezes, silences.
    Costs nothing. Judge the result by it before making another.
    """
    viewed = await call.app.viewing.view(source, looking.look)
    shown = views.view(viewed)
    facts = shown.facts
    size = f"{facts.width}x{facts.height}, {facts.duration_seconds:g} s, {facts.fps:g} fps"
    seen = f"see its {looking.show}" if shown.image else "nothing is drawn"
    if shown.others:
        seen = f"see it as A beside {', '.join(other.letter for other in shown.others)}"
    headline = f"{size}; {views.not_there(facts)}{seen}."
    job_id = source.removeprefix("job:")
    counts = (await reviews.known(call.app, [job_id])).get(job_id)
    shown = shown.model_copy(
        update={
            "review": reviews.shown(counts) if counts else None,
            "finished_meanwhile": await _meanwhile(call),
        }
    )
    links = [video_link(path) for path in (shown.video_path, *(other.video_path for other in shown.others))]
    return answer(headline, shown, *links, *([picture(viewed.sheet.jpeg)] if viewed.sheet else []))


async def review(
    call: Call,
    *,
    job_id: JobId,
    verdict: Verdict,
    notes: str | None = None,
    scores: Scores = None,
    by: Annotated[Reviewer | None, Field(description="person: their own words")] = None,
) -> Answer:
    """
    Keep a verdict on a video. Costs nothing. The person's outranks yours.
    """
    from ..jobs import opinion

    judged = opinion(verdict, notes, scores)
    kept, counts = await call.app.reviews.add(job_id, judged, by=by or "assistant", relayed=by == "person")
    headline = f"Kept: {kept.opinion.verdict}, by the {kept.by}."
    if counts != kept:
        headline += f" What counts is the {counts.by}'s: {counts.opinion.verdict}."
    shown = reviews.kept(counts).model_copy(update={"finished_meanwhile": await _meanwhile(call)})
    return answer(headline, shown, job_link(job_id))


async def cancel_job(call: Call, *, job_id: JobId) -> Answer:
    """
    Ask the provider to stop a job. What was spent may stay spent; the answer says so.
    Then check_status.
    """
    job, outcome = await call.app.cancel(job_id)
    return await _job_answer(call, job, notes=[outcome])


async def _wait_for_set(call: Call, videos: VideoSet, asked: float | None, *, usual: float) -> None:
    seconds = min(usual if asked is None else asked, call.waits.most)
    if not videos.finished and seconds > 0:
        await _if_possible(call.app.sets.wait(videos.id, seconds, call.report), videos)


async def _wait(call: Call, job: Job, asked: float | None, *, usual: float) -> Job:
    seconds = min(usual if asked is None else asked, call.waits.most)
    if job.finished or seconds <= 0:
        return job
    return await _if_possible(call.app.wait(job.id, seconds, call.report), job)


async def _job_answer(
    call: Call,
    job: Job,
    *,
    deduplicated: bool = False,
    notes: list[str] | None = None,
    advice: tuple[Advice, ...] = (),
) -> CallToolResult:
    app = call.app
    told = [*(notes or []), *await _expected(call, job), *await views.incidents(app, job.id)]
    shown = await views.job(app, job, deduplicated=deduplicated, notes=told, advice=advice)
    videos = await _if_possible(app.sets.of(job), None)
    if videos is not None:
        shown = set_views.of_set(app, shown, videos)
    jobs = (job,) if videos is None else videos.jobs
    meanwhile = await _if_possible(call.finished_meanwhile(*(one.id for one in jobs if one.finished)), [])
    shown = shown.model_copy(update={"finished_meanwhile": views.finished(meanwhile)})
    blocks: list[ContentBlock] = [job_link(one.id) for one in jobs]
    blocks += [
        video_link(one.artifacts.video_path, one.artifacts.bytes) for one in jobs if one.artifacts is not None
    ]
    if job.status is JobStatus.SUCCEEDED and app.settings.preview:
        jpeg = await _if_possible(app.videos.preview(job), None)
        blocks += [picture(jpeg)] if jpeg else []
    if videos is not None:
        return answer(set_views.how_set_is(videos), shown, *blocks)
    kind = "placeholder" if shown.placeholder else "video"
    how = "is to be stopped; the provider was asked" if views.is_stopping(job) else _HOW_IT_IS[job.status]
    if shown.placeholder and job.status is JobStatus.UNKNOWN:
        how = "may or may not have been started"
    return answer(f"The {kind} {how}.", shown, *blocks)


_HOW_IT_IS = {
    JobStatus.SUBMITTING: "is being submitted",
    JobStatus.QUEUED: "is queued",
    JobStatus.RUNNING: "is being made",
    JobStatus.SAVING: "is being saved",
    JobStatus.SUCCEEDED: "is finished and saved",
    JobStatus.FAILED: "could not be made",
    JobStatus.CANCELLED: "was cancelled",
    JobStatus.EXPIRED: "can no longer be fetched",
    JobStatus.UNKNOWN: "may or may not have been bought",
}


async def _expected(call: Call, job: Job) -> list[str]:
    """What is known about the time that an unfinished job still needs."""
    usual = None
    if not job.finished and not await call.app.waits_for(job):
        usual = await _if_possible(call.app.usual_seconds(job.provider, job.model), None)
    if usual is None:
        return []
    taken = max(0.0, time.time() - job.created_at)
    return [f"Such a job usually takes {usual:.0f} s; this one has taken {taken:.0f} s."]


async def _meanwhile(call: Call) -> tuple[results.Finished, ...]:
    return views.finished(await _if_possible(call.finished_meanwhile(), []))


async def _if_possible(addition: Awaitable[T], instead: T) -> T:
    """Await what only adds to an answer; whatever it raises, the answer goes out without it."""
    try:
        return await addition
    except Exception as error:  # above all, the person has to learn of a job that may have cost money
        _LOG.warning("An answer goes out without a part of it: %s", error, exc_info=trace_of(error))
        return instead
