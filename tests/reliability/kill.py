"""
Kills and stops real processes while they buy, and ends them as clients do; others take over, or those that were left behind
finish alone. What came of it is compared with the provider's ledger.

`python -m tests.reliability.kill --rounds 10000 --seed 7 [--provider NAME] [--keep FOLDER]`
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

import anyio

from tests.emulator import Behaviour, Emulator, Fault

from . import fault_market as market
from .kill_judge import Outcome, judge
from .kill_points import POINTS
from .kill_round import OTHER_KEY, Round
from .kill_zygote import Zygote, zygote

QUIET = {"net_max_seconds": 1.5, "list_lag_seconds": 0.5}
"""Seconds; a stopped process stays stopped for longer than both together, now and then."""

HORIZON_HOURS = 3 / 3600
"""Where a list proves nothing: when the server stops looking and asks a person."""

AT_ONCE = 16
MORE_TRIES = 4
"""How often more rounds are played for what has happened too seldom: a busy machine is slow, and life goes many ways."""

TROUBLE = (
    Fault(kind="lost", call="submit", accepted=True, times=None, chance=0.12),
    Fault(kind="lost", call="submit", accepted=False, times=None, chance=0.06),
    Fault(kind="reset", call="submit", accepted=True, times=None, chance=0.06),
    Fault(kind="status", call="submit", status=500, accepted=True, times=None, chance=0.06),
    Fault(kind="cut_json", call="submit", accepted=True, times=None, chance=0.06),
    Fault(kind="status", call="poll", status=503, times=None, chance=0.08),
    Fault(kind="lost", call="poll", times=None, chance=0.05),
    Fault(kind="status", call="list", status=503, times=None, chance=0.1),
    Fault(kind="cut_json", call="list", times=None, chance=0.05),
    Fault(kind="truncated", call="result", times=None, chance=0.15),
    Fault(kind="lost", call="result", times=None, chance=0.1),
)
"""What goes wrong beside the kills; never a lie about a refusal, which nobody can see through."""


def run(
    rounds: int = 200,
    seed: int = 1,
    provider: str = "ark",
    *,
    folder: Path | None = None,
    leases: bool = True,
    first: int = 0,
) -> Outcome:
    """Play so many rounds. The state folders of a failure stay in `folder`, if one is given."""
    with contextlib.ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kills-")))
        place.mkdir(parents=True, exist_ok=True)
        return anyio.run(_run, range(first, first + rounds), seed, provider, place, leases)


async def _run(numbers: range, seed: int, provider: str, folder: Path, leases: bool) -> Outcome:
    lines = QUIET if market.info(provider).absence_is_proof else {**QUIET, "horizon_hours": HORIZON_HOURS}
    told = "\n".join(f"{key} = {value}" for key, value in lines.items())
    # Here all installations share one account, whose limits none of them can keep for the others.
    told += "".join(
        f"\nlimits.{kind} = {{ calls = 1000, seconds = 1, source = 'none here' }}"
        for kind in ("submit", "read", "list")
    )
    (folder / "catalog.toml").write_text(f"[providers.{provider}]\n{told}\n", encoding="utf-8")
    outcome = Outcome()
    began = time.monotonic()
    behaviour = Behaviour(queued_seconds=0.05, running_seconds=0.1, list_lag=0.2)
    async with Emulator(provider, behaviour=behaviour, seed=seed) as emulator, zygote() as source:
        emulator.faults.add(*TROUBLE)
        emulator.add_account(OTHER_KEY)
        limiter = anyio.CapacityLimiter(AT_ONCE)
        due = list(numbers)
        for _ in range(1 + MORE_TRIES):
            outcome.rounds += len(due)
            async with anyio.create_task_group() as group:
                for number in due:
                    one = Round(number, seed, provider, folder, leases)
                    group.start_soon(_round, one, source, emulator, outcome, limiter)
            due = _more(numbers, max((*numbers, *due)), outcome)
            if not due:
                break
    outcome.seconds = time.monotonic() - began
    return outcome


def _more(numbers: range, last: int, outcome: Outcome) -> list[int]:
    """Return the rounds after `last` to play besides: one for each point not reached, and some if too little happened."""
    if len(numbers) < len(POINTS):
        return []
    cycle = 3 * len(POINTS)
    start = (last // cycle + 1) * cycle
    places = range(0, len(POINTS), 4) if outcome.lacks(len(numbers)) else ()
    missed = [place for place, point in enumerate(POINTS) if not outcome.points[point]]
    return [start + place for place in sorted({*places, *missed})]


async def _round(
    one: Round, source: Zygote, emulator: Emulator, outcome: Outcome, limiter: anyio.CapacityLimiter
) -> None:
    async with limiter:
        await one.play(source, emulator, outcome)
        judge(one.number, one.folder, one.prompts, one.provider, emulator, outcome)


def main() -> None:
    """Read the command line, play, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.kill", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first round, to repeat one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--provider", default="ark")
    parser.add_argument("--no-leases", action="store_true", help="leases are economy only: go without")
    parser.add_argument("--keep", type=Path, help="keep the state folders here")
    asked = parser.parse_args()
    outcome = run(
        asked.rounds,
        asked.seed,
        asked.provider,
        folder=asked.keep,
        leases=not asked.no_leases,
        first=asked.first,
    )
    for violation in outcome.violations[:20]:
        print(violation)
    missed = [point for point in POINTS if not outcome.points[point]]
    print(
        f"{outcome.rounds} rounds in {outcome.seconds:.0f} s: {outcome.kills} kills, {outcome.stops} stops, "
        f"{outcome.endings} endings by clients, {outcome.left} left behind, {outcome.alone} alone with open jobs, "
        f"{outcome.hooks} commands run, {outcome.unsure} perhaps not, "
        f"{outcome.bought} bought, {outcome.asked} for a person, {len(outcome.violations)} violations; "
        f"points never reached: {missed}"
    )
    sys.exit(not outcome.holds)


if __name__ == "__main__":
    main()
