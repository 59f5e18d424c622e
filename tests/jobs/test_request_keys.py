"""The same key never buys twice: in every state, after any time, from processes that race."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import resources
from pathlib import Path

import anyio
import pytest
from PIL import Image
from pydantic import TypeAdapter

from seedance_mcp.app import App, open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import InvalidRequest, JobNotFound
from seedance_mcp.jobs.buying.idempotency import RequestKey, job_of, keep
from seedance_mcp.store import Connection, Store, open_store, transitions
from seedance_mcp.store.database import checksum
from seedance_mcp.types import Job, JobState, PurchaseTerms, VideoRequest
from tests.emulator import Behaviour, Emulator
from tests.reliability import fault_market as market
from tests.reliability.waiting import until
from tests.test_app import made, request

from . import records

KEY = "shot-0001"


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    return load_settings(environ)


async def again(app: App, asked: VideoRequest, **how: object) -> Job:
    with anyio.fail_after(60):
        started = await app.generate(asked, PurchaseTerms(request_key=KEY, **how))  # type: ignore[arg-type]
    assert started.deduplicated
    assert KEY in started.reason
    return started.job


@pytest.mark.parametrize("allow_duplicate", [False, True])
async def test_a_key_stands_for_its_job_after_it_was_finished_and_read(
    settings: Settings, allow_duplicate: bool
) -> None:
    async with open_app(settings) as app:
        first = await made(app, request(), request_key=KEY)
        await app.note_read("somebody", [first.id])
        repeated = await again(app, request(), allow_duplicate=allow_duplicate)
        assert repeated.id == first.id
        assert len(await app.recent()) == 1
    async with open_app(settings) as app:  # and in the next process, next year
        assert (await again(app, request())).id == first.id


async def test_a_new_key_is_a_new_purchase_of_the_same_request(settings: Settings) -> None:
    async with open_app(settings) as app:
        first = await app.generate(request("[sandbox:stall] a boat"), PurchaseTerms(request_key="shot-0001"))
        second = await app.generate(request("[sandbox:stall] a boat"), PurchaseTerms(request_key="shot-0002"))
        without = await app.generate(request("[sandbox:stall] a boat"))
        assert not second.deduplicated
        assert len({first.job.id, second.job.id}) == 2
        assert without.deduplicated
        for started in (first, second):
            await app.cancel(started.job.id)


async def test_another_request_under_the_same_key_is_refused_and_the_difference_named(
    settings: Settings,
) -> None:
    async with open_app(settings) as app:
        first = await made(app, request(), request_key=KEY)
        with pytest.raises(InvalidRequest) as caught:
            await app.generate(request("a steamer", duration=3), PurchaseTerms(request_key=KEY))
        assert len(await app.recent()) == 1
    (problem,) = caught.value.problems
    assert first.id in problem
    assert "duration (2 there, 3 here)" in problem
    assert "prompt" in problem
    assert "seed" not in problem


@pytest.mark.parametrize("written_first", [False, True])
async def test_a_default_that_is_written_out_is_the_same_request_under_its_key(
    settings: Settings, written_first: bool
) -> None:
    short = VideoRequest(prompt="[sandbox:stall] a boat")
    async with open_app(settings) as app:
        planned = (await app.estimate(short)).request
        whole = planned.model_copy(update={"prompt": "[sandbox:stall]  a boat ", "seed": -1})
        assert whole.duration is not None
        assert short.duration is None
        # Where it goes is a choice, not a default: who names it at first has to name it again.
        named = short.model_copy(update={"model": whole.model, "provider": whole.provider})
        first, second = (whole, named) if written_first else (short, whole)
        started = await app.generate(first, PurchaseTerms(request_key=KEY))
        repeated = await again(app, second)
        assert repeated.id == started.job.id
        longer = second.model_copy(update={"duration": whole.duration + 1})
        with pytest.raises(InvalidRequest, match=r"differs in: duration \([^)]*\)\.$"):
            await app.generate(longer, PurchaseTerms(request_key=KEY))
        await app.cancel(repeated.id)


async def test_no_sound_of_a_silent_model_is_the_same_request_as_nothing_said(settings: Settings) -> None:
    plain = VideoRequest(prompt="[sandbox:stall] a boat", model="seedance-1.0-pro")
    async with open_app(settings) as app:
        for terms in (PurchaseTerms(), PurchaseTerms(request_key=KEY)):
            first = await app.generate(plain, terms)
            silent = await app.generate(plain.model_copy(update={"generate_audio": False}), terms)
            assert silent.job.id == first.job.id
        spoken = plain.model_copy(update={"generate_audio": True})
        with pytest.raises(InvalidRequest, match="makes silent video"):
            await app.generate(spoken)
        for job in await app.recent():
            await app.cancel(job.id)


@pytest.mark.parametrize("key", ["short", "x" * 65, "with space", "ünicode-key", "line\nbreak", ""])
async def test_a_key_of_another_form_is_refused_before_anything_happens(settings: Settings, key: str) -> None:
    async with open_app(settings) as app:
        with pytest.raises(InvalidRequest, match="request_key must have 8 to 64"):
            await app.generate(request(), PurchaseTerms(request_key=key))
        assert await app.recent() == []


async def test_a_picture_that_has_gone_is_still_the_same_and_one_that_was_changed_is_not(
    settings: Settings, tmp_path: Path
) -> None:
    picture = tmp_path / "media" / "boat.png"
    picture.parent.mkdir()
    Image.effect_noise((640, 480), 60).convert("RGB").save(picture)
    asked = request(first_frame=str(picture))
    async with open_app(settings) as app:
        first = await made(app, asked, request_key=KEY)
        moved = picture.rename(picture.with_name("moved.png"))
        assert (await again(app, asked)).id == first.id
        assert (await again(app, request(first_frame=str(moved)))).id == first.id
        Image.effect_noise((640, 480), 90).convert("RGB").save(picture)
        with pytest.raises(InvalidRequest, match=r"differs in: first_frame\."):
            await app.generate(asked, PurchaseTerms(request_key=KEY))


@pytest.mark.parametrize("state", list(JobState))
def test_only_a_purchase_that_provably_did_not_happen_frees_its_key(tmp_path: Path, state: JobState) -> None:
    store: Store = open_store(tmp_path)
    job = records.job(state=state)
    key = RequestKey.of(KEY, job.request, {})
    store.write_now(
        lambda connection: keep(connection, key, transitions.insert(connection, job, day="2026-11-21"))
    )
    found = store.read_now(lambda connection: job_of(connection, key))
    store.close()
    free = state in (JobState.NOT_SENT, JobState.REJECTED, JobState.ABSENT)
    assert (found and found.id) == (None if free else job.id)


def test_a_key_of_an_older_database_still_stands_for_its_job(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    (tmp_path / "jobs.db").unlink()
    job = records.job(state=JobState.DONE)
    key = RequestKey.of(KEY, job.request, {})
    scripts = sorted(
        resources.files("seedance_mcp.store").joinpath("migrations").iterdir(), key=lambda file: file.name
    )
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as older:
        for script in scripts[:5]:
            older.executescript(script.read_text(encoding="utf-8"))
        document = TypeAdapter(Job).dump_json(job).decode()
        older.execute(
            "INSERT INTO jobs (id, document, crc) VALUES (?, ?, ?)", (job.id, document, checksum(document))
        )
        asked = job.request.model_dump_json(exclude_defaults=True)
        older.execute("INSERT INTO request_keys VALUES (?, ?, ?, '{}', 0)", (KEY, job.id, asked))
        older.execute("PRAGMA user_version = 5")
    store = open_store(tmp_path)
    try:
        assert store.read_now(lambda connection: job_of(connection, key)) == job
    finally:
        store.close()


def test_a_key_whose_job_is_gone_from_a_damaged_database_buys_nothing(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        job = records.job()
        key = RequestKey.of(KEY, job.request, {})

        def lose(connection: Connection) -> None:
            keep(connection, key, transitions.insert(connection, job, day="2023-11-14"))

        store.write_now(lose)
        with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as damaging:
            damaging.execute("DELETE FROM jobs")
        with pytest.raises(JobNotFound):
            store.read_now(lambda connection: job_of(connection, key))


async def test_a_refused_purchase_is_made_anew_under_its_key_and_a_lost_answer_never(tmp_path: Path) -> None:
    async with market.opened("ark", tmp_path, Behaviour()) as shop:
        asked = market.request("ark")
        shop.emulator.fail("status", status=400, value="InvalidParameter", accepted=False)
        refused = await shop.app.generate(asked, PurchaseTerms(request_key=KEY))
        assert refused.job.state is JobState.REJECTED
        shop.emulator.fail("lost")
        lost = await shop.app.generate(asked, PurchaseTerms(request_key=KEY))
        assert not lost.deduplicated
        assert (await again(shop.app, asked)).id == lost.job.id
        await shop.app.wait(lost.job.id, 30)
        assert (await again(shop.app, asked, allow_duplicate=True)).id == lost.job.id
        assert len(shop.emulator.ledger.tasks) == 1
        with pytest.raises(InvalidRequest, match=lost.job.id):
            await shop.app.generate(
                market.request("ark", prompt="another boat"), PurchaseTerms(request_key=KEY)
            )


async def test_a_key_stands_for_a_purchase_that_turns_up_after_a_second_one_was_refused(
    tmp_path: Path,
) -> None:
    async with market.opened("ark", tmp_path, Behaviour(list_lag=3600)) as shop:
        asked = market.request("ark")
        shop.emulator.fail("lost")
        lost = await shop.app.generate(asked, PurchaseTerms(request_key=KEY))

        async def judged() -> bool:
            return (await shop.app.job(lost.job.id)).state is JobState.ABSENT

        with anyio.fail_after(30):
            await until(judged)
        shop.emulator.fail("status", status=400, value="InvalidParameter", accepted=False)
        refused = await shop.app.generate(asked, PurchaseTerms(request_key=KEY))
        assert refused.job.state is JobState.REJECTED
        shop.emulator.behaviour.list_lag = 0
        await shop.app.runner.adopt_late()
        assert (await again(shop.app, asked)).id == lost.job.id
        assert len(shop.emulator.ledger.tasks) == 1


RACE = """
import sys, anyio
from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.types import PurchaseTerms
from tests.reliability import fault_market as market

async def main():
    async with open_app(load_settings()) as app:
        print("ready", flush=True)
        await anyio.to_thread.run_sync(sys.stdin.readline)
        started = await app.generate(market.request("ark"), PurchaseTerms(request_key="shot-0001", allow_duplicate=True))
        print(started.job.id, flush=True)

anyio.run(main)
"""


def test_processes_that_race_with_one_key_make_one_purchase(environ: dict[str, str]) -> None:
    with Emulator("ark").threaded() as emulator:
        given = {**os.environ, **environ, **emulator.environment("ark"), "SEEDANCE_CONFIRM": "off"}
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", RACE],
                env=given,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for racer in racers:
            assert racer.stdout
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin
            racer.stdin.write("go\n")
            racer.stdin.flush()
        ids = {racer.communicate(timeout=60)[0].strip() for racer in racers}
        assert [racer.returncode for racer in racers] == [0, 0]
        assert len(ids) == 1
        assert len(emulator.ledger.tasks) == 1
        assert emulator.ledger.count("submit") == 1
