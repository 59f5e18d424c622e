"""Leases: which process looks after a job, renewed for all of a process's jobs together, and never for those it has left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from seedance_mcp.store import Connection, Leases, open_store, transitions
from seedance_mcp.store.database import SqliteStore

from . import records

JOBS = [f"j{number}" for number in range(30)]


class Clock:
    """Time that the test moves."""

    now = records.START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqliteStore]:
    def fill(connection: Connection) -> None:
        for name in JOBS:
            transitions.insert(connection, records.job(id=name, tag=name, client_key=name), day="2023-11-14")

    with closing(open_store(tmp_path, clock=clock)) as store:
        store.write_now(fill)
        yield store


@pytest.fixture
def other(store: SqliteStore, tmp_path: Path, clock: Clock) -> Iterator[SqliteStore]:
    """The same database in another process's hands."""
    with closing(open_store(tmp_path, clock=clock)) as other:
        yield other


def changes(store: SqliteStore) -> int:
    return store._connection.total_changes


def elsewhere(leases: Leases, store: SqliteStore) -> set[str]:
    return {job.id for job in store.read_now(leases.open_jobs) if job.elsewhere}


async def test_most_steps_write_nothing_and_one_renews_them_all(
    store: SqliteStore, other: SqliteStore, clock: Clock
) -> None:
    leases = Leases(store)
    for name in JOBS:
        assert await leases.take(name)
    before = changes(store)
    clock.now += 29
    assert all([await leases.take(name) for name in JOBS])
    assert changes(store) == before
    clock.now += 2
    assert await leases.take("j7")
    renewed = changes(store)
    assert renewed > before
    assert all([await leases.take(name) for name in JOBS])
    assert changes(store) == renewed
    clock.now += 59
    assert elsewhere(Leases(other), other) == set(JOBS)


async def test_a_job_that_was_left_is_free_when_its_lease_has_run_out(
    store: SqliteStore, other: SqliteStore, clock: Clock
) -> None:
    leases, others = Leases(store), Leases(other)
    assert await leases.take("j1")
    assert await leases.take("j2")
    assert not await others.take("j1")
    leases.let_go("j1")
    clock.now += 40
    assert await leases.take("j2")
    clock.now += 25
    assert elsewhere(others, other) == {"j2"}
    assert await others.take("j1")
    assert not await others.take("j2")


async def test_a_lease_that_another_took_meanwhile_is_not_believed_any_more(
    store: SqliteStore, other: SqliteStore, clock: Clock
) -> None:
    leases, others = Leases(store), Leases(other)
    assert await leases.take("j1")
    assert await leases.take("j2")
    clock.now += 61
    assert await others.take("j1")
    assert await leases.take("j2")
    assert not await leases.take("j1")
    before = changes(store)
    assert await leases.take("j2")
    assert changes(store) == before


async def test_a_job_that_is_wanted_is_taken_with_the_next(store: SqliteStore, other: SqliteStore) -> None:
    leases = Leases(store)
    leases.want("j1")
    leases.want("j2")
    assert await leases.take("j3")
    assert elsewhere(Leases(other), other) == {"j1", "j2", "j3"}


async def test_a_lease_of_a_clock_a_little_ahead_is_believed_and_of_one_that_was_set_not(
    store: SqliteStore, other: SqliteStore, clock: Clock
) -> None:
    """As on machines that each asked the database for the time: an answer that took longer tells a little less."""
    leases, others = Leases(store), Leases(other)
    assert await leases.take("j1")
    clock.now -= 0.002
    assert elsewhere(others, other) == {"j1"}
    assert not await others.take("j1")
    assert await others.take("j2"), "which looks through all leases"
    assert elsewhere(others, other) == {"j1"}
    clock.now -= 3600
    assert elsewhere(others, other) == set()
    assert await others.take("j1")


async def test_whoever_says_that_it_ends_holds_nothing(store: SqliteStore, other: SqliteStore) -> None:
    assert await Leases(store).take("j1")
    store.local.say_ending()
    assert elsewhere(Leases(other), other) == set()
    assert await Leases(other).take("j1")


async def test_without_leases_everybody_looks_after_every_job(store: SqliteStore, other: SqliteStore) -> None:
    assert await Leases(store).take("j1")
    assert await Leases(other, on=False).take("j1")
    assert elsewhere(Leases(other, on=False), other) == set()
