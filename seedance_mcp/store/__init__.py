"""The only room with SQL: the job database and every transaction on it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import (
    accounts,
    changes,
    compaction,
    drafts,
    elapsed_time,
    film_leases,
    film_orders,
    film_outcomes,
    film_plans,
    films,
    finish_hooks,
    incidents,
    job_records,
    leases,
    reviews,
    sets,
    transitions,
    uploads,
    watcher_lease,
)
from .accounts import (
    Account,
    fingerprint,
    is_same,
    other_account,
    say_same,
    short_digest,
    take_back,
    written,
)
from .board_file import BoardFile, RunningBoard
from .claims import Claims, claimed
from .connection import Clock, Conflict, Connection, Listening, Store
from .database import open_store
from .film_joins import joining
from .finish_hooks import OwedHook
from .incidents import Incident
from .job_records import Damaged, DamagedRecord, Page
from .leases import Leases, OpenJob
from .money import breakers, budget, unknown_prices
from .money.breakers import BreakerOpen
from .money.budget import Budget, Limits, may_cost, read_budget
from .money.ledger import Booking, Spent, by_day, from_micros, unbalanced_days
from .opening import migrate_chosen, open_chosen
from .rate_limits import NextCall, RateFiles, RateKey
from .receipts import Kept, Receipts, UnreadReceipt, describe_unread
from .requests import approvals, confirmations, idempotency_keys, repeated_requests, waiting_questions
from .requests.approvals import Approval
from .requests.confirmations import Declined, came_to
from .requests.consents import Consent
from .requests.idempotency_keys import KeptKey
from .requests.waiting_questions import WaitingQuestion
from .scoped import ScopedStore
from .transitions import Stale, Transition
from .uploads import UploadKey
from .watcher_lease import Holder

if TYPE_CHECKING:
    from . import figures, object_copies, request_state
    from .access_tokens import AccessToken, AccessTokens

__all__ = [
    "AccessToken",
    "AccessTokens",
    "Account",
    "Approval",
    "BoardFile",
    "Booking",
    "BreakerOpen",
    "Budget",
    "Claims",
    "Clock",
    "Conflict",
    "Connection",
    "Consent",
    "Damaged",
    "DamagedRecord",
    "Declined",
    "Holder",
    "Incident",
    "Kept",
    "KeptKey",
    "Leases",
    "Limits",
    "Listening",
    "NextCall",
    "OpenJob",
    "OwedHook",
    "Page",
    "RateFiles",
    "RateKey",
    "Receipts",
    "RunningBoard",
    "ScopedStore",
    "Spent",
    "Stale",
    "Store",
    "Transition",
    "UnreadReceipt",
    "UploadKey",
    "WaitingQuestion",
    "accounts",
    "approvals",
    "breakers",
    "budget",
    "by_day",
    "came_to",
    "changes",
    "claimed",
    "compaction",
    "confirmations",
    "describe_unread",
    "drafts",
    "elapsed_time",
    "figures",
    "film_leases",
    "film_orders",
    "film_outcomes",
    "film_plans",
    "films",
    "fingerprint",
    "finish_hooks",
    "from_micros",
    "idempotency_keys",
    "incidents",
    "is_same",
    "job_records",
    "joining",
    "leases",
    "may_cost",
    "migrate_chosen",
    "object_copies",
    "open_chosen",
    "open_store",
    "other_account",
    "read_budget",
    "repeated_requests",
    "request_state",
    "reviews",
    "say_same",
    "sets",
    "short_digest",
    "take_back",
    "transitions",
    "unbalanced_days",
    "unknown_prices",
    "uploads",
    "waiting_questions",
    "watcher_lease",
    "written",
]


def __getattr__(name: str) -> Any:
    """Import what only a server over HTTP needs when somebody asks for it."""
    if name in ("figures", "object_copies", "request_state"):
        return importlib.import_module(f".{name}", __name__)
    if name in ("AccessToken", "AccessTokens"):
        from . import access_tokens

        return getattr(access_tokens, name)
    raise AttributeError(name)
