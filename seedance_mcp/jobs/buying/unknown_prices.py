"""What holds for a purchase whose price nobody knows: it is called unknown, and the caps hold all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...config import Settings
from ...errors import BudgetExceeded
from ...store import Connection, from_micros, unknown_prices
from ...texts import digits

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
    if intent.maximum.usd <= 0:
        raise BudgetExceeded(
            "The price of this video is unknown, and the limit for one job is 0.00 USD: nothing could be counted for it.",
            hint="Use the sandbox, which is free. Only the person who runs the server can raise"
            f" {settings.with_place('SEEDANCE_MAX_USD_PER_JOB')}.",
        )
    if settings.confirm == "off" and not (intent.terms.capped or intent.terms.confirmed):
        raise BudgetExceeded(
            "The price of this video is unknown, and SEEDANCE_CONFIRM=off asks nobody.",
            hint=f"Give max_usd, at least {digits(intent.maximum.usd)}, which is what is counted for it;"
            f" {_KNOWN_INSTEAD}",
        )
    other = unknown_prices.open_job(connection)
    if other is not None:
        raise BudgetExceeded(
            f"The price of this video is unknown, and so is what {other} will have cost, which has not ended yet.",
            hint=f"Wait until {other} has ended (check_status), {_KNOWN_INSTEAD}",
        )
    charged = from_micros(
        unknown_prices.dearest(connection, intent.provider, intent.endpoint, intent.request)
    )
    if charged > settings.max_usd_per_job:
        raise BudgetExceeded(
            f"The price of this video is unknown, and {intent.provider} has charged {digits(charged)} USD for one of the"
            f" same model, length and resolution; the limit for one job is {digits(settings.max_usd_per_job)} USD.",
            hint="Choose an offer whose price is known (estimate_cost compares). Only the person who runs the server"
            f" can raise {settings.with_place('SEEDANCE_MAX_USD_PER_JOB')}.",
        )
