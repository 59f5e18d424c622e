"""The films of an installation: read, planned, ordered, shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from ..errors import BudgetExceeded, ConfigError, FilmNotFound, InvalidRequest, PlanChanged
from ..jobs import (
    JobContext,
    JobRunner,
    OrderIntent,
    Planner,
    ProviderPool,
    PurchaseFlow,
    Sources,
    foresee_film,
    place,
)
from ..remarks import Remarks
from ..store import DamagedRecord, film_orders, film_plans, films, read_budget
from ..types import WORKERS, FilmQuality, FilmRecord, Link, MediaFile, PurchaseTerms, Reviewer, Take
from . import evidence
from .as_written import check_version, keep_over
from .decisions import Decisions
from .document import FilmDocument
from .elsewhere import place_here
from .evidence import Digests, Found
from .film import Film, FilmUpdate, film_of, folder_of, join_of_now, update_of
from .film_id import check_belongs, id_of, new_id
from .following import Following
from .limits import Market, limits
from .maker import Maker
from .merging import kept, merged, written
from .music import open_music
from .named import MOST_UNCHECKED, files_named, placed
from .plan import FilmPlan, FilmPlanner, PlanRow
from .plan_words import plan_changes, without_files
from .reading import checked, content_of, parsed, with_ids, with_more
from .requests import ShotRequests
from .states import ShotState, shot_states


class Films:
    """Everything that can be done with films. Nothing is bought but by `make`, and nothing that its plan did not say."""

    def __init__(
        self,
        context: JobContext,
        *,
        pool: ProviderPool,
        planner: Planner,
        sources: Sources,
        flow: PurchaseFlow,
        runner: JobRunner,
    ) -> None:
        self._context = context
        self._store = context.store
        self._settings = context.settings
        self._pool = pool
        self._sources = sources
        self._digests = Digests(sources)
        self._runner = runner
        requests = ShotRequests(planner, sources, lambda: pool.catalog, context.settings.model)
        self._planner = FilmPlanner(planner, requests)
        self._decisions = Decisions(context.store)
        self._maker = Maker(context, flow, sources, self._digests, pool, runner)
        following = Following(context, runner, self._find, self._shown)
        self.wait, self.cancel = following.wait, following.cancel

    async def advance(self) -> None:
        """Take the next step of every film that is being made. Raises StoreError."""
        await self._maker.advance()

    async def read(self, path: Path) -> FilmRecord:
        """
        Read a person's document, which stays as it is; the film's id is kept beside it in `NAME.film`.

        Raises:
            InvalidRequest: everything that is wrong with it, each with its place; or its film is another document's.
            MediaError: there is no such file, or it cannot be read.
        """
        path = await anyio.to_thread.run_sync(lambda: path.parent.resolve() / path.name)
        content = await anyio.to_thread.run_sync(content_of, path)
        document = await self._checked(parsed(content, path.name), str(path.parent))
        film_id = await id_of(path, self._store)
        with suppress(FilmNotFound, DamagedRecord):  # such a record is written anew
            known = await self._store.read(partial(films.find_film, film_id=film_id))
            await anyio.to_thread.run_sync(check_belongs, path, known)
        return await self._keep(film_id, document, name=path.name, folder=str(path.parent))

    async def take(self, storyboard: Mapping[str, Any], film_id: str | None) -> FilmRecord:
        """
        Take a document as an object. With an id only what changes need be in it: shots are merged by their ids.

        None removes a field, one of the cast or a shot; `shots` may then be a table of ids.

        Raises:
            InvalidRequest: everything that is wrong with it, each with its place.
            FilmNotFound: there is no such film.
            Rewritten: somebody else changed it at the same moment; what they wrote stays.
        """
        if film_id is None:
            return await self._keep(
                new_id(), await self._checked(merged({}, storyboard), None), name="", folder=None
            )
        record = await self._store.read(partial(films.find_film, film_id=film_id))
        document = await self._checked(merged(kept(record.document), storyboard), record.folder)
        return await self._keep(
            film_id, document, name=record.name, folder=record.folder, over=record.version
        )

    async def plan(
        self,
        film_id: str,
        quality: FilmQuality = "final",
        redo: Sequence[str] = (),
        keep: Sequence[str] = (),
        *,
        version: int | None = None,
    ) -> FilmPlan:
        """
        Plan what making the film buys; buys nothing. `redo` are shots to be made anew, `keep` stale ones that are good as
        they are, which is remembered. With a `version` only that one of the document is planned.

        Raises:
            FilmNotFound: there is no such film.
            InvalidRequest: `redo` or `keep` names a shot that there is not, or that has no take to keep.
            Rewritten: it has another version.
        """
        found = await self._find(film_id)
        check_version(found.record, version)
        if keep:
            await self._decisions.accept(found, quality, keep)
            found = await self._find(film_id)
            check_version(found.record, version)
        return await self._planned(found, quality, redo)

    async def choose(self, film_id: str, shot: str, take: int | None, *, by: Reviewer = "person") -> Film:
        """
        Let a take be the one that a shot shows, until a later order brings another; None takes the choice back.

        Buys and joins nothing: the next plan has what follows from it. An assistant's choice does not outrank a person's.

        Raises:
            FilmNotFound: there is no such film.
            InvalidRequest: there is no such shot or take, or it has no finished video.
        """
        await self._decisions.choose(await self._find(film_id), shot, take, by)
        return await self.find(film_id)

    async def choose_job(self, job_id: str, *, by: Reviewer) -> tuple[Film, ShotState]:
        """
        Let the take that a job has made be the one that its shot shows; as `choose`. Returns the shot at that quality, too.

        Raises:
            InvalidRequest: the job is no take of a film, or none that a shot of it can show.
        """
        take = await self._store.read(partial(films.take_of, job_id=job_id))
        if take is None:
            raise InvalidRequest([f"Job {job_id} is no take of a film."], hint="Leave choose out.")
        await self._decisions.choose_take(await self._find(take.film_id), take, by)
        found = await self._find(take.film_id)
        states = shot_states(found.document, found.evidence(take.quality))
        return await self._shown(found), next(state for state in states if take in state.takes)

    async def of_job(self, job_id: str) -> str | None:
        """Return the id of the film that a job makes a take of; None: of none. Raises StoreError."""
        take = await self._store.read(partial(films.take_of, job_id=job_id))
        return take.film_id if take is not None else None

    async def make(self, film_id: str, plan: str, terms: PurchaseTerms) -> Film:
        """
        Have the film made by a plan that somebody agreed to. The same plan again is the same order.

        Raises:
            FilmNotFound: there is no such film.
            PlanChanged: the film is planned otherwise now.
            InvalidRequest: something of the plan cannot be made, or another plan of the film is being made.
            ConfirmationRequired: a person has to agree to the price of the whole.
            BudgetExceeded, ConfigError, StoreError: nothing was bought.
        """
        if not await self.is_ordered(film_id, plan):
            shown = await self._store.read(partial(film_plans.find, film_id=film_id, plan=plan))
            found = await self._find(film_id)
            there = {shot.id for shot in found.document.shots}
            redo = [name for name in shown.redo if name in there] if shown else []
            now = await self._planned(found, shown.quality if shown else "final", redo)
            if now.token == plan:
                if now.problems:
                    raise InvalidRequest(list(now.problems), hint="Change the document; nothing was bought.")
                await self._order(found, now, terms)
            elif not await self.is_ordered(film_id, plan):  # nor by somebody else in the meantime
                words = (
                    plan_changes(shown.rows, now.told)
                    if shown
                    else ("Nobody was shown a plan with this token.",)
                )
                raise PlanChanged(now, words or ("The document has changed.",))
        self._runner.films.wake()
        return await self.find(film_id)

    async def is_ordered(self, film_id: str, plan: str) -> bool:
        """Return whether a plan was agreed to, now or at any time. Raises StoreError."""
        return await self._store.read(partial(film_orders.find, film_id=film_id, plan=plan)) is not None

    async def find(self, film_id: str) -> Film:
        """Return a film with everything that is known of it. Raises FilmNotFound."""
        return await self._shown(await self._find(film_id))

    def link(self, film: Film) -> Link | None:
        """
        Make a link to the file of a film that a worker has joined; None: the object store has none.

        Raises:
            ConfigError: the key of the store cannot be read now.
        """
        copies = self._runner.film_copies
        if film.cut is None or copies is None or not copies.has(film.cut):
            return None
        return copies.link(film.id, film.cut, film.cut.files[0])

    async def fetched(self, film: Film, *, whole: bool = True) -> Film:
        """
        Bring the files of a film here that a worker has joined on another machine; if not the `whole`, all but the film itself.

        Where the object store has none, the film stays as it is. Raises MediaError: they cannot be fetched now.
        """
        copies, cut = self._runner.film_copies, film.cut
        if cut is None or copies is None or not copies.has(cut):
            return film
        folder = folder_of(film)
        for file in cut.files if whole else cut.files[1:]:
            if not await anyio.to_thread.run_sync((folder / file.name).is_file):
                await copies.fetch(film.id, cut, file, folder / file.name)
        return await self.find(film.id)

    async def music(self, film: Film) -> MediaFile | None:
        """Return the file of a film's music, None if it has none. Raises MediaError: it cannot be used."""
        music = film.document.music
        return await open_music(self._sources, placed(music.file, film.record.folder)) if music else None

    async def recent(self, limit: int = 20) -> list[Film]:
        """List the films that were read, the newest change first, without those whose records are damaged."""
        found: list[Film] = []
        for record in await self.records(limit):
            with self._context.incidents.contained(
                f"Looking at film {record.id}", person=self._store.scope.person
            ):
                found.append(await self.find(record.id))
        return found

    async def records(self, limit: int = 20) -> list[FilmRecord]:
        """List the documents of the films that were read, the newest change first. Raises StoreError."""
        return await self._store.read(partial(films.recent_films, limit=limit))

    async def making(self) -> list[FilmUpdate]:
        """Tell how far the films are that are being made, the oldest order first."""
        orders = await self._store.read(film_orders.open_orders)
        return [update_of(await self.find(order.film_id)) for order in orders]

    async def _checked(self, data: Any, folder: str | None) -> FilmDocument:
        """
        Check a document.

        Raises:
            InvalidRequest: everything that is wrong with it and with the files that it names, and what no model takes.
        """
        try:
            return checked(data)
        except InvalidRequest as error:
            files = islice(files_named(with_ids(data)), MOST_UNCHECKED)
            wrong = (await evidence.look_at_files(self._digests, files, folder)).problems
            market = Market(self._pool.catalog, self._settings.provider, self._settings.model)
            more = (*limits(data, market), *(f"{place}: {words}" for place, words in wrong.items()))
            raise with_more(error, more) from None

    async def _find(self, film_id: str) -> Found:
        return await evidence.find(self._store, self._digests, film_id)

    async def _shown(self, found: Found) -> Film:
        film = await anyio.to_thread.run_sync(film_of, found)
        return replace(film, problems=(*film.problems, *await self._maker.rows_of_other_accounts(found)))

    async def _keep(
        self, film_id: str, document: FilmDocument, *, name: str, folder: str | None, over: int | None = None
    ) -> FilmRecord:
        now = self._store.clock()
        record = FilmRecord(
            id=film_id,
            version=1,
            document=written(document),
            name=name,
            folder=folder,
            output_dir=str(self._settings.output_dir),
            machine=(self._store.machine or None) if self._context.role.buys else WORKERS,
            created_at=now,
            changed_at=now,
        )
        return await self._store.write(partial(keep_over, film=record, version=over))

    async def _planned(self, found: Found, quality: FilmQuality, redo: Sequence[str]) -> FilmPlan:
        found = await evidence.with_clips(found, quality, self._sources)
        budget = await read_budget(self._store, self._settings)
        plan = await self._planner.plan(found.basis, quality, redo, budget.left_today_usd)
        join = join_of_now(found, quality, plan.shots)
        plan = replace(
            plan,
            problems=(*found.problems, *without_files(plan.problems, found.unreadable)),
            totals={} if found.problems else plan.totals,
            advice=(*plan.advice, *(join.on_takes if join is not None else ())),
        )
        if plan.rows and not plan.problems:
            plan = await self._foreseen(found, plan)
        shown = film_plans.ShownPlan(
            film_id=plan.film_id,
            plan=plan.token,
            quality=quality,
            redo=plan.redo,
            rows=plan.told,
            at=self._store.clock(),
        )
        await self._store.write(lambda connection: film_plans.keep(connection, shown))
        return plan

    async def _foreseen(self, found: Found, plan: FilmPlan) -> FilmPlan:
        """Say of a plan whether a person would be asked now, and why it would be refused."""
        try:
            self._check_settings(plan)
            intent = self._intent(found, plan, PurchaseTerms())
            foresee = partial(foresee_film, intent=intent, settings=self._settings, now=self._store.clock())
            question = await self._store.read(foresee)
        except (BudgetExceeded, ConfigError) as error:
            plan = replace(plan, refusal=error)
            return replace(plan, notes=(plan.refused, *plan.notes))
        return replace(plan, is_asked=question is not None)

    async def _order(self, found: Found, plan: FilmPlan, terms: PurchaseTerms) -> None:
        self._check_settings(plan)  # a key that cannot be used is told before the question
        await place(self._context, self._intent(found, plan, terms))

    def _check_settings(self, plan: FilmPlan) -> None:
        """Raise ConfigError if by the settings nothing can be bought where a plan buys."""
        for name in dict.fromkeys(row.provider for row in plan.rows):
            self._pool.open(self._pool.catalog.provider(name))
        if any(not row.offer.provider.placeholder for row in plan.rows):
            self._pool.check_limits()

    def _intent(self, found: Found, plan: FilmPlan, terms: PurchaseTerms) -> OrderIntent:
        return OrderIntent(
            film_id=plan.film_id,
            plan=plan.token,
            quality=plan.quality,
            title=found.document.title,
            rows=tuple(self._with_account(plan, row) for row in plan.rows),
            accounts={row.provider: self._pool.account(row.offer.provider) for row in plan.rows},
            terms=terms,
            seconds=Decimal(sum(found.document.shot(row.shot).seconds for row in plan.rows)),
            remarks=Remarks(notes=plan.notes, advice=plan.advice),
            place=place_here(self._context, found.record),
        )

    def _with_account(self, plan: FilmPlan, row: PlanRow) -> Take:
        account = self._pool.account_at(row.offer.provider)
        return replace(plan.take(row), account=account.fingerprint, base_url=account.address)
