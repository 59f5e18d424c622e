"""The tables are written twice, once for each database, and are the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from seedance_mcp.store import Connection, open_store
from seedance_mcp.store.connection import Database
from seedance_mcp.store.postgres import open_postgres

TYPES = {
    "bigint": "INTEGER",
    "boolean": "INTEGER",
    "double precision": "REAL",
    "text": "TEXT",
    "bytea": "BLOB",
}
ONLY_SQLITE = {("jobs", "lease_owner"), ("jobs", "lease_until")}
GONE = "turns"
"""What earlier versions of SQLite's tables wrote, and nothing reads: two columns and a table."""

ONLY_POSTGRES = {("answers", "rowid"), ("confirmations", "rowid"), ("ledger", "rowid")}
"""What SQLite has without saying so."""

_WORDS = re.compile(r"'(\w+)'")


class Tables(NamedTuple):
    """
    What a database holds its rows to, as sets of tuples that begin with the name of a table.

    `columns` have a type and whether they may be empty, `references` both ends of a foreign key, `words` a column and the
    words that it may hold; `kept` says what cannot be done with rows at will: `UPDATE`, `DELETE`.
    """

    columns: set[tuple[str, str, str, bool]]
    unique: set[tuple[str, frozenset[str]]]
    references: set[tuple[str, str, str, str]]
    words: set[tuple[str, str, frozenset[str]]]
    kept: set[tuple[str, str]]


@pytest.fixture
def databases(tmp_path: Path, url: str) -> Iterator[tuple[Database, Database]]:
    store, postgres = open_store(tmp_path), open_postgres(url)
    yield store, postgres
    postgres.close()
    store.close()


def test_both_databases_have_the_same_tables_and_rules(databases: tuple[Database, Database]) -> None:
    sqlite, postgres = databases[0].read_now(of_sqlite), databases[1].read_now(of_postgres)
    assert {one for one in sqlite.columns if one[:2] not in ONLY_SQLITE} == {
        one for one in postgres.columns if one[:2] not in ONLY_POSTGRES
    }
    assert sqlite[1:] == postgres[1:]
    assert all(map(len, sqlite))


def test_what_may_not_be_deleted_row_by_row_may_not_be_emptied(databases: tuple[Database, Database]) -> None:
    refused = databases[1].read_now(_refused)
    assert {table for table, event in refused if event == "TRUNCATE"} == {
        table for table, event in refused if event in ("UPDATE", "DELETE")
    }


def of_sqlite(connection: Connection) -> Tables:
    """Read the tables of SQLite."""

    def rows(what: str, source: str) -> list[Any]:
        return connection.execute(
            f"SELECT one.name, {what} FROM sqlite_master AS one JOIN {source}"
            " WHERE one.type = 'table' AND one.name NOT LIKE 'sqlite_%' AND one.name <> ?",
            (GONE,),
        ).fetchall()

    columns = rows(
        'its.name, its.type, its."notnull" OR its.pk > 0, its.pk', "pragma_table_xinfo(one.name) AS its"
    )
    unique: dict[tuple[str, str], set[str]] = {}
    for table, column, _, _, in_key in columns:
        if in_key:
            unique.setdefault((table, ""), set()).add(column)
    for table, index, column in rows(
        "its.name, part.name",
        'pragma_index_list(one.name) AS its JOIN pragma_index_info(its.name) AS part ON its."unique"',
    ):
        unique.setdefault((table, index), set()).add(column)
    made = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return Tables(
        columns={(table, column, kind, not given) for table, column, kind, given, _ in columns},
        unique={(table, frozenset(parts)) for (table, _), parts in unique.items()},
        references=set(rows('its."from", its."table", its."to"', "pragma_foreign_key_list(one.name) AS its")),
        words={
            (name, column, frozenset(_WORDS.findall(words)))
            for kind, name, sql in made
            if kind == "table"
            for column, words in re.findall(r"CHECK \((\w+) IN \(([^)]*)\)\)", sql)
        },
        kept={
            (table, event)
            for kind, _, sql in made
            if kind == "trigger" and "RAISE" in sql
            for event, table in re.findall(r"BEFORE (\w+) ON (\w+)", sql)
        },
    )


def of_postgres(connection: Connection) -> Tables:
    """Read the tables of PostgreSQL."""
    columns = connection.execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = 'public'"
    )
    unique = connection.execute(
        "SELECT indrelid::regclass::text, array_agg(attname::text) FROM pg_index"
        " JOIN pg_class ON pg_class.oid = indrelid AND relnamespace = 'public'::regnamespace"
        " JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) WHERE indisunique GROUP BY indexrelid, indrelid"
    )
    references = connection.execute(
        "SELECT conrelid::regclass::text, own.attname::text, confrelid::regclass::text, other.attname::text"
        " FROM pg_constraint CROSS JOIN unnest(conkey, confkey) AS pair (a, b)"
        " JOIN pg_attribute AS own ON own.attrelid = conrelid AND own.attnum = a"
        " JOIN pg_attribute AS other ON other.attrelid = confrelid AND other.attnum = b WHERE contype = 'f'"
    )
    checks = connection.execute(
        "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"
    )
    return Tables(
        columns={(table, column, TYPES[kind], empty == "YES") for table, column, kind, empty in columns},
        unique={(table, frozenset(parts)) for table, parts in unique},
        references=set(references),
        words={
            (table, column, frozenset(_WORDS.findall(words)))
            for table, rule in checks
            for column, words in re.findall(r"^CHECK \(\((\w+) = ANY \(ARRAY\[(.*)\]\)\)\)$", rule)
        },
        kept={(table, event) for table, event in _refused(connection) if event != "TRUNCATE"},
    )


def _refused(connection: Connection) -> set[tuple[str, str]]:
    events = {"UPDATE": 16, "DELETE": 8, "TRUNCATE": 32}
    rows = connection.execute(
        "SELECT tgrelid::regclass::text, tgtype FROM pg_trigger"
        " WHERE NOT tgisinternal AND tgtype & 2 = 2 AND tgfoid <> 'fill_columns'::regproc"
    ).fetchall()
    return {(table, event) for table, kind in rows for event, bit in events.items() if kind & bit}
