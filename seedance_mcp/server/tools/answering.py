"""Waits for jobs, and answers with how they are."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated, TypeVar

from mcp.types import CallToolResult, ContentBlock
from pydantic import Field

from ... import presentation
from ...errors import trace_of
from ...remarks import Advice
from ...types import Job, JobStatus, VideoSet
from ..answers import answer, job_link, picture, video_link, video_resource
from ..calls import Call

if TYPE_CHECKING:
    from ...app import App

_LOG = logging.getLogger(__name__)

T = TypeVar("T")

WaitSeconds = Annotated[float | None, Field(ge=0, description="Default: what this client allows")]
JobId = Annotated[str, Field(max_length=128)]


async def wait_for_set(call: Call, videos: VideoSet, asked: float | None, *, usual: float) -> None:
    """Wait until all videos of a set have finished, at most so long; `usual` is how long without a wish of the caller's."""
    seconds = min(usual if asked is None else asked, call.waits.most)
    if not videos.finished and seconds > 0:
        with call.until_ending():
            await if_possible(call.app.sets.wait(videos.id, seconds, call.report), videos)


async def wait(call: Call, job: Job, asked: float | None, *, usual: float) -> Job:
    """Wait until a job has finished, at most so long, and return it as it is then; `usual` as in `wait_for_set`."""
    seconds = min(usual if asked is None else asked, call.waits.most)
    if job.finished or seconds <= 0:
        return job
    with call.until_ending():
        return await if_possible(call.app.wait(job.id, seconds, call.report), job)
    return await if_possible(call.app.job(job.id), job)


async def job_answer(
    call: Call,
    job: Job,
    *,
    deduplicated: bool = False,
    notes: list[str] | None = None,
    advice: tuple[Advice, ...] = (),
) -> CallToolResult:
    """Answer with a job, and with the set that it is part of: how it is, what to do next, links and a picture."""
    app = call.app
    told = [*(notes or []), *await _expected(call, job), *await presentation.job_views.incidents(app, job.id)]
    shown = await presentation.job_views.job(app, job, deduplicated=deduplicated, notes=told, advice=advice)
    if call.over_http:
        shown = await if_possible(presentation.job_links.with_link(app, job, shown), shown)
    videos = await if_possible(app.sets.of(job), None)
    if videos is not None:
        shown = presentation.set_views.of_set(app, shown, videos)
    jobs = (job,) if videos is None else videos.jobs
    meanwhile = await if_possible(call.finished_meanwhile(*(one.id for one in jobs if one.finished)), [])
    shown = shown.model_copy(update={"finished_meanwhile": presentation.job_views.finished(meanwhile)})
    blocks: list[ContentBlock] = [job_link(one.id) for one in jobs]
    blocks += [
        video_link(one.artifacts.video_path, one.artifacts.bytes)
        if call.caller.local
        else video_resource(one.id, one.artifacts.bytes)
        for one in jobs
        if one.artifacts is not None
    ]
    if app.settings.preview:
        jpeg = await if_possible(_picture_of(app, job, videos), None)
        blocks += [picture(jpeg)] if jpeg else []
    if videos is not None:
        return answer(presentation.set_views.how_set_is(videos), shown, *blocks)
    kind = "placeholder" if shown.placeholder else "video"
    how = _HOW_IT_IS[job.status]
    if presentation.job_views.is_stopping(job):
        how = "is to be stopped; the provider was asked"
    elif job.waits_for_worker:
        how = "waits for a worker that buys it"
    if shown.placeholder and job.status is JobStatus.UNKNOWN:
        how = "may or may not have been started"
    return answer(f"The {kind} {how}.", shown, *blocks)


async def _picture_of(app: App, job: Job, videos: VideoSet | None) -> bytes | None:
    """Draw what there is to see: the frames of a video, or all videos of a set when none is still to come."""
    if videos is not None and videos.finished and (jpeg := await app.viewing.side_by_side(videos)):
        return jpeg
    return await app.videos.preview(job) if job.status is JobStatus.SUCCEEDED else None


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
        usual = await if_possible(call.app.usual_seconds(job.provider, job.model), None)
    if usual is None:
        return []
    taken = max(0.0, time.time() - job.created_at)
    return [f"Such a job usually takes {usual:.0f} s; this one has taken {taken:.0f} s."]


async def meanwhile(call: Call) -> tuple[presentation.results.Finished, ...]:
    """Name the jobs that have ended since this client last looked."""
    return presentation.job_views.finished(await if_possible(call.finished_meanwhile(), []))


async def if_possible(addition: Awaitable[T], instead: T) -> T:
    """Await what only adds to an answer; whatever it raises, the answer goes out without it."""
    try:
        return await addition
    except Exception as error:  # above all, the person has to learn of a job that may have cost money
        _LOG.warning("An answer goes out without a part of it: %s", error, exc_info=trace_of(error))
        return instead
