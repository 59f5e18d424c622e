"""Runs the user's command for every job that has ended: once, by whichever process claims it first."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import anyio.abc
import anyio.to_thread

from ...errors import StoreError
from ...store import Connection, OwedHook, finish_hooks, job_records, transitions
from ...types import Job
from ..context import JobContext
from ..local_files.job_folders import working_folder
from .finish_hook import run_hook

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 15.0
"""How often it is looked for what other processes have left to do."""

_ELSEWHERE_SECONDS = 5.0
"""For so long another process, once started, is left to claim what is owed."""

_IDLE_SECONDS = 0.05
_AT_ONCE = 4
_RECORD_TRIES = 60
_RECORD_SECONDS = 0.5

ABANDONED = "may not have run to its end: the process that ran it was ended"
_MISTAKE = "may not have run to its end: the server made a mistake while it ran it"


class HookRunner:
    """
    The hooks of the jobs of all processes: owed in the transaction that ends a job, claimed before they are run.

    A hook is run at most once. Where the process that claimed it died before it said what came of it, the job
    says so, and it is not run again: nobody can know how far it got. With `elsewhere`, which starts another
    process for it, none is run in this one.
    """

    def __init__(
        self, context: JobContext, *, elsewhere: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._store = context.store
        self._settings = context.settings
        self._incidents = context.incidents
        self._events = context.events
        self._elsewhere = elsewhere
        self._bell = anyio.Event()
        self._workers = 0
        self._unrecorded: dict[OwedHook, tuple[str, str]] = {}
        self._claiming = 0
        self._held: set[OwedHook] = set()
        self._begun: set[OwedHook] = set()  # for good: what was begun here is never begun again
        self.pending = bool(self._settings.on_finish)
        """Whether one may be owed that nobody has claimed yet; also before it has been looked for."""
        self._events.on_end(self.ring)

    def ring(self) -> None:
        """Look now: a job has ended."""
        self.pending = bool(self._settings.on_finish)
        self._bell.set()

    async def follow(self, tasks: anyio.abc.TaskGroup) -> None:
        """See in `tasks` to what is owed, as it comes, until cancelled."""
        while True:
            self._bell = anyio.Event()
            with self._incidents.contained("Looking for commands to run at the end of jobs"):
                await self._wish()
                await self.settle_abandoned()
                await self.start_owed(tasks)
            with anyio.move_on_after(_LOOK_SECONDS):
                await self._bell.wait()

    async def start_owed(self, tasks: anyio.abc.TaskGroup) -> None:
        """Begin in `tasks` to run what is owed, at most four at once. Raises StoreError."""
        if not self._settings.on_finish:
            return
        if not await self._look():
            return
        if self._elsewhere is not None:
            await self._elsewhere()
            self.pending = False  # that process sees to it whether this one lives or not
            with anyio.move_on_after(_ELSEWHERE_SECONDS) as patience:
                while await self._owed():  # noqa: ASYNC110  the process that claims it is not ours to hear
                    await anyio.sleep(_ELSEWHERE_SECONDS / 20)
            self.pending |= patience.cancelled_caught
            return
        for _ in range(_AT_ONCE - self._workers):
            self._workers += 1
            tasks.start_soon(self._work)

    async def _look(self) -> bool:
        self.pending = await self._owed()
        return self.pending

    async def _owed(self) -> bool:
        return await self._store.read(finish_hooks.owed) is not None

    async def idle(self, seconds: float) -> None:
        """Wait until none runs in this process, at most so long."""
        with anyio.move_on_after(seconds):
            while self._workers:  # noqa: ASYNC110  the seconds are few
                await anyio.sleep(_IDLE_SECONDS)

    async def _work(self) -> None:
        try:
            with self._incidents.contained("Running SEEDANCE_ON_FINISH"):
                while await self.run_next():
                    pass
        finally:
            self._workers -= 1

    async def run_next(self) -> bool:
        """Claim one hook, run it and note what came of it; False if none is owed. Raises StoreError."""
        me = self._store.ownership.instance
        self._claiming += 1
        try:
            hook = await self._store.write(partial(finish_hooks.claim, by=me))
            if hook is not None:
                self._held.add(hook)
        finally:
            self._claiming -= 1
        if hook is None:
            return False
        await self._see_to(hook)
        return True

    async def _see_to(self, hook: OwedHook) -> None:
        """Run a hook that this process has claimed, and note what came of it."""
        self._held.add(hook)
        try:
            try:
                job = await self._store.read(lambda connection: job_records.find(connection, hook.job_id))
            except StoreError as error:
                outcome = f"was not run: {error}"
            else:
                self._begun.add(hook)
                outcome = await self._run(hook, job)
            await self._record(hook, self._store.ownership.instance, outcome)
        finally:
            self._held.discard(hook)

    async def _run(self, hook: OwedHook, job: Job) -> str:
        command = self._settings.on_finish or ""
        folder = await anyio.to_thread.run_sync(working_folder, job, self._settings)
        return await run_hook(command, job, folder, self._settings.output_dir)

    async def _record(self, hook: OwedHook, by: str, outcome: str) -> None:
        for _ in range(_RECORD_TRIES):
            try:
                job = await self._store.write(partial(_close, hook=hook, by=by, outcome=outcome))
            except StoreError as error:
                logger.warning(
                    "what came of the hook of %s is not in the database yet: %s", hook.job_id, error
                )
                await anyio.sleep(_RECORD_SECONDS)
                continue
            self._unrecorded.pop(hook, None)
            if job is not None:
                self._events.changed(job)
            return
        self._unrecorded[hook] = by, outcome

    async def _wish(self) -> None:
        if self._settings.on_finish and await self._store.read(finish_hooks.without_wish):
            await self._store.write(finish_hooks.wish_for_open_jobs)

    async def settle_abandoned(self) -> None:
        """Note of hooks whose process was killed that they may not have run, and what could not be noted. Raises StoreError."""
        for hook, (by, outcome) in list(self._unrecorded.items()):
            await self._record(hook, by, outcome)
        alive = self._store.ownership.alive
        for hook, runner in await self._store.read(partial(finish_hooks.abandoned, alive=alive)):
            await self._record(hook, runner, ABANDONED)
        await self._settle_own()

    async def _settle_own(self) -> None:
        """See to hooks that this process claimed and dropped by a mistake: run what was not begun, say it of the others."""
        me = self._store.ownership.instance
        mine = await self._store.read(partial(finish_hooks.abandoned, alive=lambda instance: instance != me))
        for hook, _ in mine:
            if self._claiming or hook in self._held or hook in self._unrecorded:
                continue
            if hook in self._begun:
                await self._record(hook, me, _MISTAKE)
            else:
                await self._see_to(hook)


def _close(connection: Connection, *, hook: OwedHook, by: str, outcome: str) -> Job | None:
    """Note what came of a hook; a failure also in its job, which is returned then."""
    if not finish_hooks.finish(connection, hook, by=by, outcome=outcome) or not outcome:
        return None
    try:
        job = job_records.find(connection, hook.job_id)
    except StoreError:
        return None  # its record is damaged: then the row of the hook says it alone
    return transitions.note(connection, job, hook_error=outcome)
