"""What one call wants to have made: the intent that it comes to at an offer, and what came of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from ...errors import BudgetExceeded
from ...remarks import Advice, Remarks
from ...store import Account, may_cost
from ...texts import digits
from ...types import SET_PREFIX, Job, Price, PurchaseTerms, VideoSet
from ..choosing.plans import OtherOffer, Plan
from ..inputs.resolved_request import ResolvedRequest
from .deduplication import digest_of_asked, wanted
from .idempotency import RequestKey
from .intents import Intent
from .set_intents import SetIntent, tag_of

_MOST_NAMED = 3
_MOST_SEED = 2**31 - 1
"""What every provider with seeds takes."""


def above_max_usd(
    maximum: Price, max_usd: Decimal, others: Iterable[OtherOffer] = (), *, count: int = 1
) -> BudgetExceeded:
    """
    Make the refusal of a purchase above the limit of its call; names those of the `others` that are ready and within it.

    `maximum` and `max_usd` are for all of `count` videos.
    """
    names = [
        f"{other.name} ({digits(other.estimate.price.usd * count)} USD)"
        for other in others
        if other.estimate and other.is_within(max_usd / count)
    ]
    hint = "Ask for a shorter or smaller video, or for another model (estimate_cost compares)."
    if names:
        hint = (
            f"Ready, and within it: {', '.join(names[:_MOST_NAMED])}; what is different there, estimate_cost tells. Or ask"
            " for a shorter or smaller video."
        )
    return BudgetExceeded(
        f"{may_cost(maximum, count)}, above this call's max_usd of {max_usd}.",
        hint=f"{hint} To raise max_usd is the person's decision.",
    )


def _new_job_id() -> str:
    return f"job_{secrets.token_urlsafe(16)}"


@dataclass(frozen=True, kw_only=True)
class StartedJob:
    """
    A job that was started, or found running already (`deduplicated`); of a set of `videos`, its first.

    `notes` tell how it came to that.
    """

    job: Job
    deduplicated: bool
    reason: str
    notes: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = ()
    videos: VideoSet | None = None


@dataclass(frozen=True, kw_only=True)
class Order:
    """
    What one call wants, and on what terms; with a `key`, the name that the caller gives the purchase.

    `limit` is the highest price of one job in USD: what is counted where the price is unknown. No argument of a
    call lowers that: it would lower what the caps see. `notes` and `advice` are what to know about the
    request before it is bought.
    """

    asked: ResolvedRequest
    terms: PurchaseTerms
    limit: Decimal
    key: RequestKey | None = None
    notes: tuple[str, ...] = ()
    advice: tuple[Advice, ...] = ()

    def maximum(self, plan: Plan) -> Price:
        """Return the most that the order may cost by this plan."""
        return (
            plan.estimate.maximum
            if plan.estimate
            else Price(amount=self.limit, currency="USD", usd=self.limit, known=False)
        )

    @property
    def count(self) -> int:
        """How many videos are bought."""
        return self.terms.variations or 1

    def check_max_usd(self, plan: Plan, others: Callable[[], Iterable[OtherOffer]] = tuple) -> None:
        """
        Refuse to buy by this plan for more than the call allows.

        Raises:
            BudgetExceeded: it may cost more; names those of the `others` that are ready and would not.
        """
        total, max_usd = self.maximum(plan).times(self.count), self.terms.max_usd
        if max_usd is not None and total.usd > max_usd:
            raise above_max_usd(total, max_usd, others(), count=self.count)

    def set_intent(self, plan: Plan, *, owner: str, account: Account) -> SetIntent:
        """
        Make the intent to buy a set by this plan.

        Raises:
            BudgetExceeded: it may cost more than the call allows.
        """
        one, asked = self.intent(plan, owner=owner, account=account), self.asked.request
        seeds = plan.offer.parameters.get("seed")
        return SetIntent(
            set_id=f"{SET_PREFIX}{secrets.token_urlsafe(16)}",
            one=one,
            job_ids=(one.job_id, *(_new_job_id() for _ in range(1, self.count))),
            seed=None if asked.seed == -1 else asked.seed,
            most_seed=None if seeds is None else min(seeds.max or _MOST_SEED, _MOST_SEED),
        )

    def intent(self, plan: Plan, *, owner: str, account: Account) -> Intent:
        """
        Make the intent to buy by this plan.

        Raises:
            BudgetExceeded: it may cost more than the call allows.
        """
        self.check_max_usd(plan)
        maximum = self.maximum(plan)
        asked, digests, many = self.asked.request, self.asked.digests, self.terms.variations
        job_id = _new_job_id()
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
            asked=digest_of_asked(asked, digests, many),
            wanted=wanted(asked, digests, plan, variations=many),
            tag=tag_of(job_id),
            estimate=plan.estimate.price if plan.estimate else maximum,
            maximum=maximum,
            seconds=plan.estimate.seconds if plan.estimate else None,
            terms=self.terms,
            key=self.key,
            remarks=Remarks(notes=(*plan.notes, *self.notes), advice=self.advice),
            ladder=plan.ladder,
        )
