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
from ...store import Budget, Store, approvals
from ...texts import digits
from ...types import PurchaseTerms, VideoRequest
from ..choosing.plans import Ladder, OtherOffer, Plan, check_choice
from ..inputs.resolved_request import ResolvedRequest
from ..pool.provider_pool import ProviderPool
from .orders import Order
from .reservations import foresee

if TYPE_CHECKING:
    from ...catalog import Estimate, Offer


_MOST_NAMED = 8


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """
    What a purchase would meet now. `refused` says in words what stands in its way.

    `asks` says why a person would have to agree first, `by_administrator` one who administers. Neither: it would be made.
    """

    refused: str | None = None
    asks: str | None = None
    by_administrator: bool = False

    @property
    def words(self) -> str:
        """What generate_video with the same arguments would do."""
        if self.refused is not None:
            return f"generate_video with the same arguments would be refused now: {self.refused}"
        if self.asks is not None:
            who = "an administrator" if self.by_administrator else "a person"
            return f"generate_video with the same arguments asks {who} to agree first: {self.asks}"
        return "generate_video with the same arguments makes the video."


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What a request would cost, and where. No estimate: this offer's price is unknown. `ladder`: it is for a draft."""

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
    ladder: Ladder | None = None
    ladder_words: str = ""
    variations: int | None = None

    @property
    def within(self) -> str | None:
        """Name which of the offers are ready and within `max_usd`; None where none is given."""
        if self.max_usd is None:
            return None
        each = self.max_usd / (self.variations or 1)
        names = [other.name for other in self.others if other.is_within(each)]
        most = self.estimate.maximum.usd if self.estimate else None
        if most is not None and most <= each and not self.offer.provider.placeholder:
            names.insert(0, f"{self.offer.provider.name}/{self.offer.model.id}")
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        found = ", ".join(names[:_MOST_NAMED])
        return f"Ready, and within max_usd {self.max_usd}: {found or 'no offer of a real video'}{more}."


def beyond(
    asked: ResolvedRequest, plan: Plan, terms: PurchaseTerms, limit: Decimal, others: Iterable[OtherOffer]
) -> Forecast | None:
    """State that a purchase would be refused for its own `max_usd`, else None. `limit` counts for an unknown price."""
    try:
        Order(asked=asked, terms=terms, limit=limit).check_max_usd(plan, lambda: others)
    except BudgetExceeded as error:
        return Forecast(refused=f"{error.message} {error.hint}")
    return None


async def forecast(
    asked: ResolvedRequest,
    plan: Plan,
    variations: int | None,
    *,
    pool: ProviderPool,
    settings: Settings,
    store: Store,
) -> Forecast:
    """Check a plan by the rules of the purchase, without buying or asking anything. Raises StoreError."""
    info = plan.offer.provider
    terms = PurchaseTerms(variations=variations)
    order = Order(asked=asked, terms=terms, limit=settings.max_usd_per_job)
    owner, account = store.ownership.instance, pool.account_at(info)
    if variations is None:
        intent = order.intent(plan, owner=owner, account=account)
    else:
        intent = order.set_intent(plan, owner=owner, account=account).whole
    try:
        check_choice(plan, pool, fallback=settings.fallback)
        if not info.placeholder:
            pool.check_limits()
        pool.open(info)
        question = await store.read(
            partial(foresee, intent=intent, settings=settings, now=store.clock(), count=order.count)
        )
    except (BudgetExceeded, ConfigError) as error:
        return Forecast(refused=f"{error.message} {error.hint}")
    if question is None:
        return Forecast()
    by_administrator = approvals.needed(question.price, settings)
    if not question.price.known:
        return Forecast(asks="its price is unknown.", by_administrator=by_administrator)
    what = "it" if variations is None else "all together"
    dear = f"{what} may cost {digits(question.price.usd)} USD, more than"
    if by_administrator and settings.approve_above_usd is not None:
        above = f"{digits(settings.approve_above_usd)} USD (SEEDANCE_APPROVE_ABOVE_USD)"
        return Forecast(asks=f"{dear} {above}.", by_administrator=True)
    if question.reason:
        return Forecast(asks=question.reason)
    return Forecast(asks=f"{dear} {digits(settings.confirm_above_usd)} USD (SEEDANCE_CONFIRM_ABOVE_USD).")
