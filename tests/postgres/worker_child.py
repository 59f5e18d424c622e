"""
Workers and replicas that can be ended at any moment: `python -m tests.postgres.worker_child` forks them.

Reads one JSON object a line: the words of a command line, its environment and folder, and the named point at which it is to be
killed or stopped. Says the process id of each, and with which code it ended. Where a plan is `hurried`, what is left by a
process that stands still is taken sooner.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
from functools import partial
from pathlib import Path
from typing import Any

from seedance_mcp import cli
from seedance_mcp.jobs import watcher
from seedance_mcp.jobs.buying import order_taking, submission
from seedance_mcp.server.http import serving
from seedance_mcp.store import film_leases, leases
from seedance_mcp.store.postgres import PostgresDatabase, PostgresStore
from tests.reliability import fault_market as market
from tests.reliability import film_points
from tests.reliability.forked import Patch, import_what_lives_need, live
from tests.reliability.kill_points import install

WRITES = ((PostgresDatabase, "write_now"), (PostgresStore, "_write_as"))


def main() -> None:
    """Fork a process for each line, until stdin is closed; then none is left."""
    import_what_lives_need()
    assert serving, cli
    gc.freeze()
    running: dict[int, int] = {}
    buffered = b""
    while True:
        ready, _, _ = select.select([0], [], [], 0.02)
        if ready:
            chunk = os.read(0, 65_536)
            if not chunk:
                break
            *lines, buffered = (buffered + chunk).split(b"\n")
            for line in lines:
                plan = json.loads(line)
                pid = os.fork()
                if not pid:
                    folder = Path(plan["folder"])
                    live(folder, partial(_life, plan, folder))
                running[pid] = plan["number"]
                _say(number=plan["number"], pid=pid)
        for pid in list(running):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                _say(number=running.pop(pid), ended=os.waitstatus_to_exitcode(status))
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _say(**fields: int) -> None:
    os.write(1, json.dumps(fields).encode() + b"\n")


def _life(plan: dict[str, Any], folder: Path) -> int:
    os.environ.update(plan["environ"])
    market.hurry(Patch())
    if plan.get("hurried"):
        leases.LEASE_SECONDS = film_leases.LEASE_SECONDS = 2.0
        submission._SOON_SECONDS = 0.5
        watcher._RESCAN_SHARED_SECONDS = order_taking._LOOK_ANYHOW_SECONDS = 0.5
    reached = os.open(folder / "reached.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    counts: dict[str, int] = {}
    install(partial(_reached, plan, counts, reached), writes=WRITES)
    film_points.install(partial(_reached, plan, counts, reached), writes=WRITES)
    return cli.run(plan["words"])


def _reached(plan: dict[str, Any], counts: dict[str, int], log: int, name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
    if name != plan.get("point") or counts[name] != plan.get("nth", 1):
        return
    os.write(log, f"{name}\n".encode())
    os.kill(os.getpid(), signal.SIGSTOP if plan.get("stop") else signal.SIGKILL)


if __name__ == "__main__":
    main()
