"""Many processes with one budget do not exceed it by a millionth, and buy once what they all ask for."""

from __future__ import annotations

import os
import sys
from collections import Counter
from decimal import Decimal

import pytest

from . import fault_market as market
from .contention import Outcome, run, wishes
from .contention_child import PATIENCE_SECONDS

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="processes are forked from one that has imported everything"
    ),
    pytest.mark.timeout(2 * PATIENCE_SECONDS),
]

PROVIDERS = market.PROVIDERS if os.environ.get("SEEDANCE_TEST_LONG") else ("ark",)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_eight_processes_share_one_budget_to_the_millionth(provider: str) -> None:
    outcome = run(processes=8, jobs=50, seed=20_261_121, provider=provider)
    assert outcome.violations == []
    assert outcome.overspend == Decimal("0.000000")
    assert outcome.holds
    assert outcome.cap / 2 < outcome.most_counted <= outcome.cap, "the budget has to be what stops them"
    assert outcome.refused > 0
    assert outcome.repeated > 0
    assert outcome.bought > 0


def test_half_of_the_wishes_are_the_same_for_all() -> None:
    wanted = wishes(8, 50, 3)
    counted = Counter(prompt for wish in wanted for prompt in wish)
    assert [len(wish) for wish in wanted] == [50] * 8
    assert Counter(counted.values()) == {8: 25, 1: 200}


def test_an_outcome_does_not_hold_if_anything_is_wrong() -> None:
    assert Outcome().holds
    assert not Outcome(overspend=Decimal("0.000001")).holds
    assert not Outcome(violations=["a job is lost"]).holds
