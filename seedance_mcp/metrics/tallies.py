"""The metrics of one process: what it counts, what is live in it, and what the job database tells of the installation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, cast

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily

from ..counting import Counted
from ..errors import SeedanceError
from .live import Live
from .table import METRICS, Metric

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family

    from ..store import figures

_KEPT_SECONDS = 5.0
"""How old figures of the installation may be, so that many questions cost the database one."""

_LOCK_BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_NAMESPACE = "seedance"


class Tallies:
    """All metrics of this process (the `Tally` protocol), in a registry of their own."""

    def __init__(self, live: Live) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._counters: dict[Counted, Counter] = {}
        self._histograms: dict[Counted, Histogram] = {}
        for metric in METRICS:
            if metric.kind == "counter":
                counter = Counter(
                    metric.name, metric.help, metric.labels, namespace=_NAMESPACE, registry=self.registry
                )
                self._counters[cast("Counted", metric.source)] = counter
            elif metric.kind == "histogram":
                histogram = Histogram(
                    metric.name,
                    metric.help,
                    metric.labels,
                    namespace=_NAMESPACE,
                    buckets=_LOCK_BUCKETS,
                    registry=self.registry,
                )
                self._histograms[cast("Counted", metric.source)] = histogram
        self.registry.register(_Gauges(live))
        ProcessCollector(registry=self.registry)

    def add(self, what: Counted, amount: float, labels: tuple[str, ...]) -> None:
        """Count once, or so many seconds of waiting."""
        if counter := self._counters.get(what):
            (counter.labels(*labels) if labels else counter).inc(amount)
        else:
            self._histograms[what].observe(amount)


class _Gauges:
    """Tells what is live, and the figures of the installation; without those, if the database does not answer."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._reading = threading.Lock()
        self._read_at = float("-inf")
        self._figures: Mapping[str, figures.Figures | None] = {}

    def collect(self) -> Iterator[Family]:
        """Tell them, as the library asks for it."""
        known = self._of_the_installation()
        for metric in METRICS:
            if metric.source == "installation":
                told = {team: getattr(one, metric.field) for team, one in known.items() if one is not None}
                if told:
                    yield _gauge(metric, told)
            elif metric.field == "database_up":
                yield _gauge(metric, {team: int(one is not None) for team, one in known.items()})
            elif metric.source == "live":
                yield _gauge(metric, {"": self._live.waiting()})

    def _of_the_installation(self) -> Mapping[str, figures.Figures | None]:
        """Return the figures by team; None: the database did not tell them."""
        with self._reading:
            if time.monotonic() - self._read_at > _KEPT_SECONDS:
                self._figures = {team: _read(figures) for team, figures in self._live.figures.items()}
                self._read_at = time.monotonic()
            return self._figures


def _read(told: Callable[[], figures.Figures]) -> figures.Figures | None:
    try:
        return told()
    except SeedanceError:
        return None


_Value = float | Mapping[str | tuple[str, ...], float]


def _gauge(metric: Metric, values: Mapping[str, _Value]) -> GaugeMetricFamily:
    """Write a metric with its value for each team; where there are teams, `team` is a label more."""
    several = "" not in values
    labels = ("team", *metric.labels) if several else metric.labels
    family = GaugeMetricFamily(metric.full_name, metric.help, labels=labels)
    for team, value in values.items():
        first = (team,) if several else ()
        rows = value.items() if isinstance(value, Mapping) else [((), value)]
        for own, number in rows:
            family.add_metric((*first, *((own,) if isinstance(own, str) else own)), float(number))
    return family
