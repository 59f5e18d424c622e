"""Moves an order to the next provider when one refuses it for a reason of its own; never while an outcome is unknown."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio

from ..config import Settings
from ..errors import (
    AccessDenied,
    AuthenticationError,
    ConfirmationRequired,
    InsufficientFunds,
    ModelNotOpen,
    RateLimited,
    SeedanceError,
)
from ..types import Job, JobState
from . import confirmation
from .budget import BreakerOpen
from .intents import Intent
from .orders import Order, Started
from .planning import Plan
from .shops import Shops

if TYPE_CHECKING:
    from ..catalog import Offer

logger = logging.getLogger(__name__)

CURABLE = frozenset(
    kind.code for kind in (AuthenticationError, AccessDenied, InsufficientFunds, ModelNotOpen, RateLimited)
)
"""Refusals that say something about an account, the way to a provider or its load, and nothing about the request."""

_REFUSED = frozenset({JobState.REJECTED, JobState.NOT_SENT})

Buy = Callable[[Plan, Intent], Awaitable[tuple[Job, bool]]]
"""Buys by a plan and waits a little for the answer: the job, and whether it was there before."""


@dataclass(frozen=True, kw_only=True)
class _Refused:
    """What a provider refused: in a job, or (None) before one came about, because an earlier refusal still holds."""

    plan: Plan
    fingerprint: str
    job: Job | None
    deduplicated: bool
    error: BreakerOpen | None

    @property
    def words(self) -> str:
        name = self.plan.offer.provider.name
        if self.job is None:
            assert self.error
            return f"{name} was not asked ({self.error.refusal}: {self.error.why})"
        return f"{name} refused it in {self.job.id} ({self.job.error_code}: {self.job.error})"


def may_be_cured(job: Job) -> bool:
    """Tell whether a job was provably not bought, for a reason that another provider need not have."""
    return job.state in _REFUSED and job.error_code in CURABLE


def why_there(job: Job, same: Iterable[Job]) -> str:
    """Say why an earlier job stands for a request, `same` being all jobs for it: others may have refused it before."""
    refused = {
        other.provider: None
        for other in same
        if other.provider != job.provider and other.created_at <= job.created_at and may_be_cured(other)
    }
    if refused:
        return f"{job.provider} has it, because {' and '.join(refused)} refused it"
    return f"{job.provider} has it: the same was asked for before"


class Fallback:
    """The way of one order from provider to provider. Used once."""

    def __init__(
        self, order: Order, *, buy: Buy, shops: Shops, settings: Settings, owner: str, seconds: float
    ) -> None:
        """After `seconds` nothing more is begun; `owner` is the process that buys."""
        self._order = order
        self._buy = buy
        self._shops = shops
        self._settings = settings
        self._owner = owner
        self._end = anyio.current_time() + seconds
        self._refused: list[_Refused] = []
        self._passed_over: list[str] = []

    async def start(self, first: Plan) -> Started:
        """
        Buy by the first plan and, where that is allowed, by the next cheapest ones of the same model while each is refused.

        Raises:
            BudgetExceeded, ConfirmationRequired, StoreError: nothing was bought; whoever refused before is named.
        """
        started = await self._try(first)
        if started is not None:
            return started
        for plan in self._others(first):
            if anyio.current_time() >= self._end:
                self._passed_over.append("the refusal came too late for another provider in this call")
                break
            try:
                started = await self._move(plan, first)
            except SeedanceError:
                raise
            except Exception:
                # Whether it was put on disk is not known here, so nobody else may be asked.
                logger.exception("%s could not be asked instead", plan.offer.provider.name)
                self._pass_over(plan.offer, "something went wrong inside the server, and its log tells what")
                break
            if started is not None:
                return started
        return self._nobody()

    async def _try(self, plan: Plan) -> Started | None:
        """Buy by one plan. None: refused, and somebody else may take it."""
        account = self._shops.account_at(plan.offer.provider)
        tried = [refused.fingerprint for refused in self._refused]
        intent = self._order.intent(plan, owner=self._owner, account=account, instead_of=tried)
        # Whoever agreed to the first price, as far as that was needed, agreed to the others, which are no higher.
        agreed = [refused.job.agreed_by for refused in self._refused if refused.job is not None]
        intent = replace(intent, agreed=agreed[-1] if agreed else None)
        job, deduplicated, error = None, False, None
        try:
            job, deduplicated = await self._buy(plan, intent)
        except BreakerOpen as stopped:
            if not self._may_move or stopped.refusal not in CURABLE:
                raise
            error = stopped
        if job is not None and not (self._may_move and may_be_cured(job)):
            return _started(job, plan, deduplicated, self._refused, self._passed_over)
        self._refused.append(
            _Refused(
                plan=plan, fingerprint=intent.fingerprint, job=job, deduplicated=deduplicated, error=error
            )
        )
        return None

    @property
    def _may_move(self) -> bool:
        """The user wants it, and neither the call nor a setting names a provider."""
        named = self._order.asked.provider or self._settings.provider
        return self._settings.fallback and named is None

    async def _move(self, plan: Plan, first: Plan) -> Started | None:
        """Buy by the plan of another provider. None: not there; why is noted."""
        try:
            return await self._try_elsewhere(await self._priced(plan), first)
        except ConfirmationRequired as question:
            raise question.after("; ".join(refused.words for refused in self._refused)) from None
        except SeedanceError as error:
            self._pass_over(plan.offer, error.message)
            return None

    async def _try_elsewhere(self, plan: Plan, first: Plan) -> Started | None:
        name = plan.offer.provider.name
        price, agreed = self._order.maximum(plan), self._order.maximum(first)
        asked = any(refused.job is not None for refused in self._refused)
        dearer = price.usd > agreed.usd and confirmation.needed(
            price, mode=self._settings.confirm, above_usd=self._settings.confirm_above_usd
        )
        if asked and dearer:
            self._passed_over.append(
                f"{name} may take {price.usd:.2f} USD, which nobody has agreed to: call again with provider={name!r}"
            )
            return None
        return await self._try(plan)

    def _others(self, first: Plan) -> list[Plan]:
        """
        The same model at every other provider that is ready, has a known price and can do it, cheapest first.

        Who cannot do it, or cannot be bought from as things are set, is noted with the reason.
        """
        plans: list[Plan] = []
        elsewhere = self._shops.elsewhere(self._order.asked, first, self._order.media)
        differences = {
            (there.offer.provider.name, there.offer.model.id): there.differences for there in elsewhere
        }
        for offer in self._candidates(first):
            there = self._order.asked.model_copy(
                update={"provider": offer.provider.name, "model": offer.model.id}
            )
            try:
                plan = self._shops.plan(there, self._order.media, None)
            except SeedanceError as error:
                self._pass_over(offer, error.message)
                continue
            if plan.estimate is None:
                self._pass_over(offer, "its price is unknown")
            else:
                known = differences.get((offer.provider.name, offer.model.id), ())
                plans.append(replace(plan, reason="; ".join(known)))
        return sorted(plans, key=lambda plan: self._order.maximum(plan).usd)

    def _candidates(self, first: Plan) -> Iterable[Offer]:
        """The same model at every other provider that is ready and sells real videos."""
        ready = self._shops.ready()
        for offer in self._shops.catalog.offers(model=first.offer.model.id):
            info = offer.provider
            if info.name != first.offer.provider.name and ready.get(info.name) and not info.placeholder:
                yield offer

    def _pass_over(self, offer: Offer, why: str) -> None:
        self._passed_over.append(f"{offer.provider.name}: {why}")

    async def _priced(self, plan: Plan) -> Plan:
        """Ask for the provider's own price, if there is time for it."""
        with anyio.move_on_after(self._end - anyio.current_time()):
            return await self._shops.quoted(plan)
        return plan

    def _nobody(self) -> Started:
        """Say that everybody refused, by the last job that came about, or by the first reason why none did."""
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
    job: Job, plan: Plan, deduplicated: bool, refused: Sequence[_Refused], passed_over: Iterable[str]
) -> Started:
    reason = plan.reason
    if refused:
        name = plan.offer.provider.name
        words = "; ".join(one.words for one in refused)
        differs = f"; different there: {plan.reason}" if plan.reason else ""
        reason = f"{words}; {name}, the next cheapest provider that is ready, has it as {job.id}{differs}"
    elif job.provider != plan.offer.provider.name:
        reason = f"{job.provider} has it: the same was asked for before"
    return Started(
        job=job,
        deduplicated=deduplicated,
        reason=reason,
        advice=(*plan.notes, *_sentences(passed_over)),
    )


def _sentences(passed_over: Iterable[str]) -> list[str]:
    return [f"Not bought elsewhere: {words.rstrip('.')}." for words in passed_over]
