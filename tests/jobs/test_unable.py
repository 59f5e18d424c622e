"""A process that can do nothing for a job keeps it from nobody: whoever can follows it within a minute or so."""

from __future__ import annotations

import contextlib
import sqlite3
from decimal import Decimal
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest

from seedance_mcp.app import App, open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.jobs import watcher
from seedance_mcp.store import leases, open_store, transitions
from seedance_mcp.types import JobState, PurchaseTerms, VideoRequest
from tests.emulator import Behaviour, Emulator
from tests.emulator.tls import authority, front
from tests.reliability import fault_market as market
from tests.reliability.waiting import until

from . import records

THEIRS = "another-key-9876543210"
"""The key of somebody else's account."""

SOON = 12.0
"""Seconds in which a job is followed by whoever can: six leases."""

NEW_MODEL = """
[models."boat-9"]
use = ["all", "family-20", "pixels-20-720"]
title = "Boat 9"
summary = "Tomorrow"
rank = 0
resolutions = ["480p", "720p"]
[providers.ark.offers."boat-9"]
use = "all"
endpoints = [{ id = "doubao-seedance-2-0-260128" }]
"""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    market.hurry(monkeypatch)
    monkeypatch.setattr(leases, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(watcher, "_RESCAN_SECONDS", 0.3)
    monkeypatch.setattr(watcher, "_OTHER_ACCOUNT_SECONDS", 0.2)
    monkeypatch.setattr(watcher, "_LONGEST_PAUSE", 1.5)


def settings(environ: dict[str, str], emulator: Emulator, **more: str) -> Settings:
    wide = {"SEEDANCE_CONFIRM": "off", "SEEDANCE_MAX_USD_PER_DAY": "1000", "SEEDANCE_POLL_SECONDS": "0.1"}
    return load_settings(
        {**environ, **emulator.environment(), **wide, **more}, settings_file=Path("none.toml")
    )


def wish(prompt: str, model: str = "seedance-1.0-pro-fast") -> VideoRequest:
    return VideoRequest(prompt=prompt, provider="ark", model=model, duration=5)


async def bought(app: App, prompt: str, model: str = "seedance-1.0-pro-fast") -> str:
    job = (await app.generate(wish(prompt, model), PurchaseTerms(max_usd=Decimal(50)))).job
    assert job.state is JobState.ACCEPTED, job.error
    return job.id


async def taken(app: App, *jobs: str) -> None:
    """Wait until the process of this app has had the leases of these jobs."""

    async def all_taken() -> bool:
        found = await app.installation.store.read(
            lambda connection: connection.execute(_HELD, (mine,)).fetchall()
        )
        seen.update(job_id for (job_id,) in found)
        return seen.issuperset(jobs)

    mine, seen = app.installation.store.ownership.instance, set[str]()
    with anyio.fail_after(20):
        await until(all_taken)


async def fails_at(app: App, *jobs: str) -> None:
    """Wait until a step of each of these jobs has failed."""

    async def all_failed() -> bool:
        return set(jobs) <= {incident.job_id for incident in await app.incidents()}

    with anyio.fail_after(20):
        await until(all_failed)


_HELD = "SELECT job_id FROM leases WHERE owner = ?"


async def delivered(app: App, emulator: Emulator, job_id: str) -> None:
    """Let the provider finish this job; it has to be saved soon."""
    job = await app.job(job_id)
    assert job.submission
    emulator.tasks[job.submission.task_id].running_seconds = 0
    job = await app.wait(job_id, SOON)
    assert job.state is JobState.DONE


async def test_a_process_that_cannot_reach_the_provider_leaves_its_jobs_to_who_can(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """As one that its client confines, or that lacks the company's certificates: paid videos expire meanwhile."""
    certificates = authority(tmp_path / "tls", "localhost")
    async with Emulator("ark", behaviour=Behaviour(endless=True)) as emulator:
        inside = urlsplit(emulator.origin("ark")).port or 0
        async with front(certificates, inside) as server:
            emulator._worlds["ark"].origin = f"https://localhost:{server.port}"
            able = settings(environ, emulator, SSL_CERT_FILE=str(certificates.file))
            async with open_app(able) as app:
                jobs = [await bought(app, f"boat {number}") for number in range(6)]
            other = authority(tmp_path / "other", "localhost").file
            async with open_app(settings(environ, emulator, SSL_CERT_FILE=str(other))) as unable:
                await taken(unable, *jobs)
                async with open_app(able) as app:
                    await delivered(app, emulator, jobs[0])


async def test_a_process_whose_catalogue_lacks_a_model_leaves_its_jobs_to_who_knows_it(
    environ: dict[str, str], tmp_path: Path
) -> None:
    overlay = tmp_path / "mine.toml"
    overlay.write_text(NEW_MODEL, encoding="utf-8")
    async with Emulator("ark", behaviour=Behaviour(endless=True)) as emulator:
        able = settings(environ, emulator, SEEDANCE_CATALOG=str(overlay))
        async with open_app(able) as app:
            job = await bought(app, "a boat", "boat-9")
        async with open_app(settings(environ, emulator)) as unable:
            await taken(unable, await bought(unable, "another"))
            await fails_at(unable, job)
            async with open_app(able) as app:
                await delivered(app, emulator, job)


async def test_a_process_that_was_another_account_leaves_the_job_to_its_own(
    environ: dict[str, str],
) -> None:
    async with Emulator("ark", behaviour=Behaviour(endless=True)) as emulator:
        emulator.add_account(THEIRS)
        own = settings(environ, emulator)
        async with open_app(own) as app:
            job = await bought(app, "a boat")
            account = (await app.job(job)).account
        theirs = {**environ, **emulator.environment(key=THEIRS)}
        async with open_app(settings(theirs, emulator, ARK_API_KEY=THEIRS)) as other:
            await taken(other, await bought(other, "another"))
            await other.installation.same_account(account, "ark")
            await taken(other, job)
            assert await other.installation.not_same_account(account, "ark")
            async with open_app(own) as app:
                await delivered(app, emulator, job)


async def test_a_damaged_record_is_named_by_every_process(environ: dict[str, str]) -> None:
    async with (
        Emulator("ark", behaviour=Behaviour(endless=True)) as emulator,
        open_app(settings(environ, emulator)) as app,
    ):
        jobs = [await bought(app, f"boat {number}") for number in range(3)]
        await taken(app, *jobs)
        async with open_app(settings(environ, emulator)) as other:

            async def searched() -> bool:
                return other.runner.damaged.searched

            async def named() -> bool:
                return jobs[0] in {one.job_id for one in await other.damaged(newest=1)}

            await until(searched)
            _spoil(Path(environ["SEEDANCE_STATE_DIR"]) / "jobs.db", jobs[0])
            with anyio.fail_after(SOON):
                await until(named)


def _spoil(database: Path, job_id: str) -> None:
    change = (
        "UPDATE jobs SET document = json_set(document, '$.version', version + 1, '$.tag', 'x') WHERE id = ?"
    )
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(change, (job_id,))


async def test_what_a_dead_process_did_not_send_is_ended_also_without_a_catalogue(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """Nobody has to be asked about it, and its money is counted until then."""
    broken = tmp_path / "mine.toml"
    broken.write_text("[providers.ark", encoding="utf-8")
    with contextlib.closing(open_store(Path(environ["SEEDANCE_STATE_DIR"]))) as store:
        for number, state in enumerate((JobState.ACCEPTED, JobState.RESERVED)):
            name = f"j{number}"
            job = records.job(id=name, tag=name, client_key=name, state=state, owner="gone")
            store.write_now(partial(transitions.insert, job=job, day="2023-11-14"))
    given = load_settings({**environ, "SEEDANCE_CATALOG": str(broken)}, settings_file=tmp_path / "none.toml")
    async with open_app(given) as app:

        async def ended() -> bool:
            return (await app.job("j1")).state is JobState.NOT_SENT

        with anyio.fail_after(SOON):
            await until(ended)
