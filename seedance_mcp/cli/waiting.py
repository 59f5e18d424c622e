"""Waits for a job in a terminal, and says how it ended."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from ..app import App, Update, open_app
from ..config import Settings, command
from ..errors import SeedanceError
from ..jobs import lost_answers
from ..texts import inert
from ..types import EVERYBODY, Job, JobStatus
from .progress import progress_bar
from .text import Around, delivery_hint, exit_code, job_lines, json_text, money
from .words import told

if TYPE_CHECKING:
    from ..store import Approval

_LOOK_SECONDS = 30.0
_LOOK_AT_OTHERS_SECONDS = 5.0
"""Another process may have the key of a job that waits for it: then something changes."""

_LOOKED_AT = 100
"""So many of the newest jobs tell whether there are several people."""


async def wait_with_progress(app: App, job: Job) -> Job:
    """
    Show a progress bar until the job has ended, or until only a person or time can tell what became of it.

    On Ctrl-C the job is left as it is, and the way back to it is said.
    """
    try:
        async with progress_bar(job.model) as show:

            async def report(update: Update) -> None:
                await show(update.fraction, update.message)

            while not job.finished:
                if lost_answers.a_person_has_to_look(job, app.catalog.providers.get(job.provider)):
                    break
                before, waits = job, await app.waits_for(job)
                job = await app.wait(job.id, _LOOK_AT_OTHERS_SECONDS if waits else _LOOK_SECONDS, report)
                if before.status is job.status is JobStatus.UNKNOWN:
                    break
                if waits and job.version == before.version:
                    break
    except anyio.get_cancelled_exc_class():
        print(
            f"\nStopped waiting. The job is kept; to go on with it: {command(f'jobs show {job.id} --wait')}",
            file=sys.stderr,
        )
        raise
    return job


async def lines(app: App, job: Job) -> str:
    """Everything that a person wants to know of a job, a line each."""
    other = await app.waits_for(job)
    advice = lost_answers.hint(job, app.catalog.providers.get(job.provider), other)
    around = Around(
        hint=advice,
        other=other,
        differs=app.not_as_ordered(job),
        reviews=await app.reviews.history(job.id),
        untaken=app.untaken(job),
        among_people=bool(job.person) or any(one.person for one in await app.recent(_LOOKED_AT)),
        approval=await _approval(app, job) if job.agreed_by == "person" else None,
    )
    return job_lines(job, around)


async def _approval(app: App, job: Job) -> Approval | None:
    """Return what an administrator has agreed to: the job, or the set or the film that it is part of."""
    videos = await app.sets.of(job)
    film_id = await app.films.of_job(job.id)
    ids = [*([one.id for one in videos.jobs] if videos else [job.id]), *([film_id] if film_id else [])]
    return await app.questions.agreed_by_administrator(ids)


async def finish(app: App, job: Job, *, as_json: bool) -> int:
    """Print the path (or the job as JSON) on stdout, the rest on stderr; return the exit code."""
    if as_json:
        from ..presentation import job_views

        print(json_text((await job_views.job(app, job)).model_dump(mode="json")))
    elif job.artifacts and job.status is JobStatus.SUCCEEDED:
        facts = job.artifacts
        charge = f", charged {money(job.charge)}" if job.charge else ""
        print(f"{facts.measured}{charge}, {job.id}", file=sys.stderr)
        if facts.doubt:
            print(inert(facts.doubt), file=sys.stderr)
        if elsewhere := app.videos.elsewhere(job):
            print(inert(elsewhere), file=sys.stderr)
        if words := app.not_as_ordered(job):
            print(f"not as ordered: {words}\n{told(delivery_hint(job))}", file=sys.stderr)
        print(facts.video_path)
    elif job.error:
        print(f"error [{job.error_code}]: {inert(job.error)}", file=sys.stderr)
        other = await app.waits_for(job)
        advice = lost_answers.hint(job, app.catalog.providers.get(job.provider), other)
        if advice or not other:
            print(
                f"hint: {inert(told(advice or f'`seedance-mcp jobs show {job.id}`', job.id))}",
                file=sys.stderr,
            )
        if other:
            print(told(f"{other.message}\n{other.hint}"), file=sys.stderr)
    else:
        print(await lines(app, job), file=sys.stderr)
    return exit_code(job)


async def say_if_hook_failed(settings: Settings, job_id: str) -> None:
    """
    Say in a line on stderr that SEEDANCE_ON_FINISH went wrong at the end of this job.

    To be called after the app was closed: only its end waits for what it runs.
    """
    if not settings.on_finish:
        return
    with suppress(SeedanceError):  # the video is there, whatever became of its database
        async with open_app(settings, watch=False, scope=EVERYBODY) as app:
            if words := (await app.job(job_id)).hook_error:
                print(f"note: SEEDANCE_ON_FINISH {inert(words)}", file=sys.stderr)
