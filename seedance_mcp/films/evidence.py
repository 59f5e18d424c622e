"""Reads what the states of a film's shots follow from: its takes, their jobs and verdicts, and the files that it names."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import anyio.to_thread

from ..errors import JobNotFound, MediaError, SeedanceError
from ..jobs import Sources, is_path, of_another_kind, on_another_machine
from ..store import Connection, DamagedRecord, Store, film_orders, film_outcomes, films, job_records, reviews
from ..types import (
    WORKERS,
    FilmOrder,
    FilmQuality,
    FilmRecord,
    Job,
    Mark,
    MediaFile,
    MediaKind,
    Review,
    RowRefusal,
    Take,
)
from . import elsewhere
from .document import FilmDocument
from .music import open_music
from .named import NamedFile, files_named, placed
from .plan import QUALITIES, Basis
from .reading import checked
from .states import Evidence, shot_states

_AT_ONCE = 400


@dataclass(frozen=True, kw_only=True)
class Found:
    """
    A film as it is now: `problems` name the files of its document that cannot be read, each with its place, and
    `unreadable` has the same words without it.

    `is_elsewhere`: another machine has ordered it, and has its file. `is_by_workers`: any worker makes it, and the record of
    its last join says where its file is. `missing` are the jobs whose clips are not on this
    machine, each with why not (see `elsewhere`).
    """

    record: FilmRecord
    document: FilmDocument
    takes: tuple[Take, ...]
    marks: tuple[Mark, ...]
    orders: tuple[FilmOrder, ...]
    jobs: Mapping[str, Job]
    reviews: Mapping[str, Review]
    refusals: tuple[RowRefusal, ...] = ()
    joins: Mapping[FilmQuality, film_outcomes.Join] = field(
        default_factory=dict[FilmQuality, film_outcomes.Join]
    )
    media: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])
    problems: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    missing: elsewhere.Missing = field(default_factory=dict[str, "MediaError | None"])
    is_elsewhere: bool = False
    is_by_workers: bool = False

    @property
    def order(self) -> FilmOrder | None:
        """The order that is open, else the last one; None: nothing of it was ever made."""
        return self.orders[-1] if self.orders else None

    def evidence(self, quality: FilmQuality) -> Evidence:
        """Return what counts for one quality."""
        return Evidence(
            quality=quality,
            takes=self.takes,
            marks=self.marks,
            jobs=self.jobs,
            media=self.media,
            reviews=self.reviews,
            refusals={(one.shot, one.take): one for one in self.refusals},
            open_plans=frozenset(order.plan for order in self.orders if order.ended_at is None),
            missing=self.missing,
        )

    @property
    def basis(self) -> Basis:
        """What it is planned from."""
        return Basis(
            record=self.record,
            document=self.document,
            evidence={quality: self.evidence(quality) for quality in QUALITIES},
            orders=len(self.orders),
        )


@dataclass(frozen=True, kw_only=True)
class LookedAt:
    """
    What the files of a document hold, by their source, and what is wrong with them, by their place.

    None stands for what this process may not read: another one may know it. `unreadable` has the problems without what to
    do about them.
    """

    media: Mapping[str, str | None]
    problems: Mapping[str, str]
    unreadable: tuple[str, ...]


class Digests:
    """
    The hashes of the files that documents name. A file that has not been touched is not read again: a film that somebody
    waits for is looked at twice a second.
    """

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self._known: dict[str, tuple[tuple[int, ...], str]] = {}

    async def of(self, source: str, kind: MediaKind) -> str:
        """Return the hash of a source's content, or what stands for it. Raises SeedanceError: it cannot be read."""
        return await self._of(source, partial(self._open, kind=kind))

    async def of_music(self, source: str) -> str:
        """Return the hash of a film's music. Raises SeedanceError: it cannot be played."""
        return await self._of(source, partial(open_music, self.sources), "music ")

    async def _open(self, source: str, kind: MediaKind) -> MediaFile:
        file = await self.sources.open(source, kind=kind)
        if file.kind != kind:
            raise MediaError(of_another_kind(file, kind, source))
        return file

    async def _of(self, source: str, look: Callable[[str], Awaitable[MediaFile]], purpose: str = "") -> str:
        stamp = await anyio.to_thread.run_sync(_stamp, source)
        known = self._known.get(purpose + source)
        if stamp is not None and known is not None and known[0] == stamp:
            return known[1]
        file = await look(source)
        digest = file.sha256 or file.url or source
        if stamp is not None:
            self._known[purpose + source] = stamp, digest
        return digest


def _stamp(source: str) -> tuple[int, ...] | None:
    """What changes when a local file is written to; None: it is no such file."""
    if "://" in source or ":" in source.partition("/")[0]:
        return None
    try:
        status = Path(source).stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


async def find(store: Store, digests: Digests, film_id: str) -> Found:
    """
    Read a film. Raises FilmNotFound, StoreError.

    A file that cannot be read is named in `problems`; the shots that it is for count as made from something else then. Of
    one that only this process may not read, nothing is said but that; nor of files of another machine, which makes the film or
    has read its document.
    """
    found = await store.read(partial(_read, film_id=film_id))
    if store.shared:
        found = await _at_its_place(found, store.machine, digests.sources)
        if not _has_its_files(found, store.machine):
            named = files_named(found.document.model_dump())
            return replace(found, media={one.source: None for one in named if one.kind != "music"})
    files = files_named(found.document.model_dump())
    is_making = found.is_by_workers and found.order is not None and found.order.ended_at is None
    looked_at = await look_at_files(digests, files, found.record.folder, paths=not is_making)
    return replace(
        found,
        media=looked_at.media,
        problems=tuple(f"{place}: {words}" for place, words in looked_at.problems.items()),
        unreadable=looked_at.unreadable,
    )


async def fetch_clips(found: Found, jobs: Iterable[str], sources: Sources) -> Found:
    """Bring those clips here that other machines saved, as far as they can be had; `missing` tells of the rest."""
    if not found.missing:
        return found
    here, missing = await elsewhere.fetched(found.jobs, found.missing, jobs, sources)
    return replace(found, jobs=here, missing=missing)


async def with_clips(found: Found, quality: FilmQuality, sources: Sources) -> Found:
    """Do as `fetch_clips` with all clips that the film shows at one quality."""
    if not found.missing:
        return found
    states = shot_states(found.document, found.evidence(quality))
    shown = [state.chosen.job_id for state in states if state.chosen and state.chosen.job_id]
    return await fetch_clips(found, shown, sources)


async def _at_its_place(found: Found, machine: str, sources: Sources) -> Found:
    """
    Return the film as it is on this machine, of several.

    Where another one has read its document since it was ordered here, it is the one that was ordered.
    """
    here, missing = await elsewhere.found_here(found.jobs, sources)
    found = replace(found, jobs=here, missing=missing)
    order = found.order
    if order is None or order.place is None:
        return found
    if order.is_for_workers:
        record = replace(found.record, output_dir=str(sources.output_dir))
        if order.ended_at is None:
            record = replace(record, folder=None, machine=WORKERS)
        return replace(found, record=record, is_by_workers=True)
    is_ours = order.is_made_at(machine)
    record = replace(found.record, output_dir=order.place.output_dir)
    if is_ours and record.machine != machine:
        record = replace(record, folder=order.place.folder, machine=machine)
    return replace(found, record=record, is_elsewhere=not is_ours)


def _has_its_files(found: Found, machine: str) -> bool:
    """Whether this machine is the one where the paths of the document lead to what they are to lead to."""
    is_making = found.order is not None and found.order.ended_at is None
    return found.record.machine in (None, WORKERS, machine) and not (found.is_elsewhere and is_making)


async def look_at_files(
    digests: Digests, files: Iterable[NamedFile], folder: str | None, *, paths: bool = True
) -> LookedAt:
    """Look at files that a document names; without `paths` those that are named by one are on another machine."""
    from ..media import OutsideFolders

    media: dict[str, str | None] = {}
    problems: dict[str, str] = {}
    unreadable: list[str] = []
    for one in files:
        try:
            if not paths and is_path(one.source):
                raise on_another_machine(one.source)
            source = placed(one.source, folder)
            if one.kind == "music":  # nothing is made from it, but without it there will be no film
                await digests.of_music(source)
            else:
                media[one.source] = await digests.of(source, one.kind)
        except SeedanceError as error:
            is_outside = isinstance(error, OutsideFolders)
            if one.kind != "music":
                media[one.source] = None if is_outside else f"unreadable {one.source}"
            problems[one.place] = f"{error.message} {error.hint}" if is_outside else error.message
            unreadable.append(error.message)
    return LookedAt(media=media, problems=problems, unreadable=tuple(unreadable))


def _read(connection: Connection, *, film_id: str) -> Found:
    record = films.find_film(connection, film_id)
    takes = films.takes(connection, film_id)
    jobs: dict[str, Job] = {}
    for take in takes:
        if take.job_id is not None:
            jobs[take.job_id] = _job(connection, take.job_id)
    ids = list(jobs)
    judged: dict[str, Review] = {}
    for start in range(0, len(ids), _AT_ONCE):
        judged |= reviews.in_force(connection, ids[start : start + _AT_ONCE])
    return Found(
        record=record,
        document=checked(json.loads(record.document)),
        takes=tuple(takes),
        marks=tuple(films.marks(connection, film_id)),
        orders=tuple(film_orders.orders(connection, film_id)),
        jobs=jobs,
        reviews=judged,
        refusals=tuple(film_outcomes.refusals(connection, film_id)),
        joins=film_outcomes.joins(connection, film_id),
    )


def _job(connection: Connection, job_id: str) -> Job:
    try:
        return job_records.find(connection, job_id)
    except JobNotFound as error:  # it is referred to, so it was there: nothing may be bought in its place
        raise DamagedRecord(f"The record of job {job_id}, a film's take, is gone.", hint="") from error
