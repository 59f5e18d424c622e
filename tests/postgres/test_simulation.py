"""No promise of the money core is broken in random schedules on PostgreSQL, with one person or with several."""

from __future__ import annotations

import os

import pytest

from .server import Server
from .simulated import run, seeds_of

LONG = bool(os.environ.get("SEEDANCE_TEST_LONG"))
STEPS = 20_000 if LONG else 1_000


@pytest.mark.timeout(1800 if LONG else 120)
def test_no_schedule_breaks_a_promise_on_postgresql(postgres: Server) -> None:
    outcome = run(postgres, seeds_of(0), STEPS)
    assert outcome.violations == []
    assert outcome.steps >= STEPS
    assert outcome.counts["somebody looks"]
    assert outcome.schedules > 1, "of which every other one has several people"
