"""How long it must have been quiet before a missing task proves anything: clocks set forward do not shorten it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from seedance_mcp.catalog import Catalog
from seedance_mcp.jobs.tracking.reconcile import quiet_seconds, reconcile
from seedance_mcp.providers import Recovery, WhenSent
from seedance_mcp.store import transitions
from seedance_mcp.store.database import SqliteStore, open_store
from seedance_mcp.types import Job, JobState

from . import records
from .records import START

OFFER = Catalog.load().offer("byteplus", "seedance-2.0")
QUIET = quiet_seconds(OFFER.provider)
UP = 50_000.0


class EmptyList:
    """A provider whose whole list shows nothing of ours."""

    async def recover(self, *_: object) -> Recovery:
        return Recovery(proves_absence=True, since=WhenSent.EVERYTHING)


class Machine:
    def __init__(self, store: SqliteStore) -> None:
        self.store, self.wall, self.uptime = store, START, UP
        store.clock, store.uptime = lambda: self.wall, lambda: self.uptime

    def unknown_job(self, *, uptime: float | None = UP) -> Job:
        with self.store._connection as connection:
            reserved = transitions.insert(connection, records.job(), day="2023-11-14")
            job = transitions.move(connection, reserved, JobState.SENDING, now=START, by="me", sent_at=START)
            return transitions.move(
                connection, job, JobState.UNKNOWN, now=START, by="me", unknown_at=START, unknown_uptime=uptime
            )

    def asked(self, job: Job, *, wall: float, uptime: float) -> JobState:
        self.wall, self.uptime = wall, uptime
        answered = anyio.run(lambda: reconcile(job, OFFER, provider=EmptyList(), store=self.store))  # type: ignore[arg-type]
        return answered.state


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    store = open_store(tmp_path / "state")
    yield Machine(store)
    store.close()


@pytest.mark.parametrize(
    ("wall", "uptime", "state"),
    [
        (QUIET - 1, QUIET - 1, JobState.UNKNOWN),
        (QUIET, QUIET, JobState.ABSENT),
        (90_000.0, QUIET - 1, JobState.UNKNOWN),  # the clock was set forward by a day
        (QUIET - 1, 90_000.0, JobState.UNKNOWN),  # another machine, which has been up for longer
        (90_000.0, QUIET - 1 - UP, JobState.UNKNOWN),  # restarted, and not up for the quiet period yet
        (90_000.0, QUIET - UP, JobState.ABSENT),  # restarted, and up for the whole of it
    ],
)
def test_absence_counts_only_when_the_clock_and_the_steady_clock_agree(
    machine: Machine, wall: float, uptime: float, state: JobState
) -> None:
    job = machine.unknown_job()
    assert machine.asked(job, wall=START + wall, uptime=UP + uptime) is state


def test_a_record_from_before_the_steady_clock_goes_by_the_wall(machine: Machine) -> None:
    job = machine.unknown_job(uptime=None)
    assert machine.asked(job, wall=START + QUIET - 1, uptime=0.0) is JobState.UNKNOWN
    assert machine.asked(job, wall=START + QUIET, uptime=0.0) is JobState.ABSENT


def test_the_steady_clock_is_the_same_to_all_processes(tmp_path: Path) -> None:
    store = open_store(tmp_path / "state")
    before = store.uptime()
    other = subprocess.run(
        [sys.executable, "-c", "import time; print(time.monotonic())"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert before <= float(other.stdout) <= store.uptime()
    store.close()
