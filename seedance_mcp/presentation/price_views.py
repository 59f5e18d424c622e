"""Turns prices that are more than one into what an assistant sees: a draft and its final, several videos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import results as shape
from .amounts import UNKNOWN, amount

if TYPE_CHECKING:
    from ..app import Quote
    from ..catalog import Estimate


def ladder(quote: Quote) -> shape.LadderShape | None:
    """What a draft leads to; None: the price is for no draft."""
    steps = quote.ladder
    if steps is None:
        return None
    return shape.LadderShape(
        draft=_priced(quote.estimate),
        final=_priced(steps.estimate),
        same_take=steps.days is not None,
        words=quote.ladder_words,
    )


def total(quote: Quote) -> shape.TotalShape | None:
    """What several videos cost together; None: the price is for one, or unknown."""
    known, count = quote.estimate, quote.variations
    if known is None or count is None:
        return None
    return shape.TotalShape(
        count=count, estimate=amount(known.price.times(count)), maximum=amount(known.maximum.times(count))
    )


def _priced(estimate: Estimate | None) -> shape.Amount:
    return amount(estimate.price) if estimate else shape.Amount(amount=UNKNOWN, currency="USD", usd=UNKNOWN)
