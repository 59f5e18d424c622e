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
class Plan:
    """
    A request as it would be bought: where, in full, for how much, and why there. No estimate: price unknown.

    `notes` say what the person should know about the price, and about what is sent in place of a file. `media` are the
    files as they would be sent. `preferred` is the provider that would have been chosen instead of this paid one, if its
    key was not malformed.
    """

    offer: Offer
    request: VideoRequest
    estimate: Estimate | None
    reason: str
    notes: tuple[str, ...] = ()
    media: Mapping[str, MediaFile] = field(default_factory=dict[str, MediaFile])
    preferred: str | None = None

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
