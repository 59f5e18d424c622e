"""Hooks in the simulated machine: the real debts, claims and outcomes, with a command that only counts."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, NamedTuple

from seedance_mcp.jobs.results.hook_runner import ABANDONED, HookRunner
from seedance_mcp.store import finish_hooks
from seedance_mcp.store.finish_hooks import OwedHook
from seedance_mcp.types import Job

from .simulation_loop import PAUSE
from .simulation_rules import ENDED, Violation

if TYPE_CHECKING:
    from .simulation_process import Process
    from .simulation_world import World

_OFTEN = 0.06
"""How likely it is, after each action of the schedule, that a process sees to its hooks."""


class SimHooks(HookRunner):
    """The hooks of one process."""

    def __init__(self, world: World, process: Process) -> None:
        super().__init__(process.context)
        self._world, self._process = world, process

    async def _run(self, hook: OwedHook, job: Job) -> str:
        await PAUSE
        self._world.hooks.runs(hook, self._process)
        await PAUSE
        return "" if self._world.hooks.random.random() < 0.8 else "exited with 1"


class Known(NamedTuple):
    """A hook as it was seen last, and how often its job had ended by then."""

    ended: int | None
    runner: str | None
    outcome: str | None
    ends: int


class HookPromises:
    """
    What is promised of hooks, in every fourth schedule: owed with the end, run once, and never lost.

    It has dice of its own: the other schedules stay as they are.
    """

    def __init__(self, world: World) -> None:
        self.wanted = world.seed % 4 == 3
        self.random = random.Random(f"hooks {world.seed}")
        self._world = world
        self._known: dict[str, Known] = {}
        self._ran: set[OwedHook] = set()

    def act(self) -> None:
        """Let a process see to what is owed, now and then."""
        if not self.wanted or self.random.random() > _OFTEN:
            return
        process = self._world.awake()
        if process:
            hooks: Any = process.runner.hooks
            work = self.random.choice((hooks.run_next, hooks.run_next, hooks.settle_abandoned))
            self._world.spawn(process, work(), contained=True)

    def runs(self, hook: OwedHook, process: Process) -> None:
        """I23: a hook is run once, by the process that has claimed it."""
        self._world.did("hook runs", process, hook.job_id)
        if hook in self._ran:
            raise Violation("I23", "a hook is run twice", hook.job_id)
        self._ran.add(hook)
        known = self._known[hook.job_id]
        # One whose lock is lost may have been given up by others; it runs what it has claimed all the same.
        if (
            process.locked
            and known.ended == hook.ended
            and (known.runner, known.outcome) != (process.instance, None)
        ):
            raise Violation("I23", f"a hook is run by {process.instance}: {known}", hook.job_id)

    def check(self) -> None:
        """Look at every hook after something was written."""
        if not self.wanted:
            return
        marks = ", ".join(f"'{state}'" for state in sorted(ENDED))
        rows = self._world.connection.execute(
            "SELECT job_id, ended, runner, outcome, (SELECT count(*) FROM events"
            f" WHERE events.job_id = hooks.job_id AND to_state IN ({marks})) FROM hooks"
        )
        for job_id, *row in rows.fetchall():
            now = Known(*row)
            before = self._known.get(job_id, Known(None, None, None, 0))
            if now != before:
                self._known[job_id] = now
                self._moved(job_id, before, now)

    def _moved(self, job_id: str, before: Known, now: Known) -> None:
        if now.ends > before.ends:
            if now.ended is None or now.ended <= (before.ended or 0):
                raise Violation("I23", "a job ended, and its hook is not owed", job_id)
            before = Known(now.ended, None, None, now.ends)
        if now.ended != before.ended:
            raise Violation("I23", "a hook is owed for no end", job_id)
        if before.runner not in (None, now.runner) or before.outcome not in (None, now.outcome):
            raise Violation("I23", f"a claimed hook was changed: {before} to {now}", job_id)
        if now.outcome is not None and now.runner is None:
            raise Violation("I23", "something came of a hook that nobody ran", job_id)
        if now.outcome == ABANDONED and self._world.holds_its_lock(now.runner or ""):
            raise Violation("I23", "a hook is given up, and its process lives", job_id)

    def everything_ran(self) -> None:
        """I23: in the end every hook was run, or its process was killed, which is said."""
        if not self.wanted:
            return
        self.check()
        for job_id, row in self._world.promises.jobs.items():
            hook = self._known.get(job_id)
            if row.state not in ENDED:
                continue
            if hook is None or hook.ended is None or hook.outcome is None:
                raise Violation("I23", f"a hook that is never run: {hook}", job_id)
            if hook.outcome != ABANDONED and OwedHook(job_id=job_id, ended=hook.ended) not in self._ran:
                raise Violation("I23", f"a hook was not run and ended with {hook.outcome!r}", job_id)

    def owed(self) -> bool:
        """Whether one is owed that nobody has claimed."""
        return self.wanted and finish_hooks.owed(self._world.connection) is not None
