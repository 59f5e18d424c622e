"""Time that has certainly passed: by both clocks, whatever is done to either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from seedance_mcp.store import Store, elapsed_time, open_store

from .records import START

UP, DAY, YEAR = 50_000.0, 86_400.0, 31_536_000.0


class Machine:
    def __init__(self, store: Store) -> None:
        self.store, self.wall, self.uptime = store, START, UP
        store.clock, store.uptime = lambda: self.wall, lambda: self.uptime
        self.note()

    def note(self) -> float:
        return self.store.write_now(elapsed_time.note)

    def later(self, *, wall: float, uptime: float) -> float:
        """What has passed when both clocks have gone on by so much; the look at it begins a new step."""
        self.wall, self.uptime = self.wall + wall, self.uptime + uptime
        read = self.store.read_now(elapsed_time.passed)
        assert self.note() == read
        return read


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with closing(open_store(tmp_path / "state")) as store:
        yield Machine(store)


@pytest.mark.parametrize(
    ("wall", "uptime", "passed"),
    [
        (60, 60, 60),
        (YEAR, 60, 60),  # the clock was set forward
        (60 - YEAR, 60, 0),  # and set back: this one step is lost
        (DAY, 60, 60),  # the machine slept for a day
        (DAY, 100 - UP, 100),  # it was switched off, and has been up for 100 seconds
        (60, YEAR, 60),  # another machine, which has been up for a year longer
    ],
)
def test_the_smaller_step_is_believed(machine: Machine, wall: float, uptime: float, passed: float) -> None:
    assert machine.later(wall=wall, uptime=uptime) == pytest.approx(passed)


def test_after_a_clock_was_set_back_time_goes_on(machine: Machine) -> None:
    machine.later(wall=60, uptime=60)
    machine.later(wall=-YEAR, uptime=10)
    assert machine.later(wall=DAY, uptime=DAY) == pytest.approx(DAY + 60)


def test_setting_the_clock_back_and_forth_makes_no_time(machine: Machine) -> None:
    for jump in (YEAR, -YEAR, YEAR, -YEAR):
        machine.later(wall=jump + 1, uptime=1)
    assert machine.later(wall=0, uptime=0) <= 4


def test_the_clocks_are_looked_at_every_few_minutes_and_when_one_was_set_back(
    machine: Machine,
) -> None:
    def due(wall: float) -> bool:
        machine.wall = START + wall
        return machine.store.read_now(elapsed_time.is_due)

    assert [due(wall) for wall in (0.0, 299.0, 301.0, -1.0)] == [False, False, True, True]
