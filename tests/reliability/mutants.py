"""
The proofs on trial: each deliberate mistake in the money core has to break a promise that the simulation, or a test, sees.

A mistake is made in the memory of a process of its own, while the module is being imported; no file is written.
`python -m tests.reliability.mutants [NAME ...]` tries them by hand.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
import time
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from multiprocessing import TimeoutError, get_context
from multiprocessing.context import BaseContext
from tempfile import TemporaryDirectory
from types import CodeType
from typing import Any, NamedTuple

from .mutants_edit import ROOT, mutate, source
from .mutants_table import MUTANTS, Mutant

SEEDS = 1500
"""Schedules that a mistake may survive before it counts as overlooked."""

_SECONDS = 120.0
"""Of CPU, for one mistake."""

_LOADED_BEFORE = ("anyio", "httpx2", "pydantic", "pytest")
"""None of ours: the money core has to be imported with the mistake in it."""

_CAUGHT = re.compile(r", step \d+: (I\d+: |ValueError: a job cannot go |Conflict: )")
"""A promise was seen broken, or the core's own second line stopped it."""

_CRASHED = re.compile(r"\b(NameError|UnboundLocalError|AttributeError|TypeError|SyntaxError|ImportError)\(")
"""A mutant that merely crashes proves nothing, although the simulation promises that nothing does (I24)."""


class Tried(NamedTuple):
    """What became of a mistake: whether it was caught, after how many seconds, at which seed, by which promise."""

    name: str
    caught: bool
    seconds: float
    found: str


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, tree: ast.Module) -> None:
        super().__init__(fullname, path)
        self._tree = tree

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._tree, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    """Answers the import of the one module with its mutated source."""

    def __init__(self, mutant: Mutant) -> None:
        self._name, self._tree = mutant.module, mutate(mutant)
        self._path = str(source(mutant))

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, self._path, self._tree)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


@dataclass
class Outcome:
    """What became of all: `survivors` are mistakes that nothing noticed, or that could not be tried."""

    mutants: int = 0
    caught: int = 0
    seconds: float = 0.0
    survivors: list[Tried] = field(default_factory=list[Tried])
    tried: list[Tried] = field(default_factory=list[Tried], repr=False)


def attempt(mutant: Mutant, schedules: int = SEEDS) -> Tried:
    """Make the mistake in this process, which has to be a fresh one, and see whether the simulation or its test notices."""
    began = time.monotonic()
    if mutant.module in sys.modules:
        raise RuntimeError("the module is imported here already, without the mistake")
    sys.meta_path.insert(0, _Finder(mutant))
    if mutant.test:
        failed = _failure(mutant.test)
        caught = "AssertionError" in failed or "DID NOT RAISE" in failed
        return Tried(mutant.name, caught, time.monotonic() - began, failed[:160])
    from .simulation import play

    for seed in (mutant.seed, *range(schedules)):
        violations = play(seed).violations
        if violations:
            words = violations[0].split("\n")[0][:160]
            caught = bool(_CAUGHT.search(words)) and not _CRASHED.search(words)
            return Tried(mutant.name, caught, time.monotonic() - began, words)
        if time.process_time() > _SECONDS:
            break
    return Tried(mutant.name, False, time.monotonic() - began, f"survived up to {seed}")


class _Failures:
    """Keeps what pytest says of tests that fail."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            lines = report.longreprtext.splitlines()
            self.words += [line for line in lines if "Error" in line or "DID NOT RAISE" in line]


def _failure(test: str) -> str:
    """Run a test in this process; the last words of its failure, or why there is none."""
    import pytest

    failures = _Failures()
    path, _, name = test.partition("::")
    place = ROOT / path
    # Two pytests that share the usual folder delete each other's leavings, and each takes the race for an error.
    with (
        TemporaryDirectory() as folder,
        open(os.devnull, "w") as nowhere,  # noqa: PTH123
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        # That anyio was loaded before pytest could rewrite its asserts does not matter: it has none that we need.
        options = ["-x", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = pytest.main([*options, f"--basetemp={folder}/tests", f"{place}::{name}"], plugins=[failures])
    return failures.words[-1] if failures.words else f"survived {test}, which ended with {code!r}"


def _context() -> BaseContext:
    """Return how fresh processes are started: where that is possible, with the libraries of others loaded already."""
    if sys.platform != "linux":
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(list(_LOADED_BEFORE))
    return context


def run(
    mutants: Iterable[Mutant] = MUTANTS, *, processes: int | None = None, schedules: int = SEEDS
) -> Outcome:
    """Try every mistake, each in a process of its own, `processes` at once (by default one for each core)."""
    count, began = processes or os.cpu_count() or 1, time.monotonic()
    with _context().Pool(count, maxtasksperchild=1) as pool:
        trials = [(mutant, pool.apply_async(attempt, (mutant, schedules))) for mutant in mutants]
        tried: list[Tried] = []
        for mutant, trial in trials:
            try:
                tried.append(trial.get(timeout=_SECONDS * 5))
            except TimeoutError:
                tried.append(Tried(mutant.name, False, _SECONDS * 5, "hangs"))
            except Exception as error:
                tried.append(Tried(mutant.name, False, 0.0, f"could not be tried: {error!r}"))
        pool.terminate()
    return Outcome(
        mutants=len(tried),
        caught=sum(trial.caught for trial in tried),
        seconds=time.monotonic() - began,
        survivors=[trial for trial in tried if not trial.caught],
        tried=tried,
    )


def main() -> int:
    """Try the mistakes that are named, or all."""
    chosen = [mutant for mutant in MUTANTS if len(sys.argv) == 1 or mutant.name in sys.argv[1:]]
    outcome = run(chosen)
    for name, caught, seconds, found in outcome.tried:
        print(f"{'caught' if caught else 'SURVIVED':9} {seconds:5.1f} s  {name}: {found}")
    print(f"{outcome.caught} of {outcome.mutants} caught, {outcome.seconds:.0f} s")
    return 1 if outcome.survivors else 0


if __name__ == "__main__":
    sys.exit(main())
