"""What the promises are judged by: the legal moves of a job, what states mean, and what is known of each job."""

from __future__ import annotations

from dataclasses import dataclass

from seedance_mcp.types import TaskStatus

UNREAD_SECONDS = 900.0
BREAKER_SECONDS = 900.0
HOUR = 3600.0
AGREEMENT_SECONDS = 900.0
SAME_IN_AN_HOUR = 3
DAY = 86_400.0
YEAR = 31_536_000.0
INTENTS = 12
"""How many different things are asked for."""

# Written down once more, on purpose: a change of the product's own table has to be made here too.
MOVES = {
    None: {"reserved"},
    "reserved": {"sending", "not_sent", "cancelled"},
    "sending": {"accepted", "rejected", "unknown"},
    "unknown": {"accepted", "absent", "unresolved"},
    "accepted": {"remote_done", "failed", "cancelled", "expired", "stalled", "missing"},
    "stalled": {"remote_done", "failed", "cancelled", "expired", "missing"},
    "remote_done": {"done", "expired"},
    "missing": {"accepted"},
    "rejected": {"accepted"},
    "absent": {"accepted"},
    "unresolved": {"accepted", "absent"},
}
ENDED = {"done", "failed", "cancelled", "expired", "missing", "rejected", "not_sent", "absent", "unresolved"}
NOT_BOUGHT = {"rejected", "not_sent", "absent"}
UNCLEAR = {"unresolved", "missing"}
PROVIDER_ENDS = {
    "remote_done": TaskStatus.SUCCEEDED,
    "failed": TaskStatus.FAILED,
    "cancelled": TaskStatus.CANCELLED,
    "expired": TaskStatus.EXPIRED,
}


_PLANTED = "nobody planned this"


def planted(kind: type[Exception]) -> Exception:
    """Make an exception that the schedule raises where nobody planned one."""
    return kind(_PLANTED)


def is_planted(error: BaseException) -> bool:
    """Tell it from a mistake of the core's own."""
    return _PLANTED in error.args


class Violation(BaseException):
    """
    A promise was broken: its number in the list of invariants, what happened, and to which job.

    No `except Exception` of the money core may take it for something of its own.
    """

    def __init__(self, promise: str, words: str, job: str = "") -> None:
        super().__init__(f"{promise}: {words}")
        self.promise, self.job = promise, job


@dataclass
class Row:
    """What is known of a job from its events and its ledger."""

    state: str | None = None
    owner: str = ""
    version: int = 0
    stored_version: int = 0
    stored_state: str = ""
    fingerprint: str = ""
    task_id: str | None = None
    finished_at: float | None = None
    finished_true: float = 0.0
    """When it really came to its last state."""
    held: int = 0
    day: str = ""
    reserved_at: float = 0.0
    reserved_true: float = 0.0
    """When that really was."""
    told: bool = False
    """A person looked at the provider's console for it."""
    sent: bool = False
    settled: bool = False
