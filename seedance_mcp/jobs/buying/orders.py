"""What one call wants to have made: the intent that it comes to at an offer, and what came of it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ...errors import BudgetExceeded
from ...remarks import Advice, Remarks
from ...store import Account, may_cost
from ...texts import digits
from ...types import Job, Price, PurchaseTerms
from ..choosing.plans import OtherOffer, Plan
from ..inputs.resolved_request import ResolvedRequest
from .deduplication import digest_of_asked, wanted
from .idempotency import RequestKey
from .intents import Intent

_MOST_NAMED = 3


def above_max_usd(maximum: Price, max_usd: Decimal, others: Iterable[OtherOffer] = ()) -> BudgetExceeded:
    """Make the refusal of a purchase above the limit of its call; names those of the `others` that are ready and within it."""
    names = [
        f"{other.name} ({digits(other.estimate.price.usd)} USD)"
        for other in others
        if other.estimate and other.is_within(max_usd)
    ]
    hint = "Ask for a shorter or smaller video, or for another model (estimate_cost compares)."
    if names:
        hint = (
            f"Ready, and within it: {', '.join(names[:_MOST_NAMED])}; what is different there, estimate_cost tells. Or ask"
            " for a shorter or smaller video."
        )
    return BudgetExceeded(
        f"{may_cost(maximum)}, above this call's max_usd of {max_usd}.",
        hint=f"{hint} To raise max_usd is the person's decision.",
    )


@dataclass(frozen=True, kw_only=True)
class StartedJob:
    """A job that was started, or found running already (`deduplicated`). `notes` tell how it came to that."""

    job: Job
    deduplicated: bool
    reason: str
    notes: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Order:
    """
    What one call wants, and on what terms; with a `key`, the name that the caller gives the purchase.

    `limit` is the highest price of one job in USD: what is counted where the price is unknown. No argument of a
    call lowers that: it would lower what the caps see. `advice` is what to know about the request before it is bought.
    """

    asked: ResolvedRequest
    terms: PurchaseTerms
    limit: Decimal
    key: RequestKey | None = None
    advice: tuple[Advice, ...] = ()

    def maximum(self, plan: Plan) -> Price:
        """Return the most that the order may cost by this plan."""
        return (
            plan.estimate.maximum
            if plan.estimate
            else Price(amount=self.limit, currency="USD", usd=self.limit, known=False)
        )

    def intent(self, plan: Plan, *, owner: str, account: Account) -> Intent:
        """
        Make the intent to buy by this plan.

        Raises:
            BudgetExceeded: it may cost more than the call allows.
        """
        maximum = self.maximum(plan)
        if self.terms.max_usd is not None and maximum.usd > self.terms.max_usd:
            raise above_max_usd(maximum, self.terms.max_usd)
        asked, digests = self.asked.request, self.asked.digests
        job_id = f"job_{secrets.token_urlsafe(16)}"
        return Intent(
            job_id=job_id,
            owner=owner,
            provider=plan.offer.provider.name,
            account=account.fingerprint,
            base_url=account.address,
            model=plan.offer.model.id,
            endpoint=plan.offer.endpoint(plan.request),
            request=plan.request,
            digests=digests,
            asked=digest_of_asked(asked, digests),
            wanted=wanted(asked, digests, plan),
            tag=hashlib.sha256(job_id.encode()).hexdigest()[:32],
            estimate=plan.estimate.price if plan.estimate else maximum,
            maximum=maximum,
            seconds=plan.estimate.seconds if plan.estimate else None,
            terms=self.terms,
            key=self.key,
            remarks=Remarks(notes=plan.notes, advice=self.advice),
        )
