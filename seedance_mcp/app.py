"""Wires the rooms together: everything that a person or an assistant can ask for. Knows no MCP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from .config import Settings
from .errors import OtherAccount
from .installation import Installation
from .jobs import (
    Overview,
    PurchaseFlow,
    Questions,
    Quote,
    ReadTracker,
    Reviews,
    Role,
    SavedVideos,
    Sets,
    Sources,
    StartedJob,
    Update,
    UploadedMedia,
    Viewed,
    Viewing,
    Waiting,
    beyond,
    forecast,
    register,
    several,
    untaken,
)
from .store import (
    BoardFile,
    Budget,
    Damaged,
    Declined,
    Incident,
    ScopedStore,
    Spent,
    Transition,
    budget,
    by_day,
    job_records,
    open_chosen,
    read_budget,
    transitions,
)
from .types import OWNER, ExpectedFile, Job, LinkedFile, PurchaseTerms, Scope, VideoRequest

if TYPE_CHECKING:
    from .catalog import Catalog
    from .films import Films

__all__ = ["App", "Declined", "Quote", "ReadTracker", "Role", "Update", "UploadedMedia", "Viewed", "open_app"]


class App:
    """
    One open installation as one person sees it. Build with `open_app`, for others then with `for_person`.

    What runs in the background, providers and the installation itself are the same to all (`installation`).
    """

    def __init__(self, installation: Installation, scope: Scope) -> None:
        self.installation = installation
        self.settings = settings = installation.settings
        self.scope = scope
        self.runner = installation.runner
        self._pool, self._planner = installation.pool, installation.planner
        self._store = store = ScopedStore(installation.store, scope)
        self._sources = Sources(store, settings, self._pool, buys=installation.context.role.buys)
        self._context = context = replace(installation.context, store=store)
        self._flow = PurchaseFlow(
            context,
            pool=self._pool,
            planner=self._planner,
            sources=self._sources,
            buyer=self.runner.buyer,
            handover=self.runner.handover,
        )
        self.questions = Questions(store)
        self.reviews = Reviews(context)
        self.overview = Overview(store, settings)
        self.videos = SavedVideos(settings, self._sources)
        self.board = BoardFile(settings.state_dir)
        self.sets = Sets(store, self.wait)
        self.viewing = Viewing(store, settings, self.job, self.sets.find)
        self._waiting = Waiting(self.runner, self.job, self.usual_seconds, self._pool, store.clock)

    def for_person(self, scope: Scope) -> App:
        """Return the same installation as this person sees it."""
        return self if scope == self.scope else self.installation.app_of(scope)

    @property
    def for_everybody(self) -> App:
        """The same for whoever administers, with what is everybody's; for all others it is this one."""
        return self.for_person(replace(self.scope, sees_all=True)) if self.scope.administers else self

    @property
    def catalog(self) -> Catalog:
        """Everything that can be bought, with the user's overlay. Read on first use."""
        return self.installation.catalog

    @cached_property
    def films(self) -> Films:
        """The films of this person. Read on first use."""
        from .films import Films

        return Films(
            self._context,
            pool=self._pool,
            planner=self._planner,
            sources=self._sources,
            flow=self._flow,
            runner=self.runner,
        )

    @property
    def notice(self) -> str | None:
        """What the user should know about the job database, such as that a damaged one was set aside."""
        return self.installation.store.notice

    async def incidents(self) -> list[Incident]:
        """List what failed within the last day in a way that nobody planned, newest first. Never raises."""
        return await self.runner.incidents.recent(self._store)

    async def damaged(self, newest: int | None = None) -> list[Damaged]:
        """
        Name the jobs whose records cannot be read, newest first; nothing else tells of them.

        With `newest`, only what is known without a search through all records: see `DamagedRecords.known`.
        """
        damaged = self.runner.damaged
        return await (damaged.search(self._store) if newest is None else damaged.known(newest, self._store))

    @property
    def settings_notices(self) -> tuple[str, ...]:
        """What the user should know of the settings: keys that cannot be used, and names that nobody reads."""
        return self._pool.settings_notices

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know before anything else: the `settings_notices` and the `notice`."""
        return (*self.settings_notices, self.notice) if self.notice else self.settings_notices

    async def estimate(self, request: VideoRequest, terms: PurchaseTerms | None = None) -> Quote:
        """
        Price a request here and everywhere else, without buying anything. Of the `terms` of a purchase `max_usd` and
        `variations` count.

        The chosen provider is asked for its own price, where it gives one; no file is sent for that.

        Raises:
            InvalidRequest, JobNotFound: it cannot be made as asked.
        """
        asked = await self._sources.resolve(request)
        terms = terms or PurchaseTerms()
        if terms.variations is not None:
            asked = several(asked, request)
        plan = await self._planner.quoted(self._planner.plan(asked))
        others = self._planner.elsewhere(asked, plan)
        refused = beyond(asked, plan, terms, self.settings.max_usd_per_job, others)
        return Quote(
            offer=plan.offer,
            request=plan.request,
            estimate=plan.estimate,
            reason=plan.reason,
            outlook=refused
            or await forecast(
                asked, plan, terms.variations, pool=self._pool, settings=self.settings, store=self._store
            ),
            others=others,
            budget=await self.budget(),
            usual_seconds=await self.usual_seconds(plan.offer.provider.name, plan.offer.model.id),
            notes=(*plan.notes, *self._planner.notes(plan, asked)),
            advice=self._planner.advice(plan, asked),
            max_usd=terms.max_usd,
            ladder=plan.ladder,
            variations=terms.variations,
            ladder_words=plan.ladder.words(plan) if plan.ladder else "",
        )

    async def generate(self, request: VideoRequest, terms: PurchaseTerms | None = None) -> StartedJob:
        """Start one video; see `PurchaseFlow.run`."""
        return await self._flow.run(request, terms or PurchaseTerms())

    async def wait(
        self, job_id: str, seconds: float, report: Callable[[Update], Awaitable[None]] | None = None
    ) -> Job:
        """
        Wait until the job has finished, at most so many seconds; the job goes on either way.

        `report` is called at every change and at least every 5 seconds; `fraction` never goes back.

        Raises:
            JobNotFound: there is no such job.
        """
        return await self._waiting.wait(job_id, seconds, report)

    async def cancel(self, job_id: str) -> tuple[Job, str]:
        """Ask the provider to stop the job. Returns it and, in words, what became of the money."""
        return await self.runner.cancel((await self.job(job_id)).id)

    async def job(self, job_id: str) -> Job:
        """Load one job. Raises JobNotFound."""
        return await self._store.read(lambda connection: job_records.find(connection, job_id))

    async def recent(self, limit: int = 20) -> list[Job]:
        """Load the newest jobs, newest first."""
        return await self._store.read(lambda connection: job_records.recent(connection, limit))

    async def unread(self, client: str) -> list[Job]:
        """List the jobs that finished within a day and that this client is not known to have read about."""
        now = self._store.clock()
        return await self._store.read(lambda connection: job_records.unread(connection, client, now=now))

    async def note_read(self, client: str, job_ids: Collection[str]) -> None:
        """
        Note that this client has read that these jobs finished: from now on the same request is a new purchase.

        That an answer was sent is no evidence of it; see `ReadTracker`.
        """
        now = self._store.clock()
        await self._store.write(partial(job_records.note_read, client=client, job_ids=job_ids, now=now))

    async def spending(self, days: int = 30) -> list[Spent]:
        """Sum up what counts as spent by day, person, provider and model, newest first."""
        return await self._store.read(lambda connection: by_day(connection, days))

    async def history(self, job_id: str) -> list[Transition]:
        """List the transitions of a job, oldest first."""
        return await self._store.read(lambda connection: transitions.history(connection, job_id))

    async def unfinished(self) -> list[Job]:
        """Load every job that something still happens to."""
        return await self._store.read(job_records.unfinished)

    async def waits_for(self, job: Job) -> OtherAccount | None:
        """Name which key a job waits for; None if it can be followed from here, or has nothing to wait for."""
        return await self._pool.waits_for(job)

    def not_as_ordered(self, job: Job) -> str | None:
        """Describe in what the file of a finished job is not what was ordered; None: it is, or there is none."""
        return self._pool.not_as_ordered(job)

    def untaken(self, job: Job) -> str | None:
        """Describe that no worker has taken an order for a while; None: it is none, or has not waited for long."""
        return untaken(job, self._store.clock())

    async def budget(self) -> Budget:
        """What is spent and what is left."""
        return await read_budget(self._store, self.settings)

    async def usual_seconds(self, provider: str, model: str) -> float | None:
        """How long such a job usually takes here, in seconds; None before the first one."""
        return await self._store.read(partial(job_records.usual_seconds, provider=provider, model=model))

    async def upload(
        self, source: str | ExpectedFile | LinkedFile, provider: str | None = None
    ) -> UploadedMedia:
        """
        Check a file or URL, keep it under a `media:<id>` unless it is one, and say which offers can take it.

        Raises:
            MediaError: it cannot be used at all.
            InvalidRequest: there is no such provider.
        """
        return await register(
            source,
            provider,
            sources=self._sources,
            catalog=self.catalog,
            settings=self.settings,
            carrier=self._pool.carrier,
        )

    @property
    def malformed_keys(self) -> Mapping[str, str]:
        """By provider, a sentence on a key that cannot be one; such a provider is not ready."""
        return self._pool.malformed_keys

    @property
    def misnamed_keys(self) -> Mapping[str, str]:
        """By provider, a sentence on a key that stands under a name that nobody reads, or that nobody filled in."""
        return self._pool.misnamed_keys

    def providers_ready(self) -> Mapping[str, bool]:
        """For each provider, whether it could be bought from now."""
        return self._pool.ready()

    def on_change(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback(job_id)` after every change of a job; returns what ends it."""
        return self.runner.on_change(callback)


@contextlib.asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    watch: bool = True,
    leave: bool = False,
    patience: float | None = None,
    role: Role = Role.WHOLE,
    scope: Scope = OWNER,
) -> AsyncGenerator[App]:
    """
    Open the installation in this scope: database, watcher of open jobs, adapters on demand.

    With `watch=False` nothing runs in the background, and nothing can be started. With `leave=True` a detached
    watcher stays behind when the end comes before the jobs' (unless the user has switched that off). `patience` as in
    `open_store`; a `role` other than the whole is for a database that several machines share.

    Raises:
        ConfigError, StoreError: the job database cannot be used.
    """
    store = await anyio.to_thread.run_sync(partial(open_chosen, settings, patience=patience))
    installation = Installation(settings, store, App, leave=leave, role=role)
    try:
        if store.notice:
            await store.write(budget.stop_spending)
        if watch:
            async with installation.runner.running():
                yield installation.app_of(scope)
        else:
            yield installation.app_of(scope)
    finally:
        with anyio.CancelScope(shield=True):
            await installation.close()
