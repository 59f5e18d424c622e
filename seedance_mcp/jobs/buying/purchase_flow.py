"""A purchase from the request to the job that came of it, step by step."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import anyio

from ...errors import ConfirmationRequired, InvalidRequest, SeedanceError
from ...providers import Provider
from ...store import BreakerOpen, Connection, came_to, job_records, repeated_requests, transitions
from ...types import FILM_PREFIX, Job, JobState, MediaFile, PurchaseTerms, VideoRequest, VideoSet
from ..choosing.planning import Planner
from ..choosing.plans import Plan, check_choice
from ..context import JobContext
from ..handover import Handover
from ..inputs.resolved_request import ResolvedRequest
from ..inputs.sources import Sources
from ..pool.provider_pool import ProviderPool
from .answers import Answers
from .call_agreements import agreed_within_call
from .deduplication import comparable, digest_of_asked, standing, wanted
from .fallback import Fallback, Refused, why_there
from .idempotency import RequestKey, job_of, set_of
from .intents import Intent
from .orders import Order, StartedJob
from .preflight import preflight
from .reservations import ReservedSet, not_bought, reserve, reserve_set
from .set_intents import SetIntent
from .sets import set_with, several
from .submission import Buyer

if TYPE_CHECKING:
    from ...catalog import Offer

logger = logging.getLogger(__name__)

_ANSWER_SECONDS = 4.0
"""How long a purchase waits for the provider's answer; some clients give up after five seconds."""


class PurchaseFlow:
    """
    Buys videos, once each: resolve, look for the same, plan, reserve, submit, and fall back on another provider.

    Whether a person has to agree is decided where the money is reserved, in the same transaction.
    """

    def __init__(
        self,
        context: JobContext,
        *,
        pool: ProviderPool,
        planner: Planner,
        sources: Sources,
        buyer: Buyer,
        handover: Handover,
    ) -> None:
        self._context = context
        self._store = context.store
        self._pool = pool
        self._planner = planner
        self._sources = sources
        self._buyer = buyer
        self._handover = handover
        self._answers = Answers(context)

    async def run(self, request: VideoRequest, terms: PurchaseTerms) -> StartedJob:
        """
        Plan, reserve and submit one video, or a set of them. Returns when the provider has answered, or after 4 seconds.

        Where the settings allow it, what one provider refuses within that time goes to the next (`Fallback`), as a
        job of its own; a set stays where it is. What was `agreed_to` for this call ends with it.

        Raises:
            InvalidRequest, ConfigError, MediaError: it cannot be made as asked, or its key was used for another
                request; nothing was spent.
            BudgetExceeded: a cap stands in the way.
            ConfirmationRequired: a person has to agree to the price first.
            StoreError: the intent could not be put on disk, so nothing was sent.
        """
        async with agreed_within_call(terms.agreed_to, self._context) as call:
            asked = await self._sources.resolve(request)
            if terms.variations is not None:
                asked = several(asked, request)
            key = None
            if terms.request_key is not None:
                if terms.draws_on is None and terms.request_key.startswith(FILM_PREFIX):
                    raise InvalidRequest(
                        [f"request_key may not begin with {FILM_PREFIX}: films name their shots so"]
                    )
                key = RequestKey.of(terms.request_key, asked.request, asked.media, terms.variations)
            # Before anything is chosen: what is on sale or can be read may have changed since.
            started = await self._asked_before(asked, terms, key)
            if started is None:
                plan = await self._plan(await self._where_its_set_is(asked, key))
                limit = self._context.settings.max_usd_per_job
                order = Order(
                    asked=asked,
                    terms=terms,
                    key=key,
                    limit=limit,
                    notes=self._planner.notes(plan, asked),
                    advice=self._planner.advice(plan, asked),
                )
                order.check_max_usd(plan, lambda: self._planner.elsewhere(asked, plan))
                started = await (
                    self._buy(order, plan) if terms.variations is None else self._buy_set(order, plan)
                )
            call.job_id = started.job.id
        return started

    async def _asked_before(
        self, asked: ResolvedRequest, terms: PurchaseTerms, key: RequestKey | None
    ) -> StartedJob | None:
        """Return the job that stands for what is asked, however it would be planned now; None if there is none."""
        if key is not None and key.variations is not None:
            videos = await self._store.read(partial(set_of, key=key))
            if videos is not None and not not_bought(videos):
                return await self._known(videos.jobs[0], f"request_key {key.text!r} stands for this set.")
        elif key is not None:
            known = await self._store.read(partial(job_of, key=key))
            if known is not None:
                return await self._known(known, f"request_key {key.text!r} stands for this job.")
        elif terms.agreed_to is not None:
            digest = digest_of_asked(asked.request, asked.digests, terms.variations)
            known = await self._store.read(partial(came_to, code=terms.agreed_to, digest=digest))
            if known is not None:
                return await self._known(known, "The same yes has led to this job before.")
        if key is None and not terms.allow_duplicate:
            return await self._same_request(asked, terms.variations)
        return None

    async def _same_request(self, asked: ResolvedRequest, variations: int | None) -> StartedJob | None:
        digests, paid, now = asked.digests, self._planner.is_paid(asked.request), self._store.clock()
        digest = digest_of_asked(asked.request, digests, variations)
        what = wanted(asked.request, digests, variations=variations)

        def look(connection: Connection) -> tuple[list[Job], Job | None]:
            made = repeated_requests.made_for(connection, digests=(digest,), asked=what)
            same = comparable(made, paid=paid)
            return same, standing(connection, same, now=now)

        same, job = await self._store.read(look)
        return None if job is None else await self._known(job, why_there(job, same))

    async def _known(self, job: Job, reason: str) -> StartedJob:
        await self._answers.wait_for(job.id, _ANSWER_SECONDS)
        videos = await self._store.read(partial(set_with, job_id=job.id))
        first = videos.jobs[0].id if videos and videos.jobs else job.id
        return StartedJob(job=await self._load(first), deduplicated=True, reason=reason, videos=videos)

    async def _where_its_set_is(self, asked: ResolvedRequest, key: RequestKey | None) -> ResolvedRequest:
        """Name the offer of a set that a part of is bought already: the rest comes from there, or not at all."""
        if key is None or key.variations is None:
            return asked
        videos = await self._store.read(partial(set_of, key=key))
        bought = [job for job in videos.jobs if job.state not in transitions.NOT_BOUGHT] if videos else []
        if not bought:
            return asked
        named = {"provider": bought[0].provider}
        if asked.request.quality is None:  # a draft may be bought as another model than it is asked for
            named["model"] = bought[0].model
        return replace(asked, request=asked.request.model_copy(update=named))

    async def _plan(self, asked: ResolvedRequest) -> Plan:
        """Choose where it is bought, and make sure that it can be bought and kept."""
        plan = await self._planner.quoted(self._planner.plan(asked))
        check_choice(plan, self._pool, fallback=self._context.settings.fallback)
        paid = not plan.offer.provider.placeholder
        if paid:
            self._pool.check_limits()
        if self._context.role.buys:
            await preflight(self._context, paid=paid)
            await self._buyer.prepare()
        return plan

    async def _buy(self, order: Order, first: Plan) -> StartedJob:
        """
        Buy by the first plan and, where that is allowed, by the next cheapest ones of the same model while each is refused.

        Raises:
            BudgetExceeded, ConfirmationRequired, StoreError: nothing was bought; whoever refused before is named.
        """
        settings = self._context.settings
        end = anyio.current_time() + _ANSWER_SECONDS
        fallback = Fallback(order, first, end, planner=self._planner, pool=self._pool, settings=settings)
        started = await self._try(first, fallback)
        if started is None:
            started = await self._fall_back(fallback)
        return replace(started, notes=(*started.notes, *order.notes), advice=order.advice)

    async def _buy_set(self, order: Order, plan: Plan) -> StartedJob:
        """
        Buy what of a set is not bought.

        Raises:
            BudgetExceeded, ConfirmationRequired, StoreError: nothing was bought.
        """
        end = anyio.current_time() + _ANSWER_SECONDS
        info = plan.offer.provider
        # Before it is named who owns the purchase: that may be another from here on.
        await self._store.ensure_sound()
        intent = order.set_intent(plan, owner=self._context.owner, account=self._pool.account_at(info))
        provider = self._pool.open(info)
        reserved = await self.reserve_set(intent, plan.offer, order.asked.media, provider)
        for job in reserved.new:
            self._context.events.changed(job)
        if not reserved.new:
            return await self._known(reserved.job, "The same set was ordered before.")
        for job in reserved.new:
            await self._answers.wait_for(job.id, end - anyio.current_time())
        videos = await self._videos(reserved.job)
        ordered = {job.id for job in reserved.new}
        again = [one.number for one in videos.variations if one.job.id in ordered] if videos else []
        part = (_part(again, videos),) if videos and len(again) < intent.size else ()
        job = videos.jobs[0] if videos else reserved.job
        return StartedJob(
            job=job,
            deduplicated=False,
            reason=plan.reason,
            notes=(*part, *plan.notes, *order.notes),
            advice=order.advice,
            videos=videos,
        )

    async def _videos(self, job: Job) -> VideoSet | None:
        """Load the set of a job that was bought just now, or may be; None: it cannot be read, which is no error of the call."""
        try:
            return await self._store.read(partial(set_with, job_id=job.id))
        except Exception as error:
            self._context.incidents.note("Looking at a set after its purchase", error, job.id)
            return None

    async def _fall_back(self, fallback: Fallback) -> StartedJob:
        """Ask one provider after the other, as long as the call still waits."""
        for plan in fallback.others():
            if anyio.current_time() >= fallback.end:
                fallback.give_up("the refusal came too late for another provider in this call")
                break
            try:
                started = await self._move(plan, fallback)
            except SeedanceError:
                raise
            except Exception:
                # Whether it was put on disk is not known here, so nobody else may be asked.
                logger.exception("%s could not be asked instead", plan.offer.provider.name)
                fallback.pass_over(
                    plan.offer, "something went wrong inside the server, and its log tells what"
                )
                break
            if started is not None:
                return started
        return fallback.nobody()

    async def _move(self, plan: Plan, fallback: Fallback) -> StartedJob | None:
        """Buy by the plan of another provider. None: not there; why is noted."""
        try:
            with anyio.move_on_after(fallback.end - anyio.current_time()):  # its own price, if there is time
                plan = await self._planner.quoted(plan)
            return await self._try(plan, fallback) if fallback.is_agreed(plan) else None
        except ConfirmationRequired as question:
            raise question.after(fallback.words) from None
        except SeedanceError as error:
            fallback.pass_over(plan.offer, error.message)
            return None

    async def _try(self, plan: Plan, fallback: Fallback) -> StartedJob | None:
        """Buy by one plan. None: refused, and somebody else may take it."""
        await self._store.ensure_sound()
        intent = fallback.intent(plan, self._context.owner)
        try:
            job, deduplicated = await self._submit(
                intent, plan.offer, fallback.order.asked.media, fallback.end
            )
        except BreakerOpen as stopped:
            if not fallback.may_move(stopped):
                raise
            fallback.note(Refused(plan=plan, fingerprint=intent.fingerprint, error=stopped))
            return None
        if not fallback.may_move(job):
            return fallback.started(job, plan, deduplicated=deduplicated)
        fallback.note(Refused(plan=plan, fingerprint=intent.fingerprint, job=job, deduplicated=deduplicated))
        return None

    async def _submit(
        self, intent: Intent, offer: Offer, media: Mapping[str, MediaFile], end: float
    ) -> tuple[Job, bool]:
        """Reserve and buy, and wait a little for the answer: the job, and whether it was there before."""
        provider = self._pool.open(offer.provider)
        job, deduplicated = await self.reserve(intent, offer, media, provider)
        if not deduplicated:
            self._context.events.changed(job)
        await self._answers.wait_for(job.id, end - anyio.current_time())
        try:
            return await self._load(job.id), deduplicated
        except Exception as error:
            # It is bought, or may be: an error here would send the order to the next provider.
            self._context.incidents.note("Looking at it after its purchase", error, job.id)
            return job, deduplicated

    async def reserve(
        self, intent: Intent, offer: Offer, media: Mapping[str, MediaFile], provider: Provider
    ) -> tuple[Job, bool]:
        """
        Put the intent on disk and give it its buyer, or neither: the job, and whether it was there before. A replica has none.

        Raises:
            ConfirmationRequired: a person has to agree first.
            BudgetExceeded, StoreError: it may not or cannot be bought.
        """
        purchases, settings = self._context.purchases, self._context.settings
        # Once reserved, the job must have its buyer even if the caller is cancelled at this moment.
        with anyio.CancelScope(shield=True):
            # Noted before it is on disk: the watcher must never find it without its buyer.
            purchases.begin(intent.job_id)
            bought = False
            try:
                await self._handover.before_purchase()
                outcome = await self._store.write(
                    partial(reserve, intent=intent, settings=settings, now=self._store.clock())
                )
                if isinstance(outcome, ConfirmationRequired):
                    raise outcome
                job, deduplicated = outcome
                if not deduplicated and self._context.role.buys:
                    purchases.start(self._buyer.run, job, offer, media, provider)
                    bought = True
                return job, deduplicated
            finally:
                if not bought:
                    purchases.end(intent.job_id)
        raise AssertionError("unreachable: nobody cancels the scope")

    async def reserve_set(
        self, intent: SetIntent, offer: Offer, media: Mapping[str, MediaFile], provider: Provider
    ) -> ReservedSet:
        """
        Put a set on disk and give each of its jobs its buyer, or none: see `reserve`, and `reserve_set` in the transaction.

        Raises:
            ConfirmationRequired: a person has to agree first.
            BudgetExceeded, StoreError: it may not or cannot be bought.
        """
        purchases, settings = self._context.purchases, self._context.settings
        with anyio.CancelScope(shield=True):
            begun = set(intent.job_ids)
            for job_id in intent.job_ids:
                purchases.begin(job_id)
            try:
                await self._handover.before_purchase()
                outcome = await self._store.write(
                    partial(reserve_set, intent=intent, settings=settings, now=self._store.clock())
                )
                if isinstance(outcome, ConfirmationRequired):
                    raise outcome
                for job in outcome.new if self._context.role.buys else ():
                    purchases.start(self._buyer.run, job, offer, media, provider)
                    begun.discard(job.id)
                return outcome
            finally:
                for job_id in begun:
                    purchases.end(job_id)
        raise AssertionError("unreachable: nobody cancels the scope")

    async def _load(self, job_id: str) -> Job:
        return await self._store.read(partial(job_records.find, job_id=job_id))


def _part(now: Collection[int], videos: VideoSet) -> str:
    others = [one for one in videos.variations if one.number not in now]
    cancelled = [one.number for one in others if one.job.state is JobState.CANCELLED]
    before = [one.number for one in others if one.number not in cancelled]
    words = [f"Bought now: number {_listed(now)} of {videos.size}."]
    words += [f"Number {_listed(before)} had been bought before."] if before else []
    words += [f"Number {_listed(cancelled)} was cancelled, and is not bought anew."] if cancelled else []
    return " ".join(words)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
