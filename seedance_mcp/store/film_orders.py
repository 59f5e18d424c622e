"""Orders of films: the money that a plan holds, the rows that it is held for, and the jobs that draw on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from ..errors import BudgetExceeded, InvalidRequest
from ..texts import digits, one_line
from ..types import EVERYBODY, Draw, FilmOrder, FilmPlace, OrderEnd, Price, Signer, Take
from . import elapsed_time, films
from .database import Connection
from .money import holds
from .money.ledger import Booking, from_micros, to_micros
from .scoped import seen_by_film

_ORDERS = (
    "SELECT film_id, plan, quality, reserved_at, day, agreed_by, ended_at, ended, machine, folder, output_dir,"
    " CAST(COALESCE(SUM(usd_micros), 0) AS BIGINT),"
    " CAST(COALESCE(SUM(CASE WHEN job_id IS NULL THEN usd_micros - COALESCE(left_micros, usd_micros) ELSE usd_micros END), 0)"
    " AS BIGINT),"
    " COUNT(CASE WHEN usd_micros > 0 THEN 1 END), COUNT(CASE WHEN usd_micros > 0 AND job_id IS NOT NULL THEN 1 END)"
    " FROM film_orders LEFT JOIN takes USING (film_id, plan) WHERE {} GROUP BY film_orders.seq ORDER BY film_orders.seq"
)

_MOST_RETURNS = 4
"""How often a row pays anew: a network that is down, or a process that dies each time, must not go on for ever."""


class OrderedOtherwise(InvalidRequest):
    """Somebody else has ordered the film by another plan: this one is of no use until it is planned anew."""


@dataclass(frozen=True, kw_only=True)
class Paid:
    """
    How an order pays for a job: what the ledger books it under, and who agreed to the order.

    `again`: the row has paid before, for a job that provably was not sent.
    """

    booking: Booking
    agreed_by: Signer | None
    again: bool


def find(connection: Connection, film_id: str, plan: str) -> FilmOrder | None:
    """Load the order of this plan, ended or not; None: it was never agreed to."""
    mine, whose = seen_by_film(connection)
    rows = connection.execute(
        _ORDERS.format(f"film_id = ? AND plan = ? AND {mine}"), (film_id, plan, *whose)
    ).fetchall()
    return _order(rows[0]) if rows else None


def orders(connection: Connection, film_id: str) -> list[FilmOrder]:
    """List every order of a film, the oldest first."""
    mine, whose = seen_by_film(connection)
    rows = connection.execute(_ORDERS.format(f"film_id = ? AND {mine}"), (film_id, *whose))
    return [_order(row) for row in rows]


def open_orders(connection: Connection) -> list[FilmOrder]:
    """List the orders that have not ended, the oldest first."""
    mine, whose = seen_by_film(connection)
    return [_order(row) for row in connection.execute(_ORDERS.format(f"ended_at IS NULL AND {mine}"), whose)]


def orders_to_make(connection: Connection, machines: Collection[str]) -> list[FilmOrder]:
    """List the orders that have not ended and are made at one of these machines, the oldest first."""
    return [
        order for order in open_orders(connection) if any(order.is_made_at(machine) for machine in machines)
    ]


def buyers(connection: Connection) -> list[str]:
    """Name the people who have an order that has not ended, in no particular order."""
    mine, whose = seen_by_film(connection)
    rows = connection.execute(
        "SELECT DISTINCT person FROM film_orders JOIN films ON films.id = film_id"  # noqa: S608  only names
        f" WHERE ended_at IS NULL AND {mine}",
        whose,
    )
    return [person for (person,) in rows]


def may_order(connection: Connection, film_id: str, rows: Sequence[Take], *, now: float) -> None:
    """
    Make sure that a film may be ordered by these rows; an order of it that may no longer pay is ended.

    Raises:
        OrderedOtherwise: another one is open that may, or takes of these numbers were ordered since the rows were planned.
    """
    end_expired(connection, now=now)
    other = connection.execute(
        "SELECT 1 FROM film_orders WHERE film_id = ? AND ended_at IS NULL", (film_id,)
    ).fetchone()
    if other is not None:
        raise OrderedOtherwise(
            [f"Film {film_id} is being made by another plan."],
            hint="Wait until that has ended (check_status with the film's id), or cancel it (cancel_job).",
        )
    if any(films.find_take(connection, film_id, row.shot, row.number) is not None for row in rows):
        raise OrderedOtherwise(
            [f"Film {film_id} was ordered by another plan since this one was made."],
            hint="Plan the film again.",
        )


def hold(connection: Connection, order: FilmOrder, rows: Sequence[Take]) -> FilmOrder:
    """
    Hold what the rows may cost, and write them down. Whoever calls has asked `may_order`, the caps and the person.

    The order's sums and counts are those of its rows. A number of a take or a key that is used up raises Conflict.
    """
    place = order.place
    connection.execute(
        "INSERT INTO film_orders (film_id, plan, quality, reserved_at, steady, day, agreed_by, machine, folder, output_dir)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(order.film_id, order.plan, order.quality, order.reserved_at),
            elapsed_time.note(connection),
            *(order.day, order.agreed_by),
            *((place.machine, place.folder, place.output_dir) if place else (None, None, None)),
        ),
    )
    films.add_takes(connection, rows)
    (row,) = connection.execute(
        _ORDERS.format("film_id = ? AND plan = ?"), (order.film_id, order.plan)
    ).fetchall()
    return _order(row)


def check_draw(
    connection: Connection, draw: Draw, *, key: str, digests: Mapping[str, str], price: Price, now: float
) -> Paid:
    """
    Let a purchase of `price` (the most that it can cost) be paid for by its row, or say what stands in the way.

    `digests` maps the sources of the purchase to the hashes of what would be sent now.

    Raises:
        BudgetExceeded: the row is not of an order that may still pay, pays for less or for other files, or has paid already.
        DamagedRecord: the row cannot be read.
    """
    what = f"take {draw.take} of shot {draw.shot!r}"
    take = films.find_take(connection, draw.film_id, draw.shot, draw.take)
    if take is None or take.request_key != key:
        raise _not_held(f"Nothing was agreed to for {what} of film {draw.film_id}.")
    if take.job_id is not None:
        raise _not_held(f"The money for {what} went to job {take.job_id}, and to no other.")
    reserved_at, day, steady, agreed_by, ended = connection.execute(
        "SELECT reserved_at, day, steady, agreed_by, ended FROM film_orders WHERE film_id = ? AND plan = ?",
        (take.film_id, take.order),
    ).fetchone()
    if ended is not None:
        raise _not_held(f"The order of {what} has ended ({ended}), and its money is released.")
    moment, counted = holds.oldest(connection, now)
    if reserved_at <= moment or steady <= counted:
        raise _not_held(f"What was agreed to for {what} is older than 24 hours.")
    changed = [source for source, digest in take.files.items() if digests.get(source) != digest]
    if changed:
        name = one_line(PurePath(changed[0]).name, 80)
        raise _not_held(f"The file {name} is not what it was when {what} was agreed to.")
    returned, left = connection.execute(
        "SELECT returned, COALESCE(left_micros, usd_micros) FROM takes WHERE film_id = ? AND shot = ? AND number = ?",
        (take.film_id, take.shot, take.number),
    ).fetchone()
    if not price.known or to_micros(price.usd) > left:
        costs = f"{digits(price.usd)} USD" if price.known else "an unknown price"
        raise _not_held(
            f"For {what} at most {digits(from_micros(left))} USD were agreed to, and it may cost {costs}."
        )
    booking = Booking(reserved_at=reserved_at, day=day, steady=steady)
    return Paid(booking=booking, agreed_by=agreed_by, again=returned > 0)


def draw(connection: Connection, drawn: Draw, job_id: str) -> None:
    """Give a row that passed `check_draw` its job, which it keeps: what it held counts for the job from now on."""
    connection.execute(
        "UPDATE takes SET job_id = ? WHERE film_id = ? AND shot = ? AND number = ?",
        (job_id, drawn.film_id, drawn.shot, drawn.take),
    )


def give_back(connection: Connection, job_id: str) -> bool:
    """
    Let the row that paid for a job which provably was not sent pay for another one, with what that one had reserved.

    The ledger has released that in the same transaction, so the counted sum stays as it is. False: no row of an open order
    has paid for this job, or that row has had enough of them.
    """
    cursor = connection.execute(
        "UPDATE takes SET job_id = NULL, returned = returned + 1,"
        " left_micros = (SELECT usd_micros FROM ledger WHERE ledger.job_id = takes.job_id AND kind = 'reserve')"
        " WHERE job_id = ? AND returned < ? AND EXISTS (SELECT 1 FROM film_orders WHERE"
        " film_orders.film_id = takes.film_id AND film_orders.plan = takes.plan AND ended_at IS NULL)",
        (job_id, _MOST_RETURNS),
    )
    return cursor.rowcount > 0


def take_up(connection: Connection, job_id: str) -> None:
    """
    Let the row that had paid for a job have it again, as it was sent after all: the ledger counts for it anew, and so the row
    holds nothing beside that and pays for no other. A row that has another job by now keeps it.
    """
    connection.execute(
        "UPDATE takes SET job_id = ? WHERE job_id IS NULL"
        " AND request_key IN (SELECT key FROM key_jobs WHERE job_id = ?)"
        " AND EXISTS (SELECT 1 FROM film_orders WHERE film_orders.film_id = takes.film_id"
        " AND film_orders.plan = takes.plan AND ended_at IS NULL)",
        (job_id, job_id),
    )


def end_order(connection: Connection, film_id: str, plan: str, ended: OrderEnd, *, now: float) -> bool:
    """End an order and release what none of its jobs has drawn; False if it has ended before."""
    cursor = connection.execute(
        "UPDATE film_orders SET ended_at = ?, ended = ? WHERE film_id = ? AND plan = ? AND ended_at IS NULL",
        (now, ended, film_id, plan),
    )
    return cursor.rowcount > 0


def end_expired(connection: Connection, *, now: float) -> int:
    """End the orders that the transaction sees and that are older than 24 hours by either clock; return how many."""
    mine, whose = seen_by_film(connection)
    cursor = connection.execute(
        "UPDATE film_orders SET ended_at = ?, ended = 'expired' WHERE ended_at IS NULL"  # noqa: S608  only names
        f" AND (reserved_at <= ? OR steady <= ?) AND {mine}",
        (now, *holds.oldest(connection, now), *whose),
    )
    return cursor.rowcount


def end_all_paid(connection: Connection, *, now: float) -> int:
    """End everybody's orders that may buy something yet, or pay again for what was not sent; return how many."""
    with connection.within(EVERYBODY):
        cursor = connection.execute(
            "UPDATE film_orders SET ended_at = ?, ended = 'stopped' WHERE ended_at IS NULL AND EXISTS (SELECT 1 FROM takes"
            " WHERE takes.film_id = film_orders.film_id AND takes.plan = film_orders.plan AND usd_micros > 0)",
            (now,),
        )
    return cursor.rowcount


def _order(row: tuple[Any, ...]) -> FilmOrder:
    (
        film_id,
        plan,
        quality,
        reserved_at,
        day,
        agreed_by,
        ended_at,
        ended,
        machine,
        folder,
        output_dir,
        *counted,
    ) = row
    maximum, drawn, jobs, drawn_jobs = counted
    return FilmOrder(
        film_id=film_id,
        plan=plan,
        quality=quality,
        maximum_usd=from_micros(maximum),
        drawn_usd=from_micros(drawn),
        jobs=jobs,
        drawn_jobs=drawn_jobs,
        reserved_at=reserved_at,
        day=day,
        agreed_by=agreed_by,
        ended_at=ended_at,
        ended=ended,
        place=None if machine is None else FilmPlace(machine=machine, folder=folder, output_dir=output_dir),
    )


def _not_held(message: str) -> BudgetExceeded:
    return BudgetExceeded(message, hint="Plan the film again; nothing was bought for this.")
