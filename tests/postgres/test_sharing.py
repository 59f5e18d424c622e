"""What a store on PostgreSQL goes by where several machines share it: who is alive, what time it is, which database it is."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, LiteralString, cast

import anyio
import psycopg
import pytest
from psycopg import sql

from seedance_mcp.catalog import Catalog
from seedance_mcp.config import load_settings
from seedance_mcp.errors import BudgetExceeded, ConfigError, StoreError
from seedance_mcp.jobs.tracking.reconcile import quiet_seconds, reconcile
from seedance_mcp.providers import Recovery, WhenSent
from seedance_mcp.store import (
    Conflict,
    Connection,
    Leases,
    breakers,
    budget,
    migrate_chosen,
    open_chosen,
    transitions,
)
from seedance_mcp.store.machine import machine_time
from seedance_mcp.store.postgres import SCHEMA_VERSION, PostgresStore, open_postgres_store
from seedance_mcp.types import Job, JobState
from tests.jobs import records

from .server import Server, as_superuser

OFFER = Catalog.load().offer("byteplus", "seedance-2.0")
QUIET = quiet_seconds(OFFER.provider)
SELLER = breakers.Seller(provider="ark", account="a", model="m")


class Machines:
    """Stores of several machines, each with a state folder of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._opened: list[PostgresStore] = []

    def store(self) -> PostgresStore:
        self._opened.append(open_postgres_store(self._url, self._folder / f"machine{len(self._opened)}"))
        return self._opened[-1]

    def close(self) -> None:
        for store in self._opened:
            store.close()


@pytest.fixture
def machines(url: str, tmp_path: Path) -> Iterator[Machines]:
    machines = Machines(url, tmp_path)
    yield machines
    machines.close()


def end_session(server: Server, store: PostgresStore) -> None:
    """End the session that holds the life lock of a store, as a network or a server that fails does."""
    number = int(store.ownership.instance, 16)
    with psycopg.connect(server.url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
            " AND classid::bigint = %s AND objid::bigint = %s AND objsubid = 1",
            (number >> 32, number & 0xFFFFFFFF),
        ).fetchall()
    assert ended == [(True,)]


def note(key: str) -> Any:
    return lambda connection: connection.execute("INSERT INTO meta (key, value) VALUES (?, '1')", (key,))


def has(store: PostgresStore, key: str) -> bool:
    rows = store.read_now(
        lambda connection: connection.execute("SELECT 1 FROM meta WHERE key = ?", (key,)).fetchall()
    )
    return bool(rows)


async def test_a_process_is_alive_to_all_machines_until_it_closes(machines: Machines) -> None:
    here, there = machines.store(), machines.store()
    assert here.ownership.instance != there.ownership.instance
    assert await here.alive(there.ownership.instance)
    assert here.ownership.at_work(there.ownership.instance)
    there.close()
    assert not await here.alive(there.ownership.instance)
    assert await here.alive(here.ownership.instance)
    assert not await here.alive("receipt")


async def test_a_lost_lock_lets_nothing_be_written_as_its_owner_ever_again(
    postgres: Server, machines: Machines
) -> None:
    store, other = machines.store(), machines.store()
    before = store.ownership.instance
    await store.write_as(before, note("held"))
    end_session(postgres, store)
    assert not await other.alive(before)
    for _ in range(2):
        with pytest.raises(StoreError):
            await store.write_as(before, note("lost"))
    await store.ensure_sound()
    after = store.ownership.instance
    assert after != before
    assert await other.alive(after)
    with pytest.raises(StoreError, match="was lost"):
        await store.write_as(before, note("lost"))
    await store.write_as(after, note("held again"))
    assert [has(other, key) for key in ("held", "lost", "held again")] == [True, False, True]


async def test_who_lives_is_told_while_a_purchase_waits_for_the_database(machines: Machines) -> None:
    """A transaction asks who is at work; that must not wait for one that waits for it."""
    store, other = machines.store(), machines.store()
    asked: list[bool] = []

    def slow(connection: Connection) -> None:
        time.sleep(0.3)
        asked.append(store.ownership.alive(other.ownership.instance))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.write, slow)
            await anyio.sleep(0.1)
            tasks.start_soon(store.write_as, store.ownership.instance, note("waited"))
    assert asked == [True]
    assert has(other, "waited")


async def test_a_job_is_left_to_a_machine_that_is_at_work(machines: Machines) -> None:
    here, there = machines.store(), machines.store()
    reserved = await here.write(
        lambda connection: transitions.insert(connection, records.job(), day="2023-11-14")
    )
    assert await Leases(here).take(reserved.id)
    assert not await Leases(there).take(reserved.id)
    here.close()
    assert await Leases(there).take(reserved.id)


async def test_a_lease_is_left_alone_by_a_machine_whose_clock_is_a_little_behind(
    machines: Machines,
) -> None:
    """The longer the answer took, the less is known: so the clocks of two machines are some milliseconds apart."""
    here, there = machines.store(), machines.store()
    reserved = await here.write(
        lambda connection: transitions.insert(connection, records.job(), day="2023-11-14")
    )
    there.clock = lambda: here.clock() - 0.01
    assert await Leases(here).take(reserved.id)
    assert not await Leases(there).take(reserved.id)


def test_a_store_that_is_closed_takes_no_life_lock_again(machines: Machines) -> None:
    """As by a thread that looked for it at the moment when it was given back."""
    here, there = machines.store(), machines.store()
    before = there.ownership.instance
    there.close()
    assert not here.ownership.alive(before)
    with pytest.raises(StoreError, match="was closed"):
        there._life.ensure()
    assert there.ownership.instance == before
    with pytest.raises(psycopg.OperationalError):
        there._life.ask(lambda connection: connection.execute("SELECT 1"))


async def test_the_time_is_that_of_the_database_and_asked_for_again_every_minute(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    true = machine_time.running
    monkeypatch.setattr(machine_time, "running", lambda: true() + 5000.0)
    store = machines.store()

    def said() -> float:
        asked = "SELECT EXTRACT(EPOCH FROM clock_timestamp())::double precision"
        return store.read_now(lambda connection: connection.execute(asked).fetchone()[0])

    assert abs(store.clock() - said()) < 0.5, "whatever this machine's clocks show"
    monkeypatch.setattr(machine_time, "running", lambda: true() + 5040.0)
    assert abs(store.clock() - said() - 40) < 0.5, "it was asked within the last minute"
    with caplog.at_level(logging.WARNING):
        monkeypatch.setattr(machine_time, "running", lambda: true() + 5100.0)
        said()
    assert abs(store.clock() - said()) < 0.5
    assert "the clock of the database was set by -100" in caplog.text


async def test_the_first_look_after_a_minute_finds_a_lost_lock(
    postgres: Server, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = machines.store()
    before = store.ownership.instance
    end_session(postgres, store)
    true = machine_time.running
    monkeypatch.setattr(machine_time, "running", lambda: true() + 61.0)
    has(store, "anything")
    assert store.ownership.instance != before
    assert await store.alive(store.ownership.instance)


class EmptyList:
    """A provider whose whole list shows nothing of ours."""

    async def recover(self, *_: object) -> Recovery:
        return Recovery(proves_absence=True, since=WhenSent.EVERYTHING)


async def test_each_machine_counts_the_quiet_period_by_its_own_steady_clock(machines: Machines) -> None:
    here, there = machines.store(), machines.store()
    wall = here.clock()
    clocks = {here: 1000.0, there: 900_000.0}
    for number, store in enumerate((here, there)):
        store.start = f"start {number}"
        store.clock = lambda: wall
        store.uptime = lambda store=store: clocks[store]
    job = here.write_now(lambda connection: _unknown(connection, now=wall, uptime=clocks[here]))

    async def look(store: PostgresStore, job: Job) -> Job:
        return await reconcile(job, OFFER, provider=EmptyList(), store=store)  # type: ignore[arg-type]

    job = await look(here, job)
    wall += 100_000.0  # somebody set the clock of the database
    job = await look(there, job)
    assert job.state is JobState.UNKNOWN, "its steady clock has shown more all along"
    clocks[here] += QUIET - 1
    clocks[there] += QUIET - 1
    assert (await look(there, job)).state is JobState.UNKNOWN
    assert (await look(here, job)).state is JobState.UNKNOWN
    clocks[there] += 1
    assert (await look(there, job)).state is JobState.ABSENT


def _unknown(connection: Connection, *, now: float, uptime: float) -> Job:
    job = transitions.insert(connection, records.job(), day="2023-11-14")
    job = transitions.move(connection, job, JobState.SENDING, now=now, by="me", sent_at=now)
    return transitions.move(
        connection, job, JobState.UNKNOWN, now=now, by="me", unknown_at=now, unknown_uptime=uptime
    )


def test_in_a_copy_of_a_database_spending_is_stopped_until_a_person_allows_it(
    postgres: Server, url: str, machines: Machines, tmp_path: Path
) -> None:
    store = machines.store()
    assert store.notice is None
    store.read_now(lambda connection: budget.check_open(connection, SELLER, now=store.clock()))
    installation = store.installation
    store.close()
    with contextlib.closing(open_postgres_store(url, tmp_path / "again")) as again:
        assert again.notice is None
        assert again.installation == installation
    copy = postgres.copy(url)
    with contextlib.closing(open_postgres_store(copy, tmp_path / "copy")) as restored:
        assert "restored from a copy" in (restored.notice or "")
        assert restored.installation != installation
    with contextlib.closing(open_postgres_store(copy, tmp_path / "copy")) as later:
        assert later.notice is None
        with pytest.raises(BudgetExceeded, match="restored") as stopped:
            later.read_now(lambda connection: budget.check_open(connection, SELLER, now=later.clock()))
        assert "allow-spending" in stopped.value.hint
        assert later.write_now(budget.allow_spending)
    with contextlib.closing(open_postgres_store(copy, tmp_path / "copy")) as allowed:
        allowed.read_now(lambda connection: budget.check_open(connection, SELLER, now=allowed.clock()))


async def test_a_database_that_was_moved_meanwhile_is_noticed_before_a_purchase(
    machines: Machines,
) -> None:
    store = machines.store()
    await store.ensure_sound()
    await store.write(
        lambda connection: connection.execute(
            "UPDATE meta SET value = replace(value, ' 00000001 ', ' 00000007 ') WHERE key = 'origin'"
        )
    )
    await store.ensure_sound()
    assert "another server" in (store.notice or "")
    with pytest.raises(BudgetExceeded):
        store.read_now(lambda connection: budget.check_open(connection, SELLER, now=store.clock()))


async def test_tables_of_another_version_are_refused_and_told_when_they_change(
    postgres: Server, machines: Machines, url: str, tmp_path: Path
) -> None:
    store = machines.store()
    await store.ensure_current()
    for version, hint in (("0", "seedance-mcp migrate"), ("99", "Update this installation")):
        await store.write(
            lambda connection, version=version: connection.execute(
                "UPDATE meta SET value = ? WHERE key = 'schema'", (version,)
            )
        )
        for look in (store.ensure_current, store.ensure_sound):
            with pytest.raises(StoreError, match=f"version {version}"):
                await look()
        with pytest.raises(StoreError, match=f"version {version}") as refused:
            open_postgres_store(url, tmp_path / "other")
        assert hint in refused.value.hint


@pytest.mark.parametrize(
    "change",
    [
        "ALTER POLICY of_its_person ON jobs WITH CHECK (FALSE)",
        "ALTER TABLE jobs ADD COLUMN team TEXT NOT NULL",
        "ALTER TABLE jobs RENAME COLUMN document TO record",
    ],
)
async def test_a_server_left_running_at_a_migration_says_that_the_tables_are_newer(
    postgres: Server, machines: Machines, url: str, change: str
) -> None:
    def order(connection: Connection) -> Job:
        return transitions.insert(connection, records.job(), day="2023-11-14")

    store = machines.store()
    with psycopg.connect(as_superuser(url), autocommit=True) as newer:
        newer.execute(sql.SQL(cast("LiteralString", change)))
        with pytest.raises((StoreError, Conflict, psycopg.Error)) as unexplained:
            await store.write(order)
        assert "version" not in str(unexplained.value)
        newer.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    for write in (store.write, partial(store.write_as, store.ownership.instance)):
        with pytest.raises(StoreError, match="version 99") as refused:
            await write(order)
        assert "Update this installation" in refused.value.hint
    await store.write(note("the answer to what it had sent already is still written down"))


def test_the_settings_choose_the_database_and_migrate_prepares_it(
    postgres: Server, environ: dict[str, str]
) -> None:
    with pytest.raises(ConfigError, match="SEEDANCE_DATABASE_URL is not set"):
        migrate_chosen(load_settings(environ).database_url)
    settings = load_settings({**environ, "SEEDANCE_DATABASE_URL": postgres.empty()})
    with pytest.raises(StoreError, match="no tables yet"):
        open_chosen(settings)
    assert migrate_chosen(settings.database_url) == (0, SCHEMA_VERSION)
    assert migrate_chosen(settings.database_url) == (SCHEMA_VERSION, SCHEMA_VERSION)
    with contextlib.closing(open_chosen(settings)) as store:
        assert store.shared
    assert not (settings.state_dir / "jobs.db").exists()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://bob:se@cret@db.example/videos",
        "postgresql://bob:se/cret@db.example/videos",
        "postgresql://bob:se?cret@db.example/videos",
        "postgresql://bob:se#cret@db.example/videos",
        "postgresql://bob:se%cret@db.example/videos",
        "postgresql://bob:se cret@db.example/videos",
        "mysql://bob:secret@db.example/videos",
        "bob:secret@db.example",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_and_not_repeated(
    environ: dict[str, str], address: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings({**environ, "SEEDANCE_DATABASE_URL": address})
    assert "SEEDANCE_DATABASE_URL (from environment) is wrong" in refused.value.message
    assert "cret" not in refused.value.message + refused.value.hint


def test_a_database_that_refuses_is_told_of_without_its_password(
    environ: dict[str, str], tmp_path: Path
) -> None:
    address = "postgresql://bob:s3cr%21et@127.0.0.1:9/videos"
    settings = load_settings({**environ, "SEEDANCE_DATABASE_URL": address})
    assert {address, "s3cr%21et", "s3cr!et"} <= set(settings.hidden())
    assert "s3cr" not in repr(settings)
    with pytest.raises(StoreError, match="cannot be used now") as refused:
        open_chosen(settings)
    assert "s3cr" not in refused.value.message + refused.value.hint
