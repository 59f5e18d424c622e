"""Whether a purchase may happen: caps, counts and breakers, checked in the transaction that reserves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from ...config import Settings
from ...errors import AuthenticationError, BudgetExceeded, InsufficientFunds, ModelNotOpen
from ...texts import digits, number_of, storable
from ...types import FINISHED_STATES, JobState, Price
from .. import elapsed_time
from ..connection import SPENDING_STOPPED, Connection, Store
from ..database import marks
from . import holds
from .ledger import DAY, from_micros, to_micros

HOUR = 3600.0
_BREAKER_SECONDS = 15 * 60.0
"""One that would be open for longer was opened under another clock, and is not."""

_SAME_REFUSALS = 3
_ACCOUNT_CODES = frozenset({AuthenticationError.code, InsufficientFunds.code})
"""Refusals that say something about the account, not about the request: one is enough."""

_HOLDING = (*sorted(frozenset(JobState) - FINISHED_STATES), JobState.UNRESOLVED)
"""States of jobs whose money is reserved, not yet settled."""

_MODEL_CODES = frozenset({ModelNotOpen.code})
"""Refusals that say something about one model of the account: one is enough, and the others are not affected."""


class BreakerOpen(BudgetExceeded):
    """An earlier refusal stops new submissions; `refusal` is its code, `why` what the provider said."""

    def __init__(self, message: str, *, hint: str, refusal: str, why: str) -> None:
        super().__init__(message, hint=hint)
        self.refusal = refusal
        self.why = why


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The user's caps. Amounts in USD; each `raising` says in a hint which setting that is, and where it is set."""

    max_usd_per_job: Decimal
    max_usd_per_day: Decimal
    max_jobs_per_hour: int
    with_place: Callable[[str], str]

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Take the caps from the settings."""
        return cls(
            max_usd_per_job=settings.max_usd_per_job,
            max_usd_per_day=settings.max_usd_per_day,
            max_jobs_per_hour=settings.max_jobs_per_hour,
            with_place=settings.with_place,
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


@dataclass(frozen=True, kw_only=True)
class Budget:
    """
    What is spent and what is left, in USD.

    `spent_today_usd` counts what is settled or may have been bought, `reserved_usd` the part of it that open
    jobs and films hold, `left_today_usd` what the last 24 hours still allow, of which the day is always a part.
    """

    spent_today_usd: Decimal
    reserved_usd: Decimal
    left_today_usd: Decimal
    max_per_job_usd: Decimal
    max_per_day_usd: Decimal


@dataclass(frozen=True, kw_only=True)
class Seller:
    """From whom something is bought, and what: one model, by the account with this fingerprint at one provider."""

    provider: str
    account: str
    model: str


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What a provider said no with: our code for it, its words, and what to do about it."""

    code: str
    message: str
    hint: str


def day_of(now: float) -> str:
    """The calendar day (UTC) that spending is listed under."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def read(connection: Connection, limits: Limits, now: float) -> Budget:
    """Sum up the budget at this moment."""
    spent = _spent_since(connection, now - now % DAY)
    held, _ = holds.since(connection, *_within(connection, DAY, now))
    (open_micros,) = connection.execute(
        "SELECT CAST(COALESCE(SUM(usd_micros), 0) AS BIGINT) FROM jobs JOIN ledger ON ledger.job_id = jobs.id"  # noqa: S608  only marks
        f" WHERE jobs.state IN ({marks(_HOLDING)})",
        _HOLDING,
    ).fetchone()
    left = to_micros(limits.max_usd_per_day) - _spent_since(connection, now - DAY)
    return Budget(
        spent_today_usd=from_micros(spent),
        reserved_usd=from_micros(open_micros + held),
        left_today_usd=from_micros(max(0, left)),
        max_per_job_usd=limits.max_usd_per_job,
        max_per_day_usd=limits.max_usd_per_day,
    )


async def read_budget(store: Store, settings: Settings) -> Budget:
    """Sum up the budget now. Raises StoreError."""
    now = store.clock()
    return await store.read(lambda connection: read(connection, Limits.of(settings), now))


def _spent_since(connection: Connection, moment: float) -> int:
    """
    Sum up what counts as spent since a moment within the last 24 hours, in millionths of a USD.

    What was reserved at a time that is still to come was reserved under another clock: it counts, until 24 hours have
    certainly passed since. So a clock that is set back opens nothing, and one that ran ahead uses up no later day.
    """
    counted = elapsed_time.passed(connection) - DAY
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
    _check_breakers(connection, seller, now)


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
    counted = from_micros(_spent_since(connection, now - DAY))
    if counted + total.usd > limits.max_usd_per_day:
        raise BudgetExceeded(
            f"{may_cost(total, count)}, and {digits(counted)} of {digits(limits.max_usd_per_day)} USD"
            " are already spent or reserved today.",
            hint=f"Wait until tomorrow, or ask the person who runs the server to raise {limits.raising_day}.",
        )


def check_hour(connection: Connection, limits: Limits, count: int = 1, *, now: float) -> None:
    """
    Let so many paid jobs be started now, or say what stands in the way.

    Raises:
        BudgetExceeded: within an hour these would be too many.
    """
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
    lately = _within(connection, HOUR, now)
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
            f" the limit is {limits.max_jobs_per_hour}.",
            hint=f"Wait, or ask the person who runs the server to raise {limits.raising_hour}.",
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
            "The job database was damaged and a new one was started, or it was restored: what was spent is not all known here.",
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


def _check_breakers(connection: Connection, seller: Seller, now: float) -> None:
    # Either clock closes it again: the one on the wall may have been set back, the steady one stands still in sleep.
    clocks = now, elapsed_time.passed(connection)
    row = connection.execute(
        "SELECT code, message, hint, open_until, open_steady FROM breakers"
        " WHERE provider = ? AND account = ? AND open_until > ? AND open_steady > ?",
        (seller.provider, seller.account, *clocks),
    ).fetchone()
    if row is not None:
        besides = "Another key takes effect at once; or name another provider."
        raise _open(f"{seller.provider} takes no new jobs", row, clocks, besides)
    row = connection.execute(
        "SELECT code, message, hint, open_until, open_steady FROM model_breakers"
        " WHERE provider = ? AND account = ? AND model = ? AND open_until > ? AND open_steady > ?",
        (seller.provider, seller.account, seller.model, *clocks),
    ).fetchone()
    if row is not None:
        what = f"{seller.provider} takes no new jobs with {seller.model}"
        raise _open(what, row, clocks, "Other models are not affected.")


def _open(
    what: str, row: tuple[str, str, str, float, float], clocks: tuple[float, float], besides: str
) -> BreakerOpen:
    code, message, hint, open_until, open_steady = row
    now, passed = clocks
    minutes = max(1, round(min(open_until - now, open_steady - passed) / 60))
    return BreakerOpen(
        f"{what} from here for another {minutes} min: {message} ({code})",
        hint=f"{hint or 'Put it right at the provider.'} {besides}",
        refusal=code,
        why=message,
    )


def refused(connection: Connection, seller: Seller, refusal: Refusal, *, now: float) -> None:
    """
    Count a refusal. Refusals that concern the account, or three equal ones in a row, stop new submissions there.

    One that concerns a model stops those of that model.
    """
    code, message, hint = refusal.code, storable(refusal.message), storable(refusal.hint)
    account = (seller.provider, seller.account)
    if code in _MODEL_CODES:
        connection.execute(
            "INSERT INTO model_breakers (provider, account, model, code, message, hint, open_until, open_steady)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (provider, account, model) DO UPDATE SET code = excluded.code, message = excluded.message,"
            " hint = excluded.hint, open_until = excluded.open_until, open_steady = excluded.open_steady",
            (*account, seller.model, code, message, hint, *_closes(connection, now)),
        )
        return
    row = connection.execute(
        "SELECT code, failures FROM breakers WHERE provider = ? AND account = ?", account
    ).fetchone()
    failures = row[1] + 1 if row is not None and row[0] == code else 1
    opens = code in _ACCOUNT_CODES or failures >= _SAME_REFUSALS
    connection.execute(
        "INSERT INTO breakers (provider, account, code, message, hint, failures, open_until, open_steady)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (provider, account) DO UPDATE SET code = excluded.code, message = excluded.message,"
        " hint = excluded.hint, failures = excluded.failures, open_until = excluded.open_until,"
        " open_steady = excluded.open_steady",
        (
            *(*account, code, message, hint, failures),
            *(_closes(connection, now) if opens else (0.0, 0.0)),
        ),
    )


def _closes(connection: Connection, now: float) -> tuple[float, float]:
    """When a breaker that opens now closes again: by the clock on the wall, and as `elapsed_time` counts."""
    return now + _BREAKER_SECONDS, elapsed_time.note(connection) + _BREAKER_SECONDS


def accepted(connection: Connection, seller: Seller) -> None:
    """Forget refusals: the provider has taken a job with this model."""
    account = (seller.provider, seller.account)
    connection.execute("DELETE FROM breakers WHERE provider = ? AND account = ?", account)
    connection.execute(
        "DELETE FROM model_breakers WHERE provider = ? AND account = ? AND model = ?",
        (*account, seller.model),
    )


def key_accepted(connection: Connection, *, provider: str, account: str) -> bool:
    """Forget that the key was refused: the provider has taken it. Tells whether that had stopped purchases."""
    cursor = connection.execute(
        "DELETE FROM breakers WHERE provider = ? AND account = ? AND code = ?",
        (provider, account, AuthenticationError.code),
    )
    return cursor.rowcount > 0
