"""What has come of the rows of a film's order: which job makes each, and whether it is bought, done or lost."""

from __future__ import annotations

from ..types import FINISHED_STATES, Job, JobState, Take
from .evidence import Found

_FAILED_FOR_GOOD = FINISHED_STATES - {JobState.DONE}


def now_of(take: Take, found: Found) -> Take:
    """Return a row as it is now."""
    return next((one for one in found.takes if (one.shot, one.number) == (take.shot, take.number)), take)


def parent_of(take: Take, found: Found) -> Take | None:
    """Return the take that a row continues; None: it continues none."""
    return next(
        (one for one in found.takes if (one.shot, one.number) == (take.parent, take.parent_take)), None
    )


def job_of(take: Take, found: Found) -> Job | None:
    """Return the job that makes a row; None: it is not bought."""
    return found.jobs.get(take.job_id) if take.job_id is not None else None


def is_refused(take: Take, found: Found) -> bool:
    """Return whether a row cannot be bought, and nobody tries it again."""
    return any((one.shot, one.take) == (take.shot, take.number) for one in found.refusals)


def is_done(take: Take, found: Found) -> bool:
    """Return whether a row's video is there."""
    job = job_of(take, found)
    return job is not None and job.state is JobState.DONE


def is_over(take: Take, found: Found) -> bool:
    """Return whether nothing more comes of a row: its job has ended, or it can never be bought."""
    job = job_of(take, found)
    if job is not None:
        return job.finished
    if is_refused(take, found):
        return True
    parent = parent_of(take, found)
    return parent is not None and is_lost(parent, found)


def is_lost(take: Take, found: Found) -> bool:
    """Return whether a row will have no video that others could continue."""
    job = job_of(take, found)
    if job is not None:
        return job.state in _FAILED_FOR_GOOD
    if is_refused(take, found):
        return True
    parent = parent_of(take, found)
    return parent is not None and is_lost(parent, found)
