"""
What a finished job takes of the database's file: in the week after its end, and when it is archived.

The jobs are bought through the server, each with a prompt as people write them, from a provider on this machine. What
one takes is the growth of the pages in use from some jobs to more, so that what an empty database takes is left out.

    python -m benchmarks database_size
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
from mcp import Client

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server
from seedance_mcp.store import open_store

from . import accept, stored_jobs
from .measures import Measure
from .prompts import Prompts
from .provider import Provider, running

SOME, MORE = 100, 300
AT_ONCE = 6
WAIT_SECONDS = 50
LIMIT_KB = 2.5
LATER = 9 * 86_400.0
LIMITS = "".join(
    f"[providers.ark.limits.{kind}]\ncalls = 1000\nseconds = 1.0\n" for kind in ("submit", "read")
)


def measure() -> list[Measure]:
    """Buy some videos and then more, and compare the files."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        (folder / "one").mkdir()
        made = anyio.run(stored_jobs.one_job, folder / "one").artifacts
        assert made is not None
        with running(seconds=0, video=Path(made.video_path)) as provider:
            anyio.run(buy, folder, provider)
        new, old = (
            [used(folder / str(count), archived=archived) for count in (SOME, MORE)]
            for archived in (False, True)
        )
    each = [(after - before) / (MORE - SOME) / 1000 for before, after in (new, old)]
    return [
        Measure(name="database per finished job, in its first week", ours=each[0], unit="kB"),
        Measure(name="database per finished job, archived", ours=each[1], unit="kB", at_most=LIMIT_KB),
    ]


async def buy(folder: Path, provider: Provider) -> None:
    """Buy videos, and leave copies of the state folder behind that are named after how many there were."""
    prompts = Prompts(1)
    (folder / "catalog.toml").write_text(LIMITS, encoding="utf-8")
    environ = {
        **provider.environment,
        **accept.LIMITS,
        "SEEDANCE_STATE_DIR": str(folder / "state"),
        "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
        "SEEDANCE_CATALOG": str(folder / "catalog.toml"),
        "SEEDANCE_POLL_SECONDS": "0.1",
        "SEEDANCE_DETACH": "0",
    }
    settings = load_settings(environ, settings_file=folder / "none.toml")
    left = 0

    async def buyer(client: Client) -> None:
        nonlocal left
        while left:
            left -= 1
            wish = {
                **accept.REQUEST,
                "prompt": prompts.next(),
                "provider": "ark",
                "wait_seconds": WAIT_SECONDS,
            }
            result: Any = await client.call_tool("generate_video", wish)
            assert result.structured_content["status"] == "succeeded", result.content

    for count, before in ((SOME, 0), (MORE, SOME)):
        left = count - before
        async with Client(create_server(settings)) as client:
            async with anyio.create_task_group() as buyers:
                for _ in range(AT_ONCE):
                    buyers.start_soon(buyer, client)
            await client.call_tool("check_status", {})
        shutil.copytree(folder / "state", folder / str(count))


def used(folder: Path, *, archived: bool) -> int:
    """How many bytes of the file are in use; with `archived`, once all that can be is archived."""
    with contextlib.closing(open_store(folder)) as store:
        if archived:
            stored_jobs.archive(store, time.time() + LATER)
        return store.read_now(
            lambda connection: (
                _pragma(connection, "page_size")
                * (_pragma(connection, "page_count") - _pragma(connection, "freelist_count"))
            )
        )


def _pragma(connection: Any, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
