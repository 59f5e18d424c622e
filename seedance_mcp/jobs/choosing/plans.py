"""A request as it would be bought, and the same elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from ...errors import ConfigError
from ...texts import digits
from ...types import MediaFile, VideoRequest
from ..pool.provider_pool import ProviderPool

if TYPE_CHECKING:
    from ...catalog import Estimate, Offer


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """
    What a draft leads to: `final` is the request in full, as it would be bought at this `offer` without a draft.

    `estimate` is the price of the second step, None if unknown. `resolution` is what that step gives, which need not be
    what `final` has. With `days` the provider finishes the very take of the draft for so long; without, the second step
    makes a new take.
    """

    final: VideoRequest
    offer: Offer
    estimate: Estimate | None
    resolution: str | None
    days: int | None = None

    def words(self, draft: Plan) -> str:
        """Describe both steps and their prices."""
        first = f"{draft.offer.label} in {draft.request.resolution}, {_price(draft.estimate)}"
        then = "quality final with based_on its job_id"
        second = f"{self.offer.label} in {self.resolution}, {_price(self.estimate)}"
        if self.days is None:
            return f"Draft: {first}. The final will be a new take: {second} ({then})."
        size = "" if self.resolution == self.final.resolution else f", not in {self.final.resolution}"
        return f"Draft: {first}. {then} makes this very take in full within {self.days} days: {second}{size}."


def _price(estimate: Estimate | None) -> str:
    return "price unknown" if estimate is None else f"{digits(estimate.price.usd)} USD"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    A request as it would be bought: where, in full, for how much, and why there. No estimate: price unknown.

    `notes` say what the person should know about the price, and about what is sent in place of a file. `media` are the
    files as they would be sent. `preferred` is the provider that would have been chosen instead of this paid one, if its
    key was not malformed. `ladder` says what a draft leads to; None: it is no draft.
    """

    offer: Offer
    request: VideoRequest
    estimate: Estimate | None
    reason: str
    notes: tuple[str, ...] = ()
    media: Mapping[str, MediaFile] = field(default_factory=dict[str, MediaFile])
    preferred: str | None = None
    ladder: Ladder | None = None

    @property
    def chosen(self) -> Offer:
        """The offer that was chosen for what is asked for; a draft of it may be bought as another model."""
        return self.offer if self.ladder is None else self.ladder.offer

    @property
    def most_usd(self) -> Decimal:
        """The most that it can cost, in USD; infinite where no price is known."""
        return self.estimate.maximum.usd if self.estimate else Decimal("Infinity")


@dataclass(frozen=True, kw_only=True)
class OtherOffer:
    """The same request elsewhere. `differences` says in words what would not be the same."""

    offer: Offer
    ready: bool
    estimate: Estimate | None
    differences: tuple[str, ...]

    @property
    def name(self) -> str:
        """The offer as calls are told of it."""
        return f"{self.offer.provider.name}/{self.offer.model.id}"

    def is_within(self, most_usd: Decimal) -> bool:
        """Return whether it could be bought now for at most so much; an unknown price is not."""
        return self.ready and self.estimate is not None and self.estimate.maximum.usd <= most_usd


def check_choice(plan: Plan, pool: ProviderPool, *, fallback: bool) -> None:
    """
    Refuse to buy from another provider than the one that would have been chosen if its key was not malformed.

    With `fallback` (SEEDANCE_FALLBACK=1) the user wants that, as after a refused key.

    Raises:
        ConfigError: names the variable of the key, and how to buy all the same.
    """
    if plan.preferred is None or fallback:
        return
    name, price = plan.offer.provider.name, plan.estimate
    most = f"at most {digits(price.maximum.usd)} USD" if price else "at a price that is unknown"
    raise ConfigError(
        f"{plan.preferred} would be the choice here, and its key cannot be used."
        f" {pool.malformed_keys[plan.preferred]}",
        hint="Nothing was spent. Tell the person, who can correct the key and start the server again. To buy from"
        f" {name} instead, {most}, call again with provider={name!r}.",
    )
