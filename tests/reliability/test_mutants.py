"""The simulation on trial: every deliberate mistake in the money core breaks a promise that it sees."""

from __future__ import annotations

import pytest

from .mutants import run
from .mutants_table import MUTANTS
from .simulation import play

PARTS = 12
TEST = "tests/jobs/test_watcher_lease.py::test_whoever_comes_and_goes_in_whatever_order_what_is_open_is_followed[server2]"


def test_without_a_mistake_the_schedules_that_find_them_break_nothing() -> None:
    broken = [
        violation
        for seed in {mutant.seed for mutant in MUTANTS if not mutant.test}
        for violation in play(seed).violations
    ]
    assert broken == []


@pytest.mark.timeout(400)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_mistake_is_noticed(part: int) -> None:
    outcome = run(MUTANTS[part::PARTS], processes=1)
    assert outcome.survivors == []
    assert outcome.caught == outcome.mutants == len(MUTANTS[part::PARTS])


@pytest.mark.timeout(400)
def test_what_changes_nothing_and_what_cannot_run_is_not_called_noticed() -> None:
    named = {mutant.name: mutant for mutant in MUTANTS}
    same = MUTANTS[0]._replace(name="the same again", new=MUTANTS[0].old)
    gone = MUTANTS[0]._replace(name="gone", old="what is not there")
    crash = named["stale decisions pass in silence"]._replace(name="crash", new="if nobody_knows_this:")
    other = named["a suspended watcher keeps its place"]._replace(
        name="other",
        definition="_BEAT_SECONDS",
        old="_BEAT_SECONDS = 2.0",
        new="_BEAT_SECONDS = 2.5",
        test=TEST,
    )
    outcome = run((same, crash, gone, other), processes=1, schedules=3)
    assert outcome.caught == 0
    found = {trial.name: trial.found for trial in outcome.survivors}
    assert found["the same again"] == "survived up to 2"
    assert "NameError" in found["crash"]
    assert "not once" in found["gone"]
    assert "survived" in found["other"]
