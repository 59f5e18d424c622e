"""An order that no worker takes says so wherever its job is told of."""

from __future__ import annotations

import time

import anyio
import pytest
from mcp import Client

from seedance_mcp.config import Settings
from seedance_mcp.server import create_server
from tests.jobs import records

from .asking import content, text
from .conftest import Era


@pytest.mark.parametrize(("age", "said"), [(5.0, "waits for a worker"), (45.0, "No worker has taken it yet")])
async def test_whether_a_worker_takes_an_order_is_told_in_time(
    settings: Settings, era: Era, age: float, said: str
) -> None:
    records.keep_order(settings.state_dir, created_at=time.time() - age)
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            asked = {"job_id": "job_waiting", "wait_seconds": 0}
            result = await client.call_tool("check_status", asked)
    job = content(result)
    assert job["status"] == "submitting"
    assert "waits for a worker that buys it" in text(result)
    assert "being submitted" not in text(result)
    assert said in job["next_step"]
    told = [note for note in job.get("notes", []) if "work` runs" in note]
    assert bool(told) is ("work` runs" in job["next_step"]) is (age > 30)
