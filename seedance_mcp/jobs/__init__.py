"""The life of a job: money and durability live here and nowhere else."""

from __future__ import annotations

from . import budget, confirmation, journal
from .budget import Budget, Limits, read_budget
from .planning import OtherOffer, Plan
from .runner import JobRunner, Started
from .saving import provider_folder
from .shops import Shops
from .sources import last_frame_of
from .store import Store, open_store
from .waiting import Update, Waiting

__all__ = [
    "Budget",
    "JobRunner",
    "Limits",
    "OtherOffer",
    "Plan",
    "Shops",
    "Started",
    "Store",
    "Update",
    "Waiting",
    "budget",
    "confirmation",
    "journal",
    "last_frame_of",
    "open_store",
    "provider_folder",
    "read_budget",
]
