"""
Many processes that want to buy at the same moment, on one budget: `python -m tests.reliability.contention [--provider NAME]`.

Half of what each of them wants is the same for all. The day's cap allows only a part of it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio

from seedance_mcp.app import open_app
from seedance_mcp.store.database_file import SqliteConnection
from seedance_mcp.store.money.ledger import to_micros, unbalanced_days
from tests.emulator import Behaviour, Emulator, Fault

from . import fault_market as market
from .kill_judge import jobs_of, prompt_of

ALLOWED = Decimal("0.3")
"""The part of what is wanted that the day's cap pays for, at the highest price."""

TROUBLE = (
    Fault(kind="lost", call="submit", accepted=True, times=None, chance=0.06),
    Fault(kind="lost", call="submit", accepted=False, times=None, chance=0.03),
)
"""What goes wrong as well, where the provider's list tells in the end what it took."""

_CATALOG = """\
[providers.{provider}]
net_max_seconds = 1.0
list_lag_seconds = 0.5

[providers.{provider}.limits]
submit = {{ calls = 10000, seconds = 1, source = "test" }}
read = {{ calls = 10000, seconds = 1, source = "test" }}
list = {{ calls = 10000, seconds = 1, source = "test" }}
"""
_PATIENCE_SECONDS = 150.0


@dataclass
class Outcome:
    """
    What came of it.

    `overspend` in USD: the most that was ever counted, or was charged in the end, beyond the cap. `repeated`
    answers named a job that stood for the same request already. `violations` say which promise was broken.
    """

    processes: int = 0
    wanted: int = 0
    bought: int = 0
    repeated: int = 0
    refused: int = 0
    cap: Decimal = Decimal(0)
    most_counted: Decimal = Decimal(0)
    overspend: Decimal = Decimal("0.000000")
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list[str])

    @property
    def holds(self) -> bool:
        """True if no promise was broken."""
        return not self.violations and not self.overspend


def run(processes: int = 8, jobs: int = 50, seed: int = 1, provider: str = "ark") -> Outcome:
    """Let so many processes ask for so many videos each, all at once, and compare what came of it with the truth."""
    with tempfile.TemporaryDirectory(prefix="contention-") as folder:
        return anyio.run(_run, Path(folder), processes, jobs, seed, provider)


async def _run(folder: Path, processes: int, jobs: int, seed: int, provider: str) -> Outcome:
    began = time.monotonic()
    wanted = wishes(processes, jobs, seed)
    distinct = len({prompt for wish in wanted for prompt in wish})
    behaviour = Behaviour(queued_seconds=0.05, running_seconds=0.1, list_lag=0.2)
    async with Emulator(provider, behaviour=behaviour, seed=seed) as emulator:
        if market.info(provider).absence_is_proof:
            emulator.faults.add(*TROUBLE)
        price = await _price(provider, emulator, folder / "first")
        # Half a price more than a whole number of videos: the last one must not fit by rounding.
        cap = price * (int(distinct * ALLOWED) + Decimal("0.5"))
        said = await _let_go(folder, provider, emulator, wanted, cap)
        outcome = Outcome(processes=processes, wanted=processes * jobs, cap=cap)
        _judge(outcome, folder, provider, emulator, said, price)
    outcome.seconds = time.monotonic() - began
    return outcome


def wishes(processes: int, jobs: int, seed: int) -> list[list[str]]:
    """What each process asks for, in its own order: half of it is the same for all."""
    rng = random.Random(seed)
    shared = [f"the same boat {number} of {seed}" for number in range(jobs // 2)]
    wanted: list[list[str]] = []
    for process in range(processes):
        own = [f"boat {number} of process {process} of {seed}" for number in range(jobs - len(shared))]
        wanted.append(rng.sample(shared + own, jobs))
    return wanted


async def _price(provider: str, emulator: Emulator, folder: Path) -> Decimal:
    """The most that one of these videos can cost, in USD."""
    async with open_app(market.settings(emulator.environment(provider), folder)) as app:
        quote = await app.estimate(market.request(provider))
        return quote.estimate.maximum.usd if quote.estimate else app.settings.max_usd_per_job


async def _let_go(
    folder: Path, provider: str, emulator: Emulator, wanted: list[list[str]], cap: Decimal
) -> list[dict[str, Any]]:
    catalog = folder / "catalog.toml"
    catalog.write_text(_CATALOG.format(provider=provider), encoding="utf-8")
    plan = {
        "folder": str(folder),
        "environ": {
            **emulator.environment(provider),
            "SEEDANCE_CATALOG": str(catalog),
            "SEEDANCE_MAX_USD_PER_DAY": str(cap),
            "SEEDANCE_MAX_JOBS_PER_HOUR": "100000",
        },
        "wishes": [
            [market.request(provider, prompt=prompt).model_dump(mode="json") for prompt in wish]
            for wish in wanted
        ],
    }
    command = [sys.executable, "-m", "tests.reliability.contention_child"]
    with anyio.fail_after(_PATIENCE_SECONDS):
        done = await anyio.run_process(command, input=json.dumps(plan).encode(), stderr=PIPE, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace")[-4000:])
    return [json.loads(line) for line in done.stdout.splitlines()]


def _judge(
    outcome: Outcome,
    folder: Path,
    provider: str,
    emulator: Emulator,
    said: list[dict[str, Any]],
    price: Decimal,
) -> None:
    say = outcome.violations.append
    cap = to_micros(outcome.cap)
    tasks = list(emulator.ledger.tasks.values())
    jobs = {job["id"]: job for job in jobs_of(folder)}
    with contextlib.closing(
        sqlite3.connect(folder / "state" / "jobs.db", factory=SqliteConnection)
    ) as database:
        # Append only, one row after the other: its sums are what was counted at every moment.
        rows = [row[0] for row in database.execute("SELECT usd_micros FROM ledger ORDER BY rowid")]
        reserved = database.execute("SELECT COUNT(*) FROM ledger WHERE kind = 'reserve'").fetchone()[0]
        if unbalanced := unbalanced_days(database):
            say(f"the sums of {', '.join(unbalanced)} are not those of the ledger")
    counted = sum(rows)
    most = max(_sums(rows), default=0)
    rate = Decimal(7) if market.info(provider).currency == "CNY" else Decimal(1)
    charged = sum((task.price / rate for task in tasks), Decimal(0))
    answers = [answer for one in said for answer in one["answers"]]
    outcome.bought = len(tasks)
    outcome.refused = sum("refused" in answer for answer in answers)
    outcome.repeated = sum(bool(answer.get("deduplicated")) for answer in answers)
    outcome.most_counted = Decimal(most) / 1_000_000
    outcome.overspend = max(Decimal(0), Decimal(most - cap) / 1_000_000, charged - outcome.cap) * Decimal(
        "1.000000"
    )

    if len(answers) != outcome.wanted:
        say(f"{len(answers)} answers to {outcome.wanted} requests")
    for answer in answers:
        if "error" in answer:
            say(f"an answer that is neither a job nor the budget: {answer}")
        elif (
            "job" in answer
            and jobs.get(answer["job"], {}).get("request", {}).get("prompt") != answer["prompt"]
        ):
            say(f"an answer names a job of something else: {answer}")
    if reserved < int(outcome.cap / price):
        say(f"only {reserved} jobs were reserved, though the cap allows {int(outcome.cap / price)}")
    _bought_once(tasks, jobs, say=say)
    if set(_whole_videos(folder)) != {
        job["artifacts"]["video_path"] for job in jobs.values() if job["artifacts"]
    }:
        say("the records name other files than those that are there")
    silent = provider in market.SILENT_ABOUT_MONEY
    wrong = abs(Decimal(counted) / 1_000_000 - charged) > Decimal("0.000002") * max(1, len(tasks))
    if wrong and not (silent and Decimal(counted) / 1_000_000 >= charged):
        say(f"{counted} micros are counted, {charged} USD were charged")
    for one in said:
        if Decimal(one["spent"]) != Decimal(counted) / 1_000_000 or Decimal(one["reserved"]):
            say(f"a process says {one['spent']} spent and {one['reserved']} reserved of {counted} micros")
        if one["code"]:
            say(f"a process ended with {one['code']}")
    log = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")
    if "Traceback" in log or "nobody expected" in log:
        say(log[-3000:])


def _sums(rows: Iterable[int]) -> Iterable[int]:
    total = 0
    for row in rows:
        total += row
        yield total


def _bought_once(tasks: list[Any], jobs: dict[str, dict[str, Any]], *, say: Any) -> None:
    bought = Counter(prompt_of(task.body) for task in tasks)
    owners = Counter(job["submission"]["task_id"] for job in jobs.values() if job["submission"])
    done = Counter(job["request"]["prompt"] for job in jobs.values() if job["state"] == "done")
    for task in tasks:
        if owners[task.id] != 1:
            say(f"task {task.id} belongs to {owners[task.id]} jobs")
    for prompt in {*bought, *done}:
        if not bought[prompt] == done[prompt] == 1:
            say(f"{prompt!r} was bought {bought[prompt]} times and delivered {done[prompt]} times")
    for job in jobs.values():
        if job["state"] not in ("done", "absent", "not_sent", "rejected"):
            say(f"a job is left {job['state']}: {job['error']}")


def _whole_videos(folder: Path) -> list[str]:
    return [str(path) for path in sorted((folder / "videos").rglob("*.mp4"))]


def main() -> int:
    """Read the command line, play, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.contention", description=__doc__)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--provider", default="ark")
    asked = parser.parse_args()
    outcome = run(asked.processes, asked.jobs, asked.seed, asked.provider)
    print(outcome)
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    sys.exit(main())
