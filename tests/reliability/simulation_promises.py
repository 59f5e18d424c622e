"""The invariants of the money core, checked from outside: what the database says against what really happened."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from seedance_mcp.errors import BudgetExceeded
from seedance_mcp.providers import WhenSent
from seedance_mcp.store import ScopedStore
from seedance_mcp.store.money import breakers, budget, ledger

from .simulation_market import HORIZON_HOURS, MICROS, PRICE, QUIET, SELLERS
from .simulation_orders import request
from .simulation_rules import (
    BREAKER_SECONDS,
    DAY,
    ENDED,
    HOUR,
    MOVES,
    NOT_BOUGHT,
    PROVIDER_ENDS,
    UNCLEAR,
    UNREAD_SECONDS,
    Row,
    Violation,
)

if TYPE_CHECKING:
    from seedance_mcp.jobs.buying.intents import Intent
    from seedance_mcp.types import Job

    from .simulation_market import Task
    from .simulation_process import Process
    from .simulation_world import World


class Promises:
    """A mirror of the database, kept from its events and its ledger, and compared with the truth."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._connection = world.connection
        self._seq = self._row = self._changes = 0
        self._hash = ""
        self.jobs: dict[str, Row] = defaultdict(Row)
        self._refusals: dict[tuple[tuple[str, str], str | None], tuple[str, int, float, float]] = {}
        """By seller, and by whose they are; of None those that concern the account."""
        self._refused: Counter[tuple[str, str, str, str]] = Counter()
        self._model_refusals: dict[tuple[str, str], tuple[float, float]] = {}
        self._requests: dict[str, frozenset[str]] = {}
        self._of_key: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._on_disk: set[str] = set()

    def open_jobs(self) -> list[str]:
        """Jobs that something still happens to."""
        return [job for job, row in self.jobs.items() if row.state not in ENDED]

    def in_states(self, *states: str) -> list[str]:
        """Jobs in one of these states."""
        return [job for job, row in self.jobs.items() if row.state in states]

    def refused(self, seller: str, number: int, person: str) -> str | None:
        """The fingerprint of a person's request at a provider, if their newest job for it there was provably not bought."""
        jobs = [
            job_id
            for job_id in self.jobs
            if self._world.intents[job_id].provider == seller
            and self._world.intents[job_id].request is request(number)
            and self._world.people.of(job_id) == person
        ]
        newest = self.jobs[jobs[-1]] if jobs else None
        return newest.fingerprint if newest and newest.state in ("rejected", "not_sent") else None

    def looked(self, job_id: str, at: float) -> None:
        """The provider's whole list was fetched at this true time and did not show the job's tag."""
        self._world.loop.running.evidence = (job_id, at)

    def heard(self, job_id: str) -> None:
        """A buyer has heard the id of the task that it bought; nothing of it is on disk yet."""
        self._world.loop.running.heard = job_id

    def on_disk(self, job_id: str) -> None:
        """The id of a task that was bought is on disk, if only as a receipt."""
        self._world.loop.running.heard = ""
        self._on_disk.add(job_id)

    def id_first(self) -> None:
        """I2: between hearing an id and putting it on disk, a buyer does nothing that could take long."""
        job_id = self._world.loop.running.heard
        if job_id:
            raise Violation("I2", "the id of an accepted purchase is not put on disk at once", job_id)

    def what_was_on_disk_is_known(self) -> None:
        """I2: no job whose id has been on disk ends as unclear, or as not bought."""
        for job_id in sorted(self._on_disk):
            if self.jobs[job_id].task_id is None:
                state = self.jobs[job_id].state
                raise Violation("I2", f"{state}, though the id of its task had been on disk", job_id)

    def what_is_shown_is_found(self, job_ids: list[str], at: float) -> None:
        """
        I10: whatever a clock says, a purchase that its provider shows is followed to its end.

        One that was older than the list reaches back, at that true time, may be left to a person, and so may one
        whose provider does not tell its time.
        """
        self.check()
        for job_id in job_ids:
            row, task = self.jobs[job_id], self._world.market.tasks.get(job_id)
            if task is None or task.seller == "mute" or not self._world.honest:
                continue
            late = at - task.at > HORIZON_HOURS * 3600
            if row.state in UNCLEAR and (late or self._world.market.undated):
                continue
            if row.state != ("done" if task.outcome == "succeeded" else task.outcome):
                raise Violation("I10", f"a purchase that {task.outcome} is {row.state}", job_id)

    def told(self, job_id: str) -> None:
        """A person says what stands at the provider's console."""
        self.jobs[job_id].told = True

    def check(self) -> None:
        """Look at everything that was written since the last look."""
        connection = self._connection
        if connection.in_transaction:
            raise Violation("I12", "a transaction is open across an await")
        if connection.total_changes == self._changes:
            return
        self._changes = connection.total_changes
        rows = connection.execute(
            "SELECT rowid, job_id, kind, reserved_at, day, usd_micros, person FROM ledger WHERE rowid > ?"
            " ORDER BY rowid",
            (self._row,),
        ).fetchall()
        kinds: dict[str, set[str]] = defaultdict(set)
        for row, job_id, kind, reserved_at, day, micros, person in rows:
            self._row = row
            self._world.people.counts(job_id, person)
            kinds[job_id].add(kind)
            self._counts(job_id, kind, reserved_at, day, micros)
        events = connection.execute(
            "SELECT seq, job_id, at, from_state, to_state, by, detail, hash FROM events WHERE seq > ? ORDER BY seq",
            (self._seq,),
        ).fetchall()
        allowed: dict[str, set[str]] = defaultdict(set)
        moves: dict[str, int] = defaultdict(int)
        for seq, *link, digest in events:
            if digest != hashlib.sha256(json.dumps([self._hash, *link]).encode()).hexdigest():
                raise Violation("I5", "the chain of events is broken", link[0])
            self._seq, self._hash = seq, digest
            job_id, at, before, after, by, _ = link
            self._moved(job_id, at, before, after, by)
            allowed[job_id] |= self._money_of(before, after)
            moves[job_id] += 1
        for job_id, count in moves.items():
            self._each_move_has_its_version(job_id, count)
        for job_id in {**kinds, **allowed}:
            self._one_money_row_for_each_move(job_id, kinds[job_id], allowed[job_id])
        self._world.hooks.check()

    def _moved(self, job_id: str, at: float, before: str | None, after: str, by: str) -> None:
        row = self.jobs[job_id]
        owner = row.owner
        stored = self._connection.execute(
            "SELECT owner, task_id, fingerprint, finished_at, version, state FROM jobs WHERE id = ?",
            (job_id,),
        ).fetchone()
        self._only_legal_moves(job_id, row, before, after)
        self._world.trace.append((self._world.steps, f"{before} -> {after}", by, job_id))
        row.state, row.finished_true = after, self._world.true
        row.owner, task_id, row.fingerprint, row.finished_at, row.stored_version, row.stored_state = stored
        code = self._error_code(job_id) if after in ("rejected", "unknown", "not_sent") else None
        if code == "internal" and not self._world.flawed:
            raise Violation("I10", "the server made a mistake while submitting", job_id)
        if (row.finished_at is not None) != (after in ENDED) and row.stored_state == after:
            raise Violation("I6", f"{after} with finished_at {row.finished_at}", job_id)
        if before is None:
            self._world.sets.reserved(job_id, self.jobs)
            self._no_second_job_for_one_request(job_id, row, at)
            self.caps_hold(
                job_id,
                self.jobs,
                usd=self._world.settings.max_usd_per_day,
                hourly=self._world.settings.max_jobs_per_hour,
            )
            self._world.people.reserved(job_id, self.jobs)
            self._breakers_stop(job_id, at)
            together = {job_id, *self._world.sets.together(job_id)}
            alike = [other for other in self.jobs if other not in together and self._alike(job_id, other)]
            self._world.consents.reserved(job_id, row, self.jobs, alike, at)
        if by == owner and (before == "sending" or self._hears_late(job_id, by, after)):
            self._note_refusal(job_id, after, code, at)
        if (before, after) != ("reserved", "cancelled"):  # its owner cannot send it then
            self._only_the_owner_moves(job_id, before, by, owner or row.owner)
        if before not in (None, "reserved", "sending") and by != "receipt" and not row.told:
            self._world.accounts.may_ask(job_id, self._world.loop.running.process.reach)
        self._known_by_its_own_id(job_id, row, task_id, after)
        self._no_purchase_is_lost(job_id)
        self._absence_has_evidence(job_id, row, before, after)
        self._only_the_provider_ends_a_task(job_id, before, after)
        self._counted_is_never_less_than_spent(job_id)

    def _error_code(self, job_id: str) -> str | None:
        query = "SELECT json_extract(document, '$.error_code') FROM jobs WHERE id = ?"
        return self._connection.execute(query, (job_id,)).fetchone()[0]

    def one_purchase_for_one_intent(self, task: Task) -> None:
        """I1: for each intent, the provider takes at most one purchase while the first may still be good."""
        world = self._world
        if task.tag in world.market.tasks:
            raise Violation("I1", "one attempt was accepted twice", task.tag)
        if not world.honest:
            return
        for other in world.market.tasks.values():
            if world.sets.are_one(task.tag, other.tag):
                continue
            if self._alike(task.tag, other.tag) and not self._deliberate(task.tag, other.tag):
                state = self.jobs[other.tag].state
                if state not in ENDED or state in NOT_BOUGHT | UNCLEAR:
                    raise Violation("I1", f"bought again while the first purchase is {state}", task.tag)
        if self.jobs[task.tag].state in NOT_BOUGHT:
            raise Violation("I2", f"accepted when it was {self.jobs[task.tag].state} already", task.tag)
        if self.jobs[task.tag].held < MICROS:
            raise Violation("I4", "accepted, and its price is not counted", task.tag)

    def _alike(self, job_id: str, other_id: str) -> bool:
        """Whether two jobs stand for one request of one person: their own, or one that somebody else refused before."""
        if self._world.people.of(job_id) != self._world.people.of(other_id):
            return False
        return not self._stands_for(job_id).isdisjoint(self._stands_for(other_id))

    def _stands_for(self, job_id: str) -> frozenset[str]:
        if job_id not in self._requests:
            intent = self._world.intents[job_id]
            planned = f"{intent.provider}: {intent.request.prompt}"  # by whichever account
            asked = (intent.asked,) if intent.asked else ()
            self._requests[job_id] = frozenset({intent.fingerprint, planned, *asked, *intent.instead_of})
        return self._requests[job_id]

    def _deliberate(self, job_id: str, other_id: str) -> bool:
        """Whether somebody said of one of two jobs for one request that it is another purchase."""
        intents = [self._world.intents[job_id], self._world.intents[other_id]]
        keys = [intent.key.text for intent in intents if intent.key]
        if len(keys) == 2:
            return keys[0] != keys[1]
        return bool(keys) or any(intent.terms.allow_duplicate for intent in intents)

    def _no_purchase_is_lost(self, job_id: str) -> None:
        """I2: a purchase that was accepted is known by its id, or findable by its tag, or shown as open."""
        row = self.jobs[job_id]
        if row.state == "not_sent" and row.sent:
            raise Violation("I2", "called not sent, though it was", job_id)
        taken = job_id in self._world.market.tasks and self._world.honest
        if taken and row.task_id is None and row.state not in ("sending", "unknown", "unresolved"):
            raise Violation("I2", f"a purchase is lost in a job that is {row.state}", job_id)

    def _known_by_its_own_id(self, job_id: str, row: Row, task_id: str | None, after: str) -> None:
        """I2: the id that a job is known by is that of its own task, and stays."""
        if task_id is None:
            if after == "accepted" or row.task_id is not None:
                raise Violation("I2", f"{after} without the provider's id", job_id)
            return
        task = self._world.market.by_id.get(task_id)
        if task is None or task.tag != job_id:
            raise Violation("I2", "somebody else's task is taken for ours", job_id)
        row.task_id = task_id

    def may_send(self, job_id: str, instance: str) -> str:
        """I3: a byte of a purchase leaves only after a durable SENDING, sent by its owner, at most once."""
        self.check()
        row = self.jobs[job_id]
        # Whose lock somebody has removed cannot know that others judge the purchase at this moment.
        if row.state != "sending" and self._world.holds_its_lock(instance):
            raise Violation("I3", f"a byte leaves while the disk says {row.state}", job_id)
        if row.owner != instance:
            raise Violation("I3", "somebody else's purchase is sent", job_id)
        if row.sent:
            raise Violation("I3", "a purchase is sent twice", job_id)
        row.sent = True
        return row.fingerprint

    def _counted_is_never_less_than_spent(self, job_id: str) -> None:
        """I4: what counts as spent is never less than what was spent so far."""
        row, task = self.jobs[job_id], self._world.market.tasks.get(job_id)
        if row.held < 0:
            raise Violation("I4", "less than nothing is counted", job_id)
        if task is not None and (self._world.honest or row.task_id):
            owed = task.cost if row.settled else min(MICROS, task.cost)
            if row.held < owed:
                raise Violation("I4", f"{row.held} micro-USD counted for a purchase of {owed}", job_id)

    def caps_hold(
        self, job_id: str, counted: Mapping[str, Row], *, usd: Decimal | None, hourly: int | None
    ) -> None:
        """I4: nothing is reserved beyond these caps of 24 hours and of the hour, however often a clock is set back."""
        world, jobs, at = self._world, counted.values(), self.jobs[job_id].reserved_at
        if world.moved and not world.honest:
            return  # both clocks were wrong

        def within(seconds: float) -> list[Row]:
            """What both the clock and the true time call so recent; a clock that is set forward is believed."""
            return [
                other
                for other in jobs
                if other.reserved_at > at - seconds and other.reserved_true > world.true - seconds
            ]

        if usd is not None and sum(other.held for other in within(DAY)) > int(usd * 1_000_000):
            raise Violation("I4", "the cap of 24 hours is passed", job_id)
        if hourly is not None and len(within(HOUR)) > hourly:
            raise Violation("I4", "more jobs in an hour than allowed", job_id)

    def _only_legal_moves(self, job_id: str, row: Row, before: str | None, after: str) -> None:
        """I5, I6: states change only along the legal arrows, one event for each, each with a version of its own."""
        if row.state != before:
            raise Violation("I5", f"an event from {before} for a job that was {row.state}", job_id)
        if after not in MOVES.get(before, ()):
            raise Violation("I6" if before in ENDED else "I5", f"from {before} to {after}", job_id)

    def _each_move_has_its_version(self, job_id: str, moves: int) -> None:
        """I5: every move is a compare-and-swap on the version, and makes a new one."""
        row = self.jobs[job_id]
        version, state = row.stored_version, row.stored_state
        if version < row.version + moves or state != row.state:
            raise Violation(
                "I5", f"version {version}, {state} after {moves} moves from {row.version}", job_id
            )
        row.version = version

    def _counts(self, job_id: str, kind: str, reserved_at: float, day: str, micros: int) -> None:
        """I7: a later row of a job counts on the day and in the hour of its reservation."""
        row = self.jobs[job_id]
        if kind == "reserve":
            row.day, row.reserved_at, row.reserved_true = day, reserved_at, self._world.true
            if micros != MICROS:
                raise Violation("I4", f"{micros} micro-USD reserved for {MICROS}", job_id)
        elif (row.day, row.reserved_at) != (day, reserved_at):
            raise Violation("I7", "a row that counts on another day than its reservation", job_id)
        row.held += micros
        row.settled = row.settled or kind == "settle"

    def _money_of(self, before: str | None, after: str) -> set[str]:
        if before is None:
            return {"reserve"}
        if after in NOT_BOUGHT:
            return {"release"}
        if after == "accepted" and before in NOT_BOUGHT:
            return {"adopt"}
        return {"settle?"} if after in PROVIDER_ENDS and before != "remote_done" else set()

    def _one_money_row_for_each_move(self, job_id: str, kinds: set[str], allowed: set[str]) -> None:
        """I7, I13: money moves with the states that mean money, once, by the right amount, and with nothing else."""
        row, task = self.jobs[job_id], self._world.market.tasks.get(job_id)
        if kinds - {"settle"} != allowed - {"settle?"}:
            raise Violation("I7", f"{sorted(kinds)} in the ledger, where {sorted(allowed)} belongs", job_id)
        unsent = row.state == "cancelled" and job_id not in self._world.market.sent
        cost = task.cost if task is not None else 0 if unsent else None
        if ("settle" in kinds and ("settle?" not in allowed or row.held != cost)) or (unsent and row.held):
            raise Violation("I7", f"{row.held} micro-USD settled for {task}", job_id)
        if row.state in NOT_BOUGHT and row.held:
            raise Violation("I7", f"{row.state}, and {row.held} micro-USD are still counted", job_id)

    def _absence_has_evidence(self, job_id: str, row: Row, before: str | None, after: str) -> None:
        """I8: absent only by a list fetched after the quiet period of that very purchase, or by a person's word."""
        packet = self._world.market.sent.get(job_id)
        if after != "absent" or not self._world.honest:
            return
        if packet and packet.flying:
            raise Violation("I8", "judged absent while its packet still flies", job_id)
        if row.told:
            return
        about, looked = self._world.loop.running.evidence
        if about != job_id:
            raise Violation("I8", "judged absent without a look at a whole list", job_id)
        if packet and looked < (packet.closed_at or self._world.true) + QUIET:
            raise Violation("I8", "judged absent by a list from before the end of the quiet period", job_id)

    def everything_ends(self) -> None:
        """I10: with healthy providers and one process, every job ends, where it belongs, at its true cost."""
        world = self._world
        self.check()
        if self.open_jobs():
            states = sorted({str(self.jobs[job].state) for job in self.open_jobs()})
            raise Violation("I10", f"jobs that never end: {', '.join(states)}", self.open_jobs()[0])
        for tag, task in world.market.tasks.items():
            row = self.jobs[tag]
            if not world.honest and row.task_id is None and self._out_of_reach(tag, row):
                continue
            expected = "done" if task.outcome == "succeeded" else str(task.outcome)
            if row.state != expected:
                raise Violation("I10", f"a purchase that {task.outcome} ended as {row.state}", tag)
            if row.held != task.cost:
                raise Violation("I4", f"{row.held} micro-USD counted for {task.cost} in the end", tag)
        (total,) = self._connection.execute("SELECT COALESCE(SUM(usd_micros), 0) FROM ledger").fetchone()
        if world.honest and total != sum(task.cost for task in world.market.tasks.values()):
            raise Violation("I4", "the ledger and the providers disagree in the end")
        if days := ledger.unbalanced_days(self._connection):
            raise Violation("I4", f"the sums of {', '.join(days)} are not those of the ledger")

    def a_later_day_is_open(self, process: Process) -> None:
        """I4: a day after all that was bought, by a clock that is right, every provider may be bought from again."""
        world = self._world
        limits = budget.Limits.of(world.settings)
        for scope, seller in product(world.people.scopes(), SELLERS):
            try:
                ScopedStore(process.store, scope).read_now(
                    partial(
                        budget.check,
                        limits=limits,
                        seller=breakers.Seller(provider=seller, account="a", model="m"),
                        price=PRICE,
                        now=world.wall,
                    )
                )
            except BudgetExceeded as error:
                raise Violation("I4", f"a later day has no budget of its own: {error.message}") from None

    def _out_of_reach(self, job_id: str, row: Row) -> bool:
        market, sent_at = self._world.market, self._sent_at(job_id)
        task = market.tasks[job_id]
        # Where a provider does not tell its time, nobody can know how far back of ours its list has to be searched.
        dated_too_early = task.at + market.clock_apart < sent_at - WhenSent.CLOCKS_SECONDS
        return (
            task.seller == "mute"
            or row.told
            or self._world.last_chance > HORIZON_HOURS * 3600 + sent_at
            or (market.undated and dated_too_early)
        )

    def _sent_at(self, job_id: str) -> float:
        query = "SELECT json_extract(document, '$.sent_at') FROM jobs WHERE id = ?"
        return float(self._connection.execute(query, (job_id,)).fetchone()[0])

    def _no_second_job_for_one_request(self, job_id: str, row: Row, at: float) -> None:
        """I11: while a job is open, unclear or unread, the same request gets no second one; a key only if not bought."""
        intent = self._world.intents[job_id]
        if intent.key:
            whose = self._world.people.of(job_id), intent.key.text
            for other_id in self._of_key[whose]:
                if self._world.sets.are_one(job_id, other_id):
                    continue
                if self.jobs[other_id].state not in NOT_BOUGHT:
                    raise Violation("I11", f"a second job for a key whose first is {other_id}", job_id)
            self._of_key[whose].append(job_id)
        if intent.terms.allow_duplicate or intent.key:
            return
        for other_id, other in self.jobs.items():
            if other_id == job_id or not self._alike(job_id, other_id):
                continue
            if self._world.sets.are_one(job_id, other_id):
                continue
            if other.state not in ENDED or other.state in UNCLEAR:
                raise Violation("I11", f"a second job for a request whose first is {other.state}", job_id)
            unread = other.state == "done" and self._is_fresh(other, at)
            if unread and other_id not in self._world.readers.read:
                raise Violation("I11", "a second job for a request whose result nobody has read", job_id)

    def _is_fresh(self, row: Row, at: float) -> bool:
        """Whether a job ended so lately that its result may not have been read, by the clock or in truth."""
        world = self._world
        lately = world.true - row.finished_true < UNREAD_SECONDS and (world.honest or not world.moved)
        return lately or 0.0 <= at - (row.finished_at or 0.0) < UNREAD_SECONDS

    def same_request_same_job(self, intent: Intent, job: Job, deduplicated: bool) -> None:
        """I11: the answer to a repeated request is the job of that very request."""
        if deduplicated != (job.id != intent.job_id):
            raise Violation("I11", "a new job is called an old one, or the other way round", job.id)
        if not intent.key and not self._alike(job.id, intent.job_id):
            raise Violation("I11", "answered with the job of another request", job.id)
        person = self._world.people.of(intent.job_id)
        if intent.key and job.id not in self._of_key[person, intent.key.text]:
            raise Violation("I11", "answered with the job of another key", job.id)

    def _only_the_provider_ends_a_task(self, job_id: str, before: str | None, after: str) -> None:
        """I13: a job ends as the provider says, or cancelled before it was sent; no trouble in asking ever ends one."""
        task = self._world.market.tasks.get(job_id)
        if (before, after) == ("reserved", "cancelled"):
            if job_id in self._world.market.sent:
                raise Violation("I13", "called cancelled before it was sent, and it was sent", job_id)
        elif after in PROVIDER_ENDS and (task is None or task.outcome != PROVIDER_ENDS[after]):
            raise Violation("I13", f"{after}, though the provider never said so", job_id)

    def _only_the_owner_moves(self, job_id: str, before: str | None, by: str, owner: str) -> None:
        """I14: with leases or without, only its owner moves a job that it may be sending, while it lives."""
        if by == "receipt":
            by = self._world.loop.running.process.instance
        if before in ("reserved", "sending") and by != owner and self._world.holds_its_lock(owner):
            raise Violation("I14", f"{by} moved the {before} job of {owner}, who lives", job_id)

    def _account(self, job_id: str) -> tuple[str, str]:
        intent = self._world.intents[job_id]
        return intent.provider, intent.account

    def refusals_of(self, job_id: str, person: str, code: str) -> int:
        """How often what this person wanted of the seller of a job was refused with this code, ever."""
        return self._refused[*self._account(job_id), person, code]

    def _hears_late(self, job_id: str, by: str, after: str) -> bool:
        """Whether a buyer whom others took for dead puts down now that its purchase was accepted."""
        kept = self._world.receipts.get(by, ())
        return after == "accepted" and any(about == job_id for about, _ in kept)

    def _note_refusal(self, job_id: str, after: str, code: str | None, at: float) -> None:
        account, person, true = self._account(job_id), self._world.people.of(job_id), self._world.true
        if after == "accepted":
            for whose in (None, person):
                self._refusals.pop((account, whose), None)
            self._model_refusals.pop(account, None)
        elif after == "rejected" and code == "model_not_open":
            self._model_refusals[account] = at, true
        elif after == "rejected" and code is not None:
            self._refused[*account, person, code] += 1
            whose = account, None if code == "insufficient_funds" else person
            known, count, *_ = self._refusals.get(whose, ("", 0))
            self._refusals[whose] = (code, count + 1 if known == code else 1, at, true)

    def _breakers_stop(self, job_id: str, at: float) -> None:
        """I4: after three equal refusals, or one that concerns the account, nothing is reserved there for a while."""
        account = self._account(job_id)
        if account in self._model_refusals and self._is_stopped(at, *self._model_refusals[account]):
            raise Violation("I4", "reserved with a model that is not open", job_id)
        for whose in ((account, None), (account, self._world.people.of(job_id))):
            code, count, last, true = self._refusals.get(whose, ("", 0, 0.0, 0.0))
            if (count >= 3 or code == "insufficient_funds") and self._is_stopped(at, last, true):
                raise Violation("I4", f"reserved after {count} times {code}", job_id)

    def _is_stopped(self, at: float, refused_at: float, refused_true: float) -> bool:
        """Whether less than the time of a breaker has passed, by the clock (a set forward one is believed) and in truth."""
        world = self._world
        by_the_clock = at < refused_at + BREAKER_SECONDS
        return (
            by_the_clock and world.true < refused_true + BREAKER_SECONDS and (world.honest or not world.moved)
        )
