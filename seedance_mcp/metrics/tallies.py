"""The metrics of one process: what it counts, what is live in it, and what the job database tells of the installation."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
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
        self._figures: figures.Figures | None = None

    def collect(self) -> Iterator[Family]:
        """Tell them, as the library asks for it."""
        known = self._of_the_installation()
        here = {"waiting": self._live.waiting(), "database_up": int(known is not None)}
        for metric in METRICS:
            if metric.source == "live":
                yield _gauge(metric, here[metric.field])
            elif metric.source == "installation" and known is not None:
                yield _gauge(metric, getattr(known, metric.field))

    def _of_the_installation(self) -> figures.Figures | None:
        with self._reading:
            if time.monotonic() - self._read_at > _KEPT_SECONDS:
                try:
                    self._figures = self._live.figures()
                except SeedanceError:
                    self._figures = None
                self._read_at = time.monotonic()
            return self._figures


def _gauge(metric: Metric, value: float | Mapping[str | tuple[str, ...], float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.full_name, metric.help, labels=metric.labels)
    if isinstance(value, Mapping):
        for labels, number in value.items():
            family.add_metric([labels] if isinstance(labels, str) else labels, float(number))
    else:
        family.add_metric([], float(value))
    return family
