"""Agreements of administrators where several machines share the database: at most one purchase for each."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from seedance_mcp.errors import ApprovalRefused, ApprovalRequired, ConfirmationRequired
from seedance_mcp.store import ScopedStore, approvals, confirmations
from seedance_mcp.store.postgres import PostgresStore, open_postgres_store
from seedance_mcp.types import Scope
from tests.jobs.test_budget import Till

ANN = Scope(person="ann")
BOSS = Scope(person="boss", sees_all=True, administers=True)
ROUNDS = 12


@pytest.fixture
def machines(url: str, tmp_path: Path) -> Iterator[tuple[PostgresStore, PostgresStore]]:
    opened = (open_postgres_store(url, tmp_path / "one"), open_postgres_store(url, tmp_path / "two"))
    yield opened
    for store in opened:
        store.close()


def _till(folder: Path, store: PostgresStore, first: int) -> Till:
    """The till of Ann at one machine, whose jobs are numbered from here on."""
    till = Till(
        folder,
        confirm="ask",
        approve_above_usd=Decimal("1.5"),
        max_usd_per_day=Decimal(1000),
        max_jobs_per_hour=1000,
    )
    till.store.close()
    till.store, till.now, till.count = ScopedStore(store, ANN), store.clock(), first
    return till


def _agrees(store: PostgresStore, code: str) -> None:
    now = store.clock()
    ScopedStore(store, BOSS).write_now(lambda connection: confirmations.approve(connection, code, now=now))


def _refuses(store: PostgresStore, code: str) -> None:
    now = store.clock()
    ScopedStore(store, BOSS).write_now(lambda connection: confirmations.decline(connection, code, now=now))


def _buys(till: Till, prompt: str) -> list[str]:
    """The job, if it was bought: each call that is let through buys anew."""
    try:
        return [till.buy("2", prompt=prompt, allow_duplicate=True).id]
    except (ConfirmationRequired, ApprovalRefused):
        return []


@pytest.mark.parametrize("refused", [False, True])
def test_agreed_and_refused_and_asked_for_everywhere_at_once(
    machines: tuple[PostgresStore, PostgresStore], tmp_path: Path, refused: bool
) -> None:
    here, there = (_till(tmp_path / str(place), store, place * 1000) for place, store in enumerate(machines))
    bought: list[str] = []
    with ThreadPoolExecutor(max_workers=5) as pool:
        for number in range(ROUNDS):
            prompt = f"fox {number}"
            with pytest.raises(ApprovalRequired) as waits:
                here.buy("2", prompt=prompt, allow_duplicate=True)
            code = waits.value.approval
            answers = [pool.submit(_agrees, store, code) for store in machines]
            if refused:
                answers.append(pool.submit(_refuses, machines[number % 2], code))
            asking = [pool.submit(_buys, till, prompt) for till in (here, there)]
            for answer in answers:
                answer.result(timeout=30)
            jobs = [job for one in asking for job in one.result(timeout=30)]
            jobs += [job for till in (here, there) for job in _buys(till, prompt)]
            assert len(jobs) == 1 or (refused and not jobs)
            bought += jobs
    kept = ScopedStore(machines[0], BOSS).read_now(lambda connection: approvals.recent(connection, 1000))
    assert sorted(bought) == sorted(one.job_id or "" for one in kept if one.answer == "bought")
