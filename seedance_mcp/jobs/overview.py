"""All jobs page by page, and which of them have changed, whichever process changed them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from ..config import Settings
from ..store import Budget, Connection, Limits, Page, Store, budget, by_day, changes, job_records


@dataclass(frozen=True, kw_only=True)
class Today:
    """What is spent today (UTC) in USD, in all and by provider, and whether nothing may be bought now."""

    budget: Budget
    by_provider: dict[str, Decimal]
    stopped: bool


class Overview:
    """Looks at the whole job database in few queries, however many jobs it has."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    async def page(self, before: int | None, most: int) -> tuple[Page, int]:
        """Load `most` jobs that are older than the one at this place, and count all. Raises StoreError."""
        return await self._store.read(
            lambda connection: (job_records.page(connection, before, most), job_records.count(connection))
        )

    async def today(self) -> Today:
        """Sum up what was spent today. Raises StoreError."""
        return await self._store.read(partial(self._today, now=self._store.clock()))

    def _today(self, connection: Connection, *, now: float) -> Today:
        spent: dict[str, Decimal] = {}
        for line in by_day(connection, 1):
            if line.day == budget.day_of(now):
                spent[line.provider] = spent.get(line.provider, Decimal(0)) + line.usd
        return Today(
            budget=budget.read(connection, Limits.of(self._settings), now),
            by_provider=spent,
            stopped=budget.spending_stopped(connection),
        )

    async def look(self) -> changes.Sight:
        """Look at what changes, to be compared with a later look. Raises StoreError."""
        return await self._store.read(changes.look)

    async def changed_since(self, before: changes.Sight) -> tuple[changes.Sight, list[str | None]]:
        """Look again; name the jobs that have changed, and None for anything else that has. Raises StoreError."""

        def compare(connection: Connection) -> tuple[changes.Sight, list[str | None]]:
            now = changes.look(connection)
            found: list[str | None] = [*changes.changed_jobs(connection, before, now)]
            if (now.questions, now.films) != (before.questions, before.films):
                found.append(None)
            return now, found

        return await self._store.read(compare)
