"""A team's database in PostgreSQL: its lock, its errors, its tables."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial

import anyio
import psycopg
import pytest
from psycopg import sql

from seedance_mcp.errors import StoreError
from seedance_mcp.store import AccessTokens, Conflict, Connection, elapsed_time, job_records, transitions
from seedance_mcp.store.connection import CommitUnknown
from seedance_mcp.store.postgres import PostgresDatabase, migrate, open_postgres
from seedance_mcp.types import Job, JobState, Price, Submission, VideoRequest

from .server import SEES_ALL, Server, as_superuser

NOW = 1_700_000_000.0
PRICE = Price(amount=Decimal(1), currency="USD", usd=Decimal(1))
APPEND_ONLY = (
    *("ledger", "events", "archive", "reviews"),
    *("film_orders", "takes", "film_marks", "film_refusals"),
)


@pytest.fixture
def database(url: str) -> Iterator[PostgresDatabase]:
    opened = open_postgres(url, clock=lambda: NOW, uptime=lambda: 5.0)
    yield opened
    opened.close()


def job(number: int = 1, prompt: str = "a paper boat") -> Job:
    return Job(
        id=f"job_{number}", state=JobState.RESERVED, version=1, owner="me", provider="ark", account="a", model="m",
        endpoint="e", request=VideoRequest(prompt=prompt), fingerprint="f", client_key=f"f:{number}", tag=f"t{number}",
        estimate=PRICE, maximum=PRICE, created_at=NOW,
    )  # fmt: skip


def insert(number: int = 1) -> Callable[[Connection], Job]:
    return lambda connection: transitions.insert(connection, job(number), day="2023-11-14")


def note(key: str, value: str) -> Callable[[Connection], object]:
    return lambda connection: connection.execute("INSERT INTO meta (key, value) VALUES (?, ?)", (key, value))


def value(database: PostgresDatabase, key: str) -> str | None:
    row = database.read_now(
        lambda connection: connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    )
    return row and row[0]


def hold(url: str) -> psycopg.Connection:
    """Another process is inside a transaction that writes."""
    other = psycopg.connect(url, options=SEES_ALL)
    PostgresDatabase(url, clock=time.time, uptime=time.monotonic, connections=1)._begin_write(other, 1.0)
    return other


async def test_a_transaction_is_there_as_a_whole_or_not_at_all(database: PostgresDatabase) -> None:
    def half(connection: Connection) -> None:
        note("half", "done")(connection)
        raise ValueError("and then it broke")

    with pytest.raises(ValueError, match="broke"):
        await database.write(half)
    assert value(database, "half") is None
    await database.write(note("whole", "done"))
    assert value(database, "whole") == "done"


def test_what_an_error_has_undone_is_not_called_committed(database: PostgresDatabase) -> None:
    def swallowing(connection: Connection) -> None:
        note("kept", "yes")(connection)
        try:
            note("kept", "twice")(connection)
        except psycopg.Error:
            return

    with pytest.raises(StoreError, match="undid"):
        database.write_now(swallowing)
    assert value(database, "kept") is None


def test_a_row_that_breaks_a_rule_is_a_conflict_as_on_sqlite(database: PostgresDatabase) -> None:
    database.write_now(insert(1))
    with pytest.raises(Conflict):
        database.write_now(insert(1))
    assert database.read_now(job_records.count) == 1


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_what_is_append_only_is_not_changed_deleted_or_emptied(url: str, table: str) -> None:
    with psycopg.connect(as_superuser(url), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # rows without all that they belong to
        columns = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
            " AND is_nullable = 'NO' AND is_identity = 'NO'",
            (table,),
        ).fetchall()
        given = {
            "kind": "settle" if table == "ledger" else "kept",
            "author": "person",
            "verdict": "bad",
            "quality": "final",
        }
        values = [
            given.get(name, "{}") if kind == "text" else b"" if kind == "bytea" else kind != "boolean" and 1
            for name, kind in columns
        ]
        connection.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns),
                sql.SQL(", ").join(sql.Placeholder() for _ in columns),
            ),
            values,
        )
        connection.execute("SET session_replication_role = origin")
        same = columns[0][0]
        for statement in ("UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
                connection.execute(sql.SQL(statement).format(sql.Identifier(table), sql.Identifier(same)))
        assert connection.execute(
            sql.SQL("SELECT COUNT(*) FROM {}").format(sql.Identifier(table))
        ).fetchone() == (1,)


async def test_a_token_is_only_ever_revoked(database: PostgresDatabase) -> None:
    tokens = AccessTokens(database)
    token, text = await tokens.add("a laptop", frozenset({"spend"}), 1)
    assert await tokens.find(text) == token
    revoked = await tokens.revoke(token.id)
    assert revoked.revoked_at == NOW
    for change in (
        "UPDATE access_tokens SET revoked_at = NULL",
        "UPDATE access_tokens SET scopes = 'admin'",
        "DELETE FROM access_tokens",
        "TRUNCATE access_tokens",
    ):
        with pytest.raises(Conflict):
            await database.write(lambda connection, change=change: connection.execute(change))
    assert await tokens.all() == [revoked]


async def test_whoever_waits_briefly_is_told_that_the_database_is_held(
    url: str, database: PostgresDatabase
) -> None:
    with hold(url):
        with pytest.raises(StoreError, match="cannot be used now") as caught:
            await database.write_briefly(note("late", "1"), 0.1)
        assert "Another process holds the job database" in caught.value.hint
        assert value(database, "late") is None, "reading waits for nobody"
    database.write_now(note("late", "2"))
    assert value(database, "late") == "2"


def test_a_reader_sees_one_state_while_others_write(database: PostgresDatabase) -> None:
    def twice(connection: Connection) -> tuple[int, int]:
        before = job_records.count(connection)
        thread = threading.Thread(target=lambda: database.write_now(insert(7)))
        thread.start()
        thread.join(20)
        return before, job_records.count(connection)

    assert database.read_now(twice) == (0, 0)
    assert database.read_now(job_records.count) == 1


async def test_a_cancelled_caller_leaves_no_transaction_open(url: str, database: PostgresDatabase) -> None:
    for number in range(20):
        with anyio.move_on_after(0.001 * (number % 4)):
            await database.write(note(f"n{number}", ""))
    with hold(url) as other:
        assert other.execute(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'"
        ).fetchone() == (0,)


def test_a_commit_whose_connection_broke_is_neither_yes_nor_no(
    postgres: Server, url: str, database: PostgresDatabase
) -> None:
    def cut(connection: Connection) -> None:
        note("cut", "1")(connection)
        (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
        with psycopg.connect(postgres.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

    with pytest.raises(CommitUnknown, match="not known") as caught:
        database.write_now(cut)
    assert not caught.value.retryable
    assert value(database, "cut") is None
    database.write_now(note("cut", "2"))
    assert value(database, "cut") == "2"


def test_connections_that_broke_while_they_lay_idle_are_replaced(
    postgres: Server, database: PostgresDatabase
) -> None:
    database.write_now(note("before", "1"))
    with psycopg.connect(postgres.url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'seedance-mcp'"
        )
    database.write_now(note("after", "1"))
    assert value(database, "after") == "1"


def test_a_question_mark_and_a_percent_sign_in_a_text_stay_what_they_are(database: PostgresDatabase) -> None:
    rows = database.read_now(
        lambda connection: connection.execute(
            "SELECT '100 %? isn''t ?', CAST(? AS TEXT) LIKE '%b%'", ("abc",)
        ).fetchall()
    )
    assert rows == [("100 %? isn't ?", True)]


def test_time_that_has_passed_is_counted_by_the_clocks_of_the_process(url: str) -> None:
    clocks = [NOW, 50.0]
    database = open_postgres(url, clock=lambda: clocks[0], uptime=lambda: clocks[1])
    database.write_now(elapsed_time.note)
    clocks[:] = NOW + 100.0, 90.0
    assert database.read_now(elapsed_time.passed) == 40.0
    database.close()
    with pytest.raises(StoreError, match="closed"):
        database.read_now(elapsed_time.passed)


def test_the_columns_of_a_job_follow_from_its_document_and_outlast_it(database: PostgresDatabase) -> None:
    stored = database.write_now(insert(1))
    sent = database.write_now(partial(transitions.move, job=stored, to=JobState.SENDING, now=NOW, by="me"))
    database.write_now(
        partial(
            transitions.move,
            job=sent,
            to=JobState.ACCEPTED,
            now=NOW,
            by="me",
            submission=Submission(task_id="task"),
        )
    )
    database.write_now(lambda connection: connection.execute("UPDATE jobs SET document = NULL"))
    row = database.read_now(
        lambda connection: connection.execute(
            "SELECT id, state, version, task_id, created_at FROM jobs"
        ).fetchone()
    )
    assert row == ("job_1", "accepted", 3, "task", NOW)


def test_tables_are_made_once_and_those_of_a_newer_version_are_left_alone(url: str) -> None:
    migrate(url)
    open_postgres(url).close()
    with psycopg.connect(url, options=SEES_ALL) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    with pytest.raises(StoreError, match="newer version"):
        migrate(url)
    with pytest.raises(StoreError, match="version 99"):
        open_postgres(url)


def test_a_database_without_tables_and_one_that_is_not_there_are_told(postgres: Server) -> None:
    with pytest.raises(StoreError, match="has no tables yet"):
        open_postgres(postgres.url)
    with pytest.raises(StoreError, match="cannot be used now") as caught:
        open_postgres("postgresql:///x?host=/nowhere")
    assert "can be reached" in caught.value.hint
