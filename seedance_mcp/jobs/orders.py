"""What one call wants to have made: the intent that it comes to at an offer, and what came of it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ..errors import BudgetExceeded
from ..types import Job, MediaFile, Price, PurchaseTerms, VideoRequest
from .accounts import Account
from .budget import may_cost
from .intents import Intent
from .planning import Plan
from .repeats import digest_of_asked, wanted
from .request_keys import RequestKey


def digests(media: Mapping[str, MediaFile]) -> Mapping[str, str]:
    """Give each media source with the hash of its content, or its URL: the same picture under another path is the same."""
    return {source: file.sha256 or file.url or source for source, file in media.items()}


@dataclass(frozen=True, kw_only=True)
class Started:
    """A job that was started, or found running already (`deduplicated`)."""

    job: Job
    deduplicated: bool
    reason: str
    advice: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Order:
    """
    What one call wants, and on what terms. `asked` is the request before any choice is made for it.

    `limit` is the highest price of one job in USD: what is counted where the price is unknown. No argument of a
    call lowers that: it would lower what the caps see.
    """

    asked: VideoRequest
    media: Mapping[str, MediaFile]
    terms: PurchaseTerms
    key: RequestKey | None
    limit: Decimal
    advice: tuple[str, ...] = ()
    """What to know about the request before it is bought."""

    @property
    def digests(self) -> Mapping[str, str]:
        """Each media source with the hash of its content, or its URL."""
        return digests(self.media)

    def maximum(self, plan: Plan) -> Price:
        """Give the most that the order may cost by this plan."""
        return (
            plan.estimate.maximum
            if plan.estimate
            else Price(amount=self.limit, currency="USD", usd=self.limit, known=False)
        )

    def intent(self, plan: Plan, *, owner: str, account: Account, instead_of: Sequence[str] = ()) -> Intent:
        """
        Make the intent to buy by this plan. `instead_of` are the fingerprints of what was refused elsewhere.

        Raises:
            BudgetExceeded: it may cost more than the call allows.
        """
        maximum = self.maximum(plan)
        if self.terms.max_usd is not None and maximum.usd > self.terms.max_usd:
            raise BudgetExceeded(
                f"{may_cost(maximum)}, above this call's max_usd of {self.terms.max_usd}.",
                hint="Raise max_usd, or ask for a shorter, smaller or cheaper video (estimate_cost compares).",
            )
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
            digests=self.digests,
            asked=digest_of_asked(self.asked, self.digests),
            wanted=wanted(self.asked, self.digests, plan),
            tag=hashlib.sha256(job_id.encode()).hexdigest()[:32],
            estimate=plan.estimate.price if plan.estimate else maximum,
            maximum=maximum,
            seconds=plan.estimate.seconds if plan.estimate else None,
            terms=self.terms,
            key=self.key,
            instead_of=tuple(instead_of),
            advice=(*plan.notes, *self.advice),
        )
