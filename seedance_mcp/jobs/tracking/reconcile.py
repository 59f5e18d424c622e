"""Unknown outcomes: was it bought after all? Decided by the provider's own list, after a quiet period, or by a person."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ...errors import NotSupported, ProviderError
from ...providers import Provider, Recovery, WhenSent
from ...store import Conflict, Store, claimed, elapsed_time, transitions
from ...types import Job, JobState
from .list_checks import lacks_one

if TYPE_CHECKING:
    from ...catalog import Offer, ProviderInfo

logger = logging.getLogger(__name__)

_OPEN = "It cannot be found out whether the provider took this purchase; it stays counted as spent."

_NO_CLOCK = (
    f"{_OPEN} The provider's list does not show it, and proves nothing: the machine was started anew, or another one went"
    " on, and a clock that was wrong when it was sent, or an answer without the provider's time, leaves open how far back"
    " to look."
)


def quiet_seconds(info: ProviderInfo) -> float:
    """How long after the last possible byte a missing task proves something, in seconds."""
    return info.net_max_seconds + info.list_lag_seconds


async def reconcile(job: Job, offer: Offer, *, provider: Provider, store: Store) -> Job:
    """
    Ask the provider about a job whose purchase is unknown, and record what its answer proves.

    A found task is adopted at once. Absence counts only when the evidence was made after the quiet period (a list out
    of a cache was made before it was fetched), which starts when the sender can no longer have been sending, and when
    it is certain that the list was searched from before the sending on, whatever our clocks showed, and
    that it shows what of ours has to be on it. Beyond the provider's horizon, whether its list can be read then or not,
    and where it cannot be asked at all, a person decides.

    Raises:
        ProviderError: the provider could not be asked now.
        Stale: somebody else decided meanwhile.
    """
    unknown_at = job.unknown_at
    if unknown_at is None or job.sent_at is None:
        raise ValueError(f"job {job.id} is {job.state} and has no unknown outcome")
    if store.shared and store.start not in job.quiet_since:
        job = await _look_from_here(job, store)
    passed, needed = _passed(job, unknown_at, store), quiet_seconds(offer.provider)
    try:
        answer = await ask(job, offer, provider=provider, store=store)
    except NotSupported:
        if passed >= needed:
            return await decide(
                job, JobState.UNRESOLVED, store, "the provider cannot be asked which tasks it took"
            )
        return job
    except ProviderError as error:
        if not await _is_beyond(job, offer, store):
            raise
        detail = "the provider could not be asked for as long as its list reaches back"
        return await decide(job, JobState.UNRESOLVED, store, detail, error=f"{_OPEN} {error.message}")
    if answer.submission is not None:
        return await decide(
            job,
            JobState.ACCEPTED,
            store,
            "found at the provider",
            submission=answer.submission,
            accepted_at=store.clock(),
        )
    searched_all = answer.since is not None and (
        answer.since == WhenSent.EVERYTHING or _is_certain(job, store)
    )
    if (
        passed - answer.age >= needed
        and answer.proves_absence
        and searched_all
        and not await lacks_one(job, answer, lag_seconds=offer.provider.list_lag_seconds, store=store)
    ):
        return await decide(job, JobState.ABSENT, store, "not in the provider's list after the quiet period")
    if await _is_beyond(job, offer, store):
        if answer.gap is not None:
            return await decide(job, JobState.UNRESOLVED, store, answer.gap, error=f"{_OPEN} {answer.gap}")
        if searched_all:
            detail = "the provider's list no longer reaches back far enough"
            return await decide(job, JobState.UNRESOLVED, store, detail)
        return await decide(
            job, JobState.UNRESOLVED, store, "no clock tells when it was sent", error=_NO_CLOCK
        )
    if searched_all and job.sent_not_before is None and answer.since != WhenSent.EVERYTHING:
        # Another process, or this machine after its next start, could not work it out any more.
        return await store.write(
            lambda connection: transitions.note(connection, job, sent_not_before=answer.since)
        )
    return job


def _passed(job: Job, unknown_at: float, store: Store) -> float:
    """The least time that can have passed since the outcome became unknown, in seconds, whatever was set forward."""
    by_the_wall = store.clock() - unknown_at
    since = job.quiet_since.get(store.start, job.unknown_uptime)
    if since is None:
        return by_the_wall
    uptime = store.uptime()
    # A machine that has been up for less than it had then was restarted since: so long it has been at least.
    steady = uptime - since if uptime >= since else uptime
    return min(by_the_wall, steady)


async def _look_from_here(job: Job, store: Store) -> Job:
    """Note that this machine counts from now on: what another one's steady clock showed says nothing here."""
    since = {**job.quiet_since, store.start: store.uptime()}
    return await store.write(lambda connection: transitions.note(connection, job, quiet_since=since))


async def _is_beyond(job: Job, offer: Offer, store: Store) -> bool:
    """Return whether so much has certainly passed that the provider's list no longer reaches back to the purchase."""
    passed = await store.read(lambda connection: elapsed_time.age(connection, job, "unknown_at"))
    return passed >= offer.provider.horizon_hours * 3600


def _is_certain(job: Job, store: Store) -> bool:
    """
    Return whether it is known for how long at most the purchase has been sent.

    The clock on the wall does not tell: it may have been ahead then, and set right since. What the machine has been
    running for does, its sleep included, until it is started again.
    """
    return job.sent_not_before is not None or (job.sent_running is not None and job.sent_start == store.start)


def when_sent(job: Job, offer: Offer, store: Store) -> WhenSent:
    """Return when a purchase was sent. Where that is not certain, the list is searched as far back as it reaches."""
    at = job.created_at if job.sent_at is None else job.sent_at
    running = job.sent_running if job.sent_start == store.start else None

    def ago() -> float:
        if running is None:
            return max(store.clock() - at, offer.provider.horizon_hours * 3600)
        return store.running() - running

    return WhenSent(at=at, ago=ago, not_before=job.sent_not_before)


async def ask(job: Job, offer: Offer, *, provider: Provider, store: Store) -> Recovery:
    """
    Ask the provider's list. A task that another job has is not this one's, however much it looks like it.

    Raises:
        NotSupported: it cannot be asked.
        ProviderError: not now.
    """
    answer = await provider.recover(job.request, offer, job.tag, when_sent(job, offer, store))
    ids = {task.task_id for task in (*answer.alike, answer.submission) if task is not None} | answer.near
    if not ids:
        return answer.without(())
    claims = await store.read(lambda connection: claimed(connection, job, ids))
    # Which tasks other teams have, this one's database does not know.
    return answer.without(claims.here, elsewhere=ids if store.has_neighbours else claims.elsewhere)


async def decide(job: Job, to: JobState, store: Store, detail: str, **changes: Any) -> Job:
    """Record what became of a purchase whose outcome was open. Raises Stale: somebody else decided meanwhile."""
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
        changes = {
            "error": _OPEN,
            "error_code": "unresolved",
            "error_hint": f"Look at the provider's console, then run `seedance-mcp jobs resolve {job.id}`.",
            **changes,
        }
    try:
        return await store.write(
            lambda connection: transitions.move(
                connection, job, to, now=now, by=store.ownership.instance, detail=detail, **changes
            )
        )
    except Conflict:
        # Another job was given the very task between the look and the word.
        raise transitions.Stale(job.id) from None


async def adopt_late(job: Job, offer: Offer, *, provider: Provider, store: Store) -> Job:
    """
    Look once more for a purchase that was judged not to have happened; adopt it if the provider lists it after all.

    Raises:
        ProviderError: the provider could not be asked now.
        Stale: somebody else decided meanwhile.
    """
    try:
        answer = await ask(job, offer, provider=provider, store=store)
    except NotSupported:
        return job
    if answer.submission is None:
        return job
    logger.warning("%s was bought after all; it is counted and fetched", job.id)
    return await decide(
        job,
        JobState.ACCEPTED,
        store,
        "listed by the provider after all",
        submission=answer.submission,
        accepted_at=store.clock(),
    )


async def try_reconcile(job: Job, offer: Offer, *, provider: Provider, store: Store) -> Job:
    """Do what `reconcile` does; a provider that cannot be asked now leaves the job as it is."""
    try:
        return await reconcile(job, offer, provider=provider, store=store)
    except ProviderError as error:
        logger.info("%s cannot be asked about %s now: %s", job.provider, job.id, error.code)
        return job
