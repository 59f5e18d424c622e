"""
A whole machine in one thread: processes, a network, providers that hold the truth, clocks and a disk that fail.

The money core is the real one: the runner's way from a request to a purchase, `buy`, `reserve`, the journal, the
budget and the ledger, reconciliation, late adoption, polling, cancelling and the watcher's steps. A seed decides in
which order their effects happen and what goes wrong between them.
"""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from decimal import Decimal
from itertools import accumulate
from typing import Any

from seedance_mcp.errors import (
    BudgetExceeded,
    ConfirmationRequired,
    InvalidRequest,
    ProviderError,
    StoreError,
)
from seedance_mcp.jobs.buying.idempotency import RequestKey
from seedance_mcp.jobs.buying.intents import Intent
from seedance_mcp.jobs.tracking import manual_resolution
from seedance_mcp.store import Conflict, job_records, transitions
from seedance_mcp.types import Price, PurchaseTerms, Submission

from .simulation_accounts import Accounts, Reach
from .simulation_consents import Consents
from .simulation_ending import lead_to_the_end
from .simulation_hooks import HookPromises
from .simulation_loop import Loop, Thread, played
from .simulation_market import SELLERS, Market, offer_of
from .simulation_orders import Order, request, settings
from .simulation_people import People
from .simulation_process import InMemory, Process, WorldDatabase
from .simulation_promises import Promises
from .simulation_read_tracking import Readers
from .simulation_rules import INTENTS, YEAR, Violation, is_planted, planted
from .simulation_sets import Sets

STEPS = 400
"""How many steps a schedule has before it is led to its end."""

START = 1_700_000_000.0
_MOST_THREADS = 24
_LOST_LOCKS = 0.004
"""How likely that is after each action of a schedule in which assumptions do not hold."""

_WEIGHTS = {
    "go_on": 16.0, "watch": 3.0, "deliver": 2.5, "ask": 1.5, "kill": 0.2, "pause": 0.2, "resume": 0.6, "time": 0.6,
    "give_up": 0.6, "finish": 1.0, "fill": 0.05, "free": 0.6, "clock": 0.06, "look_again": 0.2, "tell": 0.1,
    "receipts": 0.5, "cancel": 0.15, "decide": 0.15, "note": 0.3, "forget": 0.06, "sleep": 0.02, "machine": 0.04,
}  # fmt: skip


class World:
    """
    Truth and bookkeeping side by side, driven by one seeded schedule.

    `true` is the true time, `wall` what the machine's clock says, `uptime` what its steady clock says. Either the
    clock on the wall is set forward now and then, or the state is taken to another machine; not both.

    One seed in eight breaks the assumption that the promises rest on (packets that arrive long after their
    sender's end, lists that lie, both of the above): then nothing may be lost, but a purchase judged absent may
    turn up after all.
    """

    def __init__(self, seed: int, database: WorldDatabase | None = None) -> None:
        self.seed, self.random = seed, random.Random(seed)
        self.true, self.skew, self.most_skew = START, 0.0, 0.0
        self.steady_from = START - 1_000.0
        self.running_from, self.start_of_machine = self.steady_from, "start 0"
        self.steps = self.started = 0
        self.counts: Counter[str] = Counter()
        self.trace: list[tuple[int, str, str, str]] = []
        self.honest, self.moved = seed % 8 != 7, False
        self.settled = self.random.random() < 0.5
        self.leases = self.random.random() < 0.5
        self.lists_lie, self.lists_break = not self.honest, True
        self.last_chance = 0.0
        self.disk_full = False
        self.write_errors = self.random.choice((0.0, 0.0, 0.03))
        self.trouble = self.random.choice((0.02, 0.1, 0.3))
        # Of their own, so that what trips does not change what else happens.
        self.mistakes = random.Random(f"mistakes of {seed}")
        self.trips = self.mistakes.choice((0.0, 0.0, 0.01, 0.05))
        self.flawed = self.trips > 0
        self.processes: dict[str, Process] = {}
        self.threads: list[Thread] = []
        self.buried: list[Thread] = []
        self.intents: dict[str, Intent] = {}
        self.receipts: dict[str, list[tuple[str, Submission]]] = {}
        self.database = database or InMemory()
        self.connection = self.database.connection
        self.consents = Consents(self)
        self.people = People(self)
        self.settings = self.people.settings(
            self.consents.settings(
                settings(
                    self.random.choice((Decimal(2), Decimal(6), Decimal(40))),
                    self.random.choice((5, 1000, 1000)),
                )
            )
        )
        self.hooks = HookPromises(self)
        self.readers = Readers(self)
        if self.hooks.wanted:
            self.settings = replace(self.settings, on_finish="tell somebody")
        self.accounts = Accounts(self)
        self.sets = Sets(self)
        self.market = Market(self)
        self.market.refusing = self.people.refusing(self.market.refusing)
        self.promises = Promises(self)
        self.loop = Loop(lambda: self.true)
        self._actions = [getattr(self, "_" + name) for name in _WEIGHTS]
        self._cumulated = list(
            accumulate(weight * self.random.choice((0.3, 1.0, 3.0)) for weight in _WEIGHTS.values())
        )
        for _ in range(2):
            self.start()

    @property
    def wall(self) -> float:
        """What the clock on the wall says."""
        return self.true + self.skew

    @property
    def uptime(self) -> float:
        """What the steady clock of the machine says: it stands still while the machine sleeps."""
        return self.true - self.steady_from

    @property
    def running(self) -> float:
        """How long the machine has been running, its sleep included."""
        return self.true - self.running_from

    def did(self, what: str, process: Process | None, job: str) -> None:
        """One atomic event has happened: that is a step."""
        self.steps += 1
        self.counts[what] += 1
        self.trace.append((self.steps, what, process.instance if process else "", job))

    def count(self, what: str) -> None:
        """Something worth counting that is part of a step."""
        self.counts[what] += 1
        self.trace.append((self.steps, what, "", ""))

    def may_trip(self, where: str) -> None:
        """Raise now and then what nobody planned."""
        if self.trips and self.mistakes.random() < self.trips:
            self.count(f"tripped {where}")
            kind = self.mistakes.choice((KeyError, RuntimeError, ZeroDivisionError, Conflict))
            raise planted(kind)

    def start(self, reach: Reach | None = None) -> Process:
        """A server starts, with the key and the address that are set now."""
        self.started += 1
        process = Process(self, f"p{self.started}", reach or self.accounts.one())
        self.processes[process.instance] = process
        self.spawn(process, process.watcher.note_clocks(), contained=True)
        self.accounts.started(process)
        return process

    def spawn(self, process: Process, work: Coroutine[Any, Any, Any], *, contained: bool = False) -> Thread:
        """A process begins something; `contained`: whoever began it hears of what it raises, and goes on."""
        thread = Thread(process, work, contained)
        self.threads.append(thread)
        return thread

    def run(self, steps: int = STEPS) -> None:
        """Run the schedule, checking the promises after every step, then see that everything ends well."""
        with played(self.loop):
            try:
                while self.steps < steps:
                    for action in self.random.choices(self._actions, cum_weights=self._cumulated, k=32):
                        action()
                        self.promises.check()
                        self.hooks.act()
                        self.readers.act()
                        self.people.act()
                        self._lose_a_lock()
                lead_to_the_end(self)
            finally:
                for thread in [*self.buried, *self.threads]:
                    thread.work.close()
                self.connection.close()

    def _lose_a_lock(self) -> None:
        """Somebody removes the lock file of a process that lives: all others take it for dead from then on."""
        if not self.honest and self.processes and self.mistakes.random() < _LOST_LOCKS:
            process = self.mistakes.choice(list(self.processes.values()))
            process.locked = False
            self.did("lock lost", process, "")

    def holds_its_lock(self, instance: str) -> bool:
        """Whether a process lives, and others can tell."""
        return instance in self.processes and self.processes[instance].locked

    @property
    def has_room(self) -> bool:
        """Whether one thing more may begin."""
        return len(self.threads) < _MOST_THREADS

    def awake(self) -> Process | None:
        """A process that is not stopped; None if enough is going on already."""
        if not self.has_room:
            return None
        awake = [process for process in self.processes.values() if not process.paused]
        return awake[int(self.random.random() * len(awake))] if awake else None

    def _ask(self) -> None:
        process = self.awake()
        if process and self.sets.due():
            self.spawn(process, self.sets.order(process), contained=True)
        elif process:
            number = self.random.randrange(INTENTS)
            few = self.consents.habit != "usual"
            asked = self.order(process, number % len(SELLERS) if few else number)
            self.spawn(process, asked, contained=True)

    async def order(self, process: Process, number: int) -> None:
        """Ask for the video of this number, and again when somebody has agreed to its price."""
        seller, instead_of, person = SELLERS[number % len(SELLERS)], (), self.people.one()
        refused = self.promises.refused(seller, number, person) if self.random.random() < 0.3 else None
        if refused:  # another provider is asked instead
            seller, instead_of = self.random.choice(SELLERS), (refused,)
        asked = self.accounts.asked(number)
        if asked and self.accounts.random.random() < 0.3:
            seller = self.accounts.random.choice(SELLERS)
            self.count("planned otherwise")
        price = self.consents.price(number)
        job_id = f"{seller}{len(self.intents):03}"  # none is the beginning of another
        key = f"request-{number}-{self.random.randrange(2)}" if self.random.random() < 0.2 else None
        if self.consents.habit == "keys":
            key = f"request-{number}-key"
        intent = Order(
            job_id=job_id, owner=process.instance, provider=seller, account=process.reach.key,
            base_url=process.reach.place, model="m", endpoint="e", asked=asked,
            request=request(number), digests={}, tag=job_id, estimate=price, maximum=price,
            terms=self._terms(price),
            key=RequestKey(text=key, asked=request(number), digests={}) if key else None, instead_of=instead_of,
        )  # fmt: skip
        self.people.asks(job_id, person, key)
        try:
            await self._buy(process, intent, None)
        except ConfirmationRequired as question:
            for brought in await self.consents.answers(process, intent, question):
                again = f"{seller}{len(self.intents):03}"
                terms = replace(intent.terms, agreed_to=brought.agreed_to)
                repeated = replace(intent, job_id=again, tag=again, terms=terms)
                self.people.asks(again, person, key)
                with contextlib.suppress(ConfirmationRequired):
                    await self._buy(process, repeated, brought.token)

    def _terms(self, price: Price) -> PurchaseTerms:
        again = self.random.random() < (0.7 if self.consents.habit == "loop" else 0.05)
        return PurchaseTerms(allow_duplicate=again, max_usd=price.usd if self.consents.capped() else None)

    async def _buy(self, process: Process, intent: Intent, token: str | None) -> None:
        self.intents[intent.job_id] = intent
        try:
            job, deduplicated = await self.consents.commit(process, intent, offer_of(intent.provider), token)
        except BudgetExceeded:
            self.count("refused by the budget")
            return
        self.count("the same request again" if deduplicated else "reserved")
        self.promises.same_request_same_job(intent, job, deduplicated)

    def _go_on(self) -> None:
        ready = [thread for thread in self.threads if thread.ready]
        if ready:
            thread = ready[int(self.random.random() * len(ready))]
            for _ in range(self.random.choice((1, 1, 2, 4, 8))):
                if not thread.ready or not self.advance(thread):
                    return
                self.promises.check()

    def advance(self, thread: Thread) -> bool:
        """Let a thread do what comes up to its next pause; False if that was its last."""
        self.loop.running = thread
        try:
            thread.go_on()
        except StopIteration:
            self.threads.remove(thread)
            return False
        except transitions.Stale:
            self.count("a stale decision refused")
            self.threads.remove(thread)
            return False
        except (StoreError, ProviderError, InvalidRequest):
            self.threads.remove(thread)  # the scheduler logs it and steps again later
            return False
        except Exception as error:
            self.threads.remove(thread)
            if not (is_planted(error) and thread.contained):
                words = f"{type(error).__name__} in {thread.work.__qualname__} takes its process down"
                raise Violation("I24", words) from error
            return False
        return True

    def _watch(self) -> None:
        process, open_jobs = self.awake(), self.promises.open_jobs()
        if process and open_jobs:
            self.spawn(process, process.watcher._step(self.random.choice(open_jobs)))

    def _kill(self) -> None:
        self.kill(self.random.choice(list(self.processes.values())))
        self.start()

    def kill(self, process: Process) -> None:
        """kill -9: the kernel closes its sockets and frees its lock; what is on disk stays."""
        self.did("killed", process, "")
        for packet in self.market.packets:
            if packet.process is process and packet.closed_at is None:
                self.count("killed while sending")
        del self.processes[process.instance]
        self.market.hang_up(process)
        self.buried += [thread for thread in self.threads if thread.process is process]
        self.threads = [thread for thread in self.threads if thread.process is not process]

    def _pause(self) -> None:
        process = self.awake()
        if process:
            process.paused = True
            self.did("paused", process, "")
            if any(packet.process is process for packet in self.market.packets):
                self.count("paused while sending")

    def _resume(self) -> None:
        paused = [process for process in self.processes.values() if process.paused]
        if paused:
            process = self.random.choice(paused)
            process.paused = False
            self.did("resumed", process, "")

    def _time(self) -> None:
        self.pass_time(self.random.choice((0.1, 0.5, 1.0, 2.0, 3.0, 6.0, 30.0, 400.0)))

    def pass_time(self, seconds: float) -> None:
        """Let true time go by."""
        self.did(f"{seconds:g} s pass", None, "")
        self.true += seconds
        self.market.drop_old()

    def _deliver(self) -> None:
        self.market.deliver_some()

    def _give_up(self) -> None:
        self.market.give_up()

    def _finish(self) -> None:
        self.market.finish()

    def _forget(self) -> None:
        self.market.forget()

    def _fill(self) -> None:
        if not self.disk_full:
            self.disk_full = True
            self.did("disk full", None, "")

    def _free(self) -> None:
        if self.disk_full:
            self.disk_full = False
            self.did("disk has room", None, "")

    def _clock(self) -> None:
        jump = self.random.choice((-YEAR, -90_000.0, -3600.0, -30.0, YEAR, 90_000.0, 3600.0, 30.0))
        if jump > 0 and self.honest and not self.settled:
            return
        self.skew += jump
        self.most_skew = max(self.skew, self.most_skew)
        self.did(f"clock set {'back' if jump < 0 else 'forward'}", None, "")

    def _note(self) -> None:
        process = self.awake()
        if process:
            self.spawn(process, process.watcher.note_clocks(), contained=True)

    def _sleep(self) -> None:
        """The machine is suspended for a day."""
        self.steady_from += 90_000.0
        self.pass_time(90_000.0)

    def _machine(self) -> None:
        """Everything dies, and goes on when the machine was restarted, or on another one with the same files."""
        for process in list(self.processes.values()):
            self.kill(process)
        away = self.random.random() < 0.5 and not (self.honest and self.settled)
        self.moved = self.moved or away
        self.steady_from = self.true - (self.random.choice((1e4, 1e6)) if away else 0.0)
        self.running_from, self.start_of_machine = self.steady_from, f"start {self.started}"
        self.did("moved to another machine" if away else "machine restarted", None, "")
        for _ in range(2):
            self.start()

    def _look_again(self) -> None:
        process = self.awake()
        if process:
            # The watcher's own loop contains what this raises; within, one job holds up no other.
            self.spawn(process, process.runner.adopt_late(), contained=True)

    def _receipts(self) -> None:
        process = self.awake()
        if process and self.receipts:
            self.spawn(process, process.watcher._adoption.look_here())

    def _tell(self) -> None:
        process = next(iter(self.processes.values()))
        self.readers.tell(process)

    def _cancel(self) -> None:
        process, jobs = self.awake(), self.promises.open_jobs()
        if process and jobs:
            self.spawn(process, process.runner.cancel(self.random.choice(jobs)), contained=True)

    def _decide(self) -> None:
        process, jobs = self.awake(), self.promises.in_states("unknown", "unresolved", "missing")
        if process and jobs:
            self.by_hand(process, self.random.choice(jobs))

    def by_hand(self, process: Process, job_id: str) -> Thread | None:
        """A person looks at the provider's console, when nothing can arrive there any more, and tells the truth."""
        job = job_records.find(self.connection, job_id)
        packet, task = self.market.sent.get(job.tag), self.market.tasks.get(job.tag)
        if packet and packet.flying:
            return None
        self.did("decided by hand", process, job_id)
        self.promises.told(job_id)
        return self.spawn(
            process,
            manual_resolution.decide_by_hand(
                job, task.id if task else None, store=process.store, find=_receipt
            ),
            contained=True,
        )


async def _receipt(task_id: str) -> manual_resolution.FoundTask:
    return manual_resolution.FoundTask(Submission(task_id=task_id), "")
