"""What a provider says of an accepted task, taken down in the journal."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ...errors import NotSupported, ProviderError, RequestRejected, TaskNotFound, UnexpectedResponse
from ...providers import Provider, Recovery
from ...store import Store, claimed, elapsed_time, transitions
from ...types import Job, JobState, Price, Submission, TaskState, TaskStatus
from .reconcile import decide, when_sent

if TYPE_CHECKING:
    from ...catalog import Offer

logger = logging.getLogger(__name__)

_NOT_FOUND_SECONDS = 300.0
"""For so long a "not found" proves nothing: a fresh id may not be known everywhere yet, and services stumble."""

_CEILING_SECONDS = 48 * 3600.0
"""Nobody renders for two days; providers that expire tasks themselves do so by then."""

_ENDINGS: Mapping[TaskStatus, JobState] = {
    TaskStatus.SUCCEEDED: JobState.REMOTE_DONE,
    TaskStatus.FAILED: JobState.FAILED,
    TaskStatus.CANCELLED: JobState.CANCELLED,
    TaskStatus.EXPIRED: JobState.EXPIRED,
}


async def poll(job: Job, offer: Offer, *, provider: Provider, store: Store, cny_per_usd: Decimal) -> Job:
    """
    Ask the provider how far an accepted job is and record what changed.

    Raises:
        ProviderError: the provider could not be asked now; this never ends a job.
        Stale: somebody else recorded something meanwhile.
    """
    if job.submission is None:
        raise ValueError(f"job {job.id} has no submission")
    try:
        receipt, state = await _ask(job.submission, job, offer, provider=provider)
    except TaskNotFound:
        return await _not_found(job, offer, provider=provider, store=store)
    return await _record(job, offer, state, receipt=receipt, store=store, cny_per_usd=cny_per_usd)


async def _ask(
    receipt: Submission, job: Job, offer: Offer, *, provider: Provider
) -> tuple[Submission, TaskState]:
    """Poll by a receipt; where it leads nowhere, by one made anew from the task's id. Returns the one that has led there."""
    try:
        return receipt, await provider.poll(receipt)
    except (TaskNotFound, RequestRejected, UnexpectedResponse):
        anew = provider.submission(receipt.task_id, job.request, offer)
        if anew == receipt:
            raise
        return anew, await provider.poll(anew)


async def fresh_urls(job: Job, *, provider: Provider, store: Store) -> Job:
    """
    Ask for new addresses of a finished video.

    Raises:
        ProviderError: the provider could not be asked, or no longer has the task.
    """
    if job.submission is None:
        raise ValueError(f"job {job.id} has no submission")
    state = await provider.poll(job.submission)
    if state.status is not TaskStatus.SUCCEEDED or not state.video_urls:
        raise TaskNotFound("The provider no longer gives an address for the finished video.")
    return await store.write(
        lambda connection: transitions.note(
            connection,
            job,
            video_url=state.video_urls[0],
            last_frame_url=state.last_frame_url,
            url_expires_at=state.url_expires_at,
        )
    )


async def _not_found(job: Job, offer: Offer, *, provider: Provider, store: Store) -> Job:
    now = store.clock()
    if job.not_found_at is None:
        job = await store.write(lambda connection: transitions.note(connection, job, not_found_at=now))
    if await _passed(store, job, "not_found_at") < _NOT_FOUND_SECONDS:
        raise ProviderError("The provider does not know the task at the moment.")
    try:
        listed = await provider.recover(job.request, offer, job.tag, when_sent(job, offer, store))
    except NotSupported:
        listed = Recovery()
    given, marked = job.submission and job.submission.task_id, listed.submission
    if given in {task.task_id for task in (*listed.alike, marked) if task is not None}:
        return job
    if marked is not None and not await _is_anothers(marked, job, store):
        # The one that it was given, by a person who could not be checked, was never its own.
        logger.warning("%s has task %s and not %s, by its mark", job.id, marked.task_id, given)
        detail = "the provider lists another task with this job's mark"
        return await decide(job, JobState.ACCEPTED, store, detail, submission=marked, accepted_at=now)
    words = "The provider no longer knows this task; it stays counted as spent."
    return await _missing(job, "the provider no longer knows the task", words, store)


async def lose_sight(job: Job, offer: Offer, error: ProviderError, *, store: Store) -> Job:
    """
    Leave an accepted job to a person when the provider answers no question about it, and its result is not kept so long.

    `error` is the last of several failures in a row.

    Raises:
        ProviderError: that error; the time is not over.
        Stale: somebody else recorded something meanwhile.
    """
    if await _passed(store, job, "accepted_at") < _CEILING_SECONDS + offer.provider.result_hours * 3600:
        raise error
    words = f"The provider can no longer be asked about this task; it stays counted as spent. {error.message}"
    return await _missing(job, "the provider can no longer be asked", words, store)


async def _missing(job: Job, detail: str, words: str, store: Store) -> Job:
    now = store.clock()
    return await store.write(
        lambda connection: transitions.move(
            connection,
            job,
            JobState.MISSING,
            now=now,
            by=store.ownership.instance,
            detail=detail,
            error=words,
            error_code="task_missing",
            error_hint="Look at the provider's console for the task id.",
        )
    )


async def _is_anothers(task: Submission, job: Job, store: Store) -> bool:
    claims = await store.read(lambda connection: claimed(connection, job, {task.task_id}))
    return task.task_id in claims.here


def _hint(job: Job, state: TaskState) -> str | None:
    """The advice, led by the argument that avoids the failure: if it was on, which it is only where the offer has it."""
    if not state.switch or not getattr(job.request, state.switch):
        return state.hint
    return f"Submit it again with {state.switch}=false, which avoids this. {state.hint or ''}".rstrip()


async def _record(
    job: Job, offer: Offer, state: TaskState, *, receipt: Submission, store: Store, cny_per_usd: Decimal
) -> Job:
    from ...catalog import settle  # read on first use, not when the server starts

    now = store.clock()
    changes: dict[str, Any] = {
        "submission": receipt,
        "task_status": state.status,
        "progress": state.progress if state.progress is not None else job.progress,
        "queue_position": state.queue_position,
        "not_found_at": None,
        "said_model": state.model or job.said_model,
    }
    if state.status is TaskStatus.RUNNING and job.started_at is None:
        changes["started_at"] = now
    to = _ENDINGS.get(state.status)
    if to is JobState.REMOTE_DONE and not state.video_urls:
        to = None  # finished, they say, but nothing to fetch: ask again
    if to is None:
        late = job.state is JobState.ACCEPTED and now > (job.accepted_at or now) + _CEILING_SECONDS
        if late and await _passed(store, job, "accepted_at") > _CEILING_SECONDS:
            to = JobState.STALLED
        elif all(getattr(job, field) == value for field, value in changes.items()):
            return job
        else:
            return await store.write(lambda connection: transitions.note(connection, job, **changes))
    elif to is JobState.REMOTE_DONE:
        changes |= {
            "remote_done_at": now,
            "video_url": state.video_urls[0],
            "last_frame_url": state.last_frame_url,
            "url_expires_at": state.url_expires_at,
            "charge": settle(job.request, offer, state.usage, cny_per_usd=cny_per_usd),
            "progress": 1.0,
        }
    else:
        changes |= {
            "error": state.error or f"The provider ended the task as {state.status}.",
            "error_code": state.error_code or f"generation_{state.status}",
            "error_hint": _hint(job, state),
            "provider_code": state.provider_code,
            "charge": None if offer.provider.failed_is_billed else _nothing(job.maximum),
        }
    return await store.write(
        lambda connection: transitions.move(
            connection, job, to, now=now, by=store.ownership.instance, **changes
        )
    )


async def _passed(store: Store, job: Job, moment: str) -> float:
    """Return how many seconds have certainly passed since then: a clock that was set forward makes none of them."""
    return await store.read(lambda connection: elapsed_time.age(connection, job, moment))


def _nothing(price: Price) -> Price:
    return replace(price, amount=Decimal(0), usd=Decimal(0), known=True)
