"""What a round of kills may not have broken: the installation compared with the provider's ledger."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import anyio.to_thread

from seedance_mcp.jobs.results.hook_runner import ABANDONED
from seedance_mcp.store import unbalanced_days
from seedance_mcp.store.database_file import SqliteConnection
from tests.emulator import Emulator
from tests.emulator.ledger import Task

from . import fault_market as market

BUSY_SECONDS = 60.0
"""For how long the judge waits for a database that somebody else writes, on a busy machine."""

SHARES = {
    "kills": 1.0,
    "stops": 1 / 10,
    "endings": 1 / 3,
    "left": 1 / 4,
    "alone": 1 / 20,
    "harmful": 0.4,
}
"""How often each has to happen in a round on the average, or the run shows too little."""

T = TypeVar("T")

TOLD = "told"
"""The folder of an installation in which each run of the command leaves a file."""


@dataclass
class Outcome:
    """What came of it. `violations` say which round broke which promise."""

    rounds: int = 0
    kills: int = 0
    stops: int = 0
    endings: int = 0
    """Servers that were ended as clients end them."""
    left: int = 0
    """Processes that servers left behind."""
    alone: int = 0
    """Endings after which a watcher had to deliver what was open without any further server."""
    hooks: int = 0
    """Runs of the command at the end of a job that were begun."""
    unsure: int = 0
    """Jobs that say of their command that it may not have run."""
    bought: int = 0
    asked: int = 0
    """Open questions that a person had to answer."""
    harmful: int = 0
    seconds: float = 0.0
    points: Counter[str] = field(default_factory=Counter[str])
    violations: list[str] = field(default_factory=list[str])

    @property
    def holds(self) -> bool:
        """True if no promise was broken."""
        return not self.violations

    def lacks(self, rounds: int) -> list[str]:
        """What has happened too seldom for a run of so many rounds: on a busy machine lives end before they get anywhere."""
        return [kind for kind, share in SHARES.items() if getattr(self, kind) < rounds * share]


def judge(
    number: int, folder: Path, prompts: list[str], provider: str, emulator: Emulator, outcome: Outcome
) -> None:
    """Compare an installation with the provider's ledger; what is wrong goes into the outcome."""
    say = outcome.violations.append
    where = f"round {number}"
    tasks = [task for task in emulator.tasks.values() if prompt_of(task.body) in prompts]
    bought = Counter(prompt_of(task.body) for task in tasks)
    for prompt in prompts:
        if bought[prompt] != 1:
            say(f"{where}: {prompt!r} was bought {bought[prompt]} times")
    outcome.bought += len(tasks)
    calls = [
        call for ledger in emulator.ledgers for call in ledger.calls if call.name == "submit" and call.fault
    ]
    _asked_by_its_own_account(tasks, emulator, say, where)
    outcome.harmful = len({call.task_id or call.at for call in calls})
    jobs = jobs_of(folder)
    with contextlib.closing(
        sqlite3.connect(folder / "state" / "jobs.db", timeout=BUSY_SECONDS, factory=SqliteConnection)
    ) as database:
        counted = database.execute("SELECT COALESCE(SUM(usd_micros), 0) FROM ledger").fetchone()[0]
        verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
        unbalanced = unbalanced_days(database)
    if verdict != "ok":
        say(f"{where}: the database says {verdict}")
    if unbalanced:
        say(f"{where}: the sums of {', '.join(unbalanced)} are not those of the ledger")
    owners = Counter(job["submission"]["task_id"] for job in jobs if job.get("submission"))
    for task in tasks:
        if owners[task.id] != 1:
            say(f"{where}: task {task.id} belongs to {owners[task.id]} jobs")
    _delivered(jobs, folder / "videos", _clip(emulator, provider), len(prompts), say, where)
    open_ones = [job["id"] for job in jobs if job["state"] not in ("done", "absent", "not_sent", "rejected")]
    if open_ones:
        say(f"{where}: {open_ones} ended otherwise: {[job['state'] for job in jobs]}")
    rate = Decimal(1) if tasks and tasks[0].currency == "USD" else Decimal(7)
    charged = sum((task.price / rate for task in tasks), Decimal(0))
    if market.info(provider).name not in market.SILENT_ABOUT_MONEY:
        if abs(Decimal(counted) / 1_000_000 - charged) > Decimal("0.000002") * max(1, len(tasks)):
            say(f"{where}: {counted} micros are counted, {charged} were charged")
    elif Decimal(counted) / 1_000_000 < charged:
        say(f"{where}: {counted} micros are counted, {charged} were charged")
    _run_once(folder, jobs, say, where, outcome)
    log = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")
    if "Traceback" in log or "nobody expected" in log:
        say(f"{where}: {log[-3000:]}")
    reached = folder / "reached.txt"
    outcome.points.update(reached.read_text(encoding="utf-8").splitlines() if reached.exists() else ())


def _asked_by_its_own_account(
    tasks: list[Task], emulator: Emulator, say: Callable[[str], None], where: str
) -> None:
    for ledger in emulator.ledgers:
        others = {task.id for task in tasks} - ledger.tasks.keys()
        for call in ledger.calls:
            if call.name in ("poll", "cancel") and any(name in call.target for name in others):
                say(f"{where}: another account asked about {call.target}")


def _delivered(
    jobs: list[dict[str, Any]], videos: Path, clip: bytes, orders: int, say: Callable[[str], None], where: str
) -> None:
    made = sha256(clip).hexdigest()
    found = sorted(path for path in videos.rglob("*") if path.is_file())
    whole = [path for path in found if path.suffix == ".mp4"]
    if len(whole) != orders or any(sha256(path.read_bytes()).hexdigest() != made for path in whole):
        say(f"{where}: {[path.name for path in whole]} instead of {orders} whole videos")
    done = [job for job in jobs if job["state"] == "done"]
    named = {str(path) for path in whole}
    if {job["artifacts"]["video_path"] for job in done} != named:
        say(f"{where}: the records name other files than those that are there")
    # A sidecar whose writer was killed is removed by the next start; there may have been none.
    kinds = (".mp4", ".json", ".jpg", ".png", ".unfinished")
    left = [path.name for path in found if path.suffix not in kinds]
    if left:
        say(f"{where}: {left} were left behind")


def _run_once(
    folder: Path, jobs: list[dict[str, Any]], say: Callable[[str], None], where: str, outcome: Outcome
) -> None:
    """Compare the runs of commands with the ends of jobs: one each, or none where the job says that it may not have run."""
    told = runs_of(folder)
    outcome.hooks += len(told)
    runs = Counter((run["job_id"], run["status"]) for run in told)
    for (job_id, status), count in runs.items():
        if count > 1:
            say(f"{where}: the command of {job_id} ({status}) was run {count} times")
    said = hooks_of(folder)
    for job in jobs:
        ran = runs[job["id"], "succeeded" if job["state"] == "done" else "failed"]
        came = said.get(job["id"], (None, None))[1]
        outcome.unsure += came == ABANDONED
        if not (came == ABANDONED if ran == 0 else came in ("", ABANDONED)):
            say(f"{where}: the command of {job['id']} ({job['state']}): run {ran} times, said is {came!r}")
        if came and job.get("hook_error") != came:
            say(f"{where}: {job['id']} does not say that its command {came}")


def runs_of(folder: Path) -> list[dict[str, Any]]:
    """What each run of the command was told. Raises JSONDecodeError while one is being told."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in (folder / TOLD).iterdir()]


def hooks_of(folder: Path) -> dict[str, tuple[str | None, str | None]]:
    """Of each job that has ended and is owed a run of the command: which process claimed it, and what came of it."""
    with contextlib.closing(
        sqlite3.connect(folder / "state" / "jobs.db", timeout=BUSY_SECONDS, factory=SqliteConnection)
    ) as database:
        rows = database.execute("SELECT job_id, runner, outcome FROM hooks WHERE ended IS NOT NULL")
        return {job_id: (runner, outcome) for job_id, runner, outcome in rows}


def jobs_of(folder: Path) -> list[dict[str, Any]]:
    """Read the records of all jobs of an installation."""
    with contextlib.closing(
        sqlite3.connect(folder / "state" / "jobs.db", timeout=BUSY_SECONDS, factory=SqliteConnection)
    ) as database:
        return [json.loads(row[0]) for row in database.execute("SELECT document FROM jobs")]


async def read(reader: Callable[[Path], T], folder: Path) -> T:
    """Read beside living processes, in a thread: one of them may have to be woken first."""
    return await anyio.to_thread.run_sync(reader, folder)


def duty_of(folder: Path) -> list[str]:
    """Which processes have the duty to watch; nobody if that cannot be read now."""
    with contextlib.closing(
        sqlite3.connect(folder / "state" / "jobs.db", timeout=0, factory=SqliteConnection)
    ) as database:
        try:
            return [row[0] for row in database.execute("SELECT instance FROM watch_duty")]
        except sqlite3.OperationalError:
            return []


def prompt_of(body: dict[str, Any]) -> str:
    """The prompt of an order, in whatever dialect."""
    texts = [body[name] for name in ("prompt", "text") if isinstance(body.get(name), str)]
    parts = [part for value in body.values() for part in (value if isinstance(value, list) else [value])]
    return next(filter(None, (*texts, *(prompt_of(part) for part in parts if isinstance(part, dict)))), "")


def _clip(emulator: Emulator, provider: str) -> bytes:
    from tests.emulator.clips import clip

    audio = any(task.facts.get("audio") for task in emulator.tasks.values() if task.dialect == provider)
    return clip(64, 36, 1.0, audio)
