"""What everything that works on the jobs of this process is given."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import Settings
from ..store import Store
from .active_purchases import ActivePurchases
from .events import JobEvents
from .troubles import Troubles


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """The installation's store and settings, and what this process's workers share. Build with `of`."""

    store: Store
    settings: Settings
    troubles: Troubles
    events: JobEvents
    purchases: ActivePurchases

    @classmethod
    def of(cls, store: Store, settings: Settings) -> JobContext:
        """Begin with nobody listening and nothing being bought."""
        troubles = Troubles(store)
        return cls(
            store=store,
            settings=settings,
            troubles=troubles,
            events=JobEvents(troubles),
            purchases=ActivePurchases(),
        )
