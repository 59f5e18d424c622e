"""Films in the job database: documents and their versions, takes, and what was decided about takes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from seedance_mcp.errors import FilmNotFound
from seedance_mcp.store import (
    Conflict,
    Connection,
    DamagedRecord,
    Store,
    database_file,
    film_orders,
    films,
    open_store,
)
from seedance_mcp.store.database_file import SqliteConnection
from seedance_mcp.types import FilmRecord, Mark, Take

from .film_till import FILM, NOW, film, film_order, take, usd


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def keep(store: Store, record: FilmRecord) -> FilmRecord:
    return store.write_now(partial(films.keep_film, film=record))


def test_a_document_is_a_new_version_only_where_it_differs(store: Store) -> None:
    first = keep(store, film(document='{"a":1}'))
    same = keep(store, film(document='{"a":1}', at=NOW + 5))
    other = keep(store, film(document='{"a":2}', at=NOW + 9))
    assert [(one.version, one.created_at, one.changed_at) for one in (first, same, other)] == [
        (1, NOW, NOW),
        (1, NOW, NOW),
        (2, NOW, NOW + 9),
    ]
    keep(store, film("flm_another00001", at=NOW + 7))
    assert store.read_now(partial(films.find_film, film_id=FILM)) == other
    assert [one.id for one in store.read_now(partial(films.recent_films, limit=5))] == [
        FILM,
        "flm_another00001",
    ]
    with pytest.raises(FilmNotFound, match="There is no film 'flm_nobody000001'"):
        store.read_now(partial(films.find_film, film_id="flm_nobody000001"))


def test_a_damaged_document_is_told_and_left_out_until_it_is_read_again(store: Store) -> None:
    keep(store, film(document='{"a":1}'))
    store.write_now(lambda connection: connection.execute("UPDATE films SET document = '{\"a\":7}'"))
    with pytest.raises(DamagedRecord, match=f"The record of film {FILM} is damaged"):
        store.read_now(partial(films.find_film, film_id=FILM))
    assert store.read_now(partial(films.recent_films, limit=5)) == []
    assert keep(store, film(document='{"a":1}')).version == 2


@pytest.fixture
def ordered(store: Store) -> list[Take]:
    keep(store, film())
    planned = [take("s2", usd("1")), take("s1", usd("2"), number=2), take("s1", usd("2"))]
    store.write_now(lambda connection: film_orders.hold(connection, film_order(planned), planned))
    return planned


def test_takes_are_read_as_they_were_planned_by_shot_and_number(store: Store, ordered: list[Take]) -> None:
    assert store.read_now(partial(films.takes, film_id=FILM)) == [ordered[2], ordered[1], ordered[0]]
    assert store.read_now(partial(films.takes, film_id="flm_another00001")) == []
    (order,) = store.read_now(film_orders.open_orders)
    assert (order.maximum_usd, order.jobs, order.drawn_jobs, order.ended) == (5, 3, 0, None)


def test_marks_are_kept_in_order_and_only_for_takes_that_are_there(store: Store, ordered: list[Take]) -> None:
    decided = [
        Mark(film_id=FILM, shot="s1", take=2, kind="chosen", inputs={}, at=NOW, newest=2, by="person"),
        Mark(film_id=FILM, shot="s1", take=1, kind="kept", inputs={"text": "aa"}, at=NOW + 1, newest=2),
    ]
    for mark in decided:
        store.write_now(partial(films.mark, decided=mark))
    assert store.read_now(partial(films.marks, film_id=FILM)) == decided
    with pytest.raises(Conflict):
        store.write_now(
            partial(films.mark, decided=Mark(film_id=FILM, shot="s9", take=1, kind="kept", inputs={}, at=NOW))
        )


def test_an_earlier_versions_choice_is_the_persons_among_the_takes_of_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = [take("s1", usd("2")), take("s1", usd("2"), number=2)]
    monkeypatch.setattr(database_file, "SCHEMA_VERSION", 24)
    open_store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "jobs.db", factory=SqliteConnection)) as connection, connection:
        connection.execute(
            "INSERT INTO films (id, version, document, crc, name, output_dir, created_at, changed_at)"
            f" VALUES ('{FILM}', 1, '', 0, '', '', 1, 1)"
        )
        connection.execute(
            "INSERT INTO film_orders (film_id, plan, quality, reserved_at, steady, day)"
            f" VALUES ('{FILM}', '{planned[0].order}', 'final', 1, 1, '2025-10-09')"
        )
        films.add_takes(connection, planned)
        connection.execute(
            "INSERT INTO film_marks (film_id, shot, take, kind, inputs, at)"
            f" VALUES ('{FILM}', 's1', 1, 'chosen', '{{}}', 7), ('{FILM}', 's1', 1, 'kept', '{{}}', 7)"
        )
    monkeypatch.undo()
    with closing(open_store(tmp_path)) as store:
        marks = store.read_now(partial(films.marks, film_id=FILM))
    assert [(mark.kind, mark.take, mark.newest, mark.by, mark.at) for mark in marks] == [
        ("chosen", 1, 2, "person", 7),
        ("kept", 1, 2, None, 7),
    ]


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM takes",
        "UPDATE takes SET usd_micros = 9",
        "UPDATE takes SET job_id = NULL",
        "DELETE FROM film_orders",
        "UPDATE film_orders SET reserved_at = 9",
        "UPDATE film_orders SET agreed_by = 'person', ended = 'done', ended_at = 1",
        "DELETE FROM film_marks",
        "UPDATE film_marks SET take = 1",
        "INSERT INTO film_orders (film_id, plan, quality, reserved_at, steady, day) VALUES"
        f" ('{FILM}', 'plan-2', 'final', 1, 1, '2025-10-09')",
    ],
)
def test_nothing_of_what_was_agreed_to_can_be_changed(store: Store, ordered: list[Take], change: str) -> None:
    mark = Mark(film_id=FILM, shot="s1", take=2, kind="chosen", inputs={}, at=NOW)
    store.write_now(partial(films.mark, decided=mark))

    def changing(connection: Connection) -> None:
        connection.execute(change)

    with pytest.raises(Conflict):
        store.write_now(changing)
    assert store.read_now(partial(films.takes, film_id=FILM)) == [ordered[2], ordered[1], ordered[0]]


def test_a_number_or_a_key_that_is_used_up_orders_nothing(store: Store, ordered: list[Take]) -> None:
    store.write_now(lambda connection: film_orders.end_order(connection, FILM, "plan-1", "stopped", now=NOW))
    again = [take("s2", usd("1"), plan="plan-2")]
    with pytest.raises(Conflict):
        store.write_now(lambda connection: film_orders.hold(connection, film_order(again), again))
    assert [one.plan for one in store.read_now(partial(film_orders.orders, film_id=FILM))] == ["plan-1"]
