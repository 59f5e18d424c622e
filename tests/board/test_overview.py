"""The board of many jobs: in pages, in few queries, with what is wrong beside them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from operator import methodcaller

import pytest

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings
from seedance_mcp.errors import InvalidRequest
from seedance_mcp.presentation.board import board
from seedance_mcp.store import Connection, Store, budget, open_store, transitions
from seedance_mcp.types import JobState, Price
from tests.jobs import records


def _filled(settings: Settings, count: int) -> Store:
    store = open_store(settings.state_dir)

    def fill(connection: Connection) -> None:
        for number in range(count):
            names = {"id": f"job_{number}", "tag": f"t{number}", "client_key": f"f:{number}"}
            transitions.insert(connection, records.job(**names), day="2023-11-14")

    store.write_now(fill)
    return store


async def test_no_more_queries_are_made_for_more_jobs(settings: Settings) -> None:
    asked: dict[int, int] = {}
    for count in (1, 200):
        here = replace(settings, state_dir=settings.state_dir / str(count))
        _filled(here, count).close()
        async with open_app(here, watch=False) as app:
            queries: list[str] = []
            await app.overview._store.read(methodcaller("set_trace_callback", queries.append))
            shown = await board(app, person=True)
            assert len(shown.jobs) == count
            asked[count] = len(queries)
    assert asked[200] == asked[1]
    assert asked[1] < 24


async def test_pages_follow_each_other_without_a_gap(settings: Settings) -> None:
    _filled(settings, 205).close()
    async with open_app(settings, watch=False) as app:
        first = await board(app, person=True)
        second = await board(app, before=first.more, person=True)
        exact = await board(app, limit=205, person=True)
    assert [card.job_id for card in (*first.jobs, *second.jobs)] == [f"job_{n}" for n in reversed(range(205))]
    assert (first.total, second.more, exact.more) == (205, None, None)
    for wrong in ("x", "", "-1", "1 ", "9" * 19, "٣"):
        async with open_app(settings, watch=False) as app:
            with pytest.raises(InvalidRequest):
                await board(app, before=wrong, person=True)


async def test_a_damaged_record_is_told_beside_the_others(settings: Settings) -> None:
    store = _filled(settings, 3)
    store.write_now(lambda connection: connection.execute("UPDATE jobs SET crc = crc + 1 WHERE id = 'job_1'"))
    store.close()
    async with open_app(settings, watch=False) as app:
        shown = await board(app, person=True)
    assert [card.job_id for card in shown.jobs] == ["job_2", "job_0"]
    assert [note for note in shown.notes if "job_1 is damaged" in note]


async def test_spending_today_is_told_by_provider(settings: Settings) -> None:
    store = open_store(settings.state_dir)
    now = store.clock()

    def fill(connection: Connection) -> None:
        for number, (provider, usd) in enumerate(
            (("byteplus", "1.10"), ("fal", "0.25"), ("byteplus", "0.30"))
        ):
            price = Price(amount=Decimal(usd), currency="USD", usd=Decimal(usd))
            job = records.job(
                id=f"job_{number}", tag=f"t{number}", client_key=f"f:{number}", provider=provider, maximum=price,
                created_at=now,
            )  # fmt: skip
            transitions.insert(connection, job, day=budget.day_of(now))
        old = records.job(id="job_old", tag="old", client_key="old", created_at=now - 3 * 86_400)
        transitions.insert(connection, old, day=budget.day_of(old.created_at))

    store.write_now(fill)
    store.close()
    async with open_app(settings, watch=False) as app:
        spending = (await board(app, person=True)).spending
    assert {one.provider: one.usd for one in spending.providers} == {"byteplus": "1.4", "fal": "0.25"}
    assert (spending.spent_today_usd, spending.left_today_usd) == ("1.65", "8.35")
    assert spending.caps.jobs_per_hour == settings.max_jobs_per_hour


async def test_a_change_is_seen_by_whoever_looks_again(settings: Settings) -> None:
    store = _filled(settings, 3)
    async with open_app(settings, watch=False) as app:
        seen = await app.overview.look()
        seen, changes = await app.overview.changed_since(seen)
        assert changes == []
        job = (await app.recent(3))[0]
        job = store.write_now(lambda connection: transitions.note(connection, job, progress=0.5))
        seen, changes = await app.overview.changed_since(seen)
        assert changes == ["job_2"]
        store.write_now(
            lambda connection: transitions.move(
                connection, job, JobState.NOT_SENT, now=store.clock(), by="me"
            )
        )
        seen, changes = await app.overview.changed_since(seen)
        assert changes == ["job_2"]
    store.close()
