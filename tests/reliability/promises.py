"""The invariants of the money core, checked from outside: what the database says against what really happened."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seedance_mcp.jobs.intents import Intent
    from seedance_mcp.types import Job

    from .simulation import Task, World

MICROS = 500_000
CAP_MICROS = 4_000_000
QUIET = 5.0
UNREAD_SECONDS = 900.0

# Written down once more, on purpose: a change of the product's own table has to be made here too.
MOVES = {
    None: {"reserved"},
    "reserved": {"sending", "not_sent"},
    "sending": {"accepted", "rejected", "unknown"},
    "unknown": {"accepted", "absent", "unresolved"},
    "accepted": {"remote_done", "failed", "cancelled", "expired", "stalled", "missing"},
    "stalled": {"remote_done", "failed", "cancelled", "expired", "missing"},
    "remote_done": {"done", "expired"},
    "missing": {"accepted"},
    "rejected": {"accepted"},
    "absent": {"accepted"},
    "unresolved": {"accepted", "absent"},
}
ENDED = {"done", "failed", "cancelled", "expired", "missing", "rejected", "not_sent", "absent", "unresolved"}
NOT_BOUGHT = {"rejected", "not_sent", "absent"}
REACHABLE = {"sending", "unknown", "unresolved"}


class Violation(AssertionError):
    """A promise was broken."""


class Promises:
    """A mirror of the database, kept from its events and its ledger, and compared with the truth."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._connection = world.connection
        self._seq = self._row = self._changes = 0
        self._hash = ""
        self._day = ""
        self._days: dict[str, int] = defaultdict(int)
        self._held: dict[str, int] = defaultdict(int)
        self._states: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        self._known: dict[str, str] = {}
        self._finished_at: dict[str, float] = {}
        self._prints: dict[str, str] = {}
        self._by_print: dict[str, list[str]] = defaultdict(list)
        self._sent: set[str] = set()
        self._looked: dict[str, float] = {}
        self._reserved_new: set[str] = set()

    def open_jobs(self) -> list[str]:
        """Jobs that something still happens to."""
        return [job for job, state in self._states.items() if state not in ENDED]

    def in_state(self, state: str) -> list[str]:
        """Jobs in this state."""
        return [job for job, found in self._states.items() if found == state]

    # What really happens is told here.

    def may_send(self, tag: str, instance: str) -> str:
        """I3: a byte leaves only after a durable SENDING, by its owner, once."""
        self.check()
        if self._states.get(tag) != "sending":
            raise Violation(f"I3: a byte leaves while the disk says {self._states.get(tag)}")
        if self._owners[tag] != instance:
            raise Violation("I3: somebody else's purchase is sent")
        if tag in self._sent:
            raise Violation("I3: a purchase is sent twice")
        self._sent.add(tag)
        return self._prints[tag]

    def accepted(self, task: Task) -> None:
        """I1: one purchase for one intent, as long as the network keeps its word."""
        world = self._world
        if task.tag in world.tasks:
            raise Violation("I1: one attempt was accepted twice")
        if not world.honest:
            return
        for other in world.tasks.values():
            if other.fingerprint == task.fingerprint:
                state = self._states[other.tag]
                if state not in ENDED or state in NOT_BOUGHT or state == "unresolved":
                    raise Violation(f"I1: bought again while the first purchase is {state}")
        self._reachable(task.tag, None)
        self._counted(task.tag, MICROS)

    def looked(self, tag: str, at: float) -> None:
        """The provider's list was fetched at this true time and did not show the tag."""
        self._looked[tag] = at

    def answered(self, intent: Intent, job: Job, deduplicated: bool, *, wall: float) -> None:
        """I11: the same request is the same job, another request is another."""
        if deduplicated != (job.id != intent.job_id):
            raise Violation("I11: an answer that calls a new job an old one, or the other way round")
        if deduplicated and job.fingerprint != intent.fingerprint:
            raise Violation("I11: answered with the job of another request")

    # What the database says is read here.

    def check(self) -> None:
        """Look at everything that was written since the last look."""
        connection = self._connection
        if connection.in_transaction:
            raise Violation("I12: a transaction is open across an await")
        if connection.total_changes == self._changes:
            return
        self._changes = connection.total_changes
        self._read_ledger()
        rows = connection.execute(
            "SELECT seq, job_id, at, from_state, to_state, by, detail, hash FROM events WHERE seq > ? ORDER BY seq",
            (self._seq,),
        ).fetchall()
        for seq, *link, digest in rows:
            expected = hashlib.sha256(json.dumps([self._hash, *link]).encode()).hexdigest()
            if digest != expected:
                raise Violation("I5: the chain of events is broken")
            self._seq, self._hash = seq, digest
            self._event(*link)

    def _read_ledger(self) -> None:
        rows = self._connection.execute(
            "SELECT rowid, job_id, kind, day, usd_micros FROM ledger WHERE rowid > ? ORDER BY rowid",
            (self._row,),
        ).fetchall()
        for row, job_id, kind, day, micros in rows:
            self._row = row
            if kind == "reserve" and day < self._day:
                raise Violation("I4: the day went back")
            self._day = max(self._day, day)
            self._held[job_id] += micros
            self._days[day] += micros
            if kind == "release" and (self._held[job_id] != 0 or micros > 0):
                raise Violation("I7: a release that does not give back what is held")
            if self._held[job_id] < 0:
                raise Violation("I4: less than nothing is held")
            if self._days[day] > CAP_MICROS and self._world.honest:
                raise Violation(f"I4: {self._days[day]} micro-USD counted on one day")
            task = self._world.tasks.get(job_id)
            if task is not None:
                if kind == "release" and self._world.honest:
                    raise Violation("I7: money given back for a purchase that was accepted")
                self._counted(job_id, self._cost(task), late=kind == "release")

    def _cost(self, task: Task) -> int:
        if task.outcome is None:
            return MICROS
        return self._world.charge_micros if task.outcome == "succeeded" else 0

    def _counted(self, job_id: str, cost: int, *, late: bool = False) -> None:
        if self._held[job_id] < cost and not (late and not self._world.honest):
            raise Violation(f"I4: {self._held[job_id]} micro-USD counted for a purchase of {cost}")

    def _event(self, job_id: str, at: float, before: str | None, after: str, by: str, detail: str) -> None:
        if self._states.get(job_id) != before:
            raise Violation(f"I5: an event from {before} for a job that was {self._states.get(job_id)}")
        if after not in MOVES.get(before, ()):
            raise Violation(f"I5, I6: from {before} to {after}")
        row = self._connection.execute(
            "SELECT owner, version, task_id, fingerprint, finished_at FROM jobs WHERE id = ?", (job_id,)
        ).fetchone()
        owner, version, task_id, fingerprint, finished_at = row
        if version <= self._versions.get(job_id, 0):
            raise Violation("I5: a version that does not grow")
        self._versions[job_id] = version
        self._states[job_id] = after
        self._owners[job_id] = owner
        self._finished_at[job_id] = finished_at or 0.0
        if before is None:
            self._new(job_id, at, fingerprint)
        if task_id is not None:
            self._adopted(job_id, task_id)
        elif after == "accepted":
            raise Violation("I2: accepted without the provider's id")
        self._owned(job_id, before, after, by, owner)
        self._reachable(job_id, after)
        self._ending(job_id, before, after)

    def _new(self, job_id: str, at: float, fingerprint: str) -> None:
        for other in self._by_print[fingerprint]:
            state = self._states[other]
            if state not in ENDED or state == "unresolved":
                raise Violation(f"I11: a second job for a request whose first is {state}")
            unread = state == "done" and at - self._finished_at[other] < UNREAD_SECONDS
            if (
                unread
                and not self._connection.execute("SELECT 1 FROM seen WHERE job_id = ?", (other,)).fetchone()
            ):
                raise Violation("I11: a second job for a request whose result nobody has read")
        self._prints[job_id] = fingerprint
        self._by_print[fingerprint].append(job_id)

    def _adopted(self, job_id: str, task_id: str) -> None:
        task = self._world.by_id.get(task_id)
        if task is None or task.tag != job_id:
            raise Violation("I2: somebody else's task is taken for ours")
        if self._known.setdefault(job_id, task_id) != task_id:
            raise Violation("I2: the provider's id of a job changed")

    def _owned(self, job_id: str, before: str | None, after: str, by: str, owner: str) -> None:
        """Only the owner moves RESERVED and SENDING, others only once its lock is free."""
        if before in ("reserved", "sending") and by != owner and owner in self._world.processes:
            raise Violation(f"I14: {by} moved the {before} job of {owner}, who lives")

    def _reachable(self, job_id: str, after: str | None) -> None:
        """I2: a purchase is known by its id, or findable, or shown as open."""
        state = after or self._states[job_id]
        taken = job_id in self._world.tasks or after is None
        if taken and self._world.honest and job_id not in self._known and state not in REACHABLE:
            raise Violation(f"I2: a purchase is lost in a job that is {state}")

    def _ending(self, job_id: str, before: str | None, after: str) -> None:
        world = self._world
        task = world.tasks.get(job_id)
        if after == "failed" and (task is None or task.outcome != "failed"):
            raise Violation("I13: failed, though the provider never said so")
        if after in ("remote_done", "done") and (task is None or task.outcome != "succeeded"):
            raise Violation("I13: done, though the provider never said so")
        if after == "absent" and world.honest:
            packet = world.sent.get(job_id)
            if job_id not in self._looked:
                raise Violation("I8: judged absent without a look")
            if packet and packet.flying:
                raise Violation("I8: judged absent while its packet still flies")
            if (
                packet
                and before == "unknown"
                and self._looked[job_id] < (packet.closed_at or world.true) + QUIET
            ):
                raise Violation("I8: judged absent by a list from before the end of the quiet period")
        if after == "not_sent" and job_id in self._sent:
            raise Violation("I2: called not sent, though it was")

    def check_end(self) -> None:
        """I10 and I2 at the very end: all jobs ended, and every purchase is where it belongs."""
        world = self._world
        self.check()
        if self.open_jobs():
            states = sorted({self._states[job] for job in self.open_jobs()})
            raise Violation(f"I10: jobs that never end: {', '.join(states)}")
        for tag, task in world.tasks.items():
            expected = "done" if task.outcome == "succeeded" else "failed"
            if self._states[tag] != expected:
                raise Violation(f"I2: a purchase that {task.outcome} ended as {self._states[tag]}")
            if self._held[tag] != self._cost(task):
                raise Violation(f"I4: {self._held[tag]} micro-USD counted for {self._cost(task)} in the end")
        for job_id, state in self._states.items():
            if state in NOT_BOUGHT and self._held[job_id]:
                raise Violation(f"I7: {state}, and still counted")
        (total,) = self._connection.execute("SELECT COALESCE(SUM(usd_micros), 0) FROM ledger").fetchone()
        if total != sum(self._cost(task) for task in world.tasks.values()):
            raise Violation("I4: the ledger and the provider disagree in the end")
