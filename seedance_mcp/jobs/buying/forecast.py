"""What a request would cost, and what would become of it if it was bought now: refused, a person asked, or made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from ...config import Settings
from ...errors import BudgetExceeded, ConfigError
from ...remarks import Advice
from ...store import Budget, Store
from ...texts import digits
from ...types import PurchaseTerms, VideoRequest
from ..choosing.plans import OtherOffer, Plan, check_choice
from ..inputs.resolved_request import ResolvedRequest
from ..pool.provider_pool import ProviderPool
from .orders import Order, above_max_usd
from .reservations import foresee

if TYPE_CHECKING:
    from ...catalog import Estimate, Offer


_MOST_NAMED = 8


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """
    What a purchase would meet now. `refused` says in words what stands in its way.

    `asks` says why a person would have to agree first. Neither: it would be made.
    """

    refused: str | None = None
    asks: str | None = None

    @property
    def words(self) -> str:
        """What generate_video with the same arguments would do."""
        if self.refused is not None:
            return f"generate_video with the same arguments would be refused now: {self.refused}"
        if self.asks is not None:
            return f"generate_video with the same arguments asks a person to agree first: {self.asks}"
        return "generate_video with the same arguments makes the video."


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What a request would cost, and where. No estimate: this offer's price is unknown."""

    offer: Offer
    request: VideoRequest
    estimate: Estimate | None
    reason: str
    outlook: Forecast
    others: tuple[OtherOffer, ...]
    budget: Budget
    usual_seconds: float | None
    notes: tuple[str, ...]
    advice: tuple[Advice, ...]
    max_usd: Decimal | None = None

    @property
    def within(self) -> str | None:
        """Name which of the offers are ready and within `max_usd`; None where none is given."""
        if self.max_usd is None:
            return None
        names = [other.name for other in self.others if other.is_within(self.max_usd)]
        most = self.estimate.maximum.usd if self.estimate else None
        if most is not None and most <= self.max_usd and not self.offer.provider.placeholder:
            names.insert(0, f"{self.offer.provider.name}/{self.offer.model.id}")
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        found = ", ".join(names[:_MOST_NAMED])
        return f"Ready, and within max_usd {self.max_usd}: {found or 'no offer of a real video'}{more}."


def beyond(
    asked: ResolvedRequest, plan: Plan, terms: PurchaseTerms, limit: Decimal, others: Iterable[OtherOffer]
) -> Forecast | None:
    """State that a purchase would be refused for its own `max_usd`, else None. `limit` counts for an unknown price."""
    maximum, max_usd = Order(asked=asked, terms=terms, limit=limit).maximum(plan), terms.max_usd
    if max_usd is None or maximum.usd <= max_usd:
        return None
    error = above_max_usd(maximum, max_usd, others)
    return Forecast(refused=f"{error.message} {error.hint}")


async def forecast(
    asked: ResolvedRequest, plan: Plan, *, pool: ProviderPool, settings: Settings, store: Store
) -> Forecast:
    """Check a plan by the rules of the purchase, without buying or asking anything. Raises StoreError."""
    info = plan.offer.provider
    order = Order(asked=asked, terms=PurchaseTerms(), limit=settings.max_usd_per_job)
    intent = order.intent(plan, owner=store.ownership.instance, account=pool.account_at(info))
    try:
        check_choice(plan, pool, fallback=settings.fallback)
        if not info.placeholder:
            pool.check_limits()
        pool.open(info)
        question = await store.read(partial(foresee, intent=intent, settings=settings, now=store.clock()))
    except (BudgetExceeded, ConfigError) as error:
        return Forecast(refused=f"{error.message} {error.hint}")
    if question is None:
        return Forecast()
    if question.reason:
        return Forecast(asks=question.reason)
    if not question.price.known:
        return Forecast(asks="its price is unknown.")
    return Forecast(
        asks=f"it may cost {digits(question.price.usd)} USD, more than {digits(settings.confirm_above_usd)} USD"
        " (SEEDANCE_CONFIRM_ABOVE_USD)."
    )
