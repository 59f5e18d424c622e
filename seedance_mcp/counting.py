"""What happens often and is counted for whoever runs the server: nowhere, unless this process gives out metrics."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from enum import StrEnum
from typing import Protocol


class Counted(StrEnum):
    """What is counted, each by the labels that `metrics/table.py` names, which hold nothing of any one person or job."""

    CALL = "call"
    REFUSAL = "refusal"
    STALE_SWAP = "stale swap"
    PROVIDER_CALL = "provider call"
    LOCK_WAIT = "lock wait"


class Tally(Protocol):
    """Counts what it is told. Called in any thread; it never raises, and never blocks for long."""

    def add(self, what: Counted, amount: float, labels: tuple[str, ...]) -> None:
        """Count once, or so many seconds of waiting."""
        ...


_tally: Tally | None = None


def count(what: Counted, *labels: str, amount: float = 1.0) -> None:
    """Count something, if anybody wants to know."""
    if _tally is not None:
        _tally.add(what, amount, labels)


@contextlib.contextmanager
def timed(what: Counted) -> Generator[None]:
    """Count how long something takes, also when it fails, if anybody wants to know."""
    if _tally is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        count(what, amount=time.perf_counter() - began)


@contextlib.contextmanager
def counted_by(tally: Tally) -> Generator[None]:
    """Tell all that this process counts to a tally, for as long as the context is open."""
    global _tally
    before, _tally = _tally, tally
    try:
        yield
    finally:
        _tally = before
