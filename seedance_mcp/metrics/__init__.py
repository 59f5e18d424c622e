"""Figures for whoever watches over servers, in the text format of Prometheus, on a port of their own."""

from __future__ import annotations

from .live import Live
from .place import MetricsPlace
from .serving import serving_metrics
from .table import METRICS, Metric

__all__ = ["METRICS", "Live", "Metric", "MetricsPlace", "serving_metrics"]
