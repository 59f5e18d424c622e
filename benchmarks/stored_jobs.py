"""
What a start and a call cost with one to very many finished jobs in the database, against the same with a hundred.

The servers whose calls are measured run in this process, over the SDK's client in memory; each call is made in turn at
all, after the search for damaged records that follows a start. It takes five minutes, most of them to write the jobs.

    python -m benchmarks stored_jobs
"""

from __future__ import annotations

import contextlib
import hashlib
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from mcp import Client

from seedance_mcp.app import open_app
from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server
from seedance_mcp.store import (
    Connection,
    Store,
    budget,
    compaction,
    open_store,
    repeated_requests,
    transitions,
)
from seedance_mcp.types import Artifacts, Job, JobState, Price, PurchaseTerms, Submission, VideoRequest

from .measures import Measure
from .servers import OUR_COMMAND, environment_in, serving

DAY = 86_400.0
ROUNDS = 60
STARTS = 7
COUNTS = (1, 10, 100, 1_000, 10_000, 100_000)
FEW = 100
"""As many as fill every list: an answer about one job is shorter, and quicker to check for the client."""

LIMIT = 1.25

SEARCH_SECONDS = 20.0
"""The search for damaged records among 100,000 is over by then."""

WISH = VideoRequest(
    prompt="A paper boat drifts down a rain-filled gutter, the camera low and close, warm evening light",
    model="seedance-1.0-pro",
    resolution="480p",
    duration=2,
)
PRICE = Price(amount=Decimal("0.1"), currency="USD", usd=Decimal("0.1"))


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a client, by the name that the table gives it."""

    name: str
    tool: str = ""
    arguments: dict[str, Any] | None = None
    resource: str = ""


CALLS = (
    Call(name="check_status", tool="check_status", arguments={}),
    Call(name="check_status of one job", tool="check_status", arguments={"job_id": "job_0"}),
    Call(name="estimate_cost", tool="estimate_cost", arguments=WISH.model_dump(exclude_defaults=True)),
    Call(name="resources/list"),
    Call(name="read jobs", resource="seedance://jobs"),
    Call(name="read one job", resource="seedance://jobs/job_0"),
    Call(name="read budget", resource="seedance://budget"),
)


def settings_in(folder: Path) -> Any:
    """The settings of a server that keeps everything in this folder and sells placeholders."""
    environ = {
        "SEEDANCE_STATE_DIR": str(folder / "state"),
        "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
        "SEEDANCE_SANDBOX_SECONDS": "0",
        "HOME": str(folder),
        "PATH": "",
    }
    return load_settings(environ, settings_file=folder / "none.toml")


async def one_job(folder: Path) -> Job:
    """Make one placeholder: the record that the others are copies of."""
    async with open_app(settings_in(folder)) as app:
        started = await app.generate(WISH, PurchaseTerms())
        return await app.wait(started.job.id, 60)


def fill(store: Store, like: Job, count: int) -> None:
    """
    Write so many paid jobs, finished one after the other within the last two months, the newest a day ago.

    Those that are older than a week are archived, as they are by then.
    """
    now = store.clock()

    def write(connection: Connection) -> None:
        for number in range(count):
            _live(connection, like, number, now - DAY - (count - number) * (60 * DAY / count))

    store.write_now(write)
    archive(store, now)


def archive(store: Store, now: float) -> None:
    """Archive all jobs that ended more than a week before `now`, in pieces as a server does it."""
    clocks = store.clock, store.uptime
    # By these, the jobs were written down two days ago: only certain time counts.
    store.clock, store.uptime = lambda: time.time() + 2 * DAY, lambda: time.monotonic() + 2 * DAY
    place: int | None = 0
    while place is not None:
        found = store.read_now(partial(compaction.candidates, place=place, most=100, now=now))
        place, left = found.place, found.job_ids
        while left:
            piece = partial(compaction.compact, job_ids=left, now=now, seconds=0.008)
            left = left[store.write_now(piece) :]
    store.clock, store.uptime = clocks


def _live(connection: Connection, like: Job, number: int, at: float) -> None:
    """Lead one job through its whole life."""
    mark = hashlib.sha256(str(number).encode()).hexdigest()
    files = like.artifacts
    assert files is not None
    new = replace(
        like,
        id=f"job_{number}",
        tag=mark[:24],
        fingerprint=mark,
        client_key=f"{mark}:0",
        state=JobState.RESERVED,
        version=1,
        provider="byteplus",
        estimate=PRICE,
        maximum=PRICE,
        submission=None,
        artifacts=None,
        finished_at=None,
        charge=None,
        created_at=at,
    )
    job = transitions.insert(connection, new, day=budget.day_of(at))
    repeated_requests.note(connection, job.id, (mark[:32], mark[32:]))
    steps: tuple[tuple[JobState, dict[str, Any]], ...] = (
        (JobState.SENDING, {"sent_at": at}),
        (JobState.ACCEPTED, {"submission": Submission(task_id=f"cgt-{mark[:20]}"), "accepted_at": at + 1}),
        (JobState.REMOTE_DONE, {"video_url": None, "remote_done_at": at + 60, "charge": PRICE}),
        (JobState.DONE, {"artifacts": _named(files, mark)}),
    )
    for place, (state, changes) in enumerate(steps):
        job = transitions.move(connection, job, state, now=at + 20 * place, by=job.owner, **changes)


def _named(files: Artifacts, mark: str) -> Artifacts:
    return replace(files, video_path=f"{files.video_path}.{mark[:8]}.mp4", sha256=mark)


async def seconds_of(client: Client, call: Call) -> float:
    """How long one call takes, from the client's side."""
    began = time.perf_counter()
    if call.tool:
        result = await client.call_tool(call.tool, call.arguments or {})
        assert not result.is_error, result.content
    elif call.resource:
        await client.read_resource(call.resource)
    else:
        await client.list_resources()
    return time.perf_counter() - began


def measure() -> list[Measure]:
    """Fill a database with each number of jobs, and compare the calls."""
    with tempfile.TemporaryDirectory() as root:
        folders = {count: Path(root) / str(count) for count in COUNTS}
        for count, folder in folders.items():
            folder.mkdir()
            like = anyio.run(one_job, folder)
            with contextlib.closing(open_store(folder / "state")) as store:
                fill(store, like, count)
        curves = {"spawn to the first check_status": starts(folders), **anyio.run(compare, folders)}
    return [
        Measure(
            name=name,
            ours=found * 1000,
            reference=curve[FEW] * 1000,
            against=f"{FEW} stored jobs",
            unit="ms",
            at_most=LIMIT if count > FEW else None,
            over="stored jobs",
            count=count,
        )
        for name, curve in curves.items()
        for count, found in curve.items()
    ]


def starts(folders: Mapping[int, Path]) -> dict[int, float]:
    """The median seconds from the start of the process to the first answer from the database, by the number of jobs."""
    times: dict[int, list[float]] = {count: [] for count in folders}
    for turn in range(STARTS):
        for count in sorted(times, reverse=bool(turn % 2)):
            began = time.perf_counter()
            with serving(OUR_COMMAND, environment_in(folders[count])) as server:
                server.greet()
                server.call("check_status")
                times[count].append(time.perf_counter() - began)
    return {count: statistics.median(found) for count, found in times.items()}


async def compare(folders: Mapping[int, Path]) -> dict[str, dict[int, float]]:
    """The median of each call in seconds, by the number of jobs."""
    medians: dict[str, dict[int, float]] = {}
    async with contextlib.AsyncExitStack() as stack:
        clients = {
            count: await stack.enter_async_context(Client(create_server(settings_in(folder))))
            for count, folder in folders.items()
        }
        for client in clients.values():
            await client.call_tool("check_status", {})  # from now on its database is open
        await anyio.sleep(SEARCH_SECONDS)
        for call in CALLS:
            times: dict[int, list[float]] = {count: [] for count in clients}
            for turn in range(1 + ROUNDS):
                for count, client in clients.items():
                    took = await seconds_of(client, call)
                    if turn:
                        times[count].append(took)
            medians[call.name] = {count: statistics.median(found) for count, found in times.items()}
    return medians
