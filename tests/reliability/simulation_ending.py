"""How a schedule ends: with healthy providers and any one process running, every job comes to where it belongs."""

from __future__ import annotations

import random
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from .simulation_market import QUIET
from .simulation_rules import HOUR, INTENTS, YEAR, Violation

if TYPE_CHECKING:
    from .simulation_loop import Thread
    from .simulation_process import Process
    from .simulation_world import World


def lead_to_the_end(world: World) -> None:
    """Let all but one process of each account die, all troubles stop and time go by; everything has to end well."""
    world.count("end begins")
    keep = world.random.choice(list(world.processes.values()))
    for process in list(world.processes.values()):
        if process is not keep:
            world.kill(process)
    keep.paused = world.disk_full = world.market.forgetful = False
    world.write_errors = world.trips = 0.0
    world.market.settle()
    if world.seed % 4 == 2:
        _go_on_with_the_clock_set_back(world, keep)
    world.pass_time(2 * QUIET)
    _to_its_end(world, keep, keep.watcher.note_clocks())
    world.skew = world.most_skew  # the clock has caught up with all that it ever said
    world.lists_lie = world.lists_break = False
    world.trouble, world.last_chance = 0.0, world.wall + 10.0
    kept = world.accounts.all_present(list(world.processes.values()))
    for round_ in range(60):
        world.pass_time(4.0 if round_ < 20 else 400.0)
        for process in kept:
            for work in (process.watcher._adoption.look_here, process.runner.adopt_late):
                _to_its_end(world, process, work())
            for job_id in world.promises.open_jobs():
                _to_its_end(world, process, process.watcher._step(job_id))
        if not world.promises.open_jobs() and not world.threads:
            break
    world.promises.what_was_on_disk_is_known()
    for job_id in world.promises.in_states("unresolved", "missing"):
        thread = world.by_hand(keep, job_id)
        if thread:
            _finish_thread(world, thread)
    for _ in range(60):
        for process in kept:
            for job_id in world.promises.open_jobs():
                _to_its_end(world, process, process.watcher._step(job_id))
    _to_its_end(world, keep, keep.runner.hooks.settle_abandoned())
    while world.hooks.owed():
        _to_its_end(world, keep, keep.runner.hooks.run_next())
    world.promises.everything_ends()
    world.hooks.everything_ran()
    _let_a_day_go_by_at_the_right_time(world, keep)
    world.promises.a_later_day_is_open(keep)


def _go_on_with_the_clock_set_back(world: World, keep: Process) -> None:
    """Set the clock back, buy on and look for everything: no cap opens, and what was bought is found all the same."""
    dice = random.Random(f"the last clock of {world.seed}")
    world.skew -= dice.choice((30.0, HOUR, 90_000.0, YEAR))
    world.did("clock set back in the end", None, "")
    world.lists_lie = world.lists_break = False
    world.trouble = 0.0
    kept = world.accounts.all_present([keep])
    looking, since = world.promises.open_jobs(), world.true
    for round_ in range(12):
        world.pass_time(4.0 if round_ < 4 else 200.0)
        for process in kept:
            for work in (
                process.watcher.note_clocks,
                process.watcher._adoption.look_here,
                process.runner.adopt_late,
            ):
                _to_its_end(world, process, work())
            for job_id in world.promises.open_jobs():
                _to_its_end(world, process, process.watcher._step(job_id))
            _to_its_end(world, process, world.order(process, dice.randrange(INTENTS)))
    world.promises.what_is_shown_is_found(looking, since)


def _let_a_day_go_by_at_the_right_time(world: World, keep: Process) -> None:
    world.skew = 0.0
    world.did("clock set right", None, "")
    for _ in range(30):
        _to_its_end(world, keep, keep.watcher.note_clocks())
        world.pass_time(HOUR)
    _to_its_end(world, keep, keep.watcher.note_clocks())


def _to_its_end(world: World, process: Process, work: Coroutine[Any, Any, Any]) -> None:
    _finish_thread(world, world.spawn(process, work))


def _finish_thread(world: World, thread: Thread) -> None:
    for _ in range(400):
        world.market.settle()
        for other in list(world.threads):
            if other.ready:
                world.advance(other)
                world.promises.check()
        if thread not in world.threads:
            return
        if not any(other.ready for other in world.threads):
            world.pass_time(0.5)
    raise Violation("I10", "something of the one healthy process never ends")
