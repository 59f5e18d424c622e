"""The life of a job: money and durability live here and nowhere else."""

from __future__ import annotations

from .buying.forecast import Quote, beyond, forecast
from .buying.orders import StartedJob
from .buying.purchase_flow import PurchaseFlow
from .buying.questions import Questions
from .buying.sets import several
from .choosing.defaults import wrong_defaults
from .choosing.planning import Planner
from .choosing.plans import OtherOffer, Plan
from .choosing.suitability import UploadedMedia, register
from .context import JobContext
from .incidents import Incidents
from .inputs.sources import Sources
from .local_files.readable_files import LocalFiles
from .local_files.unfinished import writer_of
from .pool.provider_keys import malformed_keys, misnamed_keys
from .pool.provider_pool import ProviderPool
from .pool.same_accounts import SameAccount, join, part
from .read_tracking import ReadTracker
from .results.finish_hook import hook_program
from .results.saving import provider_folder
from .results.viewing import Viewed, preview, view
from .runner import JobRunner
from .sets import Sets
from .tracking import lost_answers
from .tracking.manual_resolution import resolve
from .waiting import Update, Waiting
from .watcher_lease import WatcherLease

__all__ = [
    "Incidents",
    "JobContext",
    "JobRunner",
    "LocalFiles",
    "OtherOffer",
    "Plan",
    "Planner",
    "ProviderPool",
    "PurchaseFlow",
    "Questions",
    "Quote",
    "ReadTracker",
    "SameAccount",
    "Sets",
    "Sources",
    "StartedJob",
    "Update",
    "UploadedMedia",
    "Viewed",
    "Waiting",
    "WatcherLease",
    "beyond",
    "forecast",
    "hook_program",
    "join",
    "lost_answers",
    "malformed_keys",
    "misnamed_keys",
    "part",
    "preview",
    "provider_folder",
    "register",
    "resolve",
    "several",
    "view",
    "writer_of",
    "wrong_defaults",
]
