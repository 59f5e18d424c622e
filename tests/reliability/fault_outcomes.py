"""What each outcome of `docs/fault_matrix.toml` is: what a test can assert of job, money and purchases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from seedance_mcp.catalog import ProviderInfo
from seedance_mcp.types import JobState as S

Held = Literal["nothing", "highest price", "charge"]
Ending = Literal["itself", "late", "person", "nobody"]


@dataclass(frozen=True, kw_only=True)
class Stand:
    """
    How a job stands: its state, what the budget counts for it, and the error it shows.

    `purchases` are the provider's; None where there is no job and only an error code is asserted.
    """

    state: S | None
    held: Held
    purchases: int | None = 1
    error: str | None = None
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """
    One way of ending: how the job stands while the fault lasts, and how it ends.

    `by` says who brings the end about: the server itself, its hourly look for late arrivals, a person with
    `jobs resolve`, or nobody. `words` is a pattern that the answer to a person matches.
    """

    during: Stand
    after: Stand
    by: Ending = "itself"
    words: str = ""


DELIVERED = Stand(state=S.DONE, held="charge")
NOT_BOUGHT = Stand(state=S.ABSENT, held="nothing", purchases=0, error="not_bought", hint="safe to submit")
UNKNOWN = Stand(state=S.UNKNOWN, held="highest price", error="submission_unknown", hint="not submit again")
UNDECIDED = Stand(state=S.UNRESOLVED, held="highest price", error="unresolved", hint="jobs resolve")
OPEN = Stand(state=S.ACCEPTED, held="highest price")
STOPPED = Stand(state=S.CANCELLED, held="nothing", error="generation_cancelled")


def _refused(code: str) -> Outcome:
    """The provider said no, with evidence."""
    stand = Stand(state=S.REJECTED, held="nothing", purchases=0, error=code)
    return Outcome(during=stand, after=stand)


def _lied(code: str) -> Outcome:
    """It said no and took the order all the same."""
    return Outcome(
        during=Stand(state=S.REJECTED, held="nothing", purchases=1, error=code), after=DELIVERED, by="late"
    )


def _unsent(code: str) -> Outcome:
    """Something before the purchase failed, so it never went out."""
    stand = Stand(state=S.NOT_SENT, held="nothing", purchases=0, error=code)
    return Outcome(during=stand, after=stand)


def _answers(code: str) -> Outcome:
    """A free question about the account fails with this code."""
    stand = Stand(state=None, held="nothing", purchases=0, error=code)
    return Outcome(during=stand, after=stand)


def _failed(code: str) -> Outcome:
    """The provider could not make it."""
    stand = Stand(state=S.FAILED, held="nothing", error=code)
    return Outcome(during=stand, after=stand)


WITH_CODE: Mapping[str, Callable[[str], Outcome]] = {
    "refused": _refused,
    "lied": _lied,
    "unsent": _unsent,
    "answers": _answers,
    "failed": _failed,
}
"""The outcomes whose name in the matrix is followed by an error code."""

OUTCOMES: Mapping[str, Outcome] = {
    "bought": Outcome(during=DELIVERED, after=DELIVERED),
    "passes": Outcome(
        during=Stand(state=None, held="nothing", purchases=0),
        after=Stand(state=None, held="nothing", purchases=0),
    ),
    "found": Outcome(during=UNKNOWN, after=DELIVERED),
    "absent": Outcome(during=replace(UNKNOWN, purchases=0), after=NOT_BOUGHT),
    "rides": Outcome(during=OPEN, after=DELIVERED),
    "forgotten": Outcome(
        during=Stand(state=S.MISSING, held="highest price", error="task_missing", hint="console"),
        after=DELIVERED,
        by="person",
    ),
    "remembered": Outcome(
        during=Stand(state=S.MISSING, held="highest price", error="task_missing", hint="console"),
        after=DELIVERED,
        by="late",
    ),
    "waits": Outcome(during=UNKNOWN, after=DELIVERED),
    "overdue": Outcome(during=replace(NOT_BOUGHT, purchases=1), after=DELIVERED, by="late"),
    "again": Outcome(during=OPEN, after=STOPPED, words="goes on|cancels only|looked at again"),
    "stopped": Outcome(during=STOPPED, after=STOPPED, words="could not be asked|was asked to stop"),
    "fetched": Outcome(
        during=Stand(
            state=S.REMOTE_DONE, held="charge", error="download", hint="tries again|asks the provider"
        ),
        after=DELIVERED,
    ),
    "gone": Outcome(
        during=Stand(state=S.EXPIRED, held="charge", error="result_expired", hint="support"),
        after=Stand(state=S.EXPIRED, held="charge", error="result_expired", hint="support"),
    ),
    "unusable": Outcome(
        during=Stand(state=S.EXPIRED, held="charge", error="result_unusable", hint="--refund-note"),
        after=Stand(state=S.EXPIRED, held="charge", error="result_unusable", hint="--refund-note"),
    ),
}
"""Every other outcome by its name in the matrix."""


def outcome(name: str) -> Outcome:
    """The outcome that a cell names, with its code where it has one."""
    kind, _, code = name.partition(" ")
    return WITH_CODE[kind](code) if code else OUTCOMES[name]


def at(info: ProviderInfo, found: Outcome) -> Outcome:
    """The same fault at a provider that may not be able to list its tasks, to prove absence or to give money back."""
    lists = "recover" in info.supports
    if found.by == "late" and not lists:
        return replace(found, after=found.during, by="nobody")
    if found.during.state is S.UNKNOWN and not lists:
        return replace(found, after=replace(UNDECIDED, purchases=found.during.purchases), by="person")
    if found.during.state is S.ABSENT and found.by == "late" and not info.absence_is_proof:
        return OUTCOMES["waits"]  # nothing was judged too early
    if found.after.state is S.ABSENT and not info.absence_is_proof:
        return replace(found, after=replace(UNDECIDED, purchases=0), by="person")
    if found.after.state in (S.CANCELLED, S.FAILED) and info.failed_is_billed:
        held = replace(found.after, held="highest price")
        return replace(
            found, after=held, during=held if found.during.state is found.after.state else found.during
        )
    return found
