"""A clock that is wrong, or was when a purchase was sent, never proves that nothing was bought, and hides no task."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from seedance_mcp.types import JobState

from .fault_market import hurry
from .lost_answers import lost
from .waiting import until

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
LISTED = ("ark", "fal", "atlas", "replicate")


@pytest.mark.parametrize("name", LISTED)
@pytest.mark.parametrize("ahead", [11 * MINUTE, HOUR, 3 * DAY, -11 * MINUTE, -20 * DAY])
@pytest.mark.parametrize("corrected", [True, False])
async def test_a_task_that_was_bought_under_a_wrong_clock_is_found(
    name: str, ahead: float, corrected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    async with lost(name, tmp_path, ahead=ahead) as machine:
        if corrected:
            machine.set_clock(0.0)
        machine.shop.emulator.faults.clear()
        job = await machine.ends(JobState.DONE, JobState.ABSENT)
        assert job.state is JobState.DONE
        assert len(machine.shop.emulator.ledger.tasks) == 1


async def test_a_clock_that_is_set_back_by_as_much_as_the_machine_slept_hides_no_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    async with lost("ark", tmp_path, ahead=HOUR) as machine:
        machine.sleep(HOUR)
        machine.set_clock(HOUR)  # by the true time, which is an hour later: it is right now
        machine.shop.emulator.faults.clear()
        assert (await machine.ends(JobState.DONE, JobState.ABSENT)).state is JobState.DONE


@pytest.mark.parametrize("bought", [True, False])
async def test_after_a_start_of_the_machine_a_list_proves_nothing_but_a_task_is_found(
    bought: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    async with lost("ark", tmp_path, ahead=3 * HOUR, bought=bought) as machine:
        machine.set_clock(0.0)
        machine.restart()
        machine.shop.emulator.faults.clear()
        if bought:
            assert (await machine.ends(JobState.DONE, JobState.ABSENT)).state is JobState.DONE
        else:
            await anyio.sleep(0.6)  # the quiet period of this market
            await machine.asked(2)
            assert (await machine.job()).state is JobState.UNKNOWN


async def test_what_was_learnt_of_the_providers_clock_counts_after_a_start_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    async with lost("ark", tmp_path, ahead=3 * HOUR, bought=False) as machine:
        machine.stop_the_quiet_period()
        machine.shop.emulator.faults.clear()

        async def noted() -> bool:
            return (await machine.job()).sent_not_before is not None

        await until(noted)
        machine.restart()
        machine.store.uptime = time.monotonic
        job = await machine.ends(JobState.ABSENT)
        assert job.sent_not_before is not None
        assert abs(job.sent_not_before - time.time()) < 10 * MINUTE


async def test_a_provider_that_does_not_tell_its_time_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    async with lost("ark", tmp_path, bought=False) as machine:
        machine.shop.emulator.behaviour.undated = True
        machine.shop.emulator.faults.clear()
        await anyio.sleep(0.6)  # the quiet period of this market
        await machine.asked(2)
        assert (await machine.job()).state is JobState.UNKNOWN


async def test_what_stays_open_because_of_the_clock_says_so_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    async with lost("ark", tmp_path, bought=False, impatient=True) as machine:
        machine.restart()
        machine.shop.emulator.faults.clear()
        job = await machine.ends(JobState.UNRESOLVED, JobState.ABSENT)
    assert (job.state, job.error_code) == (JobState.UNRESOLVED, "unresolved")
    assert "clock" in (job.error or "")
    assert f"jobs resolve {job.id}" in (job.error_hint or "")
    assert job.charge is None
