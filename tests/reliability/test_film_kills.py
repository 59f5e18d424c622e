"""Films whose processes are killed at any named point, and that many make at once: each shot bought once, the film joined."""

from __future__ import annotations

import os
import sys

import pytest

from .film_kill import run, run_crowd
from .film_points import POINTS

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="processes are forked from one that has imported everything"
    ),
    pytest.mark.timeout(3000),
]

LONG = 200 if os.environ.get("SEEDANCE_TEST_LONG") else 0
FEW = ("written draw", "after connection's bytes", "after film's link")
"""One of each kind: before a purchase is sent, while it is under way, and in joining."""


def test_films_whose_processes_are_killed_anywhere_are_bought_once_and_joined() -> None:
    points = POINTS if LONG else FEW
    outcome = run(LONG or len(FEW), seed=20_261_130, points=points)
    assert outcome.violations == []
    assert (outcome.double, outcome.lost, outcome.shots) == (0, 0, 3 * outcome.rounds)
    assert outcome.kills >= outcome.rounds
    assert [point for point in points if not outcome.points[point]] == []


def test_eight_processes_that_make_one_film_buy_each_shot_once() -> None:
    outcome = run_crowd(8, "ark", seed=20_261_130)
    assert outcome.violations == []
    assert (outcome.double, outcome.lost, outcome.shots) == (0, 0, 3)
