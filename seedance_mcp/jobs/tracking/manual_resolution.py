"""A person's word on a purchase whose outcome nobody could find out; a task that they name is looked for first."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ...errors import InvalidRequest, NotSupported, ProviderError, RequestRejected, StoreError, TaskNotFound
from ...providers import Provider
from ...store import Store, claimed, job_records, transitions
from ...types import Job, JobState, Submission
from .reconcile import ask, decide

if TYPE_CHECKING:
    from ...catalog import Offer

_TASK_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_OPEN = frozenset({JobState.UNKNOWN, JobState.UNRESOLVED, JobState.MISSING})
_TAKEN_BACK = frozenset({JobState.ABSENT, JobState.REJECTED})
"""Taken for not bought, by a list, a refusal or a person's word: where its task shows up all the same, it was."""

_TRIES = 5
"""A search by the watcher changes the job at most every few seconds."""


class FoundTask(NamedTuple):
    """The receipt by which the adapter finds a task, and in words whether it was looked for."""

    submission: Submission
    looked: str


async def look_up(
    job: Job, task_id: str, offer: Offer, *, provider: Provider, store: Store | None
) -> FoundTask:
    """
    Ask the provider for a task that a person names; one that cannot be asked now leaves it unchecked.

    Raises:
        InvalidRequest: there is no such task, or the provider's list shows another one as the job's.
    """
    submission = provider.submission(task_id, job.request, offer)
    title = offer.provider.title
    try:
        await provider.poll(submission)
        listed = None if store is None else await ask(job, offer, provider=provider, store=store)
    except (TaskNotFound, RequestRejected) as error:
        raise InvalidRequest(
            [f"{title} does not know task {task_id}: {error.message}"],
            hint="Copy the id from the provider's console; or say that it was not bought. Nothing was changed.",
        ) from error
    except NotSupported:
        listed = None
    except ProviderError as error:
        return FoundTask(submission, f"{title} could not be asked whether it has this task: {error.message}")
    if listed is not None and listed.submission is not None and listed.submission.task_id != task_id:
        raise InvalidRequest(
            [f"Task {task_id} is not this job's: {title} lists {listed.submission.task_id} as that."],
            hint="The server follows the right one by itself; check_status tells. Nothing was changed.",
        )
    return FoundTask(submission, f"{title} has this task.")


async def resolve(
    job_id: str, task_id: str | None, *, store: Store, find: Callable[[Job, str], Awaitable[FoundTask]]
) -> tuple[Job, str]:
    """
    Take a person's word as `decide_by_hand` does; if the job changes meanwhile, what it is then decides.

    Raises:
        JobNotFound: there is no such job.
        StoreError: it changed every time.
    """
    for _ in range(_TRIES):
        job = await store.read(lambda connection: job_records.find(connection, job_id))
        with contextlib.suppress(transitions.Stale):
            return await decide_by_hand(job, task_id, store=store, find=partial(find, job))
    raise StoreError(f"Job {job_id} changes all the time.", hint="Try again in a moment.")


async def decide_by_hand(
    job: Job, task_id: str | None, *, store: Store, find: Callable[[str], Awaitable[FoundTask]]
) -> tuple[Job, str]:
    """
    Record what a person found at the provider: the id of the task, or None for "it was not bought".

    `find` looks for the task of an id. Returns the job, and in words whether the task was looked for. A task also takes
    back that the job was not bought.

    Raises:
        InvalidRequest: the job's outcome is not open, or the id cannot be one or is another job's.
        Stale: the job changed while the task was looked for.
    """
    if job.state not in (_OPEN if task_id is None else _OPEN | _TAKEN_BACK):
        raise InvalidRequest(
            [f"Job {job.id} is {job.status}: there is nothing to decide."],
            hint="Only jobs whose purchase is unknown can be resolved by hand, and one that counts as not bought by the"
            " id of its task.",
        )
    if task_id is None:
        if job.state is JobState.MISSING:
            raise InvalidRequest(
                [f"Job {job.id} was accepted by the provider; it cannot be declared not bought."]
            )
        return await decide(job, JobState.ABSENT, store, "a person says that it was not bought"), ""
    if not _TASK_ID.fullmatch(task_id):
        raise InvalidRequest(
            [f"{task_id[:80]!r} cannot be a task id."], hint="Copy the id from the provider's console."
        )
    if (await store.read(lambda connection: claimed(connection, job, {task_id}))).here:
        raise InvalidRequest(
            [f"Task {task_id} belongs to another job."],
            hint="Copy the id of the task that no job has, or say that it was not bought.",
        )
    found = await find(task_id)
    decided = await decide(
        job,
        JobState.ACCEPTED,
        store,
        "a person found it at the provider",
        submission=found.submission,
        accepted_at=store.clock(),
    )
    return decided, found.looked
