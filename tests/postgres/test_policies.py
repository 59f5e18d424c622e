"""The policies on rows: PostgreSQL keeps people apart also where a statement of ours would not."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest

from seedance_mcp import cli
from seedance_mcp.errors import JobNotFound, StoreError
from seedance_mcp.store import (
    Connection,
    ScopedStore,
    by_day,
    idempotency_keys,
    job_records,
    transitions,
    unbalanced_days,
)
from seedance_mcp.store import postgres as postgres_room
from seedance_mcp.store.database import checksum
from seedance_mcp.store.postgres import (
    SCHEMA_VERSION,
    PostgresStore,
    database,
    migrate,
    open_postgres,
    open_postgres_store,
)
from seedance_mcp.types import EVERYBODY, OWNER, Job, Scope
from tests.jobs import records

from .server import Server, as_superuser

OF_ALL = {
    "breakers",
    "meta",
    "model_breakers",
    "same_accounts",
    "steady",
    "uploads",
    "watch_duty",
}
"""Tables of the installation, in which nothing is anybody's."""

_FIRST_TABLES = Path(postgres_room.__file__).parent / "migrations" / "0001_tables.sql"

ANN, BEA = Scope(person="ann"), Scope(person="bea")


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[PostgresStore]:
    with contextlib.closing(open_postgres_store(url, tmp_path / "state")) as opened:
        yield opened


def _bought(store: PostgresStore, scope: Scope, job_id: str = "job_1") -> Job:
    job = replace(records.job(id=job_id, tag=f"t-{job_id}"), person=scope.person)
    return ScopedStore(store, scope).write_now(partial(transitions.insert, job=job, day="2026-11-30"))


def _counts(connection: Connection) -> dict[str, int]:
    tables = [
        name
        for (name,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
    ]
    return {name: connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in tables}


def test_every_table_has_a_policy_or_is_of_all(store: PostgresStore) -> None:
    rows = store.read_now(
        lambda connection: connection.execute(
            "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
    )
    assert {name for name, *_ in rows if name not in OF_ALL} == {
        name for name, on, forced in rows if on and forced
    }


def test_a_query_without_its_scope_shows_nothing_of_another(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _bought(store, ANN)

    def unscoped(connection: Connection, column: str = "person") -> tuple[str, tuple[str, ...]]:
        return "TRUE", ()

    for name in ("seen", "seen_by_job", "own"):
        monkeypatch.setattr(job_records, name, unscoped)
    bea = ScopedStore(store, BEA)
    with pytest.raises(JobNotFound):
        bea.read_now(lambda connection: job_records.find(connection, job.id))
    assert bea.read_now(partial(job_records.same_request, fingerprint=job.fingerprint)) == []
    assert bea.read_now(job_records.count) == 0
    assert ScopedStore(store, ANN).read_now(job_records.count) == 1


def test_no_table_shows_or_changes_what_is_anothers(store: PostgresStore) -> None:
    _bought(store, ANN)
    bea = ScopedStore(store, BEA)
    there, seen = store.read_now(_counts), bea.read_now(_counts)
    assert there["jobs"] == there["ledger"] == there["events"] == there["spending"] == 1
    assert {name: count for name, count in seen.items() if name not in OF_ALL and count} == {}
    change = "UPDATE jobs SET owner = 'bea'"
    assert bea.write_now(lambda connection: connection.execute(change).rowcount) == 0
    forged = replace(records.job(id="job_2", tag="t-2"), person="ann")
    with pytest.raises(StoreError):
        bea.write_now(partial(transitions.insert, job=forged, day="2026-11-30"))


def test_without_a_person_nothing_is_seen(store: PostgresStore, url: str) -> None:
    _bought(store, ANN)
    with psycopg.connect(url) as connection:
        for table in ("jobs", "ledger", "events"):
            assert connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,)


def test_the_sums_of_all_are_known_inside_a_persons_transaction(store: PostgresStore) -> None:
    _bought(store, ANN)

    def look(connection: Connection) -> tuple[int, int, int]:
        before = len(by_day(connection, 1))
        with connection.within(EVERYBODY):
            inside = len(by_day(connection, 1))
        return before, inside, len(by_day(connection, 1))

    assert ScopedStore(store, BEA).read_now(look) == (0, 1, 0)


def test_a_superuser_is_warned_of(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        open_postgres(url).close()
        assert "superuser" not in caplog.text
        for _ in range(2):
            open_postgres(as_superuser(url)).close()
        assert caplog.text.count("superuser") == 1, "once, however often a process opens it"


def test_the_commands_of_an_operator_warn_of_a_superuser(
    url: str,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, value in {**environ, "SEEDANCE_DATABASE_URL": as_superuser(url)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(database, "_WARNED", set[tuple[str, str]]())
    assert cli.run(["migrate"]) == 0
    assert "BYPASSRLS" in caplog.text
    cli.run(["doctor", "--offline"])
    assert "a superuser or a role with BYPASSRLS" in capfd.readouterr().out


def test_what_was_there_before_people_is_of_whoever_runs_the_installation(
    postgres: Server, tmp_path: Path
) -> None:
    url, job = postgres.empty(), records.job()
    document = job_records.dump(job)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FIRST_TABLES.read_bytes(), prepare=False)
        connection.execute("INSERT INTO meta (key, value) VALUES ('schema', '1')")
        row = (job.id, document, checksum(document))
        connection.execute("INSERT INTO jobs (id, document, crc) VALUES (%s, %s, %s)", row)
        connection.execute(
            "INSERT INTO ledger (job_id, kind, at, reserved_at, day, provider, model, currency, micros, usd_micros, steady)"
            " VALUES (%s, 'reserve', 1, 1, '2026-11-30', 'byteplus', 'm', 'USD', 5, 5, 1)",
            (job.id,),
        )
        connection.execute(
            "INSERT INTO request_keys (key, asked, digests, at) VALUES ('the-first', '{}', '{}', 1)"
        )
        connection.execute("INSERT INTO key_jobs (key, job_id) VALUES ('the-first', %s)", (job.id,))
    assert migrate(url) == (1, SCHEMA_VERSION)
    with contextlib.closing(open_postgres_store(url, tmp_path)) as store:
        mine, anns = ScopedStore(store, OWNER), ScopedStore(store, ANN)
        assert mine.read_now(lambda connection: idempotency_keys.jobs_of(connection, "the-first")) == [job]
        assert [line.usd * 1_000_000 for line in mine.read_now(partial(by_day, days=9))] == [5]
        assert anns.read_now(job_records.count) == 0
        assert store.read_now(unbalanced_days) == []
