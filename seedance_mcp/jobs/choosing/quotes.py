"""Asks a provider for its own price before buying, briefly, and remembers the answer for some minutes."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import anyio

from ...errors import SeedanceError
from ...providers import Provider
from ...texts import digits
from ...types import VideoRequest
from .plans import Plan

if TYPE_CHECKING:
    from ...catalog import Offer

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 3.0
"""How long a provider has to say its price. Some assistants give up on a whole call after five seconds."""

KEPT_SECONDS = 5 * 60.0
"""How long a price that was said holds."""

KEPT_SILENCE_SECONDS = 60.0
"""How long a provider that did not say its price is not asked again for the same."""

LARGE_DIFFERENCE = Decimal("0.2")
"""From which part of the catalogue's price on a person is told that the provider's own is another one."""

_KEPT_ANSWERS = 500
_HIGHEST = Decimal(100_000)
_STAND_IN = "https://media.invalid/picture.png"
"""Stands for every image and sound: no price depends on what is in them, so nothing of them is sent."""


@dataclass(frozen=True)
class Answer:
    """What a provider said: its price in its currency. None: it gives none for this. `silent`: it could not be asked."""

    amount: Decimal | None
    silent: bool = False


class Quotes:
    """The prices that providers said, by account and request. The prompt and the seed make no difference to them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is steady and in seconds."""
        self._clock = clock
        self._kept: dict[str, tuple[float, Answer]] = {}

    async def ask(self, provider: Provider, request: VideoRequest, offer: Offer, account: str) -> Answer:
        """Return the provider's own price for a resolved request, from memory if it was said lately. Never raises for it."""
        neutral = _without_files(request)
        if neutral is None:
            return Answer(None)
        key = _key(neutral, offer, account)
        until, known = self._kept.get(key, (0.0, None))
        if known is not None and self._clock() < until:
            return known
        answer = await _ask(provider, neutral, offer)
        while len(self._kept) >= _KEPT_ANSWERS:
            del self._kept[next(iter(self._kept))]
        self._kept.pop(key, None)
        self._kept[key] = (self._clock() + (KEPT_SILENCE_SECONDS if answer.silent else KEPT_SECONDS), answer)
        return answer


def priced(plan: Plan, answer: Answer, *, cny_per_usd: Decimal) -> Plan:
    """Take the provider's own price over the catalogue's, and say where that cannot be had, or surprises."""
    from ...catalog import quoted  # read on first use, not when the server starts

    known, title = plan.estimate, plan.offer.provider.title
    if answer.amount is None:
        if not answer.silent:
            return plan
        note = f"{title} did not say its own price just now"
        note += (
            f"; this is the one that was published on {known.verified}."
            if known
            else ", and none was published."
        )
        return replace(plan, notes=(*plan.notes, note))
    estimate = quoted(
        known, plan.request, plan.offer, answer.amount, on=datetime.now(UTC).date(), cny_per_usd=cny_per_usd
    )
    notes = plan.notes
    if known is not None and abs(estimate.price.usd - known.price.usd) > known.price.usd * LARGE_DIFFERENCE:
        notes = (
            *notes,
            f"{title} itself asks {digits(estimate.price.usd)} USD for this, not the {digits(known.price.usd)} USD"
            f" that were published on {known.verified}; at most {digits(estimate.maximum.usd)} USD are set aside.",
        )
    return replace(plan, estimate=estimate, notes=notes)


async def _ask(provider: Provider, request: VideoRequest, offer: Offer) -> Answer:
    with anyio.move_on_after(PATIENCE_SECONDS):
        try:
            amount = await provider.quote(request, offer)
        except SeedanceError as error:
            logger.info("%s gave no price: %s", offer.provider.name, error.code)
            return Answer(None, silent=True)
        except Exception:  # a mistake in asking for a price is no reason not to buy by the published one
            logger.exception("%s could not be asked for its price", offer.provider.name)
            return Answer(None, silent=True)
        if amount is None:
            return Answer(None)
        if not amount.is_finite() or not 0 < amount <= _HIGHEST:
            logger.warning("%s said a price that cannot be one", offer.provider.name)
            return Answer(None, silent=True)
        return Answer(amount)
    return Answer(None, silent=True)


def _without_files(request: VideoRequest) -> VideoRequest | None:
    """Leave out what must not or need not be sent for a price; None if a video goes in that is not at a URL."""
    if not all(source.startswith("https://") for source in request.reference_videos):
        return None
    urls = {source: _STAND_IN for _, _, source in request.media()}
    return request.with_media({**urls, **{source: source for source in request.reference_videos}})


def _key(request: VideoRequest, offer: Offer, account: str) -> str:
    content = request.model_dump(mode="json", exclude={"prompt", "seed", "based_on", "provider"})
    whole = [offer.provider.name, account, offer.endpoint(request), content]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
