"""
A server that buys on one machine of several, in a process of its own: `python -m tests.postgres.buyer`.

Reads one JSON object from stdin: its settings, what it buys under which keys, and what befalls it. Prints a line when it has
opened its app, waits for a line then, and prints as JSON what each purchase came to.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from seedance_mcp.app import App, open_app
from seedance_mcp.errors import SeedanceError, StoreError
from seedance_mcp.jobs.buying import submission
from seedance_mcp.store import transitions
from seedance_mcp.store.postgres import PostgresStore
from seedance_mcp.types import PurchaseTerms
from tests.reliability import fault_market as market


def main() -> None:
    """Live that life."""
    plan = json.loads(sys.stdin.readline())
    patch = pytest.MonkeyPatch()
    market.hurry(patch)
    if plan.get("soon"):
        patch.setattr(submission, "_SOON_SECONDS", plan["soon"])
    if plan.get("stops"):
        patch.setattr(PostgresStore, "write_as", _and_stop(PostgresStore.write_as))
    anyio.run(_live, plan)


def _and_stop(write_as: Any) -> Any:
    async def stopping(store: PostgresStore, *given: Any) -> Any:
        done = await write_as(store, *given)
        os.kill(os.getpid(), signal.SIGSTOP)
        return done

    return stopping


async def _live(plan: Mapping[str, Any]) -> None:
    folder = Path(plan["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    async with open_app(market.settings(plan["environ"], folder)) as app:
        app.installation.__dict__["catalog"] = market.catalog("ark")
        print("ready", flush=True)
        await anyio.to_thread.run_sync(sys.stdin.readline)
        found: dict[str, Any] = {}

        places = anyio.CapacityLimiter(plan.get("at_once", 100))

        async def buy(key: str) -> None:
            async with places:
                found[key] = await _bought(app, key, patient=plan.get("patient", False))

        async with anyio.create_task_group() as tasks:
            for key in plan["keys"]:
                tasks.start_soon(buy, key)
        print(json.dumps(found), flush=True)


async def _bought(app: App, key: str, *, patient: bool) -> Any:
    """Order under a key and wait for the end; a patient client repeats a call that was refused, or provably bought nothing."""
    asked = market.request("ark", prompt=f"a paper boat named {key}")
    while True:
        try:
            started = await app.generate(asked, PurchaseTerms(request_key=key))
            job = await app.wait(started.job.id, 100)
        except StoreError as error:
            if not patient:
                return {"error": error.message}
            await anyio.sleep(0.1)
            continue
        except SeedanceError as error:
            return {"error": error.message}
        if patient and job.state in transitions.NOT_BOUGHT:
            await anyio.sleep(0.1)
            continue
        return {"job": job.id, "state": job.state, "path": job.artifacts and job.artifacts.video_path}


if __name__ == "__main__":
    main()
