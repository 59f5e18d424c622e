"""The life of a job: money and durability live here and nowhere else."""

from __future__ import annotations

from .buying.forecast import Quote, beyond, forecast
from .buying.orders import StartedJob
from .buying.purchase_flow import PurchaseFlow
from .buying.questions import Answered, Questions
from .choosing.defaults import wrong_defaults
from .choosing.planning import Planner
from .choosing.plans import OtherOffer, Plan
from .choosing.suitability import UploadedMedia, register
from .context import JobContext
from .incidents import Incidents
from .inputs.sources import Sources
from .local_files.readable_files import LocalFiles
from .local_files.unfinished import writer_of
from .overview import Overview, Today
from .pool.provider_keys import malformed_keys, misnamed_keys
from .pool.provider_pool import ProviderPool
from .pool.same_accounts import SameAccount, join, part
from .read_tracking import ReadTracker
from .results.finish_hook import hook_program
from .results.saved_videos import OpenVideo, SavedVideos
from .results.saving import provider_folder
from .results.viewing import Viewed, preview, view
from .runner import JobRunner
from .tracking import lost_answers
from .tracking.manual_resolution import resolve
from .waiting import Update, Waiting
from .watcher_lease import WatcherLease

__all__ = [
    "Answered",
    "Incidents",
    "JobContext",
    "JobRunner",
    "LocalFiles",
    "OpenVideo",
    "OtherOffer",
    "Overview",
    "Plan",
    "Planner",
    "ProviderPool",
    "PurchaseFlow",
    "Questions",
    "Quote",
    "ReadTracker",
    "SameAccount",
    "SavedVideos",
    "Sources",
    "StartedJob",
    "Today",
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
    "view",
    "writer_of",
    "wrong_defaults",
]
