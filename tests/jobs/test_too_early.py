"""A clock on the wall that is set forward, or was behind once, ends nothing too early."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.catalog import Catalog, Offer
from seedance_mcp.jobs.context import JobContext
from seedance_mcp.jobs.runner import JobRunner
from seedance_mcp.jobs.tracking.polling import poll
from seedance_mcp.jobs.tracking.reconcile import reconcile
from seedance_mcp.providers import Recovery
from seedance_mcp.store import Store, elapsed_time, open_store, transitions
from seedance_mcp.types import Job, JobState, Submission, TaskState, TaskStatus
from tests.emulator import Behaviour
from tests.reliability.fault_market import hurry, opened, request, settings
from tests.reliability.waiting import until

from . import records
from .records import START

OFFER = Catalog.load().offer("byteplus", "seedance-2.0")
UP, HOUR, DAY, YEAR = 50_000.0, 3600.0, 86_400.0, 31_536_000.0
TASK = Submission(task_id="ours")


class Machine:
    def __init__(self, store: Store) -> None:
        self.store, self.wall, self.uptime = store, START, UP
        store.clock, store.uptime = lambda: self.wall, lambda: self.uptime

    def later(self, wall: float, uptime: float) -> None:
        """Both clocks go on, each by its own measure, and the look at them is noted."""
        self.wall, self.uptime = self.wall + wall, self.uptime + uptime
        self.store.write_now(elapsed_time.note)

    def job(self, state: JobState, **fields: Any) -> Job:
        """A job that was sent at this moment and has come to this state."""

        def write(connection: Any) -> Job:
            reserved = transitions.insert(connection, records.job(), day="2023-11-14")
            sent = transitions.move(
                connection, reserved, JobState.SENDING, now=self.wall, by="me", sent_at=self.wall
            )
            return transitions.move(connection, sent, state, now=self.wall, by="me", **fields)

        return self.store.write_now(write)

    def unknown(self) -> Job:
        return self.job(JobState.UNKNOWN, unknown_at=self.wall, unknown_uptime=self.uptime)


class Seller:
    """Runs every task for ever; its list shows this."""

    def __init__(self, listed: Recovery | None = None) -> None:
        self.listed, self.asked = listed or Recovery(), 0

    async def poll(self, submission: Submission) -> TaskState:
        return TaskState(status=TaskStatus.RUNNING)

    async def recover(self, *_: object) -> Recovery:
        self.asked += 1
        return self.listed


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with closing(open_store(tmp_path / "state")) as store:
        yield Machine(store)


@pytest.mark.parametrize(
    ("wall", "uptime", "state"),
    [
        (YEAR, HOUR, JobState.UNKNOWN),
        (8 * DAY, 8 * DAY, JobState.UNRESOLVED),
        (-YEAR, HOUR, JobState.UNKNOWN),
    ],
)
async def test_an_outcome_is_given_up_only_when_so_much_time_has_passed(
    machine: Machine, wall: float, uptime: float, state: JobState
) -> None:
    job = machine.unknown()
    machine.later(wall, uptime)
    seller: Any = Seller()
    assert (await reconcile(job, OFFER, provider=seller, store=machine.store)).state is state


async def test_an_outcome_is_given_up_in_time_although_the_clock_was_set_back(machine: Machine) -> None:
    job = machine.unknown()
    machine.later(-YEAR, HOUR)
    machine.later(8 * DAY, 8 * DAY)
    seller: Any = Seller()
    assert (await reconcile(job, OFFER, provider=seller, store=machine.store)).state is JobState.UNRESOLVED


@pytest.mark.parametrize(
    ("wall", "uptime", "state"), [(YEAR, HOUR, JobState.ACCEPTED), (3 * DAY, 3 * DAY, JobState.STALLED)]
)
async def test_a_task_counts_as_stalled_only_when_two_days_have_passed(
    machine: Machine, wall: float, uptime: float, state: JobState
) -> None:
    job = machine.job(JobState.ACCEPTED, submission=TASK, accepted_at=machine.wall)
    machine.later(wall, uptime)
    seller: Any = Seller()
    polled = await poll(job, OFFER, provider=seller, store=machine.store, cny_per_usd=Decimal(7))
    assert polled.state is state


class ProviderPool:
    """One seller, whoever asks."""

    def __init__(self, seller: Seller) -> None:
        self._seller = seller
        self.least_wait = 0.0

    def usual_wait(self, provider: str, jobs: int) -> float:
        return 0.0

    def offer(self, job: Job) -> Offer:
        return OFFER

    async def link(self, job: Job) -> str | None:
        return None

    async def open_for(self, job: Job) -> Seller:
        return self._seller


@pytest.mark.parametrize(("wall", "uptime", "looked"), [(YEAR, HOUR, 1), (8 * DAY, 8 * DAY, 0)])
async def test_a_purchase_is_looked_for_late_until_so_much_time_has_passed(
    machine: Machine, tmp_path: Path, wall: float, uptime: float, looked: int
) -> None:
    """The clock that was a year behind when it was sent makes it look old at once."""
    machine.job(JobState.REJECTED)
    machine.later(wall, uptime)
    seller = Seller()
    pool = ProviderPool(seller)
    runner = JobRunner(JobContext.of(machine.store, settings({}, tmp_path)), pool)  # type: ignore[arg-type]
    await runner.adopt_late()
    assert seller.asked == looked


async def test_a_video_is_given_up_only_when_the_time_has_passed_for_which_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    with anyio.fail_after(40):
        async with opened("ark", tmp_path, Behaviour(url_seconds=-1.0)) as shop:
            store, ledger = shop.app.installation.store, shop.emulator.ledger
            job_id = (await shop.app.generate(request("ark"))).job.id

            async def dead_links() -> bool:
                return (await shop.app.job(job_id)).tries.dead_links >= 1

            async def more_dead_links() -> bool:
                return (await shop.app.job(job_id)).tries.dead_links >= 5

            async def ended() -> bool:
                return (await shop.app.job(job_id)).finished

            await until(dead_links)
            store.clock = lambda: time.time() + YEAR
            await until(more_dead_links)
            assert (await shop.app.job(job_id)).state is JobState.REMOTE_DONE
            assert len(ledger.tasks) == 1
            store.uptime = lambda: time.monotonic() + 2 * DAY
            await until(ended)
            assert (await shop.app.job(job_id)).error_code == "result_expired"
