"""What a fault may do to a job: the words for people, and what a test can assert of job, money and purchases."""

from __future__ import annotations

from collections.abc import Mapping
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
    One way of ending: the words in the table, how it stands while the fault lasts, and how it ends.

    `by` says who brings the end about: the server itself, its hourly look for late arrivals, a person with
    `jobs resolve`, or nobody.
    """

    says: str
    means: str
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


def refused(code: str, *, lied: bool = False) -> Outcome:
    """The provider said no, with evidence. `lied`: it took the order all the same."""
    stand = Stand(state=S.REJECTED, held="nothing", purchases=int(lied), error=code)
    if lied:
        return Outcome(
            says="refused; if bought after all, adopted",
            means="The provider says no but has taken the order. It counts as refused until the hourly look at the"
            " provider's list finds it; then it is counted, followed and delivered.",
            during=stand,
            after=DELIVERED,
            by="late",
        )
    return Outcome(
        says=f"refused: `{code}`",
        means="The answer proves that nothing was bought. The job fails with this code and its money is free again.",
        during=stand,
        after=stand,
    )


def unsent(code: str) -> Outcome:
    """Something before the purchase failed, so it never went out."""
    stand = Stand(state=S.NOT_SENT, held="nothing", purchases=0, error=code)
    return Outcome(
        says=f"not sent: `{code}`",
        means="The purchase never left this machine. The job fails and its money is free again.",
        during=stand,
        after=stand,
    )


def answers(code: str) -> Outcome:
    """A free question about the account fails with this code."""
    stand = Stand(state=None, held="nothing", purchases=0, error=code)
    return Outcome(
        says=f"error `{code}`",
        means="The check of the key says so; no job, no money.",
        during=stand,
        after=stand,
    )


def failed(code: str) -> Outcome:
    """The provider could not make it."""
    stand = Stand(state=S.FAILED, held="nothing", error=code)
    return Outcome(
        says=f"failed: `{code}`",
        means="The provider could not make it. The job fails with the provider's words, and its money is free again"
        " where failed tasks are not charged.",
        during=stand,
        after=stand,
    )


OUTCOMES: Mapping[str, Outcome] = {
    "bought": Outcome(
        says="bought, delivered",
        means="The fault changes nothing: one purchase, the video is delivered, the real charge is counted.",
        during=DELIVERED,
        after=DELIVERED,
    ),
    "passes": Outcome(
        says="the key passes",
        means="The check of the key succeeds; no job, no money.",
        during=Stand(state=None, held="nothing", purchases=0),
        after=Stand(state=None, held="nothing", purchases=0),
    ),
    "found": Outcome(
        says="unknown; found, delivered",
        means="The provider has the order and the server does not know. The job is `unknown`, counts at its highest"
        " price and is not sent again; the provider's list shows it, and it is followed and delivered.",
        during=UNKNOWN,
        after=DELIVERED,
    ),
    "absent": Outcome(
        says="unknown; proved not bought",
        means="The provider does not have the order and the server does not know. The job is `unknown` and counts at"
        " its highest price, until after the quiet period the provider's complete list lacks it: then the money is"
        " free again.",
        during=replace(UNKNOWN, purchases=0),
        after=NOT_BOUGHT,
    ),
    "unsent": unsent("not_sent"),
    "rides": Outcome(
        says="goes on; delivered",
        means="Not being able to ask proves nothing. The job stays open and counted for as long as the fault lasts,"
        " and is delivered after it.",
        during=OPEN,
        after=DELIVERED,
    ),
    "forgotten": Outcome(
        says="missing; you decide",
        means="The provider no longer knows a task that it had accepted, neither by its id nor on its list. The job"
        " becomes `expired` with the code `task_missing` and stays counted; `jobs resolve` takes it up again.",
        during=Stand(state=S.MISSING, held="highest price", error="task_missing", hint="console"),
        after=DELIVERED,
        by="person",
    ),
    "remembered": Outcome(
        says="missing, then taken up again",
        means="The job is `expired` with the code `task_missing` and stays counted, until the provider's list shows"
        " the task again: the hourly look takes it up, and it is delivered.",
        during=Stand(state=S.MISSING, held="highest price", error="task_missing", hint="console"),
        after=DELIVERED,
        by="late",
    ),
    "waits": Outcome(
        says="stays unknown; found, delivered",
        means="A list that cannot be read proves nothing. The job stays `unknown` and counted until a whole list comes.",
        during=UNKNOWN,
        after=DELIVERED,
    ),
    "overdue": Outcome(
        says="judged not bought, then adopted",
        means="The provider shows a task later than it promises. The job was judged not to be bought; the hourly look"
        " finds it, counts it again, and delivers it.",
        during=replace(NOT_BOUGHT, purchases=1),
        after=DELIVERED,
        by="late",
    ),
    "again": Outcome(
        says="not stopped; asking again works",
        means="The provider did not hear it. The answer says so, the job goes on, and asking again stops it.",
        during=OPEN,
        after=STOPPED,
        words="goes on|cancels only|looked at again",
    ),
    "stopped": Outcome(
        says="stopped",
        means="The provider stopped the task although its answer was lost or unreadable; the next look tells, and"
        " the money is free again.",
        during=STOPPED,
        after=STOPPED,
        words="could not be asked|was asked to stop",
    ),
    "fetched": Outcome(
        says="tried again; delivered",
        means="The video is paid and its charge counted. The download is tried again, with a fresh address where that"
        " is what is wrong, until the whole file is here.",
        during=Stand(
            state=S.REMOTE_DONE, held="charge", error="download", hint="tries again|asks the provider"
        ),
        after=DELIVERED,
    ),
    "gone": Outcome(
        says="expired",
        means="The provider removed the video before it could be fetched, longer ago than it keeps results. The job"
        " is `expired`, the charge stays counted, and the hint names the task id for the provider's support.",
        during=Stand(state=S.EXPIRED, held="charge", error="result_expired", hint="support"),
        after=Stand(state=S.EXPIRED, held="charge", error="result_expired", hint="support"),
    ),
    "unusable": Outcome(
        says="expired: `result_unusable`",
        means="What the provider hands out is no video. It is fetched 8 times over seven and a half hours, then the job"
        " is `expired`, the charge stays counted, and the hint names the task id and the note for a refund.",
        during=Stand(state=S.EXPIRED, held="charge", error="result_unusable", hint="--refund-note"),
        after=Stand(state=S.EXPIRED, held="charge", error="result_unusable", hint="--refund-note"),
    ),
}
"""Every outcome by its name in the matrix; `refused`, `unsent`, `failed` and `answers` make those with a code."""


def outcome(name: str) -> Outcome:
    """The outcome of this name; `refused CODE`, `lied CODE`, `unsent CODE`, `failed CODE` and `answers CODE` take a code."""
    kind, _, code = name.partition(" ")
    if not code:
        return OUTCOMES[name]
    match kind:
        case "refused":
            return refused(code)
        case "lied":
            return refused(code, lied=True)
        case "unsent":
            return unsent(code)
        case "failed":
            return failed(code)
        case _:
            return answers(code)


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
