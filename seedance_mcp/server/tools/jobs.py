"""The tools for jobs that were started: how far they are, and to stop one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ... import presentation
from ...errors import SeedanceError
from ...types import SET_PREFIX, Variation
from ..answers import jobs_answer
from ..calls import Call
from ..tooling import Answer
from .answering import JobId, WaitSeconds, job_answer, meanwhile, wait, wait_for_set
from .films import film_answer, is_film, wait_for_film


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
        listed = await presentation.job_views.jobs(call.app, limit)
        listed = listed.model_copy(update={"finished_meanwhile": await meanwhile(call)})
        return jobs_answer(listed)
    if is_film(job_id):
        film = await call.app.films.find(job_id)
        return await film_answer(call, await wait_for_film(call, film, wait_seconds, usual=call.waits.check))
    if job_id.startswith(SET_PREFIX):
        videos = await call.app.sets.find(job_id)
        await wait_for_set(call, videos, wait_seconds, usual=call.waits.check)
        return await job_answer(call, await call.app.job(videos.jobs[0].id))
    job = await wait(call, await call.app.job(job_id), wait_seconds, usual=call.waits.check)
    return await job_answer(call, job)


async def cancel_job(call: Call, *, job_id: JobId) -> Answer:
    """
    Ask the provider to stop a job. What was spent may stay spent; the answer says so.
    Then check_status.
    """
    if is_film(job_id):
        film, outcome = await call.app.films.cancel(job_id)
        return await film_answer(call, film, outcome)
    if job_id.startswith(SET_PREFIX):
        videos = await call.app.sets.find(job_id)
        outcomes = [await _cancelled(call, one) for one in videos.variations if not one.job.finished]
        first = await call.app.job(videos.jobs[0].id)
        return await job_answer(
            call, first, notes=outcomes or ["All of them had ended; nothing was changed."]
        )
    job, outcome = await call.app.cancel(job_id)
    return await job_answer(call, job, notes=[outcome])


async def _cancelled(call: Call, one: Variation) -> str:
    """Ask for one of a set; what keeps it from being asked keeps no other one."""
    try:
        _, outcome = await call.app.cancel(one.job.id)
    except SeedanceError as error:
        outcome = error.message
    return f"Number {one.number}: {outcome}"
