"""
Lives that can be ended at any moment: `python -m tests.reliability.kill_child` forks them and says how they ended.

Reads one JSON object a line: what to buy where, and at which named point to be killed or stopped. Forking from a process
that has imported everything and opened nothing makes a life cost milliseconds.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
from functools import cache, partial
from pathlib import Path
from typing import Any

import anyio

import seedance_mcp.app as app_module
from seedance_mcp.app import App, open_app
from seedance_mcp.catalog import Catalog
from seedance_mcp.config import load_settings
from seedance_mcp.errors import SeedanceError
from seedance_mcp.jobs import JobRunner, watcher
from seedance_mcp.types import JobState, JobStatus, VideoRequest

from . import fault_market as market
from .forked import Patch, import_what_lives_need, live
from .kill_points import install

PATIENCE_SECONDS = 150.0
RESCAN_SECONDS = 1.0


def main() -> None:
    """Fork a life for each line; answer with its process id, and with its end."""
    import_what_lives_need()
    gc.freeze()
    lives: dict[int, int] = {}
    buffered = b""
    while True:
        ready, _, _ = select.select([0], [], [], 0.01)
        if ready:
            chunk = os.read(0, 65_536)
            if not chunk:
                break
            *lines, buffered = (buffered + chunk).split(b"\n")
            for line in lines:
                life = json.loads(line)
                known = _catalog(Path(life["catalog"]))
                pid = os.fork()
                if not pid:
                    folder = Path(life["folder"])
                    live(folder, partial(_life, life, folder, known))
                lives[pid] = life["number"]
                _say(number=life["number"], pid=pid)
        for pid in list(lives):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                _say(number=lives.pop(pid), ended=os.waitstatus_to_exitcode(status))
    for pid in lives:
        os.kill(pid, signal.SIGKILL)


def _say(**fields: int) -> None:
    os.write(1, json.dumps(fields).encode() + b"\n")


@cache
def _catalog(overlay: Path) -> Catalog:
    return Catalog.load(overlay)


def _life(life: dict[str, Any], folder: Path, known: Catalog) -> int:
    market.hurry(Patch())
    watcher._RESCAN_SECONDS = RESCAN_SECONDS
    reached = os.open(folder / "reached.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    install(partial(_reached, life, {}, reached))
    return anyio.run(_buy, life, folder, known)


def _reached(life: dict[str, Any], counts: dict[str, int], log: int, name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
    if name != life.get("point") or counts[name] != life.get("nth", 1):
        return
    os.write(log, f"{name}\n".encode())
    os.kill(os.getpid(), signal.SIGSTOP if life.get("stop") else signal.SIGKILL)


async def _buy(life: dict[str, Any], folder: Path, known: Catalog) -> int:
    """Ask for every order until its video is here, as a client does that never gives up; 0 when all are."""
    environ = {**life["environ"], "SEEDANCE_MAX_JOBS_PER_HOUR": "1000"}
    settings = load_settings(environ, settings_file=folder / "none.toml")
    if not life.get("leases", True):
        app_module.JobRunner = partial(JobRunner, leases=False)  # type: ignore[assignment,misc]
    with anyio.move_on_after(PATIENCE_SECONDS):
        async with open_app(settings) as app:
            app.__dict__["catalog"] = known
            for job_id, task_id in life.get("resolve", {}).items():
                await app.resolve(job_id, task_id)
            async with anyio.create_task_group() as group:
                for order in life["orders"]:
                    group.start_soon(_insist, app, VideoRequest.model_validate(order))
            while await app.unfinished():  # noqa: ASYNC110  the database rings no bell
                await anyio.sleep(0.05)
            return 0
    return 71


async def _insist(app: App, order: VideoRequest) -> None:
    while True:
        try:
            started = await app.generate(order)
        except SeedanceError as error:
            print(f"{error.code}: {error.message}")
            if not error.retryable and error.code != "store":
                raise
            await anyio.sleep(0.1)
            continue
        job = await app.wait(started.job.id, PATIENCE_SECONDS)
        if job.status is JobStatus.SUCCEEDED or job.state is JobState.UNRESOLVED:
            return
        print(f"{job.id}: {job.state} {job.error_code}: {job.error}")


if __name__ == "__main__":
    main()
