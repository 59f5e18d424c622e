"""Stopping a job, and saying truthfully what becomes of the money."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from ...errors import NotSupported, OtherAccount, ProviderError, TaskNotFound
from ...providers import Provider
from ...store import Connection, Store, job_records, transitions
from ...types import Job, JobCode, JobState
from .lost_answers import a_person_has_to_look, look_yourself

if TYPE_CHECKING:
    from ...catalog import Offer


async def cancel(
    job: Job, offer: Offer, *, open_provider: Callable[[Job], Awaitable[Provider]], store: Store
) -> tuple[Job, str]:
    """
    Stop a job that waits to be sent, else ask the provider to. Returns the job as it is now, and what that means, in words.
    """
    if job.state is JobState.RESERVED:
        now, by = store.clock(), store.ownership.instance
        job = await store.write(partial(_never_sent, job_id=job.id, now=now, by=by))
        if (
            job.state is JobState.CANCELLED and job.sent_at is None
        ):  # not one that was sent and stopped meanwhile
            return job, "It was cancelled before it was sent: nothing was bought."
    if job.finished:
        return job, f"The job had already ended ({job.status}); nothing was changed."
    if job.state is JobState.REMOTE_DONE:
        return job, "The video is finished and charged already; it is being saved."
    if job.state in transitions.UNDECIDED:
        words = (
            "It is not known yet whether the provider took this job, so there is nothing to cancel."
            " It is counted as spent until that is known."
        )
        look = a_person_has_to_look(job, offer.provider)
        return job, f"{words} {look_yourself(job, offer.provider)}" if look else words
    if job.submission is None:
        raise ValueError(f"job {job.id} is {job.state} and has no submission")
    try:
        provider = await open_provider(job)
        await provider.cancel(job.submission)
    except OtherAccount as error:
        return job, f"It was not asked to stop. {error.message} {error.hint}"
    except NotSupported as error:
        return job, f"{error.message} check_status tells how it goes on; a video that is finished is charged."
    except TaskNotFound:
        return job, "The provider does not know the task; the job is looked at again."
    except ProviderError as error:
        return job, f"The provider could not be asked to stop it ({error.message}); the job goes on."
    now = store.clock()
    asked = await store.write(
        lambda connection: transitions.note(
            connection, job_records.find(connection, job.id), cancel_asked_at=now
        )
    )
    if not offer.provider.key_variables:
        return (
            asked,
            "The provider was asked to stop; nothing is charged either way. check_status tells how it ended.",
        )
    return asked, (
        "The provider was asked to stop. That is a request, not a promise: a job that is already rendering may"
        " finish and be charged. check_status tells."
    )


def _never_sent(connection: Connection, *, job_id: str, now: float, by: str) -> Job:
    """End a job that waits to be sent: its buyer, wherever that is, cannot send it then. Any other stays as it is."""
    job = job_records.find(connection, job_id)
    if job.state is not JobState.RESERVED:
        return job
    words = "It was cancelled before it was sent."
    return transitions.move(
        connection,
        job,
        JobState.CANCELLED,
        now=now,
        by=by,
        detail=words,
        error=words,
        error_code=JobCode.CANCELLED,
        error_hint="",
        charge=replace(job.maximum, amount=Decimal(0), usd=Decimal(0), known=True),
    )
