"""What keeps this installation from buying until a person, or a provider, says that it may again."""

from __future__ import annotations

from functools import partial

from ..errors import SubmissionNotSent
from ..store import Connection, breakers, budget, film_orders, job_records, transitions, waiting_questions
from ..types import WORKERS, JobState
from .context import JobContext
from .pool.provider_pool import ProviderPool

_WORDS = "Spending was stopped while the order waited for a worker, and it may have been bought before that."


class SpendingStops:
    """The stop after a loss of the job database, and the stops after refusals of a provider."""

    def __init__(self, context: JobContext, pool: ProviderPool) -> None:
        self._store = context.store
        self._pool = pool

    async def allow(self) -> bool:
        """
        Let purchases go on after the job database was lost; tells whether they had been stopped.

        What would buy without being asked anew is ended, as it may have bought in what was lost already: jobs that wait for a
        worker, films that are being made, and questions, those that were agreed to included.
        """
        now, by = self._store.clock(), self._store.ownership.instance
        return await self._store.write(partial(_allow, now=now, by=by))

    async def stopped(self) -> bool:
        """Return whether nothing may be bought because the job database was lost."""
        return await self._store.read(budget.spending_stopped)

    async def key_accepted(self, provider: str) -> bool:
        """
        Note that a provider has taken its key just now; tells whether its refusal had stopped purchases there.

        Raises:
            InvalidRequest: there is no such provider.
        """
        account = self._pool.account(self._pool.catalog.provider(provider))
        return await self._store.write(partial(breakers.key_accepted, provider=provider, account=account))


def _allow(connection: Connection, *, now: float, by: str) -> bool:
    if not budget.allow_spending(connection):
        return False
    film_orders.end_all_paid(
        connection, now=now
    )  # first: a job that is not sent would give a film its money back
    waiting_questions.end_all(connection, now=now)
    for job in job_records.in_states(connection, frozenset({JobState.RESERVED})):
        if job.owner == WORKERS and not job.maximum.is_free:
            transitions.move(
                connection,
                job,
                JobState.NOT_SENT,
                now=now,
                by=by,
                detail=_WORDS,
                error=_WORDS,
                error_code=SubmissionNotSent.code,
                error_hint="Look at the provider's console, then submit it again.",
            )
    return True
