"""
Runs the proofs of reliability and prints what came of them: `python -m tests.trust [--long] [--only NAME ...]`.

At most ten minutes on two cores; `--long` takes the long figures instead. The exit code is 1 if any claim
failed, or if its proof is missing.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SEED = 20_261_121


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much of everything: the figures of the short and of the long run."""

    long: bool
    steps: int
    kills: int
    seconds: float
    """What one claim may take at most."""


SHORT = Scale(long=False, steps=2_000_000, kills=200, seconds=600)
LONG = Scale(long=True, steps=30_000_000, kills=10_000, seconds=4 * 3600)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of a claim: how much was tried, whether it holds, and what to know about it."""

    rounds: str
    holds: bool
    details: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim and its proof. `prove` raises `ModuleNotFoundError` or `AttributeError` if the proof is missing."""

    name: str
    says: str
    prove: Callable[[Scale], Verdict]
    seed: int | None = None


def pytests(*paths: str, workers: int = 2) -> Callable[[Scale], Verdict]:
    """A proof that is files of tests; `*` in a path stands for anything."""

    def prove(scale: Scale) -> Verdict:
        found = {path: sorted(glob(str(ROOT / path))) for path in paths}  # noqa: PTH207  absolute ones too
        missing = [path for path in paths if not found[path]]
        if missing:
            raise ModuleNotFoundError(", ".join(missing))
        files = [file for path in paths for file in found[path]]
        environ = dict(os.environ) | ({"SEEDANCE_TEST_LONG": "1"} if scale.long else {})
        patience = ["-o", f"timeout={scale.seconds:.0f}"]
        command = [sys.executable, "-m", "pytest", "-q", "-n", str(workers), *patience]
        try:
            with TemporaryDirectory() as folder:
                done = subprocess.run(
                    [*command, f"--basetemp={folder}/tests", *files],
                    cwd=ROOT,
                    env=environ,
                    capture_output=True,
                    text=True,
                    timeout=scale.seconds,
                    check=False,
                )
        except subprocess.TimeoutExpired:
            return Verdict(rounds="", holds=False, details=f"not within {scale.seconds:.0f} s")
        last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
        counted = ", ".join(re.findall(r"\d+ (?:passed|failed|skipped|errors?)", last))
        telling = ("FAILED", "ERROR", "SKIPPED", "E  ")
        failed = "\n".join(line for line in done.stdout.splitlines() if line.startswith(telling))
        return Verdict(
            rounds=counted, holds=done.returncode == 0, details=failed[-6000:] or done.stderr[-2000:]
        )

    return prove


def _proof(module: str, function: str) -> Any:
    return getattr(importlib.import_module(f"tests.reliability.{module}"), function)


def _simulated(scale: Scale) -> Verdict:
    # It never waits: on a busy machine it only takes longer.
    outcome = _proof("simulation", "run")(scale.steps, seconds=6 * scale.seconds)
    return Verdict(
        rounds=f"{outcome.steps:,} steps, {outcome.bought:,} purchases",
        holds=not outcome.violations and outcome.steps >= scale.steps,
        details="\n".join(outcome.violations),
    )


_VERDICTS = ("holds", "ok", "passed")
_TROUBLE = (
    "violation", "violations", "problem", "problems", "failures", "survivors", "survived", "double", "doubles",
    "lost", "undelivered", "overspend", "overspent", "wrong", "broken",
)  # fmt: skip
"""What an outcome of a proof may be called by; one of them has to be there."""


def told(outcome: Any) -> Verdict:
    """Read the outcome of a proof: an object with figures, and with a verdict or with what went wrong."""
    facts = {name: getattr(outcome, name) for name in dir(outcome) if not name.startswith("_")}
    facts = {name: value for name, value in facts.items() if not callable(value)}
    verdicts = [bool(facts[name]) for name in _VERDICTS if name in facts]
    verdicts += [not facts[name] for name in _TROUBLE if name in facts]
    figures = [
        f"{value:,} {name.replace('_', ' ')}"
        for name, value in facts.items()
        if isinstance(value, int | Decimal) and not isinstance(value, bool) and name != "seed"
    ]
    return Verdict(
        rounds=", ".join(figures),
        holds=bool(verdicts) and all(verdicts),
        details="" if verdicts and all(verdicts) else f"{outcome!r}"[:4000],
    )


def _mutated(scale: Scale) -> Verdict:
    return told(_proof("mutants", "run")())


def _killed(scale: Scale) -> Verdict:
    run, providers = _proof("kill", "run"), _proof("fault_market", "PROVIDERS")
    names = providers if scale.long else providers[:1]
    return _at_each(names, lambda name: run(rounds=scale.kills // len(names), seed=SEED, provider=name))


def _crowded(scale: Scale) -> Verdict:
    run, providers = _proof("contention", "run"), _proof("fault_market", "PROVIDERS")
    return _at_each(
        providers if scale.long else providers[:1],
        lambda name: run(processes=8, jobs=50, seed=SEED, provider=name),
    )


def _at_each(names: Sequence[str], prove: Callable[[str], Any]) -> Verdict:
    verdicts = {name: told(prove(name)) for name in names}
    return Verdict(
        rounds="; ".join(f"{name}: {verdict.rounds}" for name, verdict in verdicts.items()),
        holds=all(verdict.holds for verdict in verdicts.values()),
        details="\n".join(
            f"{name}: {verdict.details}" for name, verdict in verdicts.items() if not verdict.holds
        ),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        name="simulation",
        says="In random schedules of everything that can happen, no promise about money is ever broken.",
        prove=_simulated,
        seed=0,
    ),
    Claim(
        name="mutants",
        says="Every deliberate mistake in the money core breaks a promise that the simulation sees.",
        prove=_mutated,
    ),
    Claim(
        name="kills",
        says="Processes killed and paused at any moment buy nothing twice, lose nothing, deliver everything.",
        prove=_killed,
        seed=SEED,
    ),
    Claim(
        name="contention",
        says="Many processes with one budget do not exceed it by a millionth, and buy once what they all ask for.",
        prove=_crowded,
        seed=SEED,
    ),
    Claim(
        name="faults",
        says="Every fault of a provider against every call ends as the published table says.",
        prove=pytests("tests/reliability/test_faults.py"),
    ),
    Claim(
        name="twins",
        says="A purchase whose answer was lost is never taken for another one that looks the same.",
        prove=pytests("tests/reliability/test_twins.py", "tests/jobs/test_quiet_period.py"),
    ),
    Claim(
        name="disk",
        says="A disk that runs full at any page loses no purchase and buys none twice.",
        prove=pytests("tests/reliability/test_disk.py"),
    ),
    Claim(
        name="database",
        says="A damaged, newer or read-only record of money is kept, said, and stops purchases.",
        prove=pytests("tests/reliability/test_damaged_database.py"),
    ),
    Claim(
        name="input",
        says="Hostile paths, addresses and tool calls open nothing, crash nothing and tell nothing.",
        prove=pytests(
            "tests/reliability/test_paths*.py",
            "tests/reliability/test_urls*.py",
            "tests/reliability/test_fuzz*.py",
        ),
    ),
    Claim(
        name="secrets",
        says="No key, no signed address and no file content stands in anything that is written.",
        prove=pytests("tests/reliability/test_secrets*.py"),
    ),
)
"""Every claim, the money core first."""


def judge(claims: Sequence[Claim], scale: Scale, say: Callable[[str], None] = print) -> int:
    """Prove the claims one after the other and report; the number of those that do not hold."""
    began, broken = time.monotonic(), 0
    for claim in claims:
        say(f"\n{claim.name}: {claim.says}")
        started, worked = time.monotonic(), _cpu_seconds()
        try:
            verdict = claim.prove(scale)
        except (ModuleNotFoundError, AttributeError) as missing:
            verdict = Verdict(rounds="", holds=False, details=f"the proof is missing: {missing}")
        except Exception:
            verdict = Verdict(rounds="", holds=False, details=traceback.format_exc())
        broken += not verdict.holds
        figures = [
            "holds" if verdict.holds else "DOES NOT HOLD",
            verdict.rounds,
            "" if claim.seed is None else f"seed {claim.seed}",
            f"{time.monotonic() - started:.1f} s",
            f"{_cpu_seconds() - worked:.1f} s of CPU" if _cpu_seconds() > worked else "",
        ]
        say("  " + " | ".join(figure for figure in figures if figure))
        for line in verdict.details.splitlines():
            say(f"    {line}")
    say(
        f"\n{len(claims) - broken} of {len(claims)} claims hold, {time.monotonic() - began:.0f} s, "
        f"Python {sys.version.split()[0]}, {sys.platform}, {os.cpu_count()} cores"
    )
    return broken


def _cpu_seconds() -> float:
    """What this process and all its ended children have worked."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.trust", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--long", action="store_true", help="the long figures: hours instead of minutes")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[claim.name for claim in CLAIMS])
    parser.add_argument("--list", action="store_true", help="name the claims and stop")
    chosen = parser.parse_args(words)
    claims = [claim for claim in CLAIMS if not chosen.only or claim.name in chosen.only]
    if chosen.list:
        print("\n".join(f"{claim.name}: {claim.says}" for claim in claims))
        return 0
    return min(1, judge(claims, LONG if chosen.long else SHORT, lambda line: print(line, flush=True)))


if __name__ == "__main__":
    sys.exit(main())
