"""Films as workers join them: each time as files of their own, which become the film by its record alone."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from anyio.to_thread import run_sync

from ..errors import MediaError, SeedanceError
from ..jobs import JobRunner, Sources, is_path, on_another_machine
from ..store import film_outcomes
from ..types import FilmCut, FilmFile, FilmOrder
from .evidence import Found
from .joining import files_beside, film_folder, film_path, join_film
from .pauses import Pauses
from .states import ShotState

logger = logging.getLogger(__name__)


class Cuts:
    """
    What this worker has joined and is not the film of an order yet.

    A worker that stood still and goes on may join a film that another has finished. As every cut has names of its own, on disk
    and in the object store, nothing is written over then, and what became no film is removed.
    """

    def __init__(self, runner: JobRunner) -> None:
        self._copies = runner.film_copies
        self._joined: dict[str, film_outcomes.Join] = {}
        self._pauses = Pauses()

    async def that_stands(self, join: film_outcomes.Join | None, found: Found) -> film_outcomes.Join | None:
        """Return a join whose files can be had by everybody, as far as they ever could; else None."""
        if join is None or join.problem is not None or join.cut is None:
            return None
        if self._copies is not None:
            return join if self._copies.has(join.cut) else None
        return (
            join if await run_sync(_is_whole, film_folder(found.record, found.document), join.cut) else None
        )

    async def joined(
        self, join: film_outcomes.Join, found: Found, states: Sequence[ShotState], sources: Sources
    ) -> film_outcomes.Join | None:
        """
        Join the film, and put it into the object store, if there is one; None: the store does not have it yet.

        `join` tells of what it is made. Raises MediaError: as `join_film`, or the music is a file of a machine.
        """
        film_id, folder = found.record.id, film_folder(found.record, found.document)
        if self._pauses.last(film_id):
            return None
        made = self._joined.get(film_id)
        if made is None or (made.quality, made.made_of) != (join.quality, join.made_of):
            await self._remove(found, made)
            made = self._joined[film_id] = await self._made(join, found, states, sources)
        if self._copies is None or made.cut is None:
            return made
        try:
            await self._copies.put(film_id, made.cut.name, folder, made.cut.files)
        except (SeedanceError, OSError) as error:
            logger.warning("film %s is not in the object store yet: %s", film_id, error)
            self._pauses.begin(film_id)
            return None
        self._pauses.end(film_id)
        made = self._joined[film_id] = replace(made, cut=replace(made.cut, place=self._copies.place))
        return made

    async def forget(self, found: Found, order: FilmOrder, *, kept: bool) -> None:
        """Forget what was joined for an order that has ended; unless it was `kept`, its files are removed. Never raises."""
        made = self._joined.pop(order.film_id, None)
        if not kept:
            await self._remove(found, made)

    async def _made(
        self, join: film_outcomes.Join, found: Found, states: Sequence[ShotState], sources: Sources
    ) -> film_outcomes.Join:
        music = found.document.music
        if music is not None and is_path(music.file):
            raise on_another_machine(music.file)
        name = f"c{secrets.token_hex(5)}"
        advice = await join_film(
            found.record, found.document, states, quality=join.quality, sources=sources, cut=name
        )
        path = film_path(found.record, found.document, join.quality, name)
        try:
            files = await run_sync(_files, path)
        except OSError as error:
            raise MediaError(f"The film at {path} cannot be read: {error.strerror}.") from error
        return replace(join, advice=advice, cut=FilmCut(name=name, files=files))

    async def _remove(self, found: Found, join: film_outcomes.Join | None) -> None:
        if join is None or join.cut is None:
            return
        if self._copies is not None:
            with suppress(SeedanceError):
                await self._copies.remove(found.record.id, join.cut)
        await run_sync(partial(_unlink, film_folder(found.record, found.document), join.cut))


def _files(path: Path) -> tuple[FilmFile, ...]:
    return tuple(map(_file, files_beside(path)))


def _file(path: Path) -> FilmFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FilmFile(name=path.name, bytes=path.stat().st_size, sha256=digest)


def _is_whole(folder: Path, cut: FilmCut) -> bool:
    try:
        return all((folder / file.name).stat().st_size == file.bytes for file in cut.files)
    except OSError:
        return False


def _unlink(folder: Path, cut: FilmCut) -> None:
    for file in cut.files:
        with suppress(OSError):
            (folder / file.name).unlink(missing_ok=True)
