"""People of the simulated machine: who asks, whose everything is, and what nobody sees of another person's."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from seedance_mcp.errors import BudgetExceeded, JobNotFound, SeedanceError
from seedance_mcp.store import (
    BreakerOpen,
    Connection,
    ScopedStore,
    Store,
    budget,
    by_day,
    idempotency_keys,
    job_records,
    transitions,
    waiting_questions,
)
from seedance_mcp.types import EVERYBODY, Scope

from .simulation_rules import Row, Violation

if TYPE_CHECKING:
    from seedance_mcp.config import Settings
    from seedance_mcp.jobs.buying.purchase_flow import PurchaseFlow

    from .simulation_process import Process
    from .simulation_world import World

_OFTEN = 0.05
"""How likely it is, after each action of the schedule, that somebody looks at what is theirs."""

_HAVE_PEOPLE = 0.2
_WHICH = 12022
"""Chosen so that the schedules that are known to find the mistakes of `mutants.toml` stay what they were."""

_CLIENT = "c"
_ACCOUNT_CODES = ("authentication", "insufficient_funds", "model_not_open")


class People:
    """
    Who shares the installation: in one world of five three people, in the others nobody but whoever runs it.

    It has dice of its own: a world without people plays the same with or without all this.
    """

    def __init__(self, world: World) -> None:
        self._random = _dice(world.seed)
        self._world = world
        self.several = self._random.random() < _HAVE_PEOPLE
        self._all = ("", "ann", "bea") if self.several else ("",)
        self._of: dict[str, str] = {}
        self._keys: set[str] = set()

    def settings(self, settings: Settings) -> Settings:
        """The same installation, with caps for each person beside those of all together."""
        if not self.several:
            return settings
        return replace(
            settings,
            max_usd_per_day_per_person=self._random.choice((None, Decimal("1.5"), Decimal(4))),
            max_jobs_per_hour_per_person=self._random.choice((None, 3, 20)),
        )

    def refusing(self, usual: float) -> float:
        """How likely a provider refuses an order: in some worlds so likely that one person is stopped and others are not."""
        return 0.8 if self.several and self._random.random() < 0.3 else usual

    def one(self) -> str:
        """Who asks for something now."""
        return self._random.choice(self._all)

    def asks(self, job_id: str, person: str, key: str | None) -> None:
        """Note whose this job is, if it comes about, and under which key it is asked for."""
        self._of[job_id] = person
        if key is not None:
            self._keys.add(key)

    def of(self, job_id: str) -> str:
        """Whose a job is."""
        return self._of[job_id]

    def flow(self, process: Process, job_id: str) -> PurchaseFlow:
        """By which the person of this job buys in a process."""
        return process.flow_of(self._scope(self._of[job_id]))

    def store(self, process: Process, job_id: str) -> Store:
        """What a process's transactions run in that are about the order of this job."""
        return self.store_of(process, self._of[job_id])

    def store_of(self, process: Process, person: str) -> Store:
        """What a process's transactions for this person run in."""
        return ScopedStore(process.store, self._scope(person)) if self.several else process.store

    def other(self, process: Process, job_id: str) -> Store | None:
        """What those of another person run in, now and then."""
        if not self.several or self._random.random() < 0.5:
            return None
        return self.store_of(
            process, self._random.choice([one for one in self._all if one != self._of[job_id]])
        )

    def stores(self, process: Process) -> list[Store]:
        """What those of each person run in."""
        return [self.store_of(process, person) for person in self._all]

    def _scope(self, person: str) -> Scope:
        return Scope(person=person) if self.several else EVERYBODY

    def scopes(self) -> list[Scope]:
        """As whom something can be bought."""
        return [self._scope(person) for person in self._all]

    def reserved(self, job_id: str, jobs: dict[str, Row]) -> None:
        """I26: a job is of who ordered it, and each person's caps hold for what is theirs."""
        if not self.several:
            return
        person, world = self._of[job_id], self._world
        query = "SELECT person FROM jobs WHERE id = ?"
        (stored,) = world.connection.execute(query, (job_id,)).fetchone()
        if stored != person:
            raise Violation("I26", f"ordered by {person!r} and kept as a job of {stored!r}", job_id)
        own = {other: row for other, row in jobs.items() if self._of[other] == person}
        world.promises.caps_hold(
            job_id,
            own,
            usd=world.settings.max_usd_per_day_per_person,
            hourly=world.settings.max_jobs_per_hour_per_person,
        )

    def counts(self, job_id: str, person: str) -> None:
        """I26: money counts for who ordered."""
        if self.several and person != self._of[job_id]:
            raise Violation("I26", f"counted for {person!r} and not for {self._of[job_id]!r}", job_id)

    def refused(self, job_ids: tuple[str, ...], error: Exception) -> None:
        """I26: nobody is refused for what others spend, start or are refused, by a cap or a breaker that is theirs alone."""
        if not self.several or not isinstance(error, BudgetExceeded):
            return
        world, person = self._world, self._of[job_ids[0]]
        world.promises.check()
        if isinstance(error, BreakerOpen):
            if error.refusal in _ACCOUNT_CODES:
                return
            world.count("refused by a person's breaker")
            if world.promises.refusals_of(job_ids[0], person, error.refusal) < 3:
                raise Violation("I26", f"{person!r} is stopped by what others were refused", job_ids[0])
        if "one person" not in error.message:
            return
        world.count("refused by a person's cap")
        own = [row for other, row in world.promises.jobs.items() if self._of[other] == person]
        usd, hourly = world.settings.max_usd_per_day_per_person, world.settings.max_jobs_per_hour_per_person
        price = int(world.intents[job_ids[0]].maximum.usd * 1_000_000)
        spent = sum(row.held for row in own) + price * len(job_ids)
        dear = usd is not None and spent > int(usd * 1_000_000)
        many = hourly is not None and len(own) + len(job_ids) > hourly
        if not (dear or many):
            raise Violation("I26", f"{person!r} is refused for what others spend or start", job_ids[0])

    def act(self) -> None:
        """Let somebody look at all that is theirs, now and then."""
        if not self.several or self._random.random() > _OFTEN:
            return
        process = self._world.awake()
        if process is not None:
            person = self.one()
            self._world.did("somebody looks", process, "")
            self._world.promises.check()
            try:
                self.store_of(process, person).read_now(lambda connection: self._look(connection, person))
            except SeedanceError as error:
                raise Violation("I26", f"{person!r} cannot look: {error}") from error

    def _look(self, connection: Connection, person: str) -> None:
        """I26: a person sees all that is theirs, and nothing else."""
        jobs = self._world.promises.jobs
        own = {job_id for job_id in jobs if self._of[job_id] == person}
        lists: dict[str, set[str]] = {
            "recent": {job.id for job in job_records.recent(connection, 10_000)},
            "page": {entry.id for entry in job_records.page(connection, None, 10_000).jobs},
            "unfinished": {job.id for job in job_records.unfinished(connection)},
            "unread": {job.id for job in job_records.unread(connection, _CLIENT, now=self._world.wall)},
            "keys": {
                job.id for key in sorted(self._keys) for job in idempotency_keys.jobs_of(connection, key)
            },
        }
        for name, shown in lists.items():
            if strange := shown - own:
                raise Violation("I26", f"{name} shows {person!r} what is another's", min(strange))
        if lists["recent"] != own or job_records.count(connection) != len(own):
            raise Violation("I26", f"{person!r} does not see all that is theirs")
        spent = sum(line.usd for line in by_day(connection, 10_000))
        held = sum(jobs[job_id].held for job_id in own)
        if spent * 1_000_000 != held:
            raise Violation("I26", f"{person!r} is told {spent} USD for {held} micro-USD")
        limits = budget.Limits.of(self._world.settings)
        if budget.read(connection, limits, self._world.wall).spent_today_usd * 1_000_000 > max(0, held):
            raise Violation("I26", f"the budget counts for {person!r} what others spend")
        for question in waiting_questions.waiting(connection, now=self._world.wall):
            self._world.consents.may_be_seen(question.key, person)
        others = sorted(jobs.keys() - own)
        if others:
            self._nothing_of(connection, self._random.choice(others), person)

    def _nothing_of(self, connection: Connection, job_id: str, person: str) -> None:
        try:
            job_records.find(connection, job_id)
        except JobNotFound:
            if not transitions.history(connection, job_id):
                return
        raise Violation("I26", f"{person!r} finds another's job by its id", job_id)


def has_people(seed: int) -> bool:
    """Whether several people share the world of this seed."""
    return _dice(seed).random() < _HAVE_PEOPLE


def _dice(seed: int) -> random.Random:
    return random.Random(f"people {_WHICH} of {seed}")


def as_nobody_else(answer: Any, job_id: str) -> None:
    """I26: nobody answers another person's question."""
    if answer:
        raise Violation("I26", "somebody answers another's question", job_id)
