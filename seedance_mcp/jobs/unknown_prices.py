"""What holds for a purchase whose price nobody knows: it is called unknown, and the caps hold all the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..config import Settings
from ..errors import BudgetExceeded
from ..types import FINISHED_STATES, JobState
from .ledger import from_micros, to_micros
from .store import Connection

if TYPE_CHECKING:
    from .intents import Intent

_KNOWN_INSTEAD = "or choose an offer whose price is known (estimate_cost compares)."


def check(connection: Connection, intent: Intent, settings: Settings) -> None:
    """
    Let a purchase of unknown price pass, or say what stands in the way.

    What it will be charged may be more than what is counted for it. So one at a time is open, and where such a
    video was charged more than one job may cost, there is no second.

    Raises:
        BudgetExceeded: nobody has agreed to anything; or what it may cost would not be bounded by the caps.
    """
    if intent.maximum.known:
        return
    if to_micros(intent.maximum.usd) <= 0:
        raise BudgetExceeded(
            "The price of this video is unknown, and the limit for one job is 0.00 USD: nothing could be counted for it.",
            hint="Use the sandbox, which is free. Only the person who runs the server can raise SEEDANCE_MAX_USD_PER_JOB.",
        )
    if settings.confirm == "off" and not (intent.terms.capped or intent.terms.confirmed):
        raise BudgetExceeded(
            "The price of this video is unknown, and SEEDANCE_CONFIRM=off asks nobody.",
            hint=f"Give max_usd, at least {intent.maximum.usd:.2f}, which is what is counted for it;"
            f" {_KNOWN_INSTEAD}",
        )
    other = _open(connection)
    if other is not None:
        raise BudgetExceeded(
            f"The price of this video is unknown, and so is what {other} will have cost, which has not ended yet.",
            hint=f"Wait until {other} has ended (check_status), {_KNOWN_INSTEAD}",
        )
    charged = from_micros(_dearest(connection, intent))
    if charged > settings.max_usd_per_job:
        raise BudgetExceeded(
            f"The price of this video is unknown, and {intent.provider} has charged {charged:.2f} USD for one of the"
            f" same model, length and resolution; the limit for one job is {settings.max_usd_per_job:.2f} USD.",
            hint="Choose an offer whose price is known (estimate_cost compares). Only the person who runs the server"
            " can raise SEEDANCE_MAX_USD_PER_JOB.",
        )


def _open(connection: Connection) -> str | None:
    """A job of unknown price that something still happens to, and whose charge is not known yet."""
    states = json.dumps(sorted(frozenset(JobState) - FINISHED_STATES))
    row = connection.execute(
        "SELECT id FROM jobs WHERE state IN (SELECT value FROM json_each(?))"
        # A damaged record says nothing here, and must not end every other purchase.
        " AND CASE WHEN json_valid(document) THEN NOT json_extract(document, '$.maximum.known')"
        " AND json_extract(document, '$.charge') IS NULL END LIMIT 1",
        (states,),
    ).fetchone()
    return row and row[0]


def _dearest(connection: Connection, intent: Intent) -> int:
    """The most that such a video was charged while its price was unknown, in micro-USD; 0 if none was yet."""
    (micros,) = connection.execute(
        "SELECT COALESCE(MAX(charged), 0) FROM (SELECT SUM(usd_micros) AS charged"
        " FROM jobs JOIN ledger ON ledger.job_id = jobs.id"
        " WHERE jobs.provider = ? AND CASE WHEN json_valid(document)"
        " THEN NOT json_extract(document, '$.maximum.known') AND json_extract(document, '$.charge') IS NOT NULL"
        " AND json_extract(document, '$.endpoint') = ? AND json_extract(document, '$.request.duration') IS ?"
        " AND json_extract(document, '$.request.resolution') IS ? END GROUP BY jobs.id)",
        (intent.provider, intent.endpoint, intent.request.duration, intent.request.resolution),
    ).fetchone()
    return micros
