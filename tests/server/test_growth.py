"""What a call costs does not grow with the jobs that are stored: the steps that SQLite takes for it are counted."""

from __future__ import annotations

import itertools
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server
from seedance_mcp.store import database_file
from tests.jobs.old_jobs import DAY, LIVES, WAITING, installation

FEW, MANY = 120, 2400
"""Few fill every list already."""

AT_MOST = 1.25
TRIES = 300
"""One of so many counts has to be as small as that: what a server does by itself meanwhile is in some of them."""

CALLS: dict[str, dict[str, Any]] = {
    "check_status": {},
    "estimate_cost": {"prompt": "A paper boat", "model": "seedance-1.0-pro"},
}
LIST = "resources/list"
RESOURCES = ("seedance://jobs", "seedance://jobs/job_done", "seedance://budget")


class Steps:
    """The steps that SQLite takes in all databases that are opened from now on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._taken = itertools.count()  # which threads may share, unlike a sum of our own
        steps = self

        class Counted(database_file.SqliteConnection):
            def __init__(self, *given: Any, **named: Any) -> None:
                super().__init__(*given, **named)
                self.set_progress_handler(steps._count, 1)

        patch.setattr(database_file, "SqliteConnection", Counted)

    def _count(self) -> int:
        next(self._taken)
        return 0

    async def of(self, client: Client, call: str) -> int:
        """Count the steps of one call: of a tool, the list of resources or a resource."""
        before = next(self._taken)
        if call in CALLS:
            result = await client.call_tool(call, CALLS[call])
            assert not result.is_error, result.content
        elif call == LIST:
            await client.list_resources()
        else:
            await client.read_resource(call)
        return next(self._taken) - before - 1


def fill(folder: Path, jobs: int) -> None:
    """Write down so many jobs of long ago, the newest of every kind; those that are older than a week are archived."""
    folder.mkdir()
    with installation(folder) as here:
        here.buy_many("old", jobs - len(LIVES) - len(WAITING))
        here.wait(30 * DAY)
        here.archive()
        for name, life in {**LIVES, **WAITING}.items():
            here.buy(name, life)
            here.wait(60)


async def test_no_call_takes_longer_with_many_stored_jobs(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for jobs in (FEW, MANY):
        fill(tmp_path / str(jobs), jobs)
    steps = Steps(monkeypatch)
    async with AsyncExitStack() as stack:
        clients: dict[int, Client] = {}
        for jobs in (FEW, MANY):
            own = environ | {"SEEDANCE_STATE_DIR": str(tmp_path / str(jobs))}
            settings = load_settings(own, settings_file=tmp_path / "no.toml")
            clients[jobs] = await stack.enter_async_context(Client(create_server(settings)))
            await clients[jobs].call_tool("check_status", {})
        for call in (*CALLS, LIST, *RESOURCES):
            few = min([await steps.of(clients[FEW], call) for _ in range(3)])
            assert few, "no database was asked"
            many = [await steps.of(clients[MANY], call)]
            while many[-1] > few * AT_MOST and len(many) < TRIES:
                many.append(await steps.of(clients[MANY], call))
            assert many[-1] <= few * AT_MOST, (call, few, many)
