"""Whether a provider's list can be believed: it has to show what it is known to have taken."""

from __future__ import annotations

from ...providers import Recovery, WhenSent
from ...store import Connection, Store, elapsed_time, job_records
from ...types import Job, JobState

_KEPT = frozenset({JobState.ACCEPTED, JobState.STALLED, JobState.REMOTE_DONE, JobState.DONE, JobState.FAILED})
"""States of a job whose task nobody has taken off the list: one that was cancelled may be."""

_MOST = 200
"""Jobs that are looked at, the newest first."""


async def lacks_one(job: Job, answer: Recovery, *, lag_seconds: float, store: Store) -> bool:
    """
    Return whether a list that shows nothing of the job lacks another task of the same account, too, which has to be on it.

    That is one that was accepted at the same address at least `lag_seconds` before the list was made, and not longer ago
    than it reaches back, as far as that is certain.
    """
    if answer.listed is None:
        return False
    listed, running = answer.listed, store.running()

    def look(connection: Connection) -> bool:
        others = job_records.with_tasks_beside(connection, job, listed, states=_KEPT, most=_MOST)
        return any(
            _belongs_there(job, other, answer)
            and _has_to_be_seen(other)
            and elapsed_time.age(connection, other, "accepted_at") - answer.age >= lag_seconds
            for other in others
        )

    def _has_to_be_seen(other: Job) -> bool:
        if other.sent_running is None or other.sent_start != store.start:
            return False  # how long ago it was is not certain
        return running - other.sent_running <= answer.reach_seconds - WhenSent.CLOCKS_SECONDS

    return await store.read(look)


def _belongs_there(job: Job, other: Job, answer: Recovery) -> bool:
    """Return whether the list that was searched for the one is the list that the other is on."""
    if job.base_url is None or other.base_url != job.base_url or other.cancel_asked_at is not None:
        return False
    if answer.one_endpoint and other.endpoint != job.endpoint:
        return False
    # What is ordered in a special way may be on a list of its own.
    return other.request.provider_options in ({}, job.request.provider_options)
