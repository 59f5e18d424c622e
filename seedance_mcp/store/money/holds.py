"""What the open orders of films hold: it counts as spent, for as long as such an order may pay."""

from __future__ import annotations

from typing import cast

from .. import elapsed_time
from ..database import Connection
from ..scoped import own
from .ledger import DAY

_ROWS = (  # those of open orders without a job; what was returned to one is an attempt already, and the ledger counts it
    "SELECT CAST(COALESCE(SUM(COALESCE(left_micros, usd_micros)), 0) AS BIGINT),"
    " COUNT(CASE WHEN usd_micros > 0 AND returned = 0 THEN 1 END)"
    " FROM film_orders CROSS JOIN takes"  # SQLite takes that as the order: there are few open orders and many takes
    " WHERE takes.film_id = film_orders.film_id AND takes.plan = film_orders.plan"
    " AND ended_at IS NULL AND job_id IS NULL AND reserved_at > ? AND steady > ?"
)
_OF_FILM = "EXISTS (SELECT 1 FROM films WHERE films.id = film_orders.film_id"


def since(connection: Connection, moment: float, steady: float) -> tuple[int, int]:
    """Sum up what is held since a moment by both clocks: millionths of a USD, and for how many paid jobs."""
    return cast("tuple[int, int]", connection.execute(_ROWS, (moment, steady)).fetchone())


def of_person(connection: Connection, moment: float, steady: float) -> tuple[int, int]:
    """Sum up what of that is held for films of the person, and for how many paid jobs."""
    mine, whose = own(connection)
    row = connection.execute(f"{_ROWS} AND {_OF_FILM} AND {mine})", (moment, steady, *whose)).fetchone()
    return cast("tuple[int, int]", row)


def on_a_word(connection: Connection, moment: float, steady: float) -> int:
    """Sum up what is held for films of the person on an assistant's word alone, in millionths of a USD."""
    mine, whose = own(connection)
    micros, _ = connection.execute(
        f"{_ROWS} AND agreed_by = 'assistant' AND {_OF_FILM} AND {mine})", (moment, steady, *whose)
    ).fetchone()
    return micros


def oldest(connection: Connection, now: float) -> tuple[float, float]:
    """
    Return after which moments an order may pay now: by the clock on the wall, and as `elapsed_time` counts.

    Either clock ends it, as either ends the counting of what is reserved.
    """
    return now - DAY, elapsed_time.passed(connection) - DAY
