"""Clips of a film that another machine saved: which of them lie here too, and how the others are brought."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from anyio.to_thread import run_sync

from ..errors import InvalidRequest, MediaError
from ..jobs import JobContext, Sources, is_path, on_another_machine
from ..types import WORKERS, FilmPlace, FilmRecord, Job
from .named import files_named

Missing = Mapping[str, MediaError | None]
"""The jobs whose clips are not on this machine, each with why not; None: it has not been tried to fetch that one."""


def place_here(context: JobContext, record: FilmRecord) -> FilmPlace | None:
    """
    Return where a film is made that is ordered here; None: no other machine has the database.

    Raises:
        InvalidRequest: workers are to make it, and its document names files of a machine.
    """
    store, settings = context.store, context.settings
    if not store.shared:
        return None
    if not context.role.buys:
        named = files_named(json.loads(record.document))
        problems = [
            f"{one.place}: {on_another_machine(one.source).message}" for one in named if is_path(one.source)
        ]
        if problems:
            raise InvalidRequest(problems, hint=on_another_machine("").hint)
        return FilmPlace(machine=WORKERS, folder=None, output_dir="")
    return FilmPlace(machine=store.machine, folder=record.folder, output_dir=str(settings.output_dir))


async def found_here(jobs: Mapping[str, Job], sources: Sources) -> tuple[Mapping[str, Job], Missing]:
    """
    Return the jobs with the files of this machine, and which have none here.

    A job whose clip was fetched before has the copy as its file.
    """
    return await run_sync(_found_here, jobs, sources)


def _found_here(jobs: Mapping[str, Job], sources: Sources) -> tuple[Mapping[str, Job], Missing]:
    here, missing = dict(jobs), dict[str, MediaError | None]()
    for job_id, job in jobs.items():
        if job.artifacts is None:
            continue
        path = sources.video_here(job)
        if path is not None:
            here[job_id] = _at(job, str(path))
        elif sources.has_copies():
            missing[job_id] = None
        else:
            missing[job_id] = MediaError(
                f"There is no {job.artifacts.video_path} on this machine: another one saved the video there, or it was moved.",
                hint="Without an object store (SEEDANCE_OBJECT_STORE) it cannot be fetched: copy it to that path here, make the"
                " film on that machine, or have that shot made anew (redo).",
            )
    return here, missing


async def fetched(
    jobs: Mapping[str, Job], missing: Missing, wanted: Iterable[str], sources: Sources
) -> tuple[Mapping[str, Job], Missing]:
    """Do as `found_here`, after fetching those of the `wanted` jobs that can be had; what failed has its reason."""
    here, left = dict(jobs), dict(missing)
    for job_id in wanted:
        if job_id not in left or left[job_id] is not None:
            continue
        try:
            path = await sources.fetch_video(jobs[job_id])
        except MediaError as error:
            left[job_id] = error
        else:
            here[job_id] = _at(jobs[job_id], str(path))
            del left[job_id]
    return here, left


def _at(job: Job, path: str) -> Job:
    if job.artifacts is None or job.artifacts.video_path == path:
        return job
    return replace(job, artifacts=replace(job.artifacts, video_path=path))
