"""The life of a job: money and durability live here and nowhere else."""

from __future__ import annotations

from . import lost_answers
from .by_hand import resolve
from .context import JobContext
from .defaults import wrong_defaults
from .finish_hook import hook_program
from .keys import malformed_keys, misnamed_keys
from .orders import Started
from .outlook import Quote, look_ahead
from .planning import Planner
from .plans import OtherOffer, Plan
from .purchase_flow import PurchaseFlow
from .readers import Reader
from .runner import JobRunner
from .same_account import SameAccount, join, part
from .saving import provider_folder
from .shops import Shops
from .sources import Sources
from .suitability import UploadedMedia, register
from .troubles import Troubles
from .unfinished import writer_of
from .viewing import Viewed, preview, view
from .waiting import Update, Waiting
from .watch_duty import WatchDuty

__all__ = [
    "JobContext",
    "JobRunner",
    "OtherOffer",
    "Plan",
    "Planner",
    "PurchaseFlow",
    "Quote",
    "Reader",
    "SameAccount",
    "Shops",
    "Sources",
    "Started",
    "Troubles",
    "Update",
    "UploadedMedia",
    "Viewed",
    "Waiting",
    "WatchDuty",
    "hook_program",
    "join",
    "look_ahead",
    "lost_answers",
    "malformed_keys",
    "misnamed_keys",
    "part",
    "preview",
    "provider_folder",
    "register",
    "resolve",
    "view",
    "writer_of",
    "wrong_defaults",
]
