"""
Random schedules against the promises of the money core: `python -m tests.reliability.simulation --steps N`.

A schedule is told by its seed alone. When a promise is broken, the seed, the step, the promise and everything that
concerns the job are printed, and `--seed SEED --steps 1` plays that schedule again.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context

from .simulation_process import WorldDatabase
from .simulation_rules import Violation
from .simulation_world import World

_CHUNK = 25
"""Schedules that a worker plays before it reports."""


@dataclass(kw_only=True)
class Outcome:
    """
    What some schedules did.

    `violations` are the promises that were broken, each with its seed; `counts` says how often everything
    happened, the harmful things above all.
    """

    schedules: int = 0
    steps: int = 0
    bought: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter[str], repr=False)
    violations: list[str] = field(default_factory=list[str])

    def add(self, other: Outcome) -> None:
        """Count what others did as well."""
        self.schedules += other.schedules
        self.steps += other.steps
        self.bought += other.bought
        self.counts += other.counts
        self.violations += other.violations


def play(seed: int, database: WorldDatabase | None = None) -> Outcome:
    """Play one schedule to its end, or until a promise is broken; in memory, or in another empty database."""
    logging.disable(logging.CRITICAL)
    gc.disable()  # a schedule is over before its garbage matters
    world, violations = World(seed, database), list[str]()
    try:
        world.run()
    except Violation as broken:
        violations.append(_report(world, str(broken), broken.job))
    except Exception as error:
        *_, last, _ = traceback.format_exception(error)
        violations.append(_report(world, f"{type(error).__name__}: {error}\n{last.rstrip()}", ""))
    finally:
        gc.enable()
        logging.disable(logging.NOTSET)
    return Outcome(
        schedules=1,
        steps=world.steps,
        bought=len(world.market.tasks),
        counts=world.counts,
        violations=violations,
    )


def _report(world: World, words: str, job: str) -> str:
    told = [
        f"  {step:5} {what} {process} {about}".rstrip()
        for step, what, process, about in world.trace
        if about == job or not job or (not about and what not in ("read", "write", "disk full at a write"))
    ]
    again = f"python -m tests.reliability.simulation --seed {world.seed} --steps 1"
    return "\n".join([f"seed {world.seed}, step {world.steps}: {words}", *told[-40:], f"  again: {again}"])


def _play_some(seeds: range) -> Outcome:
    total = Outcome()
    for seed in seeds:
        total.add(play(seed))
        if total.violations:
            break
    return total


def _chunks(seed: int) -> Iterator[range]:
    while True:
        yield range(seed, seed + _CHUNK)
        seed += _CHUNK


def run(steps: int, seed: int = 0, *, seconds: float = 1e9, processes: int | None = None) -> Outcome:
    """
    Play schedules from `seed` on until so many steps are done, or a promise is broken, or the time is up.

    `processes`: how many at once; by default one for each core. With 1 they are played in this process.
    """
    began, total = time.monotonic(), Outcome()
    count = processes or os.cpu_count() or 1
    if count == 1:
        while total.steps < steps and not total.violations and time.monotonic() - began < seconds:
            total.add(play(seed + total.schedules))
    else:
        with get_context("spawn").Pool(count) as pool:
            chunks = _chunks(seed)
            results = [pool.apply_async(_play_some, (next(chunks),)) for _ in range(2 * count)]
            while total.steps < steps and not total.violations and time.monotonic() - began < seconds:
                total.add(results.pop(0).get(timeout=300))
                results.append(pool.apply_async(_play_some, (next(chunks),)))
            pool.terminate()
    total.seconds = time.monotonic() - began
    return total


def main() -> int:
    """Read the command line, play, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.simulation", description=__doc__)
    parser.add_argument("--steps", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--processes", type=int)
    parser.add_argument("--counts", action="store_true", help="how often everything happened")
    asked = parser.parse_args()
    outcome = run(
        asked.steps,
        asked.seed,
        seconds=asked.seconds,
        processes=1 if asked.steps == 1 else asked.processes,
    )
    if asked.counts:
        for what, count in outcome.counts.most_common():
            print(f"{count:10,} {what}")
    print(
        f"{outcome.steps:,} steps in {outcome.schedules:,} schedules, {outcome.bought:,} purchases, "
        f"{outcome.seconds:.0f} s: {'VIOLATION' if outcome.violations else 'no violation'}"
    )
    for violation in outcome.violations:
        print(violation)
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
