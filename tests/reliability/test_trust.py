"""The report about the proofs says what came of them, and its exit code tells."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from tests.reliability import contention, kill_judge, mutants
from tests.trust import CLAIMS, SHORT, Claim, Scale, Verdict, judge, main, pytests, told


def claim(name: str, holds: bool = True) -> Claim:
    return Claim(
        name=name,
        says=f"{name} is so.",
        seed=7,
        prove=lambda scale: Verdict(
            rounds=f"{scale.kills} rounds", holds=holds, details="" if holds else "at 3"
        ),
    )


def missing(scale: Scale) -> Verdict:
    raise ModuleNotFoundError("tests.reliability.nowhere")


def broken(scale: Scale) -> Verdict:
    raise RuntimeError("the proof itself fell over")


def test_claims_that_hold_are_reported_with_rounds_seed_and_seconds() -> None:
    said: list[str] = []
    assert judge([claim("one"), claim("two")], SHORT, said.append) == 0
    assert "one: one is so." in said[0]
    assert said[1].startswith("  holds | 200 rounds | seed 7 | ")
    assert "2 of 2 claims hold" in said[-1]


@pytest.mark.parametrize("prove", [claim("x", holds=False).prove, missing, broken])
def test_a_claim_that_fails_or_has_no_proof_fails_the_whole_and_stops_nothing(prove) -> None:
    said: list[str] = []
    bad = Claim(name="bad", says="It is so.", prove=prove)
    assert judge([bad, claim("good")], SHORT, said.append) == 1
    assert any("DOES NOT HOLD" in line for line in said)
    assert any("holds | 200 rounds" in line for line in said)


def test_a_file_of_tests_that_is_not_there_is_a_missing_proof() -> None:
    said: list[str] = []
    assert judge([Claim(name="x", says="So.", prove=pytests("tests/nowhere.py"))], SHORT, said.append) == 1
    assert any("missing: tests/nowhere.py" in line for line in said)


def test_a_file_of_tests_that_fails_is_a_claim_that_does_not_hold(tmp_path) -> None:
    for name, body, holds in (("good", "assert True", True), ("bad", "assert False", False)):
        file = tmp_path / f"test_{name}.py"
        file.write_text(f"def test_{name}():\n    {body}\n")
        verdict = pytests(str(file), workers=0)(SHORT)
        assert verdict.holds is holds, verdict
        assert ("E       assert False" in verdict.details) is not holds


def test_every_claim_has_a_name_of_its_own_and_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert len({known.name for known in CLAIMS}) == len(CLAIMS)
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert all(known.says in listed for known in CLAIMS)


@dataclass
class Kills:
    rounds: int = 200
    double: int = 0
    lost: int = 0


@dataclass
class Mute:
    rounds: int = 200


def test_an_outcome_holds_if_nothing_went_wrong_and_not_if_it_does_not_say() -> None:
    assert told(Kills()).holds
    assert "200 rounds" in told(Kills()).rounds
    assert not told(Kills(lost=1)).holds
    assert "lost=1" in told(Kills(lost=1)).details
    assert not told(Mute()).holds


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (
            mutants.Outcome(mutants=1, caught=1),
            mutants.Outcome(mutants=1, survivors=[mutants.Tried("x", False, 0.1, "survived up to 9")]),
        ),
        (contention.Outcome(bought=3), contention.Outcome(bought=3, violations=["a job is lost"])),
        (contention.Outcome(bought=3), contention.Outcome(bought=3, overspend=Decimal("0.000001"))),
        (kill_judge.Outcome(rounds=3), kill_judge.Outcome(rounds=3, violations=["round 2: bought twice"])),
    ],
)
def test_the_outcomes_of_the_proofs_are_read_rightly(good: object, bad: object) -> None:
    assert told(good).holds
    assert not told(bad).holds
    assert any(word in told(bad).details for word in ("survived", "lost", "overspend", "twice"))
