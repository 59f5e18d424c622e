"""Calls to a provider stay below its limits, whatever the number of processes, and heed its 429; the store holds nobody up."""

from __future__ import annotations

import contextlib
import json
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from seedance_mcp.app import App, open_app
from seedance_mcp.catalog import Catalog, ProviderInfo
from seedance_mcp.config import load_settings
from seedance_mcp.errors import RateLimited
from seedance_mcp.jobs.pool.rate_limits import SharedRateLimits
from seedance_mcp.providers import Access, create
from seedance_mcp.store import RateFiles, open_store
from seedance_mcp.store.machine.process_locks import FileLock
from seedance_mcp.types import JobState, Submission, VideoRequest
from tests.emulator import Behaviour, Emulator, Fault

NOW = 1_760_000_000.0
PAID = sorted(name for name, info in Catalog.load().providers.items() if not info.placeholder)

POLLER = """
import json, sys
from pathlib import Path
from typing import Any
import anyio
from seedance_mcp.catalog import Catalog
from seedance_mcp.config import load_settings
from seedance_mcp.jobs import ProviderPool
from seedance_mcp.store import open_store
from seedance_mcp.types import Submission

async def main(told):
    settings = load_settings(told["environ"], settings_file=Path(told["catalog"] + ".none"))
    catalog = Catalog.load(Path(told["catalog"]))
    store = open_store(settings.state_dir)
    pool = ProviderPool(lambda: catalog, settings, store)
    provider = pool.open(catalog.provider("ark"))
    print("here", flush=True)
    sys.stdin.readline()
    for _ in range(told["polls"]):
        await provider.poll(Submission(task_id=told["task"]))
    await pool.close()
    store.close()

anyio.run(main, json.loads(sys.argv[1]))
"""


class Clock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Limits = Callable[[ProviderInfo, str], SharedRateLimits]


@pytest.fixture
def limits(tmp_path: Path, clock: Clock) -> Limits:
    """The turns of an account, as another process of this machine has them each time."""
    return lambda info, account: SharedRateLimits(RateFiles(tmp_path / "turns"), info, account, clock)


def info(**limits: tuple[int, float]) -> ProviderInfo:
    """A provider with these limits: calls in seconds, by kind."""
    known = Catalog.load().provider("ark")
    line = known.limits["read"]
    own = {
        kind: line.model_copy(update={"calls": calls, "seconds": seconds})
        for kind, (calls, seconds) in limits.items()
    }
    return known.model_copy(update={"limits": own})


def most_within(times: list[float], seconds: float) -> int:
    """The most that ever lie in a stretch of so many seconds."""
    return max(sum(begin <= at < begin + seconds for at in times) for begin in times)


@pytest.mark.parametrize("name", PAID)
def test_every_provider_has_its_limits_with_their_source(name: str) -> None:
    found = Catalog.load().provider(name)
    needed = {"submit", "read"} | ({"list"} if "recover" in found.supports else set[str]())
    assert needed <= found.limits.keys()
    assert all(limit.source for limit in found.limits.values())


@pytest.mark.parametrize("allowed", [(1, 1.0), (2, 1.0), (20, 1.0), (15, 60.0), (60, 60.0)])
async def test_no_period_holds_more_calls_than_are_allowed(
    allowed: tuple[int, float], limits: Limits, clock: Clock
) -> None:
    calls, seconds = allowed
    turns = limits(info(read=allowed), "a")
    rng = random.Random(calls)
    times: list[float] = []
    for _ in range(100):
        wait = await turns.turn("read", 10_000)
        times.append(clock.now + wait)
        clock.now += rng.choice(
            (0.0, wait, wait, wait + seconds * rng.choice((0.0, 0.0, 0.1, 0.9, 1.0, 3.0)))
        )
    assert most_within(times, seconds * 0.9999) <= calls


async def test_rate_limits_come_as_fast_as_they_may(limits: Limits, clock: Clock) -> None:
    """Without a pause in between, at least two thirds of what a period allows go out in it."""
    turns = limits(info(submit=(30, 60.0)), "a")
    for _ in range(60):
        clock.now += await turns.turn("submit", 10_000)
    assert clock.now - NOW <= 2 * 60 * 1.5


async def test_a_few_calls_may_come_at_once(limits: Limits) -> None:
    turns = limits(info(read=(20, 1.0)), "a")
    waits = [await turns.turn("read", 10) for _ in range(8)]
    assert waits[:6] == [0.0] * 6
    assert 0 < waits[6] < waits[7]


async def test_kinds_accounts_and_providers_do_not_share_turns(limits: Limits) -> None:
    one = info(read=(1, 60.0), list=(1, 60.0), submit=(1, 60.0))
    assert await limits(one, "a").turn("read", 100) == 0
    assert await limits(one, "a").turn("read", 100) > 50
    assert await limits(one, "a").turn("list", 100) == 0
    assert await limits(one, "b").turn("read", 100) == 0
    assert await limits(one.model_copy(update={"name": "other"}), "a").turn("read", 100) == 0


async def test_a_turn_that_is_too_far_away_is_not_taken(limits: Limits) -> None:
    turns = limits(info(read=(1, 60.0)), "a")
    await turns.turn("read", 0)
    assert [round(await turns.turn("read", 5)) for _ in range(3)] == [60, 60, 60]


async def test_a_pause_that_the_provider_asked_for_holds_for_everybody(limits: Limits, clock: Clock) -> None:
    unlimited = info()
    await limits(unlimited, "a").hold("read", 40)
    assert await limits(unlimited, "a").turn("read", 100) == pytest.approx(40)
    await limits(unlimited, "a").hold("read", 5)
    assert await limits(unlimited, "a").turn("read", 100) == pytest.approx(40)
    clock.now += 41
    assert await limits(unlimited, "a").turn("read", 100) == 0


async def test_a_clock_that_was_set_back_holds_nobody_up(limits: Limits, clock: Clock) -> None:
    turns = limits(info(read=(1, 1.0)), "a")
    await turns.turn("read", 10)
    await turns.hold("read", 300)
    clock.now -= 86_400
    assert await turns.turn("read", 10) == 0


async def test_a_clock_that_was_set_back_a_minute_holds_nobody_up(limits: Limits, clock: Clock) -> None:
    turns = limits(info(read=(2, 1.0)), "a")
    for _ in range(5):
        await turns.turn("read", 10)
    clock.now -= 60
    assert await turns.turn("read", 10) == 0


async def test_a_state_folder_that_is_gone_stays_gone(tmp_path: Path, clock: Clock) -> None:
    gone = tmp_path / "state"
    assert (
        await SharedRateLimits(RateFiles(gone / "turns"), info(read=(1, 60.0)), "a", clock).turn("read", 0)
        == 0
    )
    assert not gone.exists()


async def test_another_process_that_stands_still_holds_nobody_up(limits: Limits, tmp_path: Path) -> None:
    turns = limits(info(read=(1, 60.0)), "a")
    await turns.turn("read", 0)
    (file,) = (tmp_path / "turns").iterdir()
    with contextlib.closing(FileLock(file)) as held:
        assert held.try_take()
        with anyio.fail_after(5):
            assert await turns.turn("read", 0) == 0
            await turns.hold("read", 10)
    assert await turns.turn("read", 0) == pytest.approx(60, abs=0.1)


async def test_files_that_cannot_be_used_hold_nobody_up(limits: Limits, tmp_path: Path) -> None:
    (tmp_path / "turns").write_text("no folder")
    turns = limits(info(read=(1, 60.0)), "a")
    assert [await turns.turn("read", 0), await turns.turn("read", 0)] == [0, 0]
    await turns.hold("read", 10)


async def test_no_second_has_room_for_one_call_too_many_that_is_quicker_on_its_way(limits: Limits) -> None:
    turns = limits(info(read=(20, 1.0)), "a")
    waits = [await turns.turn("read", 10) for _ in range(45)]
    assert all(waits[n + 20] - waits[n] > 1.02 for n in range(25))
    assert waits[44] < 3.2, "nor is much less asked than may be"


@pytest.mark.parametrize("content", [b"", b"half", b"\xff" * 16, b"\x00" * 16, b"\x7f" * 64])
async def test_rubbish_in_a_file_holds_nobody_up(content: bytes, limits: Limits, tmp_path: Path) -> None:
    turns = limits(info(read=(1, 60.0)), "a")
    await turns.turn("read", 0)
    (file,) = (tmp_path / "turns").iterdir()
    file.write_bytes(content)
    assert [await turns.turn("read", 100), await turns.turn("read", 100)] == [0, pytest.approx(60, abs=0.1)]


async def test_looks_at_a_running_task_change_nothing_in_the_database(environ: dict[str, str]) -> None:
    async with (
        Emulator("ark", behaviour=Behaviour(endless=True)) as emulator,
        open_app(settings_of(environ, emulator, SEEDANCE_POLL_SECONDS="0.05")) as app,
    ):
        await app.generate(wish())
        await _polled(emulator, 3)
        before = await app.installation.store.read(_changes)
        await _polled(emulator, emulator.ledger.count("poll") + 10)
        assert await app.installation.store.read(_changes) == before


def _changes(connection: Any) -> tuple[int, int]:
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return connection.total_changes, version


async def _polled(emulator: Emulator, times: int) -> None:
    with anyio.fail_after(30):
        while emulator.ledger.count("poll") < times:  # noqa: ASYNC110
            await anyio.sleep(0.01)


def overlay(folder: Path, **limits: tuple[int, float]) -> Path:
    path = folder / "catalog.toml"
    lines = [
        f"[providers.ark.limits.{kind}]\ncalls = {calls}\nseconds = {seconds}\n"
        for kind, (calls, seconds) in limits.items()
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_processes_together_stay_below_the_limit(tmp_path: Path, environ: dict[str, str]) -> None:
    with Emulator("ark").threaded() as emulator:
        world_task = _bought(emulator, tmp_path)
        told = {
            "environ": {**environ, **emulator.environment()},
            "catalog": str(overlay(tmp_path, read=(10, 1.0))),
            "task": world_task,
            "polls": 10,
        }
        open_store(Path(environ["SEEDANCE_STATE_DIR"])).close()
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", POLLER, json.dumps(told)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        try:
            for process in processes:
                assert process.stdout
                assert process.stdout.readline() == "here\n"
            for process in processes:
                process.communicate("go\n", timeout=60)
        finally:
            for process in processes:
                process.kill()
        assert [process.returncode for process in processes] == [0] * 3
        times = [call.at for call in emulator.ledger.calls if call.name == "poll"]
    assert len(times) == 30
    # Calls are late now and then, so that some more than ten can arrive within a second.
    assert most_within(times, 1.0) <= 16


def _bought(emulator: Emulator, folder: Path) -> str:
    """Put a task on the emulator's books, to be polled."""
    world = emulator._worlds["ark"]
    task = world.accept(
        dialect="ark", model="m", body={}, price=0, currency="CNY", facts={}, task_id="cgt-1"  # type: ignore[arg-type]
    )  # fmt: skip
    task.running_seconds = float("inf")
    return task.id


def wish(prompt: str = "a paper boat") -> VideoRequest:
    return VideoRequest(prompt=prompt, provider="ark", model="seedance-1.0-pro-fast", duration=5)


def settings_of(environ: dict[str, str], emulator: Emulator, **more: str):
    return load_settings(
        {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off", **more},
        settings_file=Path("none.toml"),
    )


async def test_after_a_429_the_next_call_of_any_process_waits_as_long_as_it_said(
    environ: dict[str, str],
) -> None:
    async with Emulator("ark", behaviour=Behaviour(endless=True)) as emulator:
        settings = settings_of(environ, emulator, SEEDANCE_POLL_SECONDS="60")
        async with open_app(settings) as one, open_app(settings) as other:
            job = (await one.generate(wish())).job
            assert job.submission
            emulator.faults.add(Fault(kind="status", call="poll", status=429, seconds=1.2))
            async with anyio.create_task_group() as group:
                group.start_soon(_poll, one, job.submission)
                with anyio.fail_after(10):
                    while not emulator.ledger.count("poll"):  # noqa: ASYNC110
                        await anyio.sleep(0.01)
                    await _held(one)
                await _poll(other, job.submission)
    refused, *later = [call.at for call in emulator.ledger.calls if call.name == "poll"]
    assert len(later) >= 2  # on a slow machine the first look after the purchase comes in between
    assert min(later) >= refused + 1.2


async def _poll(app: App, submission: object) -> None:
    await app._pool.open(app.catalog.provider("ark")).poll(submission)  # type: ignore[arg-type]


async def _held(app: App) -> None:
    """Wait until the pause is on disk."""
    while not any(  # noqa: ASYNC110
        held_until > at
        for file in (app.settings.state_dir / "turns").iterdir()
        for at, held_until in struct.iter_unpack("<dd", file.read_bytes())
    ):
        await anyio.sleep(0.01)


async def test_a_purchase_waits_for_its_turn_before_it_is_sent(environ: dict[str, str]) -> None:
    async with Emulator("ark") as emulator:
        settings = settings_of(environ, emulator)
        async with open_app(settings) as one, open_app(settings) as other:
            emulator.faults.add(Fault(kind="status", status=429, seconds=1.5, accepted=False))
            refused = (await one.generate(wish())).job
            assert (refused.state, refused.error_code) == (JobState.REJECTED, "rate_limited")
            later = (await other.generate(wish("another"))).job
    first, second = [call.at for call in emulator.ledger.calls if call.name == "submit"]
    assert second >= first + 1.5
    assert later.sent_at is not None
    assert later.sent_at >= first + 1.5
    assert len(emulator.ledger.tasks) == 1


async def test_a_purchase_does_not_wait_for_minutes_and_says_that_nothing_was_sent(
    environ: dict[str, str],
) -> None:
    async with Emulator("ark") as emulator, open_app(settings_of(environ, emulator)) as app:
        emulator.faults.add(Fault(kind="status", status=429, seconds=200, accepted=False))
        await app.generate(wish())
        later = (await app.generate(wish("another"))).job
        budget = await app.budget()
    assert (later.state, later.error_code) == (JobState.NOT_SENT, "rate_limited")
    assert "for 200 s; nothing was sent" in (later.error or "")
    assert budget.spent_today_usd == 0
    assert emulator.ledger.count("submit") == 1


async def test_a_file_is_not_fetched_before_the_pause_that_its_server_asked_for(
    environ: dict[str, str],
) -> None:
    async with Emulator("ark") as emulator, open_app(settings_of(environ, emulator)) as app:
        emulator.faults.add(Fault(kind="status", call="result", status=429, seconds=1.2))
        job = (await app.generate(wish())).job
        assert (await app.wait(job.id, 30)).state is JobState.DONE
    refused, fetched = [call.at for call in emulator.ledger.calls if call.name == "result"]
    assert fetched >= refused + 1.2


async def test_a_call_whose_turn_would_leave_it_no_time_is_not_made(tmp_path: Path) -> None:
    class Busy:
        async def turn(self, kind: str, longest: float) -> float:
            return 20.0

        async def hold(self, kind: str, seconds: float) -> None:
            raise AssertionError("nobody has answered")

    async with Emulator("ark") as emulator:
        base_url = emulator.base_url()
        access = Access(key=SecretStr(emulator.key), base_url=base_url, folder=tmp_path, pace=Busy())
        provider = create(Catalog.load().provider("ark"), access)
        with pytest.raises(RateLimited, match="for 20 s; nothing was sent") as refused:
            await provider.poll(Submission(task_id="cgt-1"))
        await provider.close()
    assert refused.value.retry_after == 20
    assert emulator.ledger.calls == []
