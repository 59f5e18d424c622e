"""Unknown outcomes: was it bought after all? Decided by the provider's own list, after a quiet period, or by a person."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..errors import InvalidRequest, NotSupported, ProviderError
from ..providers import Provider, Recovery
from ..types import Job, JobState, Submission
from . import journal
from .store import Store

if TYPE_CHECKING:
    from ..catalog import Offer, ProviderInfo

logger = logging.getLogger(__name__)

_BEFORE_SENDING_SECONDS = 300.0
"""The provider's clock may be behind ours: look a little earlier than the sending."""


_TASK_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def quiet_seconds(info: ProviderInfo) -> float:
    """How long after the last possible byte a missing task proves something, in seconds."""
    return info.net_max_seconds + info.list_lag_seconds


async def reconcile(job: Job, offer: Offer, *, provider: Provider, store: Store) -> Job:
    """
    Ask the provider about a job whose purchase is unknown, and record what its answer proves.

    A found task is adopted at once. Absence counts only when the evidence was fetched after the quiet period,
    which starts when the sender can no longer have been sending. Beyond the provider's horizon, or where it
    cannot be asked, a person decides.

    Raises:
        ProviderError: the provider could not be asked now.
        Stale: somebody else decided meanwhile.
    """
    if job.unknown_at is None or job.sent_at is None:
        raise ValueError(f"job {job.id} is {job.state} and has no unknown outcome")
    asked_at = store.clock()
    quiet = _passed(job, job.unknown_at, store) >= quiet_seconds(offer.provider)
    try:
        answer = await _ask(job, offer, job.sent_at, provider=provider, store=store)
    except NotSupported:
        if quiet:
            return await _decide(
                job, JobState.UNRESOLVED, store, "the provider cannot be asked which tasks it took"
            )
        return job
    if answer.submission is not None:
        return await _decide(
            job,
            JobState.ACCEPTED,
            store,
            "found at the provider",
            submission=answer.submission,
            accepted_at=asked_at,
        )
    if quiet and answer.proves_absence:
        return await _decide(job, JobState.ABSENT, store, "not in the provider's list after the quiet period")
    if asked_at >= job.unknown_at + offer.provider.horizon_hours * 3600:
        return await _decide(
            job, JobState.UNRESOLVED, store, "the provider's list no longer reaches back far enough"
        )
    return job


def _passed(job: Job, unknown_at: float, store: Store) -> float:
    """The least time that can have passed since the outcome became unknown, in seconds, whatever was set forward."""
    by_the_wall = store.clock() - unknown_at
    if job.unknown_uptime is None:
        return by_the_wall
    uptime = store.uptime()
    # A machine that has been up for less than it had then was restarted since: so long it has been at least.
    steady = uptime - job.unknown_uptime if uptime >= job.unknown_uptime else uptime
    return min(by_the_wall, steady)


async def _ask(job: Job, offer: Offer, sent_at: float, *, provider: Provider, store: Store) -> Recovery:
    """Ask the provider's list. A task that another job has is not this one's, however much it looks like it."""
    answer = await provider.recover(job.request, offer, job.tag, sent_at - _BEFORE_SENDING_SECONDS)
    ids = {task.task_id for task in (*answer.alike, answer.submission) if task is not None}
    claimed = await store.read(lambda connection: journal.claimed(connection, job, ids)) if ids else ()
    return answer.without(claimed)


async def _decide(job: Job, to: JobState, store: Store, detail: str, **changes: Any) -> Job:
    now = store.clock()
    if to is JobState.ACCEPTED:
        changes |= {
            "error": None,
            "error_code": None,
            "error_hint": None,
            "provider_code": None,
            "not_found_at": None,
        }
    elif to is JobState.ABSENT:
        changes |= {
            "error": "The provider did not take it; nothing was charged.",
            "error_code": "not_bought",
            "error_hint": "It is safe to submit it again.",
        }
    else:
        changes |= {
            "error": "It cannot be found out whether the provider took this purchase; it stays counted as spent.",
            "error_code": "unresolved",
            "error_hint": f"Look at the provider's console, then run: seedance-mcp jobs resolve {job.id}",
        }
    try:
        return await store.write(
            lambda connection: journal.move(
                connection, job, to, now=now, by=store.ownership.instance, detail=detail, **changes
            )
        )
    except sqlite3.IntegrityError:
        # Another job was given the very task between the look and the word.
        raise journal.Stale(job.id) from None


async def adopt_late(job: Job, offer: Offer, *, provider: Provider, store: Store) -> Job:
    """
    Look once more for a purchase that was judged not to have happened; adopt it if the provider lists it after all.

    Raises:
        ProviderError: the provider could not be asked now.
        Stale: somebody else decided meanwhile.
    """
    try:
        answer = await _ask(job, offer, job.sent_at or job.created_at, provider=provider, store=store)
    except NotSupported:
        return job
    if answer.submission is None:
        return job
    logger.warning("%s was bought after all; it is counted and fetched", job.id)
    return await _decide(
        job,
        JobState.ACCEPTED,
        store,
        "listed by the provider after all",
        submission=answer.submission,
        accepted_at=store.clock(),
    )


async def _by_id(task_id: str) -> Submission:
    return Submission(task_id=task_id)


async def decide_by_hand(
    job: Job,
    task_id: str | None,
    *,
    store: Store,
    submission: Callable[[str], Awaitable[Submission]] = _by_id,
) -> Job:
    """
    Record what a person found at the provider: the id of the task, or None for "it was not bought".

    `submission` makes the receipt by which the provider's adapter finds the task of an id.

    Raises:
        InvalidRequest: the job's outcome is not open, or the id cannot be one or is another job's.
    """
    if job.state not in (JobState.UNKNOWN, JobState.UNRESOLVED, JobState.MISSING):
        raise InvalidRequest(
            [f"Job {job.id} is {job.status}: there is nothing to decide."],
            hint="Only jobs whose purchase is unknown can be resolved by hand.",
        )
    if task_id is None:
        if job.state is JobState.MISSING:
            raise InvalidRequest(
                [f"Job {job.id} was accepted by the provider; it cannot be declared not bought."]
            )
        return await _decide(job, JobState.ABSENT, store, "a person says that it was not bought")
    if not _TASK_ID.fullmatch(task_id):
        raise InvalidRequest(
            [f"{task_id[:80]!r} cannot be a task id."], hint="Copy the id from the provider's console."
        )
    if await store.read(lambda connection: journal.claimed(connection, job, {task_id})):
        raise InvalidRequest(
            [f"Task {task_id} belongs to another job."],
            hint="Copy the id of the task that no job has, or say that it was not bought.",
        )
    return await _decide(
        job,
        JobState.ACCEPTED,
        store,
        "a person found it at the provider",
        submission=await submission(task_id),
        accepted_at=store.clock(),
    )


async def try_reconcile(job: Job, offer: Offer, *, provider: Provider, store: Store) -> Job:
    """Do what `reconcile` does; a provider that cannot be asked now leaves the job as it is."""
    try:
        return await reconcile(job, offer, provider=provider, store=store)
    except ProviderError as error:
        logger.info("%s cannot be asked about %s now: %s", job.provider, job.id, error.code)
        return job
