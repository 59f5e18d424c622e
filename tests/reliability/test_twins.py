"""The same video twice, the second answer lost: what the first job has is never taken for what the second bought."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from seedance_mcp.errors import InvalidRequest
from seedance_mcp.types import Job, JobState, PurchaseTerms
from tests.emulator import Behaviour

from .fault_market import Shop, hurry, opened, request
from .waiting import until

WISHES = {
    "atlas": {"model": "seedance-2.0", "resolution": "480p", "duration": 5, "seed": 5},
    "fal": {"model": "seedance-2.0", "resolution": "480p", "duration": 5},
    "replicate": {"model": "seedance-2.0", "resolution": "480p", "duration": 5, "seed": 5},
}
"""Nothing of ours comes back with these: all twins look alike."""

every_provider = pytest.mark.parametrize("name", WISHES)


@dataclass
class Twins:
    shop: Shop
    first: Job
    second: Job

    async def now(self) -> Job:
        return await self.shop.app.job(self.second.id)


@asynccontextmanager
async def twins(name: str, folder: Path, *, bought: bool) -> AsyncIterator[Twins]:
    """One job that is done, and the same again, of which nothing was heard."""
    with anyio.fail_after(60):
        async with opened(name, folder, Behaviour()) as shop:
            first = (await shop.app.generate(request(name, **WISHES[name]))).job
            first = await shop.app.wait(first.id, 30)
            assert first.state is JobState.DONE
            shop.emulator.fail("lost", accepted=bought)
            second = await shop.app.generate(
                request(name, **WISHES[name]), PurchaseTerms(allow_duplicate=True)
            )
            yield Twins(shop, first, second.job)


@every_provider
async def test_the_twin_that_nobody_has_is_found(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    async with twins(name, tmp_path, bought=True) as both:
        second = await both.shop.app.wait(both.second.id, 30)
        assert second.state is JobState.DONE
        assert second.submission
        assert both.first.submission
        assert second.submission.task_id != both.first.submission.task_id
        assert both.shop.emulator.ledger.count("submit") == len(both.shop.emulator.ledger.tasks) == 2


@every_provider
async def test_the_twin_that_was_never_bought_does_not_take_the_other_ones_task(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hurry(monkeypatch)
    async with twins(name, tmp_path, bought=False) as both:
        listed = both.shop.emulator.ledger.count("list")
        expected = JobState.ABSENT if both.shop.info.absence_is_proof else JobState.UNKNOWN

        async def looked() -> bool:
            asked = both.shop.emulator.ledger.count("list") > listed + 2
            return (await both.now()).state is expected and (asked or expected is JobState.ABSENT)

        await until(looked)
        assert "nobody expected" not in caplog.text


async def test_a_person_cannot_give_a_job_the_task_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    async with twins("fal", tmp_path, bought=False) as both:

        async def unknown() -> bool:
            return (await both.now()).state is JobState.UNKNOWN

        await until(unknown)
        assert both.first.submission
        with pytest.raises(InvalidRequest, match="another job"):
            await both.shop.app.installation.resolve(both.second.id, both.first.submission.task_id)
