"""A large database does not hold up a start, and is looked through whole before anything is bought from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from seedance_mcp.app import open_app
from seedance_mcp.errors import StoreError
from seedance_mcp.store import Store, job_records, open_store, soundness, transitions
from tests.emulator import Emulator
from tests.reliability import fault_market as market

from . import records

PAGE = 4096
DAY = 86_400.0
NOW = 1_700_000_000.0


def filled(folder: Path) -> Path:
    """Make a database with old entries, larger than what is looked through at every start."""
    open_store(folder).close()
    path = folder / "jobs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO events (job_id, at, to_state, by, detail, hash) VALUES ('old', 0, 'done', 'x', ?, 'h')",
            ((f"{number:>3900}",) for number in range(soundness.WHOLE_AT_ONCE_BYTES // PAGE + 100)),
        )
        connection.commit()
    assert path.stat().st_size > soundness.WHOLE_AT_ONCE_BYTES
    return path


def damage(path: Path) -> None:
    """Write rubbish into a page that is about old entries only."""
    data = bytearray(path.read_bytes())
    place = len(data) // PAGE // 2 * PAGE
    assert b" " * 1000 in data[place : place + PAGE]
    data[place : place + PAGE] = b"\xa5" * PAGE
    path.write_bytes(data)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield filled(tmp_path / "state")
    for left in (tmp_path / "state").glob("jobs*.db*"):
        left.unlink()


def opened(path: Path, now: float = NOW) -> Store:
    return open_store(path.parent, clock=lambda: now)


async def test_damage_in_what_is_old_stops_purchases_before_anything_is_bought(path: Path) -> None:
    damage(path)
    with closing(opened(path)) as store:
        assert store.notice is None
        for _ in range(2):
            with pytest.raises(StoreError, match="damaged"):
                await store.ensure_sound()
    with closing(opened(path)) as store:
        assert "has been set aside" in str(store.notice)
        await store.ensure_sound()
    with closing(opened(path)) as store:
        assert store.notice is None


async def test_nothing_is_sent_to_a_provider_while_old_entries_are_damaged(
    path: Path,
) -> None:
    damage(path)
    async with Emulator("ark") as emulator:
        settings = market.settings(emulator.environment("ark"), path.parent.parent)
        async with open_app(settings) as app:
            with pytest.raises(StoreError, match="damaged"):
                await app.generate(market.request("ark"))
        assert emulator.ledger.count("submit") == 0
    assert soundness.is_suspected(path)


async def test_what_was_found_sound_is_looked_through_again_after_a_day(path: Path) -> None:
    with closing(opened(path)) as store:
        await store.ensure_sound()
    damage(path)
    with closing(opened(path, NOW + DAY - 1)) as store:
        await store.ensure_sound()
    for later in (NOW + DAY, NOW - 1):  # a clock that is set back says nothing
        with closing(opened(path, later)) as store, pytest.raises(StoreError, match="damaged"):
            await store.ensure_sound()
        soundness.forget_suspicion(path)


async def test_a_copy_of_a_file_that_was_sound_is_looked_through_itself(path: Path) -> None:
    with closing(opened(path)) as store:
        await store.ensure_sound()
    damage(path)
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)
    with closing(opened(path)) as store, pytest.raises(StoreError, match="damaged"):
        await store.ensure_sound()


async def test_damage_that_a_query_meets_is_looked_for_at_the_next_start(path: Path) -> None:
    with closing(opened(path)) as store:
        await store.ensure_sound()
        damage(path)
        with pytest.raises(StoreError, match="damaged"):
            await store.read(
                lambda connection: connection.execute("SELECT sum(length(detail)) FROM events").fetchone()
            )
    with closing(opened(path)) as store:
        assert "has been set aside" in str(store.notice)


async def test_a_server_that_runs_for_days_looks_again_each_day(path: Path) -> None:
    now = [NOW]
    with closing(open_store(path.parent, clock=lambda: now[0])) as store:
        await store.ensure_sound()
        damage(path)
        await store.ensure_sound()
        now[0] += DAY
        with pytest.raises(StoreError, match="damaged"):
            await store.ensure_sound()


async def test_an_index_that_is_wrong_is_made_anew_and_nothing_is_set_aside(tmp_path: Path) -> None:
    with closing(open_store(tmp_path)) as store:
        store.write_now(lambda connection: transitions.insert(connection, records.job(), day="2023-11-14"))
    path = tmp_path / "jobs.db"
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'jobs_by_state'"
        ).fetchone()
    data = bytearray(path.read_bytes())
    place = data.index(b"reserved", (page - 1) * PAGE)
    data[place : place + 8] = b"reserveX"
    path.write_bytes(data)
    soundness.suspect(path)
    with closing(open_store(tmp_path)) as store:
        assert store.notice is None
        assert [job.id for job in store.read_now(job_records.unfinished)] == ["j"]
    assert not soundness.is_suspected(path)


def test_a_folder_in_the_place_of_the_mark_keeps_no_server_from_starting(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    (tmp_path / "jobs.db.suspect").mkdir()
    for _ in range(2):
        with closing(open_store(tmp_path)) as store:
            assert store.notice is None


def test_damage_in_what_decides_purchases_is_noticed_at_the_start(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'spending'").fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * PAGE : page * PAGE] = b"\xa5" * PAGE
    path.write_bytes(data)
    with closing(opened(path)) as store:
        assert "has been set aside" in str(store.notice)


def test_a_file_that_was_cut_off_is_noticed_at_the_start(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // PAGE // 2 * PAGE])
    with closing(opened(path)) as store:
        assert "has been set aside" in str(store.notice)


async def test_a_sound_file_is_bought_from_and_a_database_in_use_is_waited_for(path: Path) -> None:
    with closing(opened(path)) as one, closing(opened(path)) as other:
        await one.ensure_sound()
        await other.ensure_sound()
        assert one.read_now(
            lambda connection: connection.execute("SELECT count(*) FROM jobs").fetchone()
        ) == (0,)
