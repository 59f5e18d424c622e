"""Killed, stopped and ended processes at every provider: nothing is bought twice, nothing is lost, everything is delivered."""

from __future__ import annotations

import os
import sys

import pytest

from . import fault_market as market
from .kill import run
from .kill_judge import Outcome
from .kill_points import POINTS

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="processes are forked from one that has imported everything"
    ),
    pytest.mark.timeout(900),
]

ROUNDS = {"ark": 64}
"""At the others once at every point; two hundred in all."""

LONG = 10_000 if os.environ.get("SEEDANCE_TEST_LONG") else 0


def broken(outcome: Outcome) -> str:
    return "\n".join(outcome.violations[:10])


@pytest.mark.parametrize("provider", [name for name in market.PROVIDERS if name != "byteplus"])
def test_kills_and_stops_at_any_moment_cost_nothing_twice_and_lose_nothing(provider: str) -> None:
    rounds = LONG or ROUNDS.get(provider, len(POINTS))
    outcome = run(rounds, seed=20_261_121, provider=provider)
    assert outcome.holds, broken(outcome)
    assert outcome.bought == 2 * outcome.rounds
    assert outcome.rounds >= rounds
    assert outcome.lacks(rounds) == [], outcome
    assert outcome.hooks + outcome.unsure >= outcome.bought
    assert outcome.unsure < outcome.hooks / 4
    missed = [point for point in POINTS if not outcome.points[point]]
    assert missed == [], "a process has to die at every named point"


def test_leases_save_requests_and_nothing_else() -> None:
    outcome = run(24, seed=3, provider="ark", leases=False)
    assert outcome.holds, broken(outcome)
    assert outcome.bought == 48
