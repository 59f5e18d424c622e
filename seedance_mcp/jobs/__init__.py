"""The life of a job: money and durability live here and nowhere else."""

from __future__ import annotations

from .buying.film_orders import OrderIntent, foresee_film, place
from .buying.forecast import Quote, beyond, forecast
from .buying.orders import StartedJob
from .buying.purchase_flow import PurchaseFlow
from .buying.questions import Answered, Questions
from .buying.sets import several
from .choosing.defaults import wrong_defaults
from .choosing.planning import Planner
from .choosing.plans import OtherOffer, Plan
from .choosing.suitability import UploadedMedia, register
from .context import JobContext
from .film_driver import FilmDriver
from .incidents import Incidents
from .inputs.resolved_request import ResolvedRequest
from .inputs.sources import Sources, is_path, of_another_kind, on_another_machine
from .local_files.final_files import rename_new, slug
from .overview import Overview, Today
from .pool.provider_keys import malformed_keys, misnamed_keys
from .pool.provider_pool import ProviderPool
from .pool.same_accounts import SameAccount, join, part
from .read_tracking import ReadTracker
from .results.finish_hook import hook_program
from .results.saved_videos import OpenVideo, SavedVideos
from .results.saving import provider_folder
from .results.viewing import Viewed, Viewing
from .reviews import Reviews, opinion
from .roles import Role
from .runner import JobRunner
from .sets import Sets
from .spending_stops import SpendingStops
from .tracking import lost_answers
from .tracking.manual_resolution import resolve
from .untaken_orders import untaken
from .waiting import Update, Waiting
from .watcher_lease import WatcherLease

__all__ = [
    "Answered",
    "FilmDriver",
    "Incidents",
    "JobContext",
    "JobRunner",
    "OpenVideo",
    "OrderIntent",
    "OtherOffer",
    "Overview",
    "Plan",
    "Planner",
    "ProviderPool",
    "PurchaseFlow",
    "Questions",
    "Quote",
    "ReadTracker",
    "ResolvedRequest",
    "Reviews",
    "Role",
    "SameAccount",
    "SavedVideos",
    "Sets",
    "Sources",
    "SpendingStops",
    "StartedJob",
    "Today",
    "Update",
    "UploadedMedia",
    "Viewed",
    "Viewing",
    "Waiting",
    "WatcherLease",
    "beyond",
    "forecast",
    "foresee_film",
    "hook_program",
    "is_path",
    "join",
    "lost_answers",
    "malformed_keys",
    "misnamed_keys",
    "of_another_kind",
    "on_another_machine",
    "opinion",
    "part",
    "place",
    "provider_folder",
    "register",
    "rename_new",
    "resolve",
    "several",
    "slug",
    "untaken",
    "wrong_defaults",
]
