"""Whether a purchase may happen: caps and counts, checked in the transaction that reserves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from ...config import Settings
from ...errors import BudgetExceeded
from ...texts import digits, number_of
from ...types import EVERYBODY, FINISHED_STATES, JobState, Price
from .. import elapsed_time
from ..connection import SPENDING_STOPPED, Connection, Store
from ..database import marks
from ..scoped import PERSON_OF_JOB, seen
from . import breakers, holds, shares
from .breakers import Seller
from .ledger import DAY, from_micros, to_micros

HOUR = 3600.0
_HOLDING = (*sorted(frozenset(JobState) - FINISHED_STATES), JobState.UNRESOLVED)
"""States of jobs whose money is reserved, not yet settled."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """
    The user's caps: those of all together, and those of each person, None: there are none.

    Amounts in USD; each `raising` says in a hint which setting that is, and where it is set.
    """

    max_usd_per_job: Decimal
    max_usd_per_day: Decimal
    max_jobs_per_hour: int
    with_place: Callable[[str], str]
    max_usd_per_day_per_person: Decimal | None = None
    max_jobs_per_hour_per_person: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Take the caps from the settings."""
        return cls(
            max_usd_per_job=settings.max_usd_per_job,
            max_usd_per_day=settings.max_usd_per_day,
            max_jobs_per_hour=settings.max_jobs_per_hour,
            with_place=settings.with_place,
            max_usd_per_day_per_person=settings.max_usd_per_day_per_person,
            max_jobs_per_hour_per_person=settings.max_jobs_per_hour_per_person,
        )

    @property
    def raising_job(self) -> str:
        """How to raise what one job may cost."""
        return self.with_place("SEEDANCE_MAX_USD_PER_JOB")

    @property
    def raising_day(self) -> str:
        """How to raise what a day may cost."""
        return self.with_place("SEEDANCE_MAX_USD_PER_DAY")

    @property
    def raising_hour(self) -> str:
        """How to raise how many jobs an hour may have."""
        return self.with_place("SEEDANCE_MAX_JOBS_PER_HOUR")

    @property
    def raising_day_of_person(self) -> str:
        """How to raise what a day of one person may cost."""
        return self.with_place("SEEDANCE_MAX_USD_PER_DAY_PER_PERSON")

    @property
    def raising_hour_of_person(self) -> str:
        """How to raise how many jobs an hour of one person may have."""
        return self.with_place("SEEDANCE_MAX_JOBS_PER_HOUR_PER_PERSON")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """
    What the person has spent, or all whom the transaction sees, and what is left for them, in USD.

    `spent_today_usd` counts what is settled or may have been bought, `reserved_usd` the part of it that open
    jobs and films hold, `left_today_usd` what the last 24 hours still allow, of which the day is always a part: by the cap of
    all together or by that of each person, whichever allows less. `max_per_day_usd` is the smaller of those caps.
    """

    spent_today_usd: Decimal
    reserved_usd: Decimal
    left_today_usd: Decimal
    max_per_job_usd: Decimal
    max_per_day_usd: Decimal


def day_of(now: float) -> str:
    """The calendar day (UTC) that spending is listed under."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def read(connection: Connection, limits: Limits, now: float) -> Budget:
    """Sum up the budget at this moment."""
    day = _within(connection, DAY, now)
    if connection.scope.sees_all:
        spent, (held, _) = _spent_since(connection, now - now % DAY), holds.since(connection, *day)
    else:
        spent = shares.spent(connection, now - now % DAY, day[1])
        held, _ = holds.of_person(connection, *day)
    mine, whose = seen(connection, PERSON_OF_JOB)
    (open_micros,) = connection.execute(
        "SELECT CAST(COALESCE(SUM(usd_micros), 0) AS BIGINT) FROM jobs JOIN ledger ON ledger.job_id = jobs.id"  # noqa: S608  only marks and names
        f" WHERE jobs.state IN ({marks(_HOLDING)}) AND {mine}",
        (*_HOLDING, *whose),
    ).fetchone()
    most = limits.max_usd_per_day
    left = to_micros(most) - _spent_since(connection, now - DAY)
    if connection.scope.person:
        # In tenths of the cap, or everybody could read off it what the others buy.
        step = max(1, to_micros(most) // 10)
        left = min(left // step * step, to_micros(most) - shares.spent(connection, *day))
    if limits.max_usd_per_day_per_person is not None and not connection.scope.sees_all:
        most = min(most, limits.max_usd_per_day_per_person)
        left = min(left, to_micros(limits.max_usd_per_day_per_person) - shares.spent(connection, *day))
    return Budget(
        spent_today_usd=from_micros(spent),
        reserved_usd=from_micros(open_micros + held),
        left_today_usd=from_micros(max(0, left)),
        max_per_job_usd=limits.max_usd_per_job,
        max_per_day_usd=most,
    )


async def read_budget(store: Store, settings: Settings) -> Budget:
    """Sum up the budget now. Raises StoreError."""
    now = store.clock()
    return await store.read(lambda connection: read(connection, Limits.of(settings), now))


def _spent_since(connection: Connection, moment: float) -> int:
    """
    Sum up what counts as spent, by all together, since a moment within the last 24 hours, in millionths of a USD.

    What was reserved at a time that is still to come was reserved under another clock: it counts, until 24 hours have
    certainly passed since. So a clock that is set back opens nothing, and one that ran ahead uses up no later day.
    """
    counted = elapsed_time.passed(connection) - DAY
    with connection.within(EVERYBODY):
        (micros,) = connection.execute(
            "SELECT CAST(COALESCE(SUM(usd_micros), 0) AS BIGINT) FROM ledger WHERE reserved_at > ? AND steady > ?",
            (moment, counted),
        ).fetchone()
        held, _ = holds.since(connection, moment, counted)
    return micros + held


def check(
    connection: Connection, limits: Limits, seller: Seller, *, price: Price, now: float, count: int = 1
) -> None:
    """
    Let the purchase of `price` (the most it can cost) pass, or say what stands in the way; of `count` at that price, all.

    Free jobs always pass. Attempts count, whatever becomes of them.

    Raises:
        BudgetExceeded: a breaker is open (BreakerOpen), or a cap would be passed.
    """
    check_all(connection, limits, [(seller, price)] * count, now=now)


def check_all(
    connection: Connection, limits: Limits, priced: Sequence[tuple[Seller, Price]], *, now: float
) -> None:
    """
    Let purchases at these prices (the most that each can cost) pass, all of them together, or say what stands in the way.

    Raises:
        BudgetExceeded: as `check`.
    """
    paid = [(seller, price) for seller, price in priced if not price.is_free]
    if not paid:
        return
    for seller in dict(paid):
        check_open(connection, seller, now=now)
    prices = [price for _, price in paid]
    _check_each(limits, max(prices, key=lambda price: price.usd))
    usd = sum((price.usd for price in prices), Decimal(0))
    _check_together(
        connection, limits, Price(amount=usd, currency="USD", usd=usd, known=prices[0].known), len(paid), now
    )


def check_open(connection: Connection, seller: Seller, *, now: float) -> None:
    """
    Make sure that this seller may be bought from now, whatever it costs.

    Raises:
        BudgetExceeded: nothing may be bought, or a breaker is open (BreakerOpen).
    """
    _check_stopped(connection)
    breakers.check(connection, replace(seller, person=connection.scope.person), now=now)


def _check_each(limits: Limits, price: Price) -> None:
    if price.usd > limits.max_usd_per_job:
        raise BudgetExceeded(
            f"{may_cost(price)}; the limit for one job is {digits(limits.max_usd_per_job)} USD.",
            hint="Choose a shorter duration, a lower resolution or a cheaper model (estimate_cost compares them)."
            f" Only the person who runs the server can raise {limits.raising_job}.",
        )


def _check_together(connection: Connection, limits: Limits, total: Price, count: int, now: float) -> None:
    if total.usd > limits.max_usd_per_day:
        raise BudgetExceeded(
            f"{may_cost(total, count)}; the limit for a whole day is {digits(limits.max_usd_per_day)} USD.",
            hint="Waiting does not help. Choose a shorter duration, a lower resolution or a cheaper model (estimate_cost"
            f" compares them). Only the person who runs the server can raise {limits.raising_day}.",
        )
    check_hour(connection, limits, count, now=now)
    if limits.max_usd_per_day_per_person is not None:
        _check_share(connection, limits, limits.max_usd_per_day_per_person, total, count, now)
    counted = from_micros(_spent_since(connection, now - DAY))
    if counted + total.usd > limits.max_usd_per_day:
        most = digits(limits.max_usd_per_day)
        spent = (
            f"{digits(counted)} of {most} USD are already spent or reserved today."
            if counted == _spent_by_person(connection, now)
            else f"with what everybody here has spent or reserved today it would pass {most} USD."
        )
        raise BudgetExceeded(
            f"{may_cost(total, count)}, and {spent}",
            hint=f"Wait until tomorrow, or ask the person who runs the server to raise {limits.raising_day}.",
        )


def _spent_by_person(connection: Connection, now: float) -> Decimal:
    return from_micros(shares.spent(connection, *_within(connection, DAY, now)))


def _check_share(
    connection: Connection, limits: Limits, most: Decimal, total: Price, count: int, now: float
) -> None:
    """Let the person spend the total as well, of the `most` that one may spend in a day, or raise BudgetExceeded."""
    own = _spent_by_person(connection, now)
    if own + total.usd <= most:
        return
    if total.usd > most:
        raise BudgetExceeded(
            f"{may_cost(total, count)}; the limit for a whole day of one person is {digits(most)} USD.",
            hint="Waiting does not help. Choose a shorter duration, a lower resolution or a cheaper model (estimate_cost"
            f" compares them). Only the person who runs the server can raise {limits.raising_day_of_person}.",
        )
    raise BudgetExceeded(
        f"{may_cost(total, count)}, and you have already spent or reserved {digits(own)} of the {digits(most)} USD that one"
        " person may spend in a day.",
        hint=f"Wait until tomorrow, or ask the person who runs the server to raise {limits.raising_day_of_person}.",
    )


def check_hour(connection: Connection, limits: Limits, count: int = 1, *, now: float) -> None:
    """
    Let so many paid jobs be started now, or say what stands in the way.

    Raises:
        BudgetExceeded: within an hour these would be too many.
    """
    lately = _within(connection, HOUR, now)
    if limits.max_jobs_per_hour_per_person is not None:
        _check_hour_of_person(
            limits, limits.max_jobs_per_hour_per_person, shares.started(connection, *lately), count
        )
    if limits.max_jobs_per_hour == 0:
        raise BudgetExceeded(
            "The limit is 0 paid jobs an hour, so none can be started.",
            hint="Waiting does not help. Use the sandbox, which is free. Only the person who runs the server can raise"
            f" {limits.raising_hour}.",
        )
    if count > limits.max_jobs_per_hour:
        raise BudgetExceeded(
            f"These are {number_of(count, 'paid job')} at once; the limit is {limits.max_jobs_per_hour} an hour.",
            hint="Waiting does not help. Ask for fewer, or ask the person who runs the server to raise"
            f" {limits.raising_hour}.",
        )
    with connection.within(EVERYBODY):
        (reserved,) = connection.execute(
            "SELECT COUNT(*) FROM ledger WHERE kind = 'reserve' AND usd_micros > 0 AND reserved_at > ? AND steady > ?",
            lately,
        ).fetchone()
        _, held = holds.since(connection, *lately)
    started = reserved + held
    if started + count > limits.max_jobs_per_hour:
        more = f", and these are {count} more" if count > 1 else ""
        raise BudgetExceeded(
            f"{number_of(started, 'paid job')} {'was' if started == 1 else 'were'} started within the last hour{more};"
            f" the limit is {limits.max_jobs_per_hour}."
            if started == shares.started(connection, *lately)
            else f"Everybody here together may start {limits.max_jobs_per_hour} paid jobs an hour, and with"
            f" {'these' if count > 1 else 'this'} it would be more.",
            hint=f"Wait, or ask the person who runs the server to raise {limits.raising_hour}.",
        )


def _check_hour_of_person(limits: Limits, most: int, own: int, count: int) -> None:
    """Let a person who has started so many jobs lately start so many more, or raise BudgetExceeded."""
    if own + count <= most:
        return
    raise BudgetExceeded(
        f"You have started {number_of(own, 'paid job')} within the last hour; the limit for one person is {most}.",
        hint=f"{'Wait' if count <= most else 'Ask for fewer'}, or ask the person who runs the server to raise"
        f" {limits.raising_hour_of_person}.",
    )


def _within(connection: Connection, seconds: float, now: float) -> tuple[float, float]:
    """From when on a moment lies within so many seconds: by the clock on the wall, and as `elapsed_time` counts."""
    return now - seconds, elapsed_time.passed(connection) - seconds


def may_cost(price: Price, count: int = 1) -> str:
    """Begin a sentence about the most that `count` videos can cost, or about what is counted for an unknown price."""
    if count > 1:
        return f"These {count} videos may cost {digits(price.usd)} USD in all"
    if price.known:
        return f"This video may cost {digits(price.usd)} USD"
    return f"The price of this video is unknown and counts as {digits(price.usd)} USD"


def spending_stopped(connection: Connection) -> bool:
    """Whether `stop_spending` holds."""
    return connection.execute("SELECT 1 FROM meta WHERE key = ?", (SPENDING_STOPPED,)).fetchone() is not None


def _check_stopped(connection: Connection) -> None:
    if spending_stopped(connection):
        raise BudgetExceeded(
            "The job database was lost or restored, so nothing is bought: what was spent before is not all known here.",
            hint="Look at the providers' consoles for open jobs, then run `seedance-mcp jobs allow-spending`."
            " The sandbox works meanwhile.",
        )


def stop_spending(connection: Connection) -> None:
    """Let nothing be bought until a person allows it: the record of what was spent is lost, or may lack something."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, '1') ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (SPENDING_STOPPED,),
    )


def allow_spending(connection: Connection) -> bool:
    """Let purchases go on after `stop_spending`; tells whether they had been stopped."""
    return connection.execute("DELETE FROM meta WHERE key = ?", (SPENDING_STOPPED,)).rowcount > 0
