"""Turns what the app knows of several videos that belong together into what an assistant sees."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..types import NOT_BOUGHT_STATES, JobStatus, Price, VideoSet
from . import results as shape
from .amounts import amount
from .job_views import failure

if TYPE_CHECKING:
    from ..app import App


def of_set(app: App, shown: shape.JobShape, videos: VideoSet) -> shape.JobShape:
    """Add to a job what became of every video that was bought together with it."""
    variations = tuple(
        shape.VariationShape(
            number=one.number,
            job_id=one.job.id,
            status=one.job.status.value,
            seed=one.job.request.seed,
            estimate=amount(one.job.estimate),
            charge=amount(one.job.charge) if one.job.charge else None,
            video_path=one.job.artifacts.video_path if one.job.artifacts else None,
            error=failure(one.job, app.catalog.providers.get(one.job.provider), None),
        )
        for one in videos.variations
    )
    unread = videos.size - len(variations)
    notes = [f"The record of {unread} of its {videos.size} videos is damaged."] if unread else []
    return shown.model_copy(
        update={
            "set_id": videos.id,
            "variations": variations,
            "total": _total(videos),
            "next_step": _next_of_set(videos),
            "notes": (*shown.notes, *notes),
        }
    )


def how_set_is(videos: VideoSet) -> str:
    """How many videos a set has, and how many are in which state."""
    counted = Counter(job.status for job in videos.jobs)
    words = ", ".join(f"{count} {status.value}" for status, count in counted.items())
    total = _total(videos)
    paid = None if total is None else (total.charge or total.estimate).usd
    cost = f"; {paid} USD in all" if paid not in (None, "0") else ""
    return f"{videos.size} videos of one request: {words}{cost}."


def _total(videos: VideoSet) -> shape.SetTotalShape | None:
    """What was bought of it costs; None where a price is unknown, or nothing was bought."""
    bought = [job for job in videos.jobs if job.state not in NOT_BOUGHT_STATES]
    if not bought or not all(job.estimate.known for job in bought):
        return None
    charges = [job.charge for job in bought if job.charge is not None]
    return shape.SetTotalShape(
        count=len(bought),
        estimate=amount(Price.sum_of([job.estimate for job in bought])),
        charge=amount(Price.sum_of(charges)) if len(charges) == len(bought) else None,
    )


def _next_of_set(videos: VideoSet) -> str:
    if any(job.status is JobStatus.UNKNOWN for job in videos.jobs):
        return (
            "Do not submit again: the provider may have taken what is unknown, and it is counted as spent. Call"
            f" check_status with job_id {videos.id} in a minute; with the job_id of that variation it tells what to do."
        )
    if not videos.finished:
        return f"The jobs go on by themselves; call check_status with job_id {videos.id} to wait for all of them."
    made = [job.id for job in videos.jobs if job.status is JobStatus.SUCCEEDED]
    lost = [one for one in videos.variations if one.job.state in NOT_BOUGHT_STATES]
    words = (
        [f"Show the person the videos; view_video with source {videos.id} shows them side by side."]
        if made
        else []
    )
    if lost:
        which = ", ".join(f"{one.number} ({one.job.id})" for one in lost)
        words.append(
            f"Not bought: number {which}. The same call with its request_key buys only that; where it had none, call"
            " generate_video with based_on that job."
        )
    return " ".join(words) or "Nothing more happens to these jobs; tell the person how they ended."
