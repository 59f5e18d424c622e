"""A whole world for the journal in one thread: processes, a provider that holds the truth, and a clock that only tests move."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Generator
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import resources
from pathlib import Path

from seedance_mcp.config import Settings
from seedance_mcp.errors import BudgetExceeded, ConfirmationRequired
from seedance_mcp.jobs import journal
from seedance_mcp.jobs.intents import Intent, reserve
from seedance_mcp.types import Job, JobState, Price, Submission, VideoRequest

PRICE = Decimal("0.50")
DAY_LIMIT = Decimal(6)
NET_MAX = 3.0
LIST_LAG = 2.0
QUIET = NET_MAX + LIST_LAG


@dataclass
class Packet:
    """A purchase on the wire: it can be accepted until NET_MAX after its sender's socket is gone."""

    job: Job
    process: int
    flying: bool = True
    dead_at: float | None = None


@dataclass
class World:
    """Truth and bookkeeping side by side, driven by one seeded schedule."""

    random: random.Random
    now: float = 1_700_000_000.0
    accepted: dict[str, tuple[str, float]] = field(default_factory=dict)
    """What the provider really took: task id by tag, and when."""
    billed: dict[str, int] = field(default_factory=dict)
    packets: list[Packet] = field(default_factory=list)
    threads: list[tuple[int, Generator[None, None, None]]] = field(default_factory=list)
    alive: set[int] = field(default_factory=set)
    intents: int = 0
    processes: int = 0

    def __post_init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        scripts = resources.files("seedance_mcp.jobs").joinpath("sql").iterdir()
        for script in sorted(scripts, key=lambda entry: entry.name):
            self.connection.executescript(script.read_text(encoding="utf-8"))
        self.settings = Settings(
            output_dir=Path("videos"),
            state_dir=Path("state"),
            max_usd_per_day=DAY_LIMIT,
            max_usd_per_job=PRICE,
            max_jobs_per_hour=10_000,
            confirm="off",
        )
        for _ in range(2):
            self.start_process()

    def close(self) -> None:
        """Close the database: Python 3.13 warns of one that is left to the garbage collector."""
        self.connection.close()

    def start_process(self) -> int:
        self.processes += 1
        self.alive.add(self.processes)
        return self.processes

    def kill(self, process: int) -> None:
        self.alive.discard(process)
        self.threads = [thread for thread in self.threads if thread[0] != process]
        for packet in self.packets:
            if packet.process == process and packet.dead_at is None:
                packet.dead_at = self.now  # the kernel closes its socket
        self.start_process()

    def transaction(self, action):
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            result = action(self.connection)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        return result

    def find(self, job_id: str) -> Job:
        return journal.find(self.connection, job_id)

    def ask(self, process: int, number: int) -> Generator[None, None, None]:
        """A process asks for intent `number` and carries it out, one effect per step."""
        price = Price(amount=PRICE, currency="USD", usd=PRICE)
        job_id = f"job_{process}_{number}_{self.random.getrandbits(48)}"
        intent = Intent(
            job_id=job_id,
            owner=str(process),
            provider="ark",
            account="a",
            model="m",
            endpoint="e",
            request=VideoRequest(prompt=f"intent {number}"),
            digests={},
            tag=job_id,
            estimate=price,
            maximum=price,
            price_known=True,
            allow_duplicate=False,
        )
        try:
            outcome = self.transaction(
                lambda connection: reserve(
                    connection,
                    intent=intent,
                    settings=self.settings,
                    token=None,
                    confirmed=False,
                    now=self.now,
                )
            )
        except BudgetExceeded:
            return
        assert not isinstance(outcome, ConfirmationRequired)
        job, deduplicated = outcome
        if deduplicated:
            return
        yield
        try:
            job = self.move(job, JobState.SENDING, process, sent_at=self.now)
        except journal.Stale:
            return
        yield
        packet = Packet(job=job, process=process)
        self.packets.append(packet)
        while packet.flying:
            yield
        packet.dead_at = packet.dead_at or self.now
        outcome_word = getattr(packet, "answer", "lost")
        yield
        try:
            if outcome_word == "ok":
                task_id = self.accepted[job.tag][0]
                self.move(
                    job,
                    JobState.ACCEPTED,
                    process,
                    submission=Submission(task_id=task_id),
                    accepted_at=self.now,
                )
            elif outcome_word == "refused":
                self.move(job, JobState.REJECTED, process)
            else:
                self.move(job, JobState.UNKNOWN, process, unknown_at=self.now)
        except journal.Stale:
            return

    def move(self, job: Job, to: JobState, process: int, **changes) -> Job:
        return self.transaction(
            lambda connection: journal.move(connection, job, to, now=self.now, by=str(process), **changes)
        )

    def deliver(self, packet: Packet, fate: str) -> None:
        """The network and the provider decide what becomes of a packet."""
        if fate in ("ok", "accepted, answer lost"):
            task_id = f"task-{len(self.accepted)}"
            assert packet.job.tag not in self.accepted
            self.accepted[packet.job.tag] = (task_id, self.now)
            self.billed[packet.job.tag] = int(PRICE * 1_000_000)
        packet.answer = {"ok": "ok", "refused": "refused"}.get(fate, "lost")
        packet.flying = False

    def recover(self, process: int) -> None:
        """A process looks after jobs of dead processes."""
        for job in journal.in_states(self.connection, frozenset({JobState.RESERVED, JobState.SENDING})):
            if int(job.owner) in self.alive:
                continue
            if job.state is JobState.SENDING:
                self.move(job, JobState.UNKNOWN, process, unknown_at=self.now)
            else:
                self.move(job, JobState.NOT_SENT, process)

    def reconcile(self, process: int) -> Generator[None, None, None]:
        """A process asks the provider's list about every unknown job; the list lags behind the truth."""
        for job in journal.in_states(self.connection, frozenset({JobState.UNKNOWN})):
            quiet = self.now >= job.unknown_at + QUIET
            listed = {tag: task for tag, (task, at) in self.accepted.items() if at + LIST_LAG <= self.now}
            yield
            try:
                if job.tag in listed:
                    submission = Submission(task_id=listed[job.tag])
                    self.move(job, JobState.ACCEPTED, process, submission=submission, accepted_at=self.now)
                elif quiet:
                    self.move(job, JobState.ABSENT, process)
            except journal.Stale:
                continue

    def poll(self, process: int) -> Generator[None, None, None]:
        """A process finds accepted tasks finished and saves them."""
        for job in journal.in_states(self.connection, frozenset({JobState.ACCEPTED, JobState.REMOTE_DONE})):
            yield
            try:
                if job.state is JobState.ACCEPTED:
                    charge = Price(amount=PRICE, currency="USD", usd=PRICE)
                    self.move(job, JobState.REMOTE_DONE, process, charge=charge)
                else:
                    self.move(job, JobState.DONE, process)
            except journal.Stale:
                continue

    def pass_time(self, seconds: float) -> None:
        """No packet outlives its sender's socket by more than NET_MAX."""
        self.now += seconds
        for packet in self.packets:
            if packet.flying and packet.dead_at is not None and packet.dead_at + NET_MAX < self.now:
                self.deliver(packet, "lost")
        self.packets = [packet for packet in self.packets if packet.flying]

    def step(self) -> None:
        """Do one randomly chosen thing."""
        action = self.random.choices(ACTIONS, self.weights)[0]
        if action == "ask":
            self.intents += self.intents < 16
            self.spawn(self.ask, self.intents)
        elif action == "again":
            self.spawn(self.ask, self.random.randint(1, max(1, self.intents)))
        elif action == "go on" and self.threads:
            thread = self.random.choice(self.threads)
            for _ in range(self.random.randint(1, 6)):
                try:
                    next(thread[1])
                except StopIteration:
                    self.threads.remove(thread)
                    break
        elif action == "kill":
            self.kill(self.random.choice(sorted(self.alive)))
        elif action == "recover":
            self.recover(self.random.choice(sorted(self.alive)))
        elif action == "reconcile":
            self.spawn(self.reconcile)
        elif action == "poll":
            self.spawn(self.poll)
        elif action == "time":
            self.pass_time(self.random.choice([0.1, 0.5, 1, 2, 6]))
        elif action == "deliver":
            flying = [packet for packet in self.packets if packet.flying]
            if flying:
                self.deliver(self.random.choice(flying), self.random.choice(FATES))

    def spawn(self, work, *arguments) -> None:
        process = self.random.choice(sorted(self.alive))
        self.threads.append((process, work(process, *arguments)))

    def run(self, steps: int) -> None:
        """Run a schedule, checking the promises after every step."""
        self.weights = [
            self.random.choice([0.3, 1, 3]) * (4 if action in ("go on", "deliver") else 1)
            for action in ACTIONS
        ]
        for _ in range(steps):
            self.step()
            self.check()

    def check(self) -> None:
        """What must hold at every instant."""
        jobs = journal.recent(self.connection, 10_000)
        by_tag = {job.tag: job for job in jobs}
        per_request: dict[str, int] = {}
        for tag, (task_id, _) in self.accepted.items():
            job = by_tag[tag]
            known = job.submission is not None and job.submission.task_id == task_id
            assert known or job.state in (JobState.SENDING, JobState.UNKNOWN), f"lost: {job.state}"
            if not job.finished:
                per_request[job.fingerprint] = per_request.get(job.fingerprint, 0) + 1
        assert all(count == 1 for count in per_request.values()), "paid twice for one open request"
        (held,) = self.connection.execute("SELECT COALESCE(SUM(usd_micros), 0) FROM ledger").fetchone()
        assert held >= sum(self.billed.values()), "less is counted than was spent"
        assert held <= int(DAY_LIMIT * 1_000_000), "the day's limit is passed"


ACTIONS = ["ask", "again", "go on", "kill", "recover", "reconcile", "poll", "time", "deliver"]
FATES = ["ok", "accepted, answer lost", "refused", "lost"]
