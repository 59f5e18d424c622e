"""
How long `generate_video` takes until the provider has accepted the task and the assistant has its answer.

The provider is on this machine and answers at once. The yardstick is what cannot be saved: the same POST on a fresh
connection, and as many durable transactions as a purchase needs, each of one row, with the same journal.

    python -m benchmarks accept
"""

from __future__ import annotations

import contextlib
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import httpx2

from seedance_mcp.app import App
from seedance_mcp.config import load_settings
from seedance_mcp.installation import Installation
from seedance_mcp.store import open_store
from seedance_mcp.types import OWNER, VideoRequest

from .measures import Measure
from .provider import KEY, Provider, running
from .servers import OUR_COMMAND, Server, environment_in, serving

ROUNDS = 40
WARM_UP = 3
"""The first purchase imports the HTTP client and reads the catalogue."""

REQUEST: dict[str, Any] = {"model": "seedance-1.0-pro", "resolution": "480p", "duration": 2}
BODY = {
    "model": "doubao-seedance-1-0-pro-250528",
    "content": [{"type": "text", "text": "A paper boat"}],
    "resolution": "480p",
    "duration": 2,
    "safety_identifier": "0" * 24,
}
LIMITS = {
    "SEEDANCE_CONFIRM": "off",
    "SEEDANCE_MAX_USD_PER_DAY": "1000",
    "SEEDANCE_MAX_JOBS_PER_HOUR": "1000",
}
DOCUMENT = "x" * 2000
"""About as long as a job's."""


def measure() -> list[Measure]:
    """Buy and do the bare minimum in turn."""
    with tempfile.TemporaryDirectory() as name, running(seconds=3600) as provider:
        folder = Path(name)
        transactions = anyio.run(transactions_of_a_purchase, folder / "counted", provider)
        settings = {
            **provider.environment,
            **LIMITS,
            "SEEDANCE_POLL_SECONDS": "60",
        }  # only purchases are measured
        environment = environment_in(folder, **settings)
        ours, bare = list[float](), list[float]()
        with serving(OUR_COMMAND, environment) as server, _bare(folder / "bare.db", provider) as least:
            server.greet()
            for turn in range(WARM_UP + ROUNDS):
                began = time.perf_counter()
                buy(server, turn)
                bought = time.perf_counter()
                least(transactions)
                if turn >= WARM_UP:
                    ours.append((bought - began) * 1000)
                    bare.append((time.perf_counter() - bought) * 1000)
    reference = statistics.median(bare)
    against = f"bare httpx2 POST and {transactions} fsynced SQLite transactions"
    ours_middle = statistics.median(ours)
    return [
        Measure(
            name="generate_video until accepted",
            ours=ours_middle,
            reference=reference,
            against=against,
            unit="ms",
            at_most=1.25,
        ),
        Measure(
            name="generate_video beyond the reference", ours=ours_middle - reference, unit="ms", at_most=12.0
        ),
        Measure(name="transactions of a purchase", ours=transactions, unit=""),
    ]


def buy(server: Server, number: int) -> None:
    """Buy one video, each of another prompt, and return when the assistant has the answer."""
    bought = server.call("generate_video", prompt=f"A paper boat {number}", wait_seconds=0, **REQUEST)
    assert bought["structuredContent"]["status"] in ("queued", "running"), bought


async def transactions_of_a_purchase(folder: Path, provider: Provider) -> int:
    """Count what one purchase commits, until it is known to be accepted."""
    environ = {
        "SEEDANCE_STATE_DIR": str(folder / "state"),
        "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
        "SEEDANCE_ARK_BASE_URL": provider.environment["SEEDANCE_ARK_BASE_URL"],
        "ARK_API_KEY": KEY,
        **LIMITS,
    }
    settings = load_settings(environ, settings_file=folder / "none.toml")
    said: Counter[str] = Counter()
    store = open_store(settings.state_dir)

    def listen(connection: Any) -> None:
        connection.set_trace_callback(lambda said_now: said.update((said_now,)))

    store.read_now(listen)
    installation = Installation(settings, store, App)
    app = installation.app_of(OWNER)
    async with installation.runner.running():
        await app.generate(VideoRequest(prompt="The first", **REQUEST))
        before = said["COMMIT"]
        await app.generate(VideoRequest(prompt="The second", **REQUEST))
        count = said["COMMIT"] - before
    await installation.close()
    return count


@contextlib.contextmanager
def _bare(database: Path, provider: Provider) -> Generator[Any]:
    """Yield a function that does the least there is to do for a purchase of so many transactions."""
    with (
        contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection,
        httpx2.Client(limits=httpx2.Limits(max_keepalive_connections=0)) as client,
    ):
        connection.executescript(
            "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL; PRAGMA fullfsync=1;"
            "CREATE TABLE job (id INTEGER PRIMARY KEY, body TEXT);"
        )

        def least(transactions: int) -> None:
            for _ in range(transactions):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO job (body) VALUES (?)", (DOCUMENT,))
                connection.execute("COMMIT")
            client.post(provider.tasks_url, json=BODY).raise_for_status()

        yield least
