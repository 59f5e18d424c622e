"""What everything that works on the jobs of this process is given."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import Settings
from ..store import Store
from ..types import WORKERS
from .active_purchases import ActivePurchases
from .damaged_records import DamagedRecords
from .events import JobEvents
from .incidents import Incidents
from .roles import Role


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """The installation's store and settings, and what this process's workers share. Build with `of`."""

    store: Store
    settings: Settings
    incidents: Incidents
    events: JobEvents
    purchases: ActivePurchases
    damaged: DamagedRecords
    role: Role = Role.WHOLE

    @property
    def owner(self) -> str:
        """Who owns what is reserved here: this process, or whichever worker takes it."""
        return self.store.ownership.instance if self.role.buys else WORKERS

    @property
    def film_machines(self) -> tuple[str, ...]:
        """Whose films this process makes: those of its machine, and a worker those of all workers."""
        return (self.store.machine, WORKERS) if self.role is Role.WORKER else (self.store.machine,)

    @classmethod
    def of(cls, store: Store, settings: Settings, role: Role = Role.WHOLE) -> JobContext:
        """Begin with nobody listening and nothing being bought."""
        incidents = Incidents(store)
        return cls(
            store=store,
            settings=settings,
            incidents=incidents,
            events=JobEvents(incidents),
            purchases=ActivePurchases(),
            damaged=DamagedRecords(store),
            role=role,
        )
