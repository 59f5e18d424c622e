"""How old an answer is, told by its dates and by what earlier ones told of the provider's clock."""

from __future__ import annotations

import math
from email.utils import formatdate

import pytest

from seedance_mcp.providers.http.their_clock import TheirClock
from seedance_mcp.providers.http.timeouts import Timing

START = 1_800_000_000.0


class Heard:
    """A clock of theirs that is told of by answers, each so many seconds after the beginning."""

    def __init__(self, *, our_clock_ahead: float = 0.0) -> None:
        self.passed = 0.0
        self.asleep = 0.0
        ahead = our_clock_ahead
        self.clock = TheirClock(
            Timing(clock=lambda: self.passed - self.asleep, now=lambda: START + ahead + self.passed)
        )

    def at(self, seconds: float, *, made: float | None = None, age: str | None = None) -> float:
        """How old it counts as."""
        self.passed = seconds
        said = {"date": formatdate(START + (seconds if made is None else made), usegmt=True)}
        return self.clock.read(said if age is None else {**said, "age": age}).age


def test_a_fresh_answer_is_not_old() -> None:
    heard = Heard()
    assert [heard.at(0), heard.at(60), heard.at(3600)] == [0, 0, 0]


def test_an_answer_that_was_made_before_the_last_one_is_as_old_as_it_says() -> None:
    heard = Heard(our_clock_ahead=-7200)  # which therefore tells nothing
    assert heard.at(0) == 0
    assert heard.at(600, made=-900) == 1500
    assert heard.at(1200, made=0) == 1200
    assert heard.at(1260) == 0


def test_the_same_answer_again_becomes_older() -> None:
    heard = Heard(our_clock_ahead=-7200)
    assert [heard.at(seconds, made=0) for seconds in (0, 60, 660)] == [0, 60, 660]


def test_the_age_counts_whatever_the_date_is() -> None:
    heard = Heard()
    assert heard.at(0, age="900") == 900
    assert heard.at(60) == 0
    assert heard.at(120, made=20, age="100") == 200  # one of the two would do, and nothing tells which
    assert heard.at(180, age="0") == 0


@pytest.mark.parametrize("age", ["old", "-5", "1.5", "9" * 11])
def test_an_age_that_cannot_be_read_may_be_any(age: str) -> None:
    assert Heard().at(0, age=age) == math.inf


def test_without_a_date_it_may_be_any_age() -> None:
    assert Heard().clock.read({}).age == math.inf
    assert Heard().clock.read({}).at is None


def test_until_their_clock_is_seen_to_run_ours_tells_and_then_it_does_not() -> None:
    heard = Heard(our_clock_ahead=7200)
    assert heard.at(0) == 7200
    assert heard.at(0.5) > 7200
    assert heard.at(60) == 0
    assert heard.at(120, made=60) == 60


def test_what_a_cache_held_when_it_was_first_asked_is_no_clock() -> None:
    heard = Heard()
    assert [heard.at(0, made=-900), heard.at(60, made=-900), heard.at(300, made=240)] == [900, 960, 60]


def test_a_sleep_of_the_machine_makes_nothing_younger() -> None:
    heard = Heard()
    assert [heard.at(0), heard.at(60)] == [0, 0]
    heard.asleep = 3600
    assert heard.at(3700, made=60) == 3640
