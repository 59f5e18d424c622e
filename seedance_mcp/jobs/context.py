"""What everything that works on the jobs of this process is given."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import Settings
from ..store import Store
from .active_purchases import ActivePurchases
from .damaged_records import DamagedRecords
from .events import JobEvents
from .incidents import Incidents


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """The installation's store and settings, and what this process's workers share. Build with `of`."""

    store: Store
    settings: Settings
    incidents: Incidents
    events: JobEvents
    purchases: ActivePurchases
    damaged: DamagedRecords

    @classmethod
    def of(cls, store: Store, settings: Settings) -> JobContext:
        """Begin with nobody listening and nothing being bought."""
        incidents = Incidents(store)
        return cls(
            store=store,
            settings=settings,
            incidents=incidents,
            events=JobEvents(incidents),
            purchases=ActivePurchases(),
            damaged=DamagedRecords(store),
        )
