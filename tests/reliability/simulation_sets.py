"""Sets in the simulated machine: several videos of one request that are ordered together, and what may become of them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from seedance_mcp.errors import BudgetExceeded, ConfirmationRequired
from seedance_mcp.jobs.buying.idempotency import RequestKey
from seedance_mcp.jobs.buying.intents import Intent
from seedance_mcp.jobs.buying.set_intents import SetIntent
from seedance_mcp.types import PurchaseTerms, VideoRequest

from .simulation_market import PRICE, SELLERS, offer_of
from .simulation_orders import Order
from .simulation_rules import NOT_BOUGHT, Row, Violation

if TYPE_CHECKING:
    from .simulation_process import Process
    from .simulation_world import World

SIZE = 3
_WISHES = 2
"""How many different sets are asked for."""

_SEEDS = 2**31 - 1


class Together(SetIntent):
    """An intent to buy a set whose jobs are known at the providers by their own ids."""

    def member(self, number: int) -> Intent:
        return replace(super().member(number), tag=self.job_ids[number - 1])


class Sets:
    """
    What is ordered as a set, in one world of five.

    It has dice of its own: a world without sets plays the same with or without all this.
    """

    def __init__(self, world: World) -> None:
        self._random = random.Random(f"sets of {world.seed}")
        self._world = world
        self.wanted = self._random.random() < 0.2
        self._seeded = self._random.random() < 0.5
        self._ordered: dict[str, tuple[str, ...]] = {}
        self._whole: dict[str, str] = {}
        self._places: dict[str, tuple[str, int]] = {}
        self._numbers: dict[tuple[str, int], list[str]] = defaultdict(list)

    def due(self) -> bool:
        """Whether it is a set that somebody asks for now."""
        return self.wanted and self._random.random() < 0.4

    async def order(self, process: Process) -> None:
        """Ask for a set, and again when somebody has agreed to its price."""
        number = self._random.randrange(_WISHES)
        key = f"set-{number}-of-{SIZE}" if self._random.random() < 0.7 else None
        person = self._world.people.one()
        try:
            await self._buy(process, self._intent(process, number, key, person), None, None)
        except ConfirmationRequired as question:
            asked = self._intent(process, number, key, person)
            for brought in await self._world.consents.answers(process, asked.whole, question):
                try:
                    await self._buy(
                        process, self._intent(process, number, key, person), brought.token, brought.agreed_to
                    )
                except ConfirmationRequired:
                    continue

    def _intent(self, process: Process, number: int, key: str | None, person: str) -> Together:
        world, asked = self._world, _request(number)
        seller = SELLERS[number % len(SELLERS)]
        ids = tuple(f"{seller}{len(world.intents) + place:03}" for place in range(SIZE))
        again = self._random.random() < 0.1
        one = Order(
            job_id=ids[0], owner=process.instance, provider=seller, account=process.reach.key,
            base_url=process.reach.place, model="m", endpoint="e", asked=f"set {number}", request=asked, digests={},
            tag=ids[0], estimate=PRICE, maximum=PRICE,
            terms=PurchaseTerms(variations=SIZE, allow_duplicate=again),
            key=RequestKey(text=key, asked=asked, digests={}, variations=SIZE) if key else None,
        )  # fmt: skip
        intent = Together(
            set_id=f"set {world.started} {len(world.intents)}",
            one=one,
            job_ids=ids,
            most_seed=_SEEDS if self._seeded else None,
        )
        for place, job_id in enumerate(ids, 1):
            world.intents[job_id] = intent.member(place)
            world.people.asks(job_id, person, key)
            self._ordered[job_id] = ids
            self._whole[job_id] = intent.whole.fingerprint
        return intent

    async def _buy(
        self, process: Process, intent: Together, token: str | None, agreed_to: str | None
    ) -> None:
        world = self._world
        terms = replace(intent.one.terms, agreed_to=agreed_to)
        intent = replace(intent, one=replace(intent.one, terms=terms))
        for place, job_id in enumerate(intent.job_ids, 1):
            world.intents[job_id] = intent.member(place)
        try:
            found = await world.consents.commit_set(process, intent, offer_of(intent.one.provider), token)
        except BudgetExceeded:
            world.count("a set refused by the budget")
            return
        world.count("the same set again" if not found.new else "a set reserved")
        if 0 < len(found.new) < SIZE:
            world.count("the rest of a set reserved")
        if found.job.id not in self._places:
            raise Violation("I11", "a set is answered with the job of none", found.job.id)

    def together(self, job_id: str) -> tuple[str, ...]:
        """Name all jobs that were ordered with this one in the same call; none if it was ordered by itself."""
        return self._ordered.get(job_id, ())

    def fingerprint(self, job_id: str, row: Row) -> str:
        """What an agreement to the purchase of a job is bound to: its set, or itself."""
        return self._whole.get(job_id, row.fingerprint)

    def are_one(self, job_id: str, other_id: str) -> bool:
        """Whether two jobs are different videos of one set, which were wanted both."""
        here, there = self._places.get(job_id), self._places.get(other_id)
        return here is not None and there is not None and here[0] == there[0] and here[1] != there[1]

    def reserved(self, job_id: str, jobs: dict[str, Row]) -> None:
        """I25: all of a set are reserved at once, each number once unless it was not bought, each with its own seed."""
        if job_id not in self._ordered:
            return
        connection = self._world.connection
        place = connection.execute(
            "SELECT set_id, number, size FROM sets WHERE job_id = ?", (job_id,)
        ).fetchone()
        if place is None:
            raise Violation("I25", "reserved for a set, and of none", job_id)
        set_id, number, size = place
        rows = connection.execute(
            "SELECT number, job_id, json_extract(document, '$.request.seed') FROM sets JOIN jobs ON jobs.id = job_id"
            " WHERE set_id = ?",
            (set_id,),
        ).fetchall()
        if {row[0] for row in rows} != set(range(1, size + 1)):
            raise Violation("I25", "a part of a set is reserved", job_id)
        self._places |= {other: (set_id, its_number) for its_number, other, _ in rows}
        seeds = {(number, seed) for number, _, seed in rows}
        if self._seeded and not len({seed for _, seed in seeds}) == len(seeds) == size:
            raise Violation("I25", f"the seeds of a set are {sorted(seeds)}", job_id)
        for other in self._numbers[set_id, number]:
            if jobs[other].state not in NOT_BOUGHT:
                raise Violation(
                    "I25", f"a number of a set is bought again while it is {jobs[other].state}", job_id
                )
        self._numbers[set_id, number].append(job_id)

    def new_of(self, job_ids: Iterable[str]) -> list[str]:
        """Those of the jobs of one call that came about."""
        ids = list(job_ids)
        if not ids:
            return []
        marks = ", ".join("?" * len(ids))
        query = f"SELECT id FROM jobs WHERE id IN ({marks})"
        found = {row[0] for row in self._world.connection.execute(query, ids)}
        return [job_id for job_id in ids if job_id in found]


@cache
def _request(number: int) -> VideoRequest:
    return VideoRequest(prompt=f"set {number}", model="seedance-2.0", resolution="480p", duration=5)
