"""How a result that cannot be had is tried again, and when it is given up: the rules, and a server that keeps to them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from seedance_mcp.app import App
from seedance_mcp.catalog import Catalog
from seedance_mcp.cli.refund import refund_note
from seedance_mcp.errors import DownloadError
from seedance_mcp.jobs.results import retries
from seedance_mcp.jobs.results.retries import (
    MOST_RUBBISH,
    counted,
    is_dead,
    is_kept_no_longer,
    is_out_of_reach,
    is_rubbish_for_good,
    is_taken_as_it_is,
    is_worth_a_fresh_address,
    pause,
)
from seedance_mcp.jobs.results.transfer import LinkExpired, NotChecked, NoVideo
from seedance_mcp.store import job_records, transitions
from seedance_mcp.store.database import checksum, open_store
from seedance_mcp.store.money.ledger import held, to_micros
from seedance_mcp.types import Job, JobState, Tries
from tests.emulator import Emulator
from tests.reliability.fault_market import Shop, catalog, hurry, info, installed, request
from tests.reliability.waiting import until

from . import records

NOON = 1_795_694_400.0
"""2026-11-26, 12:00 UTC."""
HOUR, DAY = 3600.0, 86_400.0
NOTHING = Tries()


def after(*errors: DownloadError, now: float = NOON, tries: Tries = NOTHING) -> Tries:
    for error in errors:
        tries = counted(tries, error, now)
    return tries


def rubbish(size: int = 0) -> NoVideo:
    return NoVideo("A page.", bytes=size)


GONE, BROKEN = LinkExpired("404"), DownloadError("The connection broke, or the disk is full.")
UNCHECKED = NotChecked("The decoder crashed.")


def test_rubbish_is_tried_again_after_growing_pauses_and_given_up_after_eight() -> None:
    tries, now, pauses = NOTHING, NOON, list[float]()
    while not is_rubbish_for_good(tries):
        assert pause(tries, now) == 0
        tries = after(rubbish(), now=now, tries=tries)
        pauses.append(pause(tries, now))
        now += pauses[-1]
    assert tries.rubbish == MOST_RUBBISH
    assert pauses[:4] == [5, 20, 80, 320]
    assert 7 * HOUR < sum(pauses[:-1]) < 8 * HOUR


def test_what_says_nothing_about_the_result_is_no_rubbish() -> None:
    assert after(*[BROKEN] * 100) == Tries(failures=100)
    assert pause(after(*[BROKEN] * 100), NOON) == 0
    assert after(rubbish(), BROKEN, BROKEN).rubbish == 1


def test_too_many_bytes_of_rubbish_wait_for_the_next_day() -> None:
    once = after(rubbish(900_000_000))
    twice = after(rubbish(200_000_000), tries=once)
    assert pause(once, NOON + HOUR) == 0
    assert pause(twice, NOON + HOUR) == 11 * HOUR
    assert pause(twice, NOON + 12 * HOUR) == 0
    assert after(rubbish(5), now=NOON + DAY, tries=twice).rubbish_bytes == 5


def test_dead_addresses_are_renewed_at_once_and_then_less_and_less_often() -> None:
    tries, pauses = NOTHING, list[float]()
    for _ in range(8):
        tries = after(GONE, tries=tries)
        pauses.append(pause(tries, NOON))
    assert pauses == [0, 5, 20, 80, 320, 600, 600, 600]
    assert after(BROKEN, tries=tries).dead_links == 0


def test_a_fresh_address_is_asked_for_from_the_second_failure_in_a_row_on() -> None:
    tries, asked = NOTHING, list[int]()
    for count in range(1, 33):
        tries = after(BROKEN, tries=tries)
        asked += [count] if is_worth_a_fresh_address(tries) else []
    assert asked == [2, 4, 8, 16, 24, 32]


def test_a_video_that_is_here_is_checked_five_times_within_minutes() -> None:
    tries, pauses = NOTHING, list[float]()
    while not is_taken_as_it_is(tries):
        tries = after(UNCHECKED, tries=tries)
        pauses.append(pause(tries, NOON))
    assert pauses == [5, 20, 80, 320]
    assert not is_rubbish_for_good(tries)


def test_a_clock_that_is_set_back_starts_no_pause_of_a_year() -> None:
    tries = after(rubbish(2_000_000_000), rubbish(), now=NOON + 365 * DAY)
    assert pause(tries, NOON) == 0


def test_a_result_is_gone_when_its_time_is_over_and_several_addresses_were_dead() -> None:
    assert not is_kept_no_longer(NOTHING, passed=24 * HOUR - 1, kept_seconds=24 * HOUR)
    assert is_kept_no_longer(NOTHING, passed=24 * HOUR, kept_seconds=24 * HOUR)
    assert [is_dead(after(*[GONE] * count)) for count in range(4)] == [False, False, False, True]


def test_failures_of_any_kind_prove_something_only_when_they_are_many() -> None:
    assert not is_out_of_reach(after(*[BROKEN, rubbish()] * 9, BROKEN))
    assert is_out_of_reach(after(*[BROKEN, rubbish()] * 10))
    assert not is_out_of_reach(after(*[BROKEN] * 50, UNCHECKED))


KEPT_HOURS = sorted({info.result_hours for info in Catalog.load().providers.values()})


@pytest.mark.parametrize("hours", KEPT_HOURS)
def test_a_clock_that_is_wrong_keeps_nothing_alive_for_ever(hours: float) -> None:
    """By it the time never ends; the tries in between take longer, however many fit into it."""
    tries, passed, count = NOTHING, 0.0, 0
    while not is_kept_no_longer(tries, passed=-365 * DAY, kept_seconds=hours * HOUR):
        tries, count = after(GONE, tries=tries), count + 1
        passed += pause(tries, NOON)
    assert passed > hours * HOUR
    assert count < 20 + 6 * hours


def test_a_record_of_an_earlier_version_counts_from_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    stored = store.write_now(
        lambda connection: transitions.insert(connection, records.job(), day="2023-11-14")
    )
    document = json.loads(
        store.read_now(lambda connection: connection.execute("SELECT document FROM jobs").fetchone()[0])
    )
    del document["tries"]
    text = json.dumps(document)
    store.write_now(
        lambda connection: connection.execute("UPDATE jobs SET document = ?, crc = ?", (text, checksum(text)))
    )
    found = store.read_now(lambda connection: job_records.find(connection, stored.id))
    store.close()
    assert found == stored
    assert found.tries == NOTHING


class Place:
    """A provider whose downloads can be made to fail, and one installation that is opened again and again."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator, self.folder, self.job_id = emulator, folder, ""

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[App]:
        environ = self.emulator.environment("ark")
        async with installed(environ, self.folder, catalog("ark")) as app:
            if not self.job_id:
                self.job_id = (await app.generate(request("ark"))).job.id
            yield app

    @property
    def downloads(self) -> int:
        return self.emulator.ledger.count("result")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of an installation whose pauses are short."""
    hurry(monkeypatch)
    return tmp_path


@contextlib.asynccontextmanager
async def selling(folder: Path) -> AsyncIterator[Place]:
    async with Emulator("ark") as emulator:
        yield Place(emulator, folder)


async def job_when(app: App, place: Place, state: JobState, rubbish: int = 0) -> Job:
    async def so() -> bool:
        job = await app.job(place.job_id)
        return job.state is state and job.tries.rubbish >= rubbish

    with anyio.fail_after(30):
        await until(so)
    return await app.job(place.job_id)


async def test_rubbish_ends_after_eight_downloads_however_many_servers_fetched_it(folder: Path) -> None:
    async with selling(folder) as place:
        place.emulator.fail("page", "result", times=None, status=200)
        for least in (1, 3):
            async with place.open() as app:
                job = await job_when(app, place, JobState.REMOTE_DONE, least)
                assert job.error_code == "download"
                assert "try" in (job.error or "")
                assert "of 8" in (job.error or "")
        async with place.open() as app:
            job = await job_when(app, place, JobState.EXPIRED)
            assert (job.error_code, job.tries.rubbish) == ("result_unusable", 8)
            note = await refund_note(app, job)
            counted_micros, _ = await app.installation.store.read(lambda connection: held(connection, job.id))
            shop = Shop(name="ark", app=app, emulator=place.emulator, info=info("ark"))
            assert counted_micros == to_micros(shop.charged()) > 0
        assert job.submission is not None
        # A server that was closed in the middle of a download had not counted that one.
        assert 8 <= place.downloads <= 10
        for words in (
            job.submission.task_id,
            "expired",
            "8 brought something else than a video",
            "a page or a message instead of a video",
            str(job.charge.amount) if job.charge else "?",
        ):
            assert words in note


async def test_a_video_that_arrives_after_rubbish_is_delivered_from_a_fresh_address(folder: Path) -> None:
    async with selling(folder) as place:
        place.emulator.fail("cut_json", "result", times=2)
        place.emulator.fail("empty", "result", times=1)
        async with place.open() as app:
            job = await job_when(app, place, JobState.DONE)
        assert job.tries.rubbish == 3
        assert job.error is None
        assert job.artifacts is not None
        assert Path(job.artifacts.video_path).is_file()
        names = [call.name for call in place.emulator.ledger.calls]
        first, last = names.index("result"), len(names) - names[::-1].index("result")
        assert names[first:last].count("poll") >= 3


async def test_broken_connections_are_no_rubbish(folder: Path) -> None:
    async with selling(folder) as place:
        place.emulator.fail("truncated", "result", times=3)
        place.emulator.fail("lost", "result", times=3)
        async with place.open() as app:
            job = await job_when(app, place, JobState.DONE)
        assert job.tries == Tries(failures=6)
        assert place.downloads >= 7


async def test_no_server_fetches_while_a_pause_lasts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with selling(folder) as place:
        monkeypatch.setattr(retries, "_FIRST_PAUSE", 5000.0)
        place.emulator.fail("empty", "result", times=None)
        async with place.open() as app:
            job = await job_when(app, place, JobState.REMOTE_DONE, 1)
        for _ in range(2):
            async with place.open() as app:
                assert await app.runner._watcher._next(job.id) == 300
                assert (await app.job(job.id)) == job
        assert place.downloads == 1
        monkeypatch.setattr(retries, "_FIRST_PAUSE", 0.0001)
        place.emulator.faults.clear()
        async with place.open() as app:
            await job_when(app, place, JobState.DONE)


async def test_a_full_disk_is_no_rubbish(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with selling(folder) as place:
        (folder / "videos").mkdir()
        full = [True]
        opened = Path.open

        def no_room(path: Path, *given: object, **named: object) -> object:
            if path.suffix == ".part" and full:
                raise OSError(28, "No space left on device")
            return opened(path, *given, **named)  # type: ignore[call-overload]

        monkeypatch.setattr(Path, "open", no_room)
        async with place.open() as app:

            async def seen() -> bool:
                return "is full" in ((await app.job(place.job_id)).error or "") and place.downloads >= 3

            with anyio.fail_after(30):
                await until(seen)
            full.clear()
            job = await job_when(app, place, JobState.DONE)
        assert job.tries == Tries(failures=job.tries.failures)


def test_the_pauses_are_part_of_the_record() -> None:
    """Otherwise every restart, and every other server, would begin anew."""
    job = replace(records.job(), tries=after(rubbish(7), GONE))
    assert job_records._adapter().validate_json(job_records.dump(job)) == job
