"""The life of a job: money and durability live here and nowhere else."""

from __future__ import annotations

from . import budget, confirmation, journal, lost_answers
from .budget import Budget, Limits, read_budget
from .by_hand import resolve
from .confirmation import Declined
from .context import JobContext
from .defaults import wrong_defaults
from .finish_hook import hook_program
from .journal import Damaged, Transition
from .keys import malformed_keys, misnamed_keys
from .ledger import Spent, by_day
from .local_files import LocalFiles
from .orders import Started
from .outlook import Quote, look_ahead
from .planning import Planner
from .plans import OtherOffer, Plan
from .purchase_flow import PurchaseFlow
from .questions import Question
from .readers import Reader
from .receipts import describe_unread
from .runner import JobRunner
from .same_account import SameAccount, join, part
from .saving import provider_folder
from .shops import Shops
from .sources import Sources
from .store import Store, open_store
from .suitability import UploadedMedia, register
from .troubles import Trouble, Troubles
from .viewing import Viewed, preview, view
from .waiting import Update, Waiting
from .watch_duty import WatchDuty

__all__ = [
    "Budget",
    "Damaged",
    "Declined",
    "JobContext",
    "JobRunner",
    "Limits",
    "LocalFiles",
    "OtherOffer",
    "Plan",
    "Planner",
    "PurchaseFlow",
    "Question",
    "Quote",
    "Reader",
    "SameAccount",
    "Shops",
    "Sources",
    "Spent",
    "Started",
    "Store",
    "Transition",
    "Trouble",
    "Troubles",
    "Update",
    "UploadedMedia",
    "Viewed",
    "Waiting",
    "WatchDuty",
    "budget",
    "by_day",
    "confirmation",
    "describe_unread",
    "hook_program",
    "join",
    "journal",
    "look_ahead",
    "lost_answers",
    "malformed_keys",
    "misnamed_keys",
    "open_store",
    "part",
    "preview",
    "provider_folder",
    "read_budget",
    "register",
    "resolve",
    "view",
    "wrong_defaults",
]
