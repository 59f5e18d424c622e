"""What is left after the end of a server: its job database, its processes, and what its hooks were told."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio

HOOK = """
import os, sys, time
told = sys.stdin.read()
time.sleep(float(sys.argv[2]))
open(sys.argv[1] + "/" + str(os.getpid()), "w").write(told)
"""


def with_hook(environ: dict[str, str], folder: Path, told: Path, seconds: float) -> dict[str, str]:
    """Settings whose server leaves watchers behind, with a hook that takes so long and then leaves a file."""
    script = folder / "hook.py"
    script.write_text(HOOK)
    line = f'"{sys.executable}" "{script}" "{told}" {seconds}'.replace(
        "\\", "\\\\" if sys.platform != "win32" else "\\"
    )
    return {**environ, "SEEDANCE_DETACH": "1", "SEEDANCE_ON_FINISH": line}


def rows(environ: dict[str, str], query: str) -> list[Any]:
    """What the job database says."""
    with closing(
        sqlite3.connect(f"file:{environ['SEEDANCE_STATE_DIR']}/jobs.db?mode=ro", uri=True)
    ) as database:
        return database.execute(query).fetchall()


def damage_records(state: Path) -> None:
    """Make the record of every job in the closed database of a state folder something that is no JSON."""
    path = state / "jobs.db"
    content = path.read_bytes()
    assert b'{"id":"job_' in content
    path.write_bytes(content.replace(b'{"id":"job_', b'X"id":"job_'))


async def until(holds: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until something is so; the thing itself."""
    with anyio.fail_after(seconds):
        while not (found := holds()):  # noqa: ASYNC110
            await anyio.sleep(0.05)
    return found


def document(environ: dict[str, str]) -> dict[str, Any]:
    """The record of the only job."""
    ((text,),) = rows(environ, "SELECT document FROM jobs")
    return json.loads(text)


def processes(environ: dict[str, str]) -> list[str]:
    """The command lines of all processes of this installation; Linux only."""
    mark = f"SEEDANCE_STATE_DIR={environ['SEEDANCE_STATE_DIR']}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip())
        except OSError:
            continue
    return found


async def finished_once(environ: dict[str, str], told: Path, job_id: str) -> None:
    """Wait until the only job is done by whoever was left behind, its hook has run, once, and nobody stays."""
    await until(lambda: document(environ)["state"] == "done")
    assert Path(document(environ)["artifacts"]["video_path"]).is_file()
    await until(lambda: rows(environ, "SELECT 1 FROM hooks WHERE outcome = ''"))
    (call,) = [json.loads(path.read_text()) for path in told.iterdir()]
    assert (call["job_id"], call["status"]) == (job_id, "succeeded")
    await until(lambda: not rows(environ, "SELECT instance FROM watch_duty"))
    if sys.platform == "linux":
        await until(lambda: not processes(environ))
