"""
Random schedules of films that are planned, ordered and bought, by several processes, against the promises about their money.

Everything that a process does with an order is one transaction, so that a schedule is a row of transactions: what a
process knows may be older than what is on disk by then. A schedule is told by its seed alone.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from seedance_mcp.config import Settings
from seedance_mcp.errors import BudgetExceeded, ConfirmationRequired, InvalidRequest
from seedance_mcp.store import Conflict, elapsed_time, film_orders, films, job_records
from seedance_mcp.store.database import SqliteStore
from seedance_mcp.store.database_file import SqliteConnection
from seedance_mcp.types import Job, JobState, Take
from tests.jobs.film_till import HOUR, FilmTill, take, usd

from .simulation_orders import empty_database

DAY = 24 * HOUR
STEPS = 60
FILMS = ("flm_lantern00001", "flm_harbour00001")
SHOTS = ("s1", "s2", "s3")
PRICES = ("0", "0.4", "1", "2")
RETURNS = 4
"""How often a row pays anew for what provably was not sent."""

NEXT = {
    JobState.RESERVED: (JobState.SENDING, JobState.NOT_SENT),
    JobState.SENDING: (JobState.ACCEPTED, JobState.ACCEPTED, JobState.REJECTED, JobState.UNKNOWN),
    JobState.UNKNOWN: (JobState.ACCEPTED, JobState.ABSENT),
    JobState.ACCEPTED: (JobState.REMOTE_DONE, JobState.FAILED),
    JobState.REMOTE_DONE: (JobState.DONE,),
    JobState.ABSENT: (JobState.ACCEPTED,),
}


@dataclass
class Agreed:
    """An order as the person agreed to it: what each row may cost, and when it was agreed to, by the clock on the wall."""

    at: float
    day: str
    steady: float
    rows: dict[str, int]
    bought: dict[str, str] = field(default_factory=dict[str, str])
    returned: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """What each row got back from jobs that were not sent, one after the other, in micro-USD."""
    ended: bool = False

    def left(self, key: str) -> int:
        """What a row pays at most, in micro-USD."""
        return self.returned[key][-1] if key in self.returned else self.rows[key]

    @property
    def held(self) -> dict[str, int]:
        """What is held for rows that are not bought, in micro-USD."""
        return {} if self.ended else {key: self.left(key) for key in self.rows if key not in self.bought}

    def give_back(self, key: str, micros: int) -> bool:
        """A row's job was not sent, so it pays once more; whether it does."""
        if self.ended or len(self.returned.get(key, ())) == RETURNS:
            return False
        del self.bought[key]
        self.returned.setdefault(key, []).append(micros)
        return True


class FilmPlay:
    """One schedule. `run` raises AssertionError when a promise is broken."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"films {seed}")
        connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, factory=SqliteConnection
        )
        connection.deserialize(empty_database())
        connection.execute("PRAGMA foreign_keys=ON")
        ownership: Any = SimpleNamespace(instance="me", close=lambda: None)
        self._asking = self._random.random() < 0.5
        settings = Settings(
            output_dir=Path(), state_dir=Path(), confirm="ask" if self._asking else "off",
            confirm_above_usd=Decimal("1.5"), ask_limit_usd=Decimal(5), max_usd_per_job=Decimal(2),
            max_usd_per_day=Decimal(7), max_jobs_per_hour=6,
        )  # fmt: skip
        store = SqliteStore(connection, ownership, clock=lambda: 0.0, notice=None)
        self._till, self._connection = FilmTill(store, settings), connection
        self._plans: list[list[Take]] = []
        self._orders: dict[tuple[str, str], Agreed] = {}
        self.counts = Counter[str]()

    def run(self) -> Counter[str]:
        """Play the schedule to its end; how often everything happened."""
        steps = (
            self._plan, self._order, self._order, self._draw, self._draw, self._draw, self._move, self._move, self._buy,
            self._end, self._wait, self._set_clock,
        )  # fmt: skip
        for _ in range(STEPS):
            before = self._counted()
            step = self._random.choice(steps)
            step()
            self._check(step.__name__, before)
        self._till.store.close()
        return self.counts

    def _plan(self) -> None:
        """A process reads what is there and plans; it may order that long after."""
        film_id = self._random.choice(FILMS)
        used = Counter[str]()
        for row in self._connection.execute(
            "SELECT shot, MAX(number) FROM takes WHERE film_id = ? GROUP BY shot", (film_id,)
        ):
            used[row[0]] = row[1]
        shots = self._random.sample(SHOTS, self._random.randint(1, len(SHOTS)))
        numbers = {shot: used[shot] + 1 for shot in shots}
        token = " ".join(f"{shot}{number}" for shot, number in sorted(numbers.items()))
        self._plans.append(
            [
                # The same plan is the same, whoever makes it.
                take(
                    shot,
                    usd(PRICES[(number + len(shot) + len(shots)) % len(PRICES)]),
                    number=number,
                    plan=token,
                    film_id=film_id,
                )
                for shot, number in numbers.items()
            ]
        )

    def _order(self) -> None:
        if not self._plans:
            return
        rows = self._random.choice(self._plans[-4:])
        known = (rows[0].film_id, rows[0].order)
        try:
            try:
                self._till.order(rows)
            except ConfirmationRequired as question:
                if question.token is None or self._random.random() < 0.3:
                    return
                self._till.order(rows, confirm_token=question.token)
        except (BudgetExceeded, InvalidRequest, ConfirmationRequired) as error:
            self.counts[f"an order refused: {type(error).__name__}"] += 1
            if "since this one was made" in str(error):
                self.counts["a plan whose takes are used up"] += 1
            return
        if known in self._orders:
            self.counts["the same plan again"] += 1
            return
        self.counts["ordered"] += 1
        at, day, steady = self._connection.execute(
            "SELECT reserved_at, day, steady FROM film_orders WHERE film_id = ? AND plan = ?", known
        ).fetchone()
        self._orders[known] = Agreed(
            at=at, day=day, steady=steady,
            rows={row.request_key: int(row.maximum.usd * 1_000_000) for row in rows},
        )  # fmt: skip

    def _draw(self) -> None:
        """A process buys a row of a plan that it knows: perhaps of none that was ordered, or that has ended."""
        if not self._plans:
            return
        row = self._random.choice(self._random.choice(self._plans[-4:]))
        price, key = self._random.choice((None, None, None, "0.1", "2")), None
        if self._random.random() < 0.1:
            key = f"{row.film_id}.{row.shot}.another.{row.number}"
        before = self._counted()
        try:
            job, repeated = self._till.draw(row, price, key=key)
        except ConfirmationRequired:
            raise AssertionError("F5: a person is asked about what was agreed to") from None
        except Conflict as stopped:
            raise AssertionError(
                f"F4: only the table's own rule kept a row from being drawn: {stopped}"
            ) from None
        except BudgetExceeded:
            self.counts["a draw refused"] += 1
            return
        if repeated:
            self.counts["the same row again"] += 1
            return
        self.counts["drawn"] += 1
        # Perhaps not of this very plan: a row is known by its key.
        order = next((one for one in self._orders.values() if row.request_key in one.rows), None)
        assert order is not None, "F4: drawn without an order"
        assert not order.ended, "F4: drawn from an order that has ended"
        assert not self._is_old(order), "F4: drawn from an order that is older than a day"
        assert key is None, "F1: bought under a key that is not the row's"
        assert row.request_key not in order.bought, "F1: a row is bought twice"
        assert job.maximum.usd * 1_000_000 <= order.left(row.request_key), (
            "F2: a row pays more than was agreed to"
        )
        if row.request_key in order.returned:
            self.counts["drawn again"] += 1
            if not job.maximum.is_free:
                assert self._sums(HOUR)[1] <= self._till.settings.max_jobs_per_hour, (
                    "F2: a row that pays again passes the cap of the hour"
                )
        order.bought[row.request_key] = job.id
        assert self._counted() <= before, "F2: what is drawn was not counted before"

    def _buy(self) -> None:
        price = self._random.choice(PRICES[1:])
        try:
            self._till.buy(price)
        except (BudgetExceeded, ConfirmationRequired):
            self.counts["a purchase refused"] += 1

    def _move(self) -> None:
        jobs = self._connection.execute("SELECT id FROM jobs").fetchall()
        if not jobs:
            return
        job: Job = job_records.find(self._connection, self._random.choice(jobs)[0])
        to = self._random.choice(NEXT.get(job.state, (None,)))
        if to is None:
            return
        changes: dict[str, Any] = {"charge": job.maximum} if to is JobState.REMOTE_DONE else {}
        # What was wrong with it is wrong the next time; a connection, a database or a process that died is not.
        again = to is JobState.NOT_SENT and self._random.random() < 0.7
        if again:
            changes = {"error_code": self._random.choice(("not_sent", "store"))}
        before = self._counted()
        self._till.move(job, to, **changes)
        if not again:
            return
        for order in self._orders.values():
            for key in [key for key, job_id in order.bought.items() if job_id == job.id]:
                if order.give_back(key, int(job.maximum.usd * 1_000_000)):
                    self.counts["given back to its row"] += 1
                    assert self._counted() <= before, "F2: what a row gets back was not counted before"

    def _end(self) -> None:
        if self._random.random() < 0.5:
            self._till.store.write_now(
                lambda connection: film_orders.end_expired(connection, now=self._till.now)
            )
            for order in self._orders.values():
                order.ended = order.ended or self._is_old(order)
        elif self._orders and self._random.random() < 0.5:
            known = self._random.choice(list(self._orders))
            self._till.end(known[1], "cancelled", known[0])
            self._orders[known].ended = True

    def _wait(self) -> None:
        self._till.pass_time(self._random.choice((60.0, HOUR, 5 * HOUR, 11 * HOUR)))

    def _set_clock(self) -> None:
        if self._random.random() < 0.3:
            self._till.now += self._random.choice((-2 * DAY, -HOUR, HOUR, 2 * DAY))
            self._till.store.write_now(elapsed_time.note)

    def _is_old(self, order: Agreed) -> bool:
        return not self._lies_within(order.at, order.steady, DAY)

    def _lies_within(self, at: float, steady: float, seconds: float) -> bool:
        return at > self._till.now - seconds and steady > elapsed_time.passed(self._connection) - seconds

    def _sums(self, seconds: float) -> tuple[int, int]:
        """What counts within so many seconds by what was agreed to and by the ledger: micro-USD, and paid jobs."""
        ledger = [
            (usd_micros, kind)
            for usd_micros, kind, at, steady in self._connection.execute(
                "SELECT usd_micros, kind, reserved_at, steady FROM ledger"
            )
            if self._lies_within(at, steady, seconds)
        ]
        orders = [
            order for order in self._orders.values() if self._lies_within(order.at, order.steady, seconds)
        ]
        jobs = sum(micros > 0 and kind == "reserve" for micros, kind in ledger) + sum(
            # What comes back to a row was an attempt: the ledger has it.
            micros > 0 and key not in order.returned
            for order in orders
            for key, micros in order.held.items()
        )
        return sum(micros for micros, _ in ledger) + sum(sum(order.held.values()) for order in orders), jobs

    def _counted(self) -> int:
        return self._sums(DAY)[0]

    def _check(self, step: str, before: int) -> None:
        counted, (_, jobs) = self._counted(), self._sums(HOUR)
        settings = self._till.settings
        if counted > before and step in ("_order", "_draw", "_buy"):
            assert counted <= settings.max_usd_per_day * 1_000_000, (
                "F2: hold and ledger are above the cap of a day"
            )
            assert jobs <= settings.max_jobs_per_hour, "F2: more jobs in an hour than allowed"
        left = self._till.budget().left_today_usd * 1_000_000
        assert left == max(0, settings.max_usd_per_day * 1_000_000 - counted), (
            "F2: what is held is not what counts"
        )
        for (film_id, plan), order in self._orders.items():
            self._check_order(film_id, plan, order)

    def _check_order(self, film_id: str, plan: str, order: Agreed) -> None:
        stored = film_orders.find(self._connection, film_id, plan)
        assert stored is not None, "F3: an order is gone"
        if stored.ended == "expired" and not order.ended:
            assert self._is_old(order), "F3: an order expired before its time"
            order.ended = True
            self.counts["expired"] += 1
        assert (stored.ended is not None) == order.ended, "F3: an order ended, or did not, unasked"
        spent = 0
        for key, job_id in order.bought.items():
            jobs = {
                row[0]: row[1]
                for row in self._connection.execute(
                    "SELECT jobs.id, state FROM key_jobs JOIN jobs ON jobs.id = job_id WHERE key = ?", (key,)
                )
            }
            del jobs[job_id]
            assert list(jobs.values()) == ["not_sent"] * len(order.returned.get(key, ())), (
                "F1: a row has not the one job that it paid for"
            )
            booked = self._connection.execute(
                "SELECT DISTINCT reserved_at, day, steady FROM ledger WHERE job_id = ?", (job_id,)
            ).fetchall()
            assert booked == [(order.at, order.day, order.steady)], (
                "F2: a job counts at another time than its order"
            )
            (micros,) = self._connection.execute(
                "SELECT SUM(usd_micros) FROM ledger WHERE job_id = ?", (job_id,)
            ).fetchone()
            spent += micros
        assert spent + sum(order.held.values()) <= sum(order.rows.values()), (
            "F2: more is counted than was agreed to"
        )
        owned = {
            row.request_key: row.job_id for row in films.takes(self._connection, film_id) if row.order == plan
        }
        assert {key: job for key, job in owned.items() if job} == order.bought, (
            "F1: a row does not know its job"
        )
        if self._asking and sum(order.rows.values()) > 1_500_000:
            assert stored.agreed_by is not None, "F5: ordered without agreement"
            for job_id in order.bought.values():
                assert job_records.find(self._connection, job_id).agreed_by == stored.agreed_by, (
                    "F5: whose word is lost"
                )


def play(seed: int) -> Counter[str]:
    """Play one schedule."""
    return FilmPlay(seed).run()
