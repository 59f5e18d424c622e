"""The money: integer micro-units in an append-only ledger, one row per job and kind."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Literal, cast

from ...types import Job, Price
from ..database import Connection
from ..scoped import seen

Kind = Literal["reserve", "release", "adopt", "settle"]

DAY = 24 * 3600.0
"""For so many seconds what is reserved counts against the cap of a day; so long the order of a film may pay."""


def to_micros(amount: Decimal) -> int:
    """Millionths of the currency, rounded up: what is counted is never less than what is owed."""
    return int((amount * 1_000_000).to_integral_value(ROUND_CEILING))


def from_micros(micros: int) -> Decimal:
    """Return the amount of so many millionths."""
    return Decimal(micros) / 1_000_000


@dataclass(frozen=True, kw_only=True)
class Booking:
    """When an amount counts: on its day (UTC), and from a moment on, by the clock on the wall and as `elapsed_time` counts."""

    reserved_at: float
    day: str
    steady: float


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the ledger. `micros` in the job's currency, both amounts signed."""

    job_id: str
    kind: Kind
    at: float
    reserved_at: float
    day: str
    provider: str
    model: str
    currency: str
    micros: int
    usd_micros: int
    steady: float
    """What `elapsed_time` had counted at the reservation."""
    person: str
    """Who spends it."""

    @classmethod
    def of(cls, job: Job, kind: Kind, price: Price, booking: Booking, *, at: float) -> Entry:
        """Make the row that counts `price` for the job."""
        return cls(
            job_id=job.id,
            kind=kind,
            at=at,
            reserved_at=booking.reserved_at,
            day=booking.day,
            provider=job.provider,
            model=job.model,
            currency=price.currency,
            micros=to_micros(price.amount),
            usd_micros=to_micros(price.usd),
            steady=booking.steady,
            person=job.person,
        )

    @classmethod
    def again(
        cls, connection: Connection, job_id: str, kind: Kind, micros: int, usd_micros: int, *, at: float
    ) -> Entry:
        """Make a later row of a job: it counts in the hour and on the day of the job's reservation."""
        reserved_at, day, provider, model, currency, steady, person = connection.execute(
            "SELECT reserved_at, day, provider, model, currency, steady, person FROM ledger"
            " WHERE job_id = ? AND kind = 'reserve'",
            (job_id,),
        ).fetchone()
        return cls(
            job_id=job_id,
            kind=kind,
            at=at,
            reserved_at=reserved_at,
            day=day,
            provider=provider,
            model=model,
            currency=currency,
            micros=micros,
            usd_micros=usd_micros,
            steady=steady,
            person=person,
        )


def record(connection: Connection, entry: Entry) -> None:
    """
    Append a row. The database adds it to what its day, person, provider and model come to (`spending`).

    A second row of one kind for one job breaks the table's own rule and raises Conflict.
    """
    connection.execute(
        "INSERT INTO ledger (job_id, kind, at, reserved_at, day, provider, model, currency, micros, usd_micros, steady,"
        " person) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.job_id,
            entry.kind,
            entry.at,
            entry.reserved_at,
            entry.day,
            entry.provider,
            entry.model,
            entry.currency,
            entry.micros,
            entry.usd_micros,
            entry.steady,
            entry.person,
        ),
    )


def held(connection: Connection, job_id: str) -> tuple[int, int]:
    """What the job counts for at present: micro-units of its currency, and of USD."""
    return cast(
        "tuple[int, int]",
        connection.execute(
            "SELECT CAST(COALESCE(SUM(micros), 0) AS BIGINT), CAST(COALESCE(SUM(usd_micros), 0) AS BIGINT)"
            " FROM ledger WHERE job_id = ?",
            (job_id,),
        ).fetchone(),
    )


@dataclass(frozen=True, kw_only=True)
class Spent:
    """A line of the spending overview. Without a `person` it is of whoever runs the installation."""

    day: str
    person: str
    provider: str
    model: str
    jobs: int
    usd: Decimal


def by_day(connection: Connection, days: int) -> list[Spent]:
    """List what counts as spent by day, person, provider and model, newest day first, over at most `days` days."""
    mine, whose = seen(connection)
    rows = connection.execute(
        "SELECT day, person, provider, model, jobs, usd_micros FROM spending"  # noqa: S608  only names
        f" WHERE {mine} AND day IN (SELECT DISTINCT day FROM spending WHERE {mine} ORDER BY day DESC LIMIT ?)"
        " ORDER BY day DESC, person, provider, model",
        (*whose, *whose, days),
    )
    return [
        Spent(day=day, person=person, provider=provider, model=model, jobs=jobs, usd=from_micros(usd))
        for day, person, provider, model, jobs, usd in rows
    ]


def unbalanced_days(connection: Connection) -> list[str]:
    """List the days whose kept sums differ from what their rows in the ledger come to; nothing but damage does that."""
    added = (
        "SELECT day, person, provider, model, COUNT(DISTINCT job_id), SUM(usd_micros) FROM ledger"
        " GROUP BY day, person, provider, model"
    )
    kept = "SELECT day, person, provider, model, jobs, usd_micros FROM spending"
    rows = connection.execute(
        f"SELECT day FROM (SELECT * FROM ({added}) AS a EXCEPT {kept}) AS more"  # noqa: S608  the two texts above
        f" UNION SELECT day FROM (SELECT * FROM ({kept}) AS k EXCEPT {added}) AS less ORDER BY day"
    )
    return [day for (day,) in rows]
