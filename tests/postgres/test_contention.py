"""Many processes with one budget in PostgreSQL do not exceed it by a millionth, and a lock that is taken wrongly is noticed."""

from __future__ import annotations

import os
import sys
from decimal import Decimal

import pytest

from .contention import MEMBERS, MUTANTS, Round, run
from .server import Server

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="processes are forked from one that has imported everything"
    ),
    pytest.mark.timeout(250),
]

JOBS = 50 if os.environ.get("SEEDANCE_TEST_LONG") else 12


def test_eight_processes_share_one_budget_and_every_wrong_lock_is_noticed(
    postgres: Server,
) -> None:
    right = Round(processes=8, jobs=JOBS, allowed=JOBS * 2)
    wrong = [Round(processes=6, jobs=8, allowed=12, mutant=mutant) for mutant in MUTANTS]
    outcome, *others = run(postgres, [right, *wrong])
    assert outcome.violations == []
    assert outcome.overspend == Decimal("0.000000")
    assert outcome.answers["new"] == right.allowed, "the budget has to be what stops them"
    assert outcome.answers["refused"] > 0
    assert outcome.answers["repeated"] > 0
    overlooked = [mutant.name for mutant, one in zip(MUTANTS, others, strict=True) if not one.violations]
    assert overlooked == []


def test_two_teams_each_keep_their_own_budget(postgres: Server) -> None:
    together = Round(processes=9, jobs=JOBS, allowed=JOBS * 3 // 2, members=MEMBERS)
    for outcome in run(postgres, [together]):
        print(outcome)
        assert outcome.violations == []
        assert outcome.overspend == Decimal("0.000000")
        assert outcome.answers["new"] == together.allowed, "the budget has to be what stops them"
        assert outcome.answers["refused"] > 0
