"""What a call costs does not grow with the jobs that are stored: PostgreSQL counts the rows that it reads without an index."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import anyio
import psycopg
from mcp import Client

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server
from seedance_mcp.store.postgres.store import open_postgres_store
from tests.jobs import records
from tests.jobs.old_jobs import DAY, LIVES, Installation
from tests.reliability.waiting import until

from .server import as_superuser

JOBS = 1000
CALLS: dict[str, dict[str, Any]] = {
    "check_status": {},
    "estimate_cost": {"prompt": "A paper boat", "model": "seedance-1.0-pro"},
    "generate_video": {"prompt": "A paper boat", "resolution": "480p", "duration": 2, "wait_seconds": 60},
}
RESOURCES = ("seedance://jobs", "seedance://jobs/job_done", "seedance://budget")


def fill(url: str, folder: Path) -> None:
    """Write down jobs of long ago and a newest of every kind, and let PostgreSQL look at how they are spread."""
    with contextlib.closing(open_postgres_store(url, folder)) as store:
        here = Installation(store, records.START)
        store.clock, store.uptime = lambda: here.now, lambda: here.now - records.START + 1000.0
        here.buy_many("old", JOBS)
        here.wait(30 * DAY)
        for name, life in LIVES.items():
            here.buy(name, life)
    with psycopg.connect(as_superuser(url), autocommit=True) as connection:
        connection.execute("ANALYZE")


async def test_no_call_reads_a_whole_table_of_stored_jobs(
    url: str, environ: dict[str, str], tmp_path: Path
) -> None:
    fill(url, tmp_path)
    settings = load_settings({**environ, "SEEDANCE_DATABASE_URL": url}, settings_file=tmp_path / "no.toml")
    with psycopg.connect(as_superuser(url), autocommit=True) as connection:

        async def counted() -> bool:  # each connection tells what it read, at the latest when it ends
            others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            return connection.execute(others).fetchone() == (0,)

        with anyio.fail_after(30):
            await until(counted)
        connection.execute("SELECT pg_stat_reset()")
        async with Client(create_server(settings)) as client:
            for tool, arguments in CALLS.items():
                result = await client.call_tool(tool, arguments)
                assert not result.is_error, result.content
            await client.list_resources()
            for resource in RESOURCES:
                await client.read_resource(resource)
        with anyio.fail_after(30):
            await until(counted)
        read = "SELECT relname, seq_tup_read, idx_tup_fetch FROM pg_stat_user_tables WHERE n_live_tup >= 0"
        rows = {table: (whole, singly) for table, whole, singly in connection.execute(read)}
    assert rows["jobs"][1] > 100, "the calls are not counted"
    assert {table: found for table, found in rows.items() if found[0] >= JOBS} == {}
