"""Sets jobs in motion and answers for them; the purchase goes on whatever becomes of the caller."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.abc
import anyio.to_thread

from ..config import Settings
from ..errors import ConfirmationRequired, InvalidRequest
from ..providers import Provider
from ..texts import unusable
from ..types import Job, MediaFile, PurchaseTerms, VideoRequest
from . import journal
from .cancelling import cancel
from .confirmation import came_to
from .detached import leave_hooks, leave_watcher
from .fallback import Fallback, why_there
from .hooks import Hooks
from .intents import Intent, reserve
from .orders import Order, Started, digests
from .planning import Plan
from .purchase import buy
from .receipts import Receipts
from .repeats import digest_of_asked, made_for, standing, wanted
from .request_keys import RequestKey, job_of
from .saving import Saver
from .shops import Shops
from .sources import Sources
from .store import Store
from .troubles import Troubles
from .watcher import Watcher

if TYPE_CHECKING:
    from ..catalog import Offer

_ANSWER_SECONDS = 4.0
"""How long `start` waits for the provider's answer; some clients give up after five seconds."""

_HOOKS_SECONDS = 0.5
"""How long the end of a process that may be killed soon waits for hooks that are running."""

_DRAIN_SECONDS = 60.0
"""How long the end waits for purchases under way: as long as one of them may take."""


class JobRunner:
    """
    The jobs of this process. Use it inside `running()`.

    Leases between processes only save requests (`leases=False` switches them off). With `leave`, what is not done
    at the end is left to a process that stays behind: this one may be killed before it would be.
    """

    def __init__(
        self, *, store: Store, shops: Shops, settings: Settings, leases: bool = True, leave: bool = False
    ) -> None:
        self._store = store
        self._shops = shops
        self._settings = settings
        self.sources = Sources(store, settings, shops.link)
        self.troubles = Troubles(store)
        self._receipts = Receipts(settings.state_dir / "receipts", store.ownership.instance)
        self._saver = Saver(settings, store=store, troubles=self.troubles, changed=self._announce)
        self._watcher = Watcher(
            store=store,
            shops=shops,
            saver=self._saver,
            receipts=self._receipts,
            settings=settings,
            troubles=self.troubles,
            buying=lambda job_id: job_id in self._buying,
            changed=self._announce,
            leases=leases,
        )
        self._hurried = leave
        self._leaves = leave and settings.detach
        self.hooks = Hooks(
            store=store,
            settings=settings,
            troubles=self.troubles,
            changed=self._announce,
            elsewhere=partial(leave_hooks, settings) if self._leaves else None,
        )
        self._ending = self._left = False
        self._buying: dict[str, anyio.Event] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._buyers: anyio.abc.TaskGroup | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Watch open jobs for as long as the context is open; purchases under way are finished at its end."""
        failure: Exception | None = None
        try:
            async with anyio.create_task_group() as buyers, anyio.create_task_group() as commands:
                async with anyio.create_task_group() as watching:
                    self._buyers = buyers
                    watching.start_soon(self._watcher.run)
                    watching.start_soon(self.hooks.follow, commands)
                    try:
                        yield
                    except Exception as error:
                        failure = error  # raised outside: in here, the task groups would wrap it
                    finally:
                        with anyio.CancelScope(shield=True):
                            await self.begin_ending()
                        self._buyers = None
                        watching.cancel_scope.cancel()
                        with anyio.CancelScope(shield=True), anyio.move_on_after(_DRAIN_SECONDS):
                            for event in list(self._buying.values()):
                                await event.wait()
                await self._end_hooks(commands)
        finally:
            # Only now has the last buyer ended: until then it may have to keep a receipt.
            with self.troubles.contained("Closing the receipts of purchases"):
                self._receipts.close()
            with anyio.CancelScope(shield=True):
                await self.troubles.keep()
        if failure is not None:
            raise failure

    async def begin_ending(self) -> None:
        """
        Leave a watcher behind if anything is open, or as soon as anything is; call it when the end is foreseen.

        A client that has closed its end kills this process soon: nothing else may come before it, and nothing that
        can take long belongs in here, such as asking the database.
        """
        self._ending = True
        may_be_open = self._buying or self._watcher.busy or self.hooks.pending
        if self._leaves and not self._left and may_be_open:
            self._left = True
            with self.troubles.contained("Saying that this process ends"):
                self._store.ownership.say_ending()
            # A signal may come now that cancels whoever called: nobody would leave one later.
            with self.troubles.contained("Leaving a watcher behind"), anyio.CancelScope(shield=True):
                await leave_watcher(self._settings)

    async def start(self, request: VideoRequest, terms: PurchaseTerms) -> Started:
        """
        Plan, reserve and submit one video. Returns when the provider has answered, or after 4 seconds.

        Where the settings allow it, what one provider refuses within that time goes to the next (`Fallback`), as a
        job of its own.

        Raises:
            InvalidRequest, ConfigError, MediaError: it cannot be made as asked, or its key was used for another
                request; nothing was spent.
            BudgetExceeded: a cap stands in the way.
            ConfirmationRequired: a person has to agree to the price first.
            StoreError: the intent could not be put on disk, so nothing was sent.
        """
        from ..catalog import check_inputs, check_prompt  # read on first use, not when the server starts

        asked = await self.with_defaults(request)
        media, trouble = await self.sources.load(asked)
        key = None if terms.request_key is None else RequestKey.of(terms.request_key, asked, media)
        # Before anything is chosen: what is on sale or can be read may have changed since.
        if key is not None:
            known = await self._store.read(partial(job_of, key=key))
            if known is not None:
                return await self._known(known, f"request_key {key.text!r} stands for this job.")
        elif terms.agreed_to is not None:
            digest = digest_of_asked(asked, digests(media))
            known = await self._store.read(partial(came_to, code=terms.agreed_to, digest=digest))
            if known is not None:
                return await self._known(known, "The same yes has led to this job before.")
        if key is None and not terms.allow_duplicate:
            known = await self.asked_before(asked, media)
            if known is not None:
                return known
        plan = await self._shops.quoted(self._shops.plan(asked, media, trouble))
        self._shops.check_choice(plan)
        paid = not plan.offer.provider.placeholder
        if paid:
            self._shops.check_limits()
        await self._saver.preflight(paid=paid)
        await anyio.to_thread.run_sync(self._receipts.prepare)
        advice = (
            *check_prompt(plan.request.prompt or "", plan.offer.model),
            *check_inputs(plan.request, plan.offer, media),
        )
        order = Order(
            asked=asked,
            media=media,
            terms=terms,
            key=key,
            limit=self._settings.max_usd_per_job,
            advice=advice,
        )
        end = anyio.current_time() + _ANSWER_SECONDS

        async def buy_by(plan: Plan, intent: Intent) -> tuple[Job, bool]:
            provider = self._shops.open(plan.offer.provider)
            job, deduplicated = await self._commit(intent, plan.offer, media, provider)
            if not deduplicated:
                self._announce(job)
            await self._answer(job, end - anyio.current_time())
            try:
                return await self.job(job.id), deduplicated
            except Exception as error:
                # It is bought, or may be: an error here would send the order to the next provider.
                self.troubles.note("Looking at it after its purchase", error, job.id)
                return job, deduplicated

        started = await Fallback(
            order,
            buy=buy_by,
            shops=self._shops,
            settings=self._settings,
            owner=self._store.ownership.instance,
            seconds=_ANSWER_SECONDS,
        ).start(plan)
        return replace(started, advice=(*started.advice, *advice))

    async def asked_before(self, asked: VideoRequest, media: Mapping[str, MediaFile]) -> Started | None:
        """Give the job that stands for what is asked, however it would be planned now."""
        known = digests(media)
        same = await self._store.read(
            partial(made_for, digests=(digest_of_asked(asked, known),), asked=wanted(asked, known))
        )
        job = await self._store.read(partial(standing, jobs=same, now=self._store.clock()))
        return None if job is None else await self._known(job, why_there(job, same))

    async def _known(self, job: Job, reason: str) -> Started:
        await self._answer(job)
        return Started(job=await self.job(job.id), deduplicated=True, reason=reason, advice=())

    async def _answer(self, job: Job, seconds: float = _ANSWER_SECONDS) -> None:
        """Wait a little for the provider's answer if this process is buying the job at the moment."""
        if job.id in self._buying:
            with anyio.move_on_after(seconds):
                await self._buying[job.id].wait()

    async def _commit(
        self, intent: Intent, offer: Offer, media: Mapping[str, MediaFile], provider: Provider
    ) -> tuple[Job, bool]:
        """Put the intent on disk and give it its buyer, or neither."""
        if self._buyers is None:
            raise RuntimeError("nothing can be started outside of running()")
        transaction = partial(
            reserve,
            intent=intent,
            settings=self._settings,
            now=self._store.clock(),
        )
        # Once reserved, the job must have its buyer even if the caller is cancelled at this moment.
        with anyio.CancelScope(shield=True):
            bought = False
            # Noted before it is on disk: the watcher must never find it without its buyer.
            self._buying[intent.job_id] = anyio.Event()
            try:
                if self._ending:
                    await self.begin_ending()
                outcome = await self._store.write(transaction)
                if isinstance(outcome, ConfirmationRequired):
                    raise outcome
                job, deduplicated = outcome
                if not deduplicated:
                    self._buyers.start_soon(self._buy, job, offer, media, provider)
                    bought = True
                return job, deduplicated
            finally:
                if not bought:
                    self._buying.pop(intent.job_id).set()
        raise AssertionError("unreachable: nobody cancels the scope")

    async def job(self, job_id: str) -> Job:
        """Load one job. Raises JobNotFound."""
        return await self._store.read(lambda connection: journal.find(connection, job_id))

    async def cancel(self, job_id: str) -> tuple[Job, str]:
        """Ask the provider to stop. Returns the job and, in words, what became of the money. Raises JobNotFound."""
        job = await self.job(job_id)
        job, words = await cancel(
            job, self._shops.offer(job), open_provider=self._shops.open_for, store=self._store
        )
        if not job.finished:
            self._announce(job)
            self._watcher.look_at(job.id)
        return job, words

    async def adopt_late(self) -> None:
        """Look now, not only once an hour, for purchases that were judged not to have happened. Raises StoreError."""
        await self._watcher.adopt_late()

    def saving_progress(self, job_id: str) -> tuple[int, int | None] | None:
        """Bytes of the result fetched so far and in all (None: unknown); None while nothing is being fetched."""
        return self._saver.progress.get(job_id)

    def on_change(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback(job_id)` on the event loop after every change of a job; returns what ends it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    async def with_defaults(self, request: VideoRequest) -> VideoRequest:
        """
        Fill in what the request does not give from the job that it is based on.

        Raises:
            InvalidRequest: the request holds what cannot be stored or sent, such as a NUL; names every place.
            JobNotFound: there is no such job.
        """
        problems = [
            problem
            for name in VideoRequest.model_fields
            for problem in unusable(name, getattr(request, name))
        ]
        if problems:
            raise InvalidRequest(problems)
        if request.based_on is None:
            return request
        base = (await self.job(request.based_on)).request
        given = {name: getattr(request, name) for name in request.model_fields_set}
        options = {**base.provider_options, **request.provider_options}
        return base.model_copy(update={**given, "provider_options": options})

    async def _buy(self, job: Job, offer: Offer, media: Mapping[str, MediaFile], provider: Provider) -> None:
        with anyio.CancelScope(shield=True):
            try:
                with self.troubles.contained("Buying it", job.id):
                    job = await buy(
                        job,
                        offer,
                        media,
                        provider=provider,
                        store=self._store,
                        receipts=self._receipts,
                        settings=self._settings,
                        carrier=self._shops.carrier,
                        link=self._shops.link,
                        changed=self._announce,
                    )
            finally:
                self._buying.pop(job.id).set()
            if not job.finished:  # a buyer that failed leaves it to the watcher as well
                self._watcher.follow(job)
            await self.troubles.keep()

    async def _end_hooks(self, commands: anyio.abc.TaskGroup) -> None:
        """Run what is owed to the end, unless nobody has the time for it: then it is left to whoever lives."""
        if self._hurried:
            await self.hooks.idle(_HOOKS_SECONDS)
            commands.cancel_scope.cancel()
        else:
            with self.troubles.contained("Looking for commands to run at the end of jobs"):
                await self.hooks.start_owed(commands)

    def _announce(self, job: Job) -> None:
        """Tell everybody that the job has changed. Never raises: what a listener makes of it is not the job's fault."""
        if job.finished:
            self.hooks.ring()
        for callback in list(self._listeners):
            with self.troubles.contained("Telling of a change of it", job.id):
                callback(job.id)
