"""Moves an order to the next provider when one refuses it for a reason of its own; never while an outcome is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...config import Settings
from ...errors import (
    AccessDenied,
    AuthenticationError,
    InsufficientFunds,
    ModelNotOpen,
    RateLimited,
    SeedanceError,
)
from ...store import BreakerOpen, confirmations
from ...texts import digits
from ...types import Job, JobState
from ..choosing.planning import Planner
from ..choosing.plans import Plan
from ..pool.provider_pool import ProviderPool
from .intents import Intent
from .orders import Order, StartedJob

if TYPE_CHECKING:
    from ...catalog import Offer

CURABLE = frozenset(
    kind.code for kind in (AuthenticationError, AccessDenied, InsufficientFunds, ModelNotOpen, RateLimited)
)
"""Refusals that say something about an account, the way to a provider or its load, and nothing about the request."""

_REFUSED = frozenset({JobState.REJECTED, JobState.NOT_SENT})


@dataclass(frozen=True, kw_only=True)
class Refused:
    """What a provider refused: in a job, or (None) before one came about, because an earlier refusal still holds."""

    plan: Plan
    fingerprint: str
    job: Job | None = None
    deduplicated: bool = False
    error: BreakerOpen | None = None

    @property
    def words(self) -> str:
        """Who refused it, and why."""
        name = self.plan.offer.provider.name
        if self.job is None:
            assert self.error
            return f"{name} was not asked ({self.error.refusal}: {self.error.why})"
        return f"{name} refused it in {self.job.id} ({self.job.error_code}: {self.job.error})"


def may_be_cured(job: Job) -> bool:
    """Return whether a job was provably not bought, for a reason that another provider need not have."""
    return job.state in _REFUSED and job.error_code in CURABLE


def why_there(job: Job, same: Iterable[Job]) -> str:
    """Explain why an earlier job stands for a request, `same` being all jobs for it: others may have refused it before."""
    refused = {
        other.provider: None
        for other in same
        if other.provider != job.provider and other.created_at <= job.created_at and may_be_cured(other)
    }
    if refused:
        return f"{job.provider} has it, because {' and '.join(refused)} refused it"
    return f"{job.provider} has it: the same was asked for before"


class Fallback:
    """
    The way of one order from provider to provider: what was refused so far, and who may be asked next. Used once.

    `first` is the plan that the person was told of.
    """

    def __init__(
        self,
        order: Order,
        first: Plan,
        end: float,
        *,
        planner: Planner,
        pool: ProviderPool,
        settings: Settings,
    ) -> None:
        """`end` is when the call waits no longer, by the clock of the event loop."""
        self.order = order
        self.end = end
        self._first = first
        self._planner = planner
        self._pool = pool
        self._settings = settings
        self._refused: list[Refused] = []
        self._passed_over: list[str] = []

    def intent(self, plan: Plan, owner: str) -> Intent:
        """
        Make the intent to buy by this plan, which stands for everything that was refused before.

        Raises:
            BudgetExceeded: it may cost more than the call allows.
        """
        intent = self.order.intent(plan, owner=owner, account=self._pool.account_at(plan.offer.provider))
        # Whoever agreed to the first price, as far as that was needed, agreed to the others, which are no higher.
        # At one that asked for less it may not have been needed: that takes nobody's agreement away.
        agreed = [one.job.agreed_by for one in self._refused if one.job is not None and one.job.agreed_by]
        tried = tuple(refused.fingerprint for refused in self._refused)
        return replace(intent, instead_of=tried, agreed=agreed[-1] if agreed else None)

    def may_move(self, refusal: Job | BreakerOpen) -> bool:
        """
        Return whether somebody else may be asked: the user wants it, and neither the call nor a setting names a provider.

        A draft stays where it is: what it leads to was said of one provider. So does what the order of a film pays for.
        """
        named = self.order.asked.request.provider or self._settings.provider
        if not self._settings.fallback or named is not None or self._first.ladder is not None:
            return False
        if self.order.terms.draws_on is not None:
            return False
        return may_be_cured(refusal) if isinstance(refusal, Job) else refusal.refusal in CURABLE

    def note(self, refused: Refused) -> None:
        """Note that one provider has refused it."""
        self._refused.append(refused)

    def pass_over(self, offer: Offer, why: str) -> None:
        """Note why a provider is not asked."""
        self._passed_over.append(f"{offer.provider.name}: {why}")

    def give_up(self, why: str) -> None:
        """Note why nobody else is asked."""
        self._passed_over.append(why)

    @property
    def words(self) -> str:
        """Who refused it so far, and why."""
        return "; ".join(refused.words for refused in self._refused)

    def others(self) -> list[Plan]:
        """
        Plan the same model at every other provider that is ready, has a known price and can do it, cheapest first.

        Who cannot do it, or cannot be bought from as things are set, is noted with the reason.
        """
        plans: list[Plan] = []
        asked = self.order.asked
        differences = {
            (there.offer.provider.name, there.offer.model.id): there.differences
            for there in self._planner.elsewhere(asked, self._first)
        }
        for offer in self._candidates():
            named = {"provider": offer.provider.name, "model": offer.model.id}
            try:
                plan = self._planner.plan(
                    replace(asked, request=asked.request.model_copy(update=named), trouble=None)
                )
            except SeedanceError as error:
                self.pass_over(offer, error.message)
                continue
            if plan.estimate is None:
                self.pass_over(offer, "its price is unknown")
            else:
                known = differences.get((offer.provider.name, offer.model.id), ())
                plans.append(replace(plan, reason="; ".join(known)))
        return sorted(plans, key=lambda plan: self.order.maximum(plan).usd)

    def _candidates(self) -> Iterable[Offer]:
        """The same model at every other provider that is ready and sells real videos."""
        ready, first = self._pool.ready(), self._first.offer
        for offer in self._pool.catalog.offers(model=first.model.id):
            info = offer.provider
            if info.name != first.provider.name and ready.get(info.name) and not info.placeholder:
                yield offer

    def is_agreed(self, plan: Plan) -> bool:
        """Return whether the price of another provider may be paid without asking again; note it if not."""
        name = plan.offer.provider.name
        price, agreed = self.order.maximum(plan), self.order.maximum(self._first)
        asked = any(refused.job is not None for refused in self._refused)
        dearer = price.usd > agreed.usd and confirmations.needed(price, self._settings)
        if asked and dearer:
            self._passed_over.append(
                f"{name} may take {digits(price.usd)} USD, which nobody has agreed to: call again with provider={name!r}"
            )
            return False
        return True

    def started(self, job: Job, plan: Plan, *, deduplicated: bool) -> StartedJob:
        """Describe how the order came to this job."""
        return _started(job, plan, deduplicated, self._refused, self._passed_over)

    def nobody(self) -> StartedJob:
        """
        Report that everybody refused, by the last job that came about.

        Raises:
            BreakerOpen: none came about; the first reason why.
        """
        made = [refused for refused in self._refused if refused.job is not None]
        if made:
            last = made[-1]
            assert last.job
            earlier = [refused for refused in self._refused if refused is not last]
            return _started(last.job, last.plan, last.deduplicated, earlier, self._passed_over)
        error = self._refused[0].error
        assert error
        others = [refused.words for refused in self._refused[1:]]
        raise BreakerOpen(
            error.message,
            hint=" ".join([error.hint, *_sentences([*others, *self._passed_over])]),
            refusal=error.refusal,
            why=error.why,
        )


def _started(
    job: Job, plan: Plan, deduplicated: bool, refused: Sequence[Refused], passed_over: Iterable[str]
) -> StartedJob:
    reason = plan.reason
    if refused:
        name = plan.offer.provider.name
        words = "; ".join(one.words for one in refused)
        differs = f"; different there: {plan.reason}" if plan.reason else ""
        reason = f"{words}; {name}, the next cheapest provider that is ready, has it as {job.id}{differs}"
    elif job.provider != plan.offer.provider.name:
        reason = f"{job.provider} has it: the same was asked for before"
    return StartedJob(
        job=job,
        deduplicated=deduplicated,
        reason=reason,
        notes=(*plan.notes, *_sentences(passed_over)),
    )


def _sentences(passed_over: Iterable[str]) -> list[str]:
    return [f"Not bought elsewhere: {words.rstrip('.')}." for words in passed_over]
