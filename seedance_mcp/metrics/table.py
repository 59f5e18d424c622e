"""Every metric: its name, its kind, its labels and what it says; `docs/team.md` shows this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..counting import Counted

Source = Counted | Literal["live", "installation"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """
    One metric, without the prefix `seedance_`.

    Its `source` is what is counted in this process, what is `live` here at the moment, or the job database, which tells
    the same to every process of the installation: there one of them is enough, and sums over all are wrong. `field` is
    where the value stands in `Live` or in `store.figures.Figures`.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    source: Source
    labels: tuple[str, ...] = ()
    field: str = ""

    @property
    def full_name(self) -> str:
        """The name as it is asked for."""
        return f"seedance_{self.name}{'_total' if self.kind == 'counter' else ''}"


METRICS = (
    Metric(
        name="calls",
        kind="counter",
        help="Calls of tools that were answered. `outcome` is `ok`, or the code of the error.",
        source=Counted.CALL,
        labels=("tool", "outcome"),
    ),
    Metric(
        name="refusals",
        kind="counter",
        help="Requests over HTTP that did not get through to a tool, by HTTP status.",
        source=Counted.REFUSAL,
        labels=("status",),
    ),
    Metric(
        name="calls_waiting",
        kind="gauge",
        help="Calls that wait for a job at the moment.",
        source="live",
        field="waiting",
    ),
    Metric(
        name="stale_swaps",
        kind="counter",
        help="Moves of jobs that came too late: another process had moved the job. A few are usual.",
        source=Counted.STALE_SWAP,
    ),
    Metric(
        name="database_lock_seconds",
        kind="histogram",
        help="How long writing transactions waited for their turn.",
        source=Counted.LOCK_WAIT,
    ),
    Metric(
        name="provider_calls",
        kind="counter",
        help="Requests to providers. `purpose` is `purchase` or `free`, `status` the HTTP status, or `none` without an answer.",
        source=Counted.PROVIDER_CALL,
        labels=("provider", "purpose", "status"),
    ),
    Metric(
        name="database_up",
        kind="gauge",
        help="1 if the job database answered; without it none of the metrics of the installation is there.",
        source="live",
        field="database_up",
    ),
    Metric(
        name="jobs",
        kind="gauge",
        help="Jobs by state. `unknown` and `unresolved` may have been bought.",
        source="installation",
        labels=("state",),
        field="jobs",
    ),
    Metric(
        name="jobs_open",
        kind="gauge",
        help="Jobs that something still happens to.",
        source="installation",
        field="open",
    ),
    Metric(
        name="jobs_unresolved",
        kind="gauge",
        help="Purchases of which nobody knows whether they happened (`unknown`, `unresolved`).",
        source="installation",
        field="unresolved",
    ),
    Metric(
        name="oldest_open_job_seconds",
        kind="gauge",
        help="Age of the oldest job that has not finished; 0 if all have.",
        source="installation",
        field="oldest_open_seconds",
    ),
    Metric(
        name="oldest_order_seconds",
        kind="gauge",
        help="Age of the oldest order that no worker has taken; 0 if there is none. More than seconds: no worker is alive, or"
        " all are busy.",
        source="installation",
        field="oldest_order_seconds",
    ),
    Metric(
        name="late_adoptions",
        kind="gauge",
        help="Purchases that had been judged not to have happened and were found after all, ever.",
        source="installation",
        field="late_adoptions",
    ),
    Metric(
        name="reserved_usd",
        kind="gauge",
        help="What counts as spent of jobs whose charge is not known (yet, or ever), in USD.",
        source="installation",
        labels=("provider", "model"),
        field="reserved",
    ),
    Metric(
        name="settled_usd",
        kind="gauge",
        help="What was charged, ever, in USD.",
        source="installation",
        labels=("provider", "model"),
        field="settled",
    ),
    Metric(
        name="object_copies_owed",
        kind="gauge",
        help="Finished videos that are not in the object store yet.",
        source="installation",
        field="copies_owed",
    ),
    Metric(
        name="spending_stopped",
        kind="gauge",
        help="1 if nothing may be bought until a person allows it (`seedance-mcp jobs allow-spending`).",
        source="installation",
        field="stopped",
    ),
)
