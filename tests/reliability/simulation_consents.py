"""People and assistants of the simulated machine: what is asked, what they answer, and what may be bought on that."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from seedance_mcp.errors import BudgetExceeded, ConfirmationRequired
from seedance_mcp.store.requests import confirmations
from seedance_mcp.types import Price

from .simulation_loop import PAUSE
from .simulation_market import MICROS
from .simulation_people import as_nobody_else
from .simulation_rules import AGREEMENT_SECONDS, ENDED, HOUR, NOT_BOUGHT, SAME_IN_AN_HOUR, Row, Violation

if TYPE_CHECKING:
    from seedance_mcp.config import Settings
    from seedance_mcp.jobs.buying.intents import Intent
    from seedance_mcp.jobs.buying.set_intents import SetIntent

    from .simulation_process import Process
    from .simulation_world import World

_UNSPOKEN = 6
"""One request in so many has a price that is not always known."""


@dataclass
class Asked:
    """A question as it was put."""

    fingerprint: str
    at: float
    known: bool
    offered: bool
    """An assistant was given a token for it."""
    person: str
    """Whom it was put to."""
    approved: bool = False
    said: int = 0
    """How often somebody has agreed."""
    in_a_dialogue: bool = False
    """It was agreed to within a call, and for that call."""
    ended: bool = False
    """That call has ended, without a purchase."""


@dataclass(frozen=True)
class Brought:
    """What the next call brings along: the token, or the code of what was agreed to within it."""

    token: str | None = None
    agreed_to: str | None = None


class Consents:
    """
    Who is asked, and by what right each job was bought.

    It has dice of its own: what people answer changes nothing else in a schedule.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = random.Random(world.seed)
        self.habit = self._random.choice(("usual",) * 6 + ("loop", "keys"))
        """What clients do: `loop` buys the same few things over and over, on purpose; `keys` asks for them by one key each."""
        self._dialogues = world.seed % 8 == 6
        """Clients put questions to their people themselves; some send a call with its answer again."""
        self._asked: dict[str, Asked] = {}
        self._declined: dict[tuple[str, str], tuple[float, float]] = {}
        self._brought: dict[str, tuple[str | None, bool]] = {}
        self._used: set[str] = set()
        self._on_a_word: set[str] = set()

    def settings(self, settings: Settings) -> Settings:
        """The same installation, where somebody has decided who agrees to what."""
        dice = self._random
        return replace(
            settings,
            confirm=dice.choice(("off", "ask", "ask", "strict")),
            confirm_above_usd=dice.choice((Decimal("0.4"), Decimal(1), Decimal(1))),
            ask_limit_usd=dice.choice((Decimal("1.2"), Decimal(5))),
        )

    def price(self, number: int) -> Price:
        """What the request of this number costs at most; sometimes nobody knows it."""
        usd = Decimal(MICROS) / 1_000_000
        known = number % _UNSPOKEN != 0 or self._random.random() < 0.3
        return Price(amount=usd, currency="USD", usd=usd, known=known)

    def capped(self) -> bool:
        """Whether a call says what it may cost."""
        return self._random.random() < 0.7

    async def commit(self, process: Process, intent: Intent, offer: Any, token: str | None) -> Any:
        """Buy, with what the call brings along: a token, or now and then a person's word beforehand."""
        confirmed = self._random.random() < 0.03
        self._brought[intent.job_id] = token, confirmed
        terms = replace(intent.terms, confirm_token=token, confirmed=confirmed)
        provider = process.pool.open(offer.provider)
        try:
            flow = self._world.people.flow(process, intent.job_id)
            job, deduplicated = await flow.reserve(replace(intent, terms=terms), offer, {}, provider)
        except (BudgetExceeded, ConfirmationRequired) as error:
            self._world.people.refused((intent.job_id,), error)
            await self._end(process, intent, None)
            raise
        await self._end(process, intent, job.id)
        return job, deduplicated

    async def commit_set(self, process: Process, intent: SetIntent, offer: Any, token: str | None) -> Any:
        """Buy a set, with what the call brings along."""
        confirmed = self._random.random() < 0.03
        for job_id in intent.job_ids:
            self._brought[job_id] = token, confirmed
        one = replace(intent.one, terms=replace(intent.one.terms, confirm_token=token, confirmed=confirmed))
        provider = process.pool.open(offer.provider)
        try:
            flow = self._world.people.flow(process, one.job_id)
            found = await flow.reserve_set(replace(intent, one=one), offer, {}, provider)
        except (BudgetExceeded, ConfirmationRequired) as error:
            self._world.people.refused(intent.job_ids, error)
            await self._end(process, one, None)
            raise
        await self._end(process, one, found.job.id)
        return found

    async def _end(self, process: Process, intent: Intent, job_id: str | None) -> None:
        """End what was agreed to within the call."""
        code = intent.terms.agreed_to
        if code is not None:
            now = self._world.wall
            store = self._world.people.store(process, intent.job_id)
            await store.write(lambda connection: confirmations.end(connection, code, job_id, now=now))
            self._asked[_digest(code)].ended = True

    async def answers(
        self, process: Process, intent: Intent, question: ConfirmationRequired
    ) -> list[Brought]:
        """Let somebody answer. Returns what each call that follows brings along: none, if nobody agreed."""
        if self._dialogues and self._random.random() < 0.5:
            return await self._in_a_dialogue(process, intent, question)
        token = await self._answer(process, intent, question)
        return [] if token is None else [Brought(token or None)]

    async def _in_a_dialogue(
        self, process: Process, intent: Intent, question: ConfirmationRequired
    ) -> list[Brought]:
        """Agree for the call alone, which a client sends again and again."""
        asked, code = self._put(intent, question), question.approval
        if asked is None:
            return []
        await PAUSE

        def approve(connection: Any) -> None:
            if confirmations.approve(connection, code, now=self._world.wall, for_call=True):
                asked.in_a_dialogue = not asked.approved
                asked.approved, asked.said = True, asked.said + 1

        await self._world.people.store(process, intent.job_id).write(approve)
        self._world.count("a person agrees in a dialogue")
        return [Brought(agreed_to=code)] * self._random.choice((1, 2, 3))

    def _put(self, intent: Intent, question: ConfirmationRequired) -> Asked | None:
        """Note a question that somebody sees; None if it is forgotten meanwhile: the clock was set forward by a day."""
        key = _digest(question.approval)
        query = "SELECT at, approved_at FROM confirmations WHERE token_hash = ?"
        row = self._world.connection.execute(query, (key,)).fetchone()
        if row is None:
            return None
        person = self._world.people.of(intent.job_id)
        asked = Asked(intent.fingerprint, row[0], intent.maximum.known, question.token is not None, person)
        asked.approved = row[1] is not None  # somebody may have agreed whose call then ended by a mistake
        self._asked[key] = asked
        self._world.count("a person is asked")
        return asked

    async def _answer(self, process: Process, intent: Intent, question: ConfirmationRequired) -> str | None:
        """Let somebody answer. Returns the token to come again with, "" if none is needed, None if nobody agreed."""
        world, code, dice = self._world, question.approval, self._random.random()
        asked = self._put(intent, question)
        if asked is None:
            return None
        await PAUSE
        stranger = world.people.other(process, intent.job_id)
        if stranger is not None:
            answer = self._random.choice((confirmations.approve, confirmations.decline))
            as_nobody_else(await stranger.write(partial(answer, code=code, now=world.wall)), intent.job_id)
            world.count("somebody answers another's question")
        if dice < 0.5:
            # Whether or not a token was offered: the code is in the hint, for whoever reads it.
            world.count("an assistant hands the code back unasked")
            return code
        if dice < 0.7:

            def approve(connection: Any) -> None:
                if confirmations.approve(connection, code, now=world.wall):
                    asked.approved, asked.said = True, asked.said + 1

            await world.people.store(process, intent.job_id).write(approve)
            world.count("a person agrees")
            if self._dialogues and self._random.random() < 0.6:
                await self._say_no(process, intent, code)
                world.count("a person takes a yes back")
            return ""
        if dice < 0.85:
            await self._say_no(process, intent, code)
            world.count("a person says no")
            return code
        return None

    async def _say_no(self, process: Process, intent: Intent, code: str) -> None:
        """Decline, which takes back every yes to the same that was given until then."""
        said_at, true = self._world.wall, self._world.true
        person = self._world.people.of(intent.job_id)
        taken_back: list[tuple[Asked, int]] = []

        def decline(connection: Any) -> None:
            confirmations.decline(connection, code, now=said_at)
            same = [
                one
                for one in self._asked.values()
                if (one.person, one.fingerprint) == (person, intent.fingerprint)
            ]
            taken_back[:] = [(one, one.said) for one in same]

        await self._world.people.store(process, intent.job_id).write(decline)
        for other, said in taken_back:
            other.approved = other.approved and other.said != said
        self._declined[person, intent.fingerprint] = said_at, true

    def reserved(self, job_id: str, row: Row, jobs: dict[str, Row], alike: list[str], at: float) -> None:
        """I15: what has to be agreed to is reserved on an agreement to it, which holds once, and by whom it may be given."""
        intent, settings, sets = self._world.intents[job_id], self._world.settings, self._world.sets
        token, confirmed = self._brought[job_id]
        together = sets.new_of(sets.together(job_id)) or [job_id]
        if job_id != together[0]:
            return  # the first of them was looked at for all
        if not intent.maximum.known:
            self._unknown_prices_are_bounded(job_id, jobs, confirmed=confirmed)
        dear = not intent.maximum.known or settings.confirm_above_usd * 1_000_000 < MICROS * len(together)
        again = sum(
            jobs[other].state not in NOT_BOUGHT
            and not (jobs[other].state == "cancelled" and other not in self._world.market.sent)
            and self._within_the_hour(jobs[other], at)
            for other in alike
        )
        if again >= SAME_IN_AN_HOUR:
            self._world.count("the very same once more")
        needed = (settings.confirm != "off" and dear) or again >= SAME_IN_AN_HOUR
        used = self._newly_used()
        if confirmed or not needed:
            return
        if len(used) != 1:
            raise Violation("I15", f"bought on {len(used)} agreements", job_id)
        asked = self._asked[used.pop()]
        fingerprint = sets.fingerprint(job_id, row)
        if asked.person != self._world.people.of(job_id):
            raise Violation("I26", "bought on another's agreement", job_id)
        if asked.fingerprint != fingerprint or at - asked.at >= AGREEMENT_SECONDS:
            raise Violation("I15", "bought on an agreement to something else, or an old one", job_id)
        code = intent.terms.agreed_to
        own = code is not None and self._asked.get(_digest(code)) is asked
        if asked.in_a_dialogue and (asked.ended or not own):
            raise Violation("I15", "bought on an agreement that was given for another call", job_id)
        if asked.known and not intent.maximum.known:
            raise Violation("I15", "an agreement to a price is taken for one to an unknown price", job_id)
        if asked.approved:
            return
        declined = self._declined_lately((asked.person, fingerprint), at)
        if token is None or settings.confirm != "ask" or not asked.offered or declined:
            raise Violation("I15", "an assistant's word is taken where only a person's counts", job_id)
        self._world.count("bought on an assistant's word")
        self._on_a_word.update(together)
        theirs = [other for other in self._on_a_word if self._world.people.of(other) == asked.person]
        word = sum(jobs[other].held for other in theirs if self._within_the_hour(jobs[other], at))
        if word > settings.ask_limit_usd * 1_000_000:
            raise Violation("I15", f"{word} micro-USD within an hour on an assistant's word", job_id)

    def may_be_seen(self, key: str, person: str) -> None:
        """I26: a question is shown to whom it was put."""
        asked = self._asked.get(key)
        if asked is not None and asked.person != person:
            raise Violation("I26", f"{person!r} is shown a question to {asked.person!r}")

    def _within_the_hour(self, row: Row, at: float) -> bool:
        """By the clock, however it was set, and in truth; unless both clocks were wrong."""
        world = self._world
        true = world.true - row.reserved_true < HOUR
        return true and row.reserved_at > at - HOUR and (world.honest or not world.moved)

    def _declined_lately(self, what: tuple[str, str], at: float) -> bool:
        said_at, true = self._declined.get(what, (-AGREEMENT_SECONDS, -AGREEMENT_SECONDS))
        world = self._world
        lately = world.true - true < AGREEMENT_SECONDS and (world.honest or not world.moved)
        return lately or 0.0 <= at - said_at < AGREEMENT_SECONDS

    def _newly_used(self) -> set[str]:
        rows = self._world.connection.execute(
            "SELECT token_hash FROM confirmations WHERE used_at IS NOT NULL"
        )
        now = {token_hash for (token_hash,) in rows}
        new = now - self._used
        self._used = now
        return new

    def _unknown_prices_are_bounded(self, job_id: str, jobs: dict[str, Row], *, confirmed: bool) -> None:
        """I15: an unknown price is agreed to by somebody, alone, and never again after a charge above one job's limit."""
        intents = self._world.intents
        self._world.count("an unknown price")
        if self._world.settings.confirm == "off" and not (intents[job_id].terms.capped or confirmed):
            raise Violation("I15", "an unknown price is bought, and nobody said what it may cost", job_id)
        for other_id, other in jobs.items():
            if other_id == job_id or intents[other_id].maximum.known:
                continue
            if self._world.people.of(other_id) != self._world.people.of(job_id):
                continue
            if other.state not in ENDED and not other.settled:
                raise Violation("I15", f"two unknown prices are open: {other_id} too", job_id)
            if (
                other.settled
                and other.held > MICROS
                and intents[other_id].provider == intents[job_id].provider
            ):
                raise Violation("I15", "bought again where more than the limit was charged", job_id)


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
