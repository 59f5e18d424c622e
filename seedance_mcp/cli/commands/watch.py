"""The command `watch`: brings open jobs to their end, with or without anybody looking."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncGenerator

import anyio

from ...app import App
from ...config import Settings, load_settings
from ...errors import StoreError, StoreGone
from ...jobs import WatcherLease, lost_answers
from ...texts import one_line
from ..opening import opened
from ..words import told

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_TRY_AGAIN_SECONDS = 15.0
_OPENING_SECONDS = 60.0
"""How long a database that another process holds is waited for before anything is watched."""

_WAITING = (
    "Watching open jobs, and those that come, until Ctrl-C ends this; each change of a job is a line."
    " With --until-idle it ends by itself."
)


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
    async with _opened_at_last(settings) as app:
        await app.installation.run_hooks()
    return 0


async def _watch(settings: Settings, until_idle: bool) -> int:
    shown: dict[str, str] = {}
    async with _opened_at_last(settings) as app:
        lease = app.installation.watcher_lease()
        if until_idle and not await _taken(lease):
            print("Another watcher is at work already.")
            return 0
        if until_idle and not (await app.unfinished() or await lease.has_work()):
            print("No job is open: there is nothing to wait for.")
        async with app.runner.running():  # at its end come the hooks: by then the lease has been given up
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_end_on_signal, tasks.cancel_scope)
                    tasks.start_soon(_follow, app, shown, until_idle)
                    if until_idle:
                        tasks.start_soon(_end_when_lost, lease, tasks.cancel_scope)
                        await lease.until_idle()
                        tasks.cancel_scope.cancel()
                    else:
                        print(_WAITING, file=sys.stderr)
                        tasks.start_soon(_hold, lease)
            finally:
                with anyio.CancelScope(shield=True), contextlib.suppress(StoreError):
                    await lease.give_up()
                    await _show(app, shown)
    return 0


@contextlib.asynccontextmanager
async def _opened_at_last(settings: Settings) -> AsyncGenerator[App]:
    """Open the app; try again for a while if the database is locked, because often nobody sees this process fail."""
    async with contextlib.AsyncExitStack() as stack:
        until = anyio.current_time() + _OPENING_SECONDS
        while True:
            try:
                app = await stack.enter_async_context(opened(settings, watch=False))
            except StoreError:
                if anyio.current_time() > until:
                    raise
                await anyio.sleep(_LOOK_SECONDS)
            else:
                break
        yield app


async def _taken(lease: WatcherLease) -> bool:
    """Take the lease; try again for a while if the database is locked: a process that was suspended can hold it."""
    until = anyio.current_time() + _OPENING_SECONDS
    while True:
        try:
            return await lease.take()
        except StoreGone:
            raise
        except StoreError as error:
            if anyio.current_time() > until:
                raise
            logger.warning("the lease to watch cannot be taken yet: %s", error)
            await anyio.sleep(_LOOK_SECONDS)


async def _end_when_lost(lease: WatcherLease, scope: anyio.CancelScope) -> None:
    await lease.keep()
    print("Another watcher has taken over, because this one stood still.")
    scope.cancel()


async def _hold(lease: WatcherLease) -> None:
    """Have the lease whenever it can be had, so that nobody else has to watch."""
    while True:
        with contextlib.suppress(StoreError):
            if await lease.take():
                await lease.keep()
        await anyio.sleep(_TRY_AGAIN_SECONDS)


async def _end_on_signal(scope: anyio.CancelScope) -> None:
    if sys.platform == "win32":
        return  # no signal handlers on this event loop there: Ctrl-C arrives as KeyboardInterrupt
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()


async def _follow(app: App, shown: dict[str, str], until_idle: bool) -> None:
    while True:
        try:
            await _show(app, shown, stays=until_idle)
        except StoreError as error:
            print(error.message, file=sys.stderr)
        await anyio.sleep(_LOOK_SECONDS)


async def _show(app: App, shown: dict[str, str], *, stays: bool = False) -> None:
    """Print every job that has changed since it was `shown`; with `stays` also why one is waited for that nobody looks for."""
    open_jobs = await app.unfinished()
    known = [await app.job(job_id) for job_id in shown if job_id not in {job.id for job in open_jobs}]
    for job in (*open_jobs, *known):
        if shown.get(job.id) != job.status:
            # Asked before anything is printed: at the end this can be cancelled here.
            other = await app.waits_for(job)
            shown[job.id] = job.status
            print(f"{job.id}  {job.status.value:<10}  {one_line(job.request.prompt or '', 60)}", flush=True)
            if other:
                print(told(f"{other.message}\n{other.hint}", job.id), flush=True)
            elif lost_answers.a_person_has_to_look(job, info := app.catalog.providers.get(job.provider)):
                print(told(lost_answers.look_yourself(job, info), job.id), flush=True)
                if stays and info is not None:
                    print(lost_answers.why_watched(info), flush=True)
        if job.finished:
            shown.pop(job.id, None)
