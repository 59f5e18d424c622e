"""The flag `--metrics`, of every command that runs until somebody ends it."""

from __future__ import annotations

import argparse

from ..metrics import MetricsPlace


def add_metrics(parser: argparse.ArgumentParser) -> None:
    """Add where figures are given out: a `MetricsPlace`, or None."""
    parser.add_argument(
        "--metrics",
        type=_place,
        metavar="[ADDRESS:]PORT",
        help="Give out figures for Prometheus at this port of 127.0.0.1, or of ADDRESS, to everybody who reaches it. Needs the"
        " extra `team`",
    )


def _place(text: str) -> MetricsPlace:
    try:
        return MetricsPlace.read(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no port, and no address with a port") from None
