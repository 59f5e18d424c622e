"""Damaged records among many: found by a search in pieces, which goes on where it was broken off."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from seedance_mcp.errors import StoreError
from seedance_mcp.jobs.damaged_records import DamagedRecords
from seedance_mcp.store import Connection, Store, open_store, transitions
from seedance_mcp.types import JobState

from . import records

DAMAGED = (3, 130)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A database of 150 finished jobs, two of them damaged."""

    def fill(connection: Connection) -> None:
        for number in range(150):
            fields = {"id": f"j{number}", "tag": f"t{number}", "client_key": f"f:{number}"}
            job = transitions.insert(connection, records.job(**fields), day="2023-11-14")
            transitions.move(connection, job, JobState.NOT_SENT, now=records.START, by="me")

    with closing(open_store(tmp_path)) as store:
        store.write_now(fill)
        for number in DAMAGED:
            store.write_now(
                lambda connection, number=number: connection.execute(
                    "UPDATE jobs SET crc = crc + 1 WHERE id = ?", (f"j{number}",)
                )
            )
        yield store


async def test_what_a_search_has_found_is_told_beside_the_newest(store: Store) -> None:
    found = DamagedRecords(store)
    assert [one.job_id for one in await found.known(30, store)] == ["j130"]
    assert [one.job_id async for one in found.search_on()] == ["j3", "j130"]
    assert found.searched
    assert [one.job_id for one in await found.known(30, store)] == ["j130", "j3"]
    assert [one.job_id for one in await found.search(store)] == ["j130", "j3"]


async def test_a_search_that_was_broken_off_goes_on_from_there(store: Store, tmp_path: Path) -> None:
    found, told = DamagedRecords(store), list[str]()
    store.read_now(lambda connection: connection.execute("PRAGMA busy_timeout=0"))
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as other:

        async def hold_at_the_first() -> None:
            async for one in found.search_on():
                told.append(one.job_id)
                other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(StoreError):
            await hold_at_the_first()
    assert told == ["j3"]
    assert not found.searched
    told += [one.job_id async for one in found.search_on()]
    assert told == ["j3", "j130"]
    assert found.searched
