"""A purchase about which nobody answers ends all the same: counted, with words, and open to a person."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from seedance_mcp.app import App
from seedance_mcp.catalog import Catalog
from seedance_mcp.errors import ConfigError
from seedance_mcp.jobs import watcher
from seedance_mcp.store import Receipts
from seedance_mcp.store.money.ledger import held
from seedance_mcp.types import Job, JobState, PurchaseTerms, Submission
from tests.emulator import Behaviour, Emulator
from tests.reliability import fault_market as market
from tests.reliability.waiting import until

DAY = 86_400.0


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    market.hurry(monkeypatch)
    monkeypatch.setattr(watcher, "_LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(watcher, "_RESCAN_SECONDS", 0.2)


class Ahead:
    """How far every clock of the installation and of the provider is put forward, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def wall(self) -> float:
        return time.time() + self.seconds

    def shown(self, clock: Callable[[], float]) -> Callable[[], float]:
        return lambda: clock() + self.seconds


@asynccontextmanager
async def opened(
    name: str, emulator: Emulator, folder: Path, ahead: Ahead, *, known: Catalog | None = None, **more: str
) -> AsyncIterator[App]:
    environ = emulator.environment(name) | more
    async with market.installed(environ, folder, known or market.catalog(name)) as app:
        store = app.installation.store
        store.clock, store.uptime, store.running = (
            ahead.wall,
            ahead.shown(store.uptime),
            ahead.shown(store.running),
        )
        yield app


async def reaches(app: App, job_id: str, state: JobState) -> Job:
    async def there() -> bool:
        return (await app.job(job_id)).state is state

    with anyio.fail_after(60):
        await until(there)
    return await app.job(job_id)


async def bought(app: App, name: str, state: JobState) -> str:
    started = await app.generate(market.request(name), PurchaseTerms(max_usd=Decimal(50)))
    await reaches(app, started.job.id, state)
    return started.job.id


async def days_go_by(app: App, ahead: Ahead, days: float) -> None:
    """In steps: of each only so much is certain as both clocks were seen to go on."""
    for _ in range(4):
        ahead.seconds += days * DAY / 4
        await app.runner._watcher.note_clocks()


async def counted(app: App, job_id: str) -> int:
    return (await app.installation.store.read(lambda connection: held(connection, job_id)))[0]


def a_provider(name: str, ahead: Ahead) -> Emulator:
    """A provider that is at work for as long as the test lasts, by the clock that is put forward."""
    return Emulator(name, clock=ahead.wall, behaviour=Behaviour(running_seconds=1e12))


async def test_a_lost_purchase_whose_list_stays_unreadable_is_left_to_a_person(
    tmp_path: Path,
) -> None:
    ahead = Ahead()
    async with a_provider("ark", ahead) as emulator:
        emulator.fail("lost", "submit")
        emulator.fail("status", "list", times=None, status=503)
        async with opened("ark", emulator, tmp_path, ahead) as app:
            job_id = await bought(app, "ark", JobState.UNKNOWN)
            await days_go_by(app, ahead, market.info("ark").horizon_hours / 24 / 2)
            assert (await app.job(job_id)).state is JobState.UNKNOWN
            await days_go_by(app, ahead, market.info("ark").horizon_hours / 24)
            job = await reaches(app, job_id, JobState.UNRESOLVED)
            assert "jobs resolve" in (job.error_hint or "")
            assert await counted(app, job_id) > 0
            emulator.faults.clear()
            (task_id,) = emulator.ledger.tasks
            resolved, _ = await app.installation.resolve(job_id, task_id)
            assert resolved.state is JobState.ACCEPTED
    assert len(emulator.ledger.tasks) == 1


@pytest.mark.parametrize("name", ["ark", "runcomfy", "fal"])
@pytest.mark.parametrize("fault", [{"kind": "status", "status": 401}, {"kind": "page", "status": 404}])
async def test_an_accepted_task_about_which_nothing_is_answered_is_left_to_a_person(
    name: str, fault: dict[str, object], tmp_path: Path
) -> None:
    ahead = Ahead()
    kept_days = 2 + market.info(name).result_hours / 24
    async with a_provider(name, ahead) as emulator, opened(name, emulator, tmp_path, ahead) as app:
        job_id = await bought(app, name, JobState.ACCEPTED)
        task_id = (await app.job(job_id)).submission
        emulator.fail(call="*", times=None, **fault)  # type: ignore[arg-type]
        await days_go_by(app, ahead, kept_days - 0.1)
        asked = emulator.ledger.count("poll")

        async def asked_often() -> bool:
            return emulator.ledger.count("poll") >= asked + 12

        with anyio.fail_after(60):
            await until(asked_often)
        assert (await app.job(job_id)).state is JobState.ACCEPTED
        await days_go_by(app, ahead, 0.2)
        job = await reaches(app, job_id, JobState.MISSING)
        assert (job.error_code, "counted" in (job.error or "")) == ("task_missing", True)
        assert await counted(app, job_id) > 0
        emulator.faults.clear()
        assert task_id is not None
        resolved, _ = await app.installation.resolve(job_id, task_id.task_id)
        assert resolved.state is JobState.ACCEPTED


async def test_a_word_that_it_was_not_bought_is_taken_back_by_the_id_of_its_task(tmp_path: Path) -> None:
    ahead = Ahead()
    async with a_provider("runcomfy", ahead) as emulator:
        emulator.fail("lost", "submit")
        async with opened("runcomfy", emulator, tmp_path, ahead) as app:
            job_id = await bought(app, "runcomfy", JobState.UNKNOWN)
            said, _ = await app.installation.resolve(job_id, None)
            assert (said.state, await counted(app, job_id)) == (JobState.ABSENT, 0)
            (task_id,) = emulator.ledger.tasks
            taken_back, _ = await app.installation.resolve(job_id, task_id)
            assert taken_back.submission is not None
            assert (taken_back.state, taken_back.submission.task_id) == (JobState.ACCEPTED, task_id)
            assert await counted(app, job_id) > 0


async def test_a_receipt_is_adopted_beside_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    ahead = Ahead()
    async with a_provider("runcomfy", ahead) as emulator:
        emulator.fail("lost", "submit")
        async with opened("runcomfy", emulator, tmp_path, ahead) as app:
            job_id = await bought(app, "runcomfy", JobState.UNKNOWN)
        (task_id,) = emulator.ledger.tasks
        receipts = tmp_path / "state" / "receipts"
        for name in ("aaaa", "zzzz"):  # whatever comes first
            (receipts / f"{name}.receipts").mkdir()
        keeper = Receipts(receipts, "mmmm")
        keeper.prepare()
        keeper.keep(job_id, Submission(task_id=task_id))
        async with opened("runcomfy", emulator, tmp_path, ahead) as app:
            await reaches(app, job_id, JobState.ACCEPTED)
            told = [incident.doing for incident in await app.incidents()]
            assert "Reading the receipts of a process" in told
    assert not (receipts / "mmmm.receipts").exists()


async def test_a_job_whose_provider_left_the_catalogue_blames_no_argument(tmp_path: Path) -> None:
    ahead = Ahead()
    async with a_provider("ark", ahead) as emulator:
        overlay = tmp_path / "relay.toml"
        overlay.write_text(
            '[providers.relay]\nlike = "ark"\ntitle = "Relay"\nkey_variables = ["RELAY_KEY"]\n'
            'base_url = "https://relay.example/api/v3"\n'
        )
        keys = {"RELAY_KEY": emulator.key, "SEEDANCE_RELAY_BASE_URL": emulator.base_url("ark")}
        asked = market.request("ark", provider="relay")
        async with opened("ark", emulator, tmp_path, ahead, known=Catalog.load(overlay), **keys) as app:
            started = await app.generate(asked, PurchaseTerms(max_usd=Decimal(50)))
            await reaches(app, started.job.id, JobState.ACCEPTED)
        async with opened("ark", emulator, tmp_path, ahead) as app:
            with pytest.raises(ConfigError, match="relay") as refused:
                await app.cancel(started.job.id)
            assert "SEEDANCE_CATALOG" in refused.value.hint
            assert all("argument" not in incident.why for incident in await app.incidents())
        async with opened("ark", emulator, tmp_path, ahead, known=Catalog.load(overlay), **keys) as app:
            assert (await app.cancel(started.job.id))[1]
