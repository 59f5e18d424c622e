"""The command `watch`: brings open jobs to their end, with or without anybody looking."""

from __future__ import annotations

import argparse
import signal
import sys

import anyio

from ..app import App
from ..catalog import Catalog
from ..config import Settings, load_settings
from ..jobs import Shops, only_watcher
from .opening import opened
from .text import shorten

_LOOK_SECONDS = 0.5


def configure(parser: argparse.ArgumentParser) -> None:
    """Add `--until-idle` and `--hooks`."""
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument(
        "--until-idle",
        action="store_true",
        help="End when no job is open any more that this process has the key for",
    )
    ends.add_argument(
        "--hooks",
        action="store_true",
        help="Only run SEEDANCE_ON_FINISH for the jobs that have ended, and end",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Watch until idle or until interrupted, or only run what is owed at the end of jobs."""
    settings = load_settings()
    if arguments.hooks:
        return anyio.run(_run_hooks, settings)
    return anyio.run(_watch, settings, arguments.until_idle)


async def _run_hooks(settings: Settings) -> int:
    async with opened(settings, watch=False) as app:
        await app.run_hooks()
    return 0


async def _watch(settings: Settings, until_idle: bool) -> int:
    catalog = Catalog.load(settings.catalog)
    accounts = Shops(lambda: catalog, settings).accounts()
    with only_watcher(settings, accounts) as alone:
        if until_idle and not alone:
            print("Another watcher is at work already.")
            return 0
        async with opened(settings) as app, anyio.create_task_group() as tasks:
            tasks.start_soon(_end_on_signal, tasks.cancel_scope)
            await _follow(app, until_idle=until_idle)
            tasks.cancel_scope.cancel()
    return 0


async def _end_on_signal(scope: anyio.CancelScope) -> None:
    if sys.platform == "win32":
        return  # no signal handlers on this event loop there: Ctrl-C arrives as KeyboardInterrupt
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()


async def _follow(app: App, *, until_idle: bool) -> None:
    shown: dict[str, str] = {}
    while True:
        open_jobs = await app.unfinished()
        here = await app.unfinished_here()
        known = [await app.job(job_id) for job_id in shown if job_id not in {job.id for job in open_jobs}]
        for job in (*open_jobs, *known):
            if shown.get(job.id) != job.status:
                shown[job.id] = job.status
                print(
                    f"{job.id}  {job.status.value:<10}  {shorten(job.request.prompt or '', 60)}", flush=True
                )
                if other := await app.waits_for(job):
                    print(f"{other.message}\n{other.hint}", flush=True)
            if job.finished:
                shown.pop(job.id, None)
        if until_idle and not here:
            return
        await anyio.sleep(_LOOK_SECONDS)
