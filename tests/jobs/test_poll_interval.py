"""How often a job is looked at: SEEDANCE_POLL_SECONDS, and never without a pause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.app import Update, open_app
from seedance_mcp.catalog import Catalog
from seedance_mcp.config import load_settings
from seedance_mcp.jobs import ProviderPool
from seedance_mcp.jobs.tracking import polling
from seedance_mcp.types import JobState, VideoRequest
from tests.emulator import Behaviour, Emulator
from tests.reliability.fault_market import hurry, installed, request
from tests.reliability.waiting import until

NOWHERE = Path("none.toml")


async def test_an_interval_of_zero_is_the_shortest_and_no_storm(environ: dict[str, str]) -> None:
    async with Emulator("replicate", behaviour=Behaviour(running_seconds=2.0)) as emulator:
        given = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off", "SEEDANCE_POLL_SECONDS": "0"}
        with anyio.fail_after(30):
            async with open_app(load_settings(given, settings_file=NOWHERE)) as app:
                wish = VideoRequest(prompt="a fox", model="seedance-2.0", duration=5)
                job = await app.wait((await app.generate(wish)).job.id, 20)
        assert job.finished
        assert 2 < emulator.ledger.count("poll") <= 55, "a look every 0.04 s at most"


@pytest.mark.parametrize(
    ("environ_of_keys", "seconds"),
    [
        ({}, 0.05),
        ({"SEEDANCE_FAL_BASE_URL": "http://127.0.0.1:9000", "FAL_KEY": "x"}, 0.05),
        ({"SEEDANCE_FAL_BASE_URL": "http://127.0.0.1:9000", "FAL_KEY": "x", "ARK_API_KEY": "y"}, 1.0),
        ({"FAL_KEY": "x"}, 1.0),
        ({"SEEDANCE_FAL_BASE_URL": "https://relay.example", "FAL_KEY": "x"}, 1.0),
    ],
)
def test_only_what_is_on_this_machine_may_be_asked_many_times_a_second(
    environ_of_keys: dict[str, str], seconds: float
) -> None:
    catalog = Catalog.load()
    settings = load_settings(environ_of_keys, settings_file=NOWHERE)
    assert ProviderPool(lambda: catalog, settings).least_wait == seconds


async def test_a_placeholder_is_looked_at_every_second_so_that_its_progress_does_not_jump(
    environ: dict[str, str],
) -> None:
    told: list[Update] = []

    async def report(update: Update) -> None:
        told.append(update)

    given = {**environ, "SEEDANCE_POLL_SECONDS": "600", "SEEDANCE_SANDBOX_SECONDS": "5"}
    with anyio.fail_after(60):
        async with open_app(load_settings(given, settings_file=NOWHERE)) as app:
            wish = VideoRequest(prompt="a fox", model="seedance-1.0-pro", resolution="480p", duration=2)
            job = await app.wait((await app.generate(wish)).job.id, 50, report)
    assert job.finished
    rendered = sorted({update.fraction for update in told if update.message.startswith("Rendering")})
    assert len(rendered) >= 2, told


def keeping(folder: Path, *, seconds: float) -> Catalog:
    """The catalogue with a provider that keeps a video for so long, and has no limits to the number of calls."""
    limits = "".join(
        f"\nlimits.{kind} = {{ calls = 1000, seconds = 1, source = 'none here' }}"
        for kind in ("submit", "read", "list")
    )
    overlay = folder / "overlay.toml"
    overlay.write_text(f"[providers.ark]\nresult_hours = {seconds / 3600:.9f}{limits}\n")
    return Catalog.load(overlay)


@pytest.mark.parametrize("faults", [{}, {"kind": "lost", "call": "poll", "times": 3}])
async def test_no_interval_makes_a_look_later_than_the_video_is_kept(
    faults: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after a poll that failed either."""
    hurry(monkeypatch)
    async with Emulator("ark") as emulator:
        if faults:
            emulator.fail(**faults)
        given = {**emulator.environment(), "SEEDANCE_POLL_SECONDS": "7200"}
        async with installed(given, tmp_path, keeping(tmp_path, seconds=4)) as app:
            job = await app.wait((await app.generate(request("ark"))).job.id, 30)
    assert job.state is JobState.DONE


async def test_a_stalled_job_is_looked_at_often_enough_to_fetch_its_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr(polling, "_CEILING_SECONDS", 0.0)
    async with Emulator("ark", behaviour=Behaviour(endless=True)) as emulator:

        async def stalled() -> bool:
            return (await app.job(job_id)).state is JobState.STALLED

        async def looked() -> bool:
            return emulator.ledger.count("poll") >= asked + 4

        given = {**emulator.environment(), "SEEDANCE_POLL_SECONDS": "600"}
        async with installed(given, tmp_path, keeping(tmp_path, seconds=1)) as app:
            job_id = (await app.generate(request("ark"))).job.id
            with anyio.fail_after(30):
                await until(stalled)
            asked = emulator.ledger.count("poll")
            with anyio.fail_after(8):  # twelve times the interval would be twelve seconds
                await until(looked)
