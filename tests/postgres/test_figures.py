"""How the installation stands is told alike by both databases."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import anyio
import httpx2
import pytest

from seedance_mcp.config import load_settings
from seedance_mcp.store import Connection, budget, figures, open_store, transitions
from seedance_mcp.store.connection import Database
from seedance_mcp.store.postgres.database import open_postgres
from seedance_mcp.types import WORKERS, Job, JobState, Price, Submission
from tests.emulator import Emulator
from tests.jobs import records
from tests.over_http.local import bearer, called, post, result_of, token
from tests.over_http.test_metrics import scrape, value

from .roles import PATIENCE, Team, jobs

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

_WISH = {"prompt": "A red fox", "resolution": "480p", "duration": 5, "provider": "ark", "wait_seconds": 60}


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_states_ages_and_money_are_summed_up_alike(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database: Database = (
        open_store(tmp_path) if kind == "SQLite" else open_postgres(request.getfixturevalue("url"))
    )
    with contextlib.closing(database):
        database.write_now(_fill)
        read = database.read_now(lambda connection: figures.read(connection, now=1100.0))
    jobs = {state: number for state, number in read.jobs.items() if number}
    assert jobs == {JobState.RESERVED: 1, JobState.ACCEPTED: 1, JobState.FAILED: 1, JobState.UNRESOLVED: 1}
    assert (read.open, read.unresolved, read.late_adoptions, read.copies_owed) == (2, 1, 1, 0)
    assert (read.oldest_open_seconds, read.oldest_order_seconds) == (120.0, 120.0)
    assert set(read.reserved) == set(read.settled) == {("ark", "m")}
    assert read.reserved["ark", "m"] == 3 * records.job().maximum.usd
    assert read.settled["ark", "m"] == Decimal("0.25")
    assert read.stopped


@posix
async def test_servers_and_workers_tell_of_the_jobs_and_money_of_everybody(url: str, tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        async with contextlib.AsyncExitStack() as stack:
            team = Team(await stack.enter_async_context(Emulator("ark")), url, tmp_path)
            settings = load_settings(team.environ("tokens"), settings_file=tmp_path / "no.toml")
            tokens = [await token(settings, person=person) for person in ("ann", "bea")]
            replica = await stack.enter_async_context(
                team.watched("replica", "serve", "--no-buy", "--port", "0")
            )
            worker = await stack.enter_async_context(team.watched("worker", "work"))
            http = await stack.enter_async_context(httpx2.AsyncClient(timeout=60))
            for text in tokens:
                answer = await post(http, replica.said, called("generate_video", _WISH), bearer(text))
                job = result_of(answer)["structuredContent"]
                assert job["status"] == "succeeded"
            charged = [float(made["charge"]["usd"]) for made in jobs(url)]
            assert len(charged) == 2
            for process in (replica, worker):
                told = await scrape(process.metrics)
                assert value(told, "seedance_database_up") == 1
                assert value(told, "seedance_jobs", state="done") == 2
                settled = value(told, "seedance_settled_usd", provider="ark", model=job["model"])
                assert settled == pytest.approx(sum(charged))
            bought = 'seedance_provider_calls_total{provider="ark",purpose="purchase",status="200"}'
            assert f"{bought} 2.0" in await scrape(worker.metrics)
            assert bought not in await scrape(replica.metrics)


@posix
async def test_a_worker_that_does_not_reach_its_database_says_so(tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        async with Emulator("ark") as emulator:
            team = Team(emulator, "postgresql://nobody@127.0.0.1:9/none", tmp_path)
            async with team.watched("worker", "work", lines=1) as worker:
                told = await scrape(worker.metrics)
    assert value(told, "seedance_database_up") == 0
    assert "seedance_jobs" not in told


def _fill(connection: Connection) -> None:
    """One reserved, one that was found after all, one that failed and cost a quarter, one that nobody knows of."""
    at = 1000.0
    made = [
        transitions.insert(
            connection,
            replace(
                records.job(), id=f"job_{number}", tag=f"tag {number}", client_key=f"key {number}", provider="ark",
                model="m", created_at=at - 20 if number == 0 else at, owner=WORKERS if number == 0 else "me",
            ),
            day="1970-01-01",
        )
        for number in range(4)
    ]  # fmt: skip

    def move(job: Job, to: JobState, **changes: object) -> Job:
        return transitions.move(connection, job, to, now=at, by="me", **changes)  # type: ignore[arg-type]

    sent = [move(job, JobState.SENDING, sent_at=at) for job in made[1:]]
    refused = move(sent[0], JobState.REJECTED)
    move(refused, JobState.ACCEPTED, submission=Submission(task_id="a", handle={}))
    failed = move(sent[1], JobState.ACCEPTED, submission=Submission(task_id="b", handle={}))
    quarter = Price(amount=Decimal("0.25"), currency="USD", usd=Decimal("0.25"))
    move(failed, JobState.FAILED, charge=quarter)
    unknown = move(sent[2], JobState.UNKNOWN, unknown_at=at, unknown_uptime=1.0)
    move(unknown, JobState.UNRESOLVED)
    budget.stop_spending(connection)
