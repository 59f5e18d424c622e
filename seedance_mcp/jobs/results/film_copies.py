"""The files of joined films in the object store: put there, fetched, and given out by links."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
import anyio.to_thread

from ...errors import ConfigError, MediaError
from ...objects import ObjectStore, ObjectStoreError, UploadTerms, access_of
from ...store import Store
from ...types import FilmCut, FilmFile, Link
from ..context import JobContext
from ..inputs.incoming import fetched_to
from ..object_names import film_name
from .object_copies import LINK_SECONDS

_TYPES = {".mp4": "video/mp4", ".jpg": "image/jpeg", ".srt": "application/x-subrip", ".vtt": "text/vtt"}
_FETCH_SECONDS = 600.0


class FilmCopies:
    """The copies of joined films in the object store that the settings name."""

    def __init__(self, context: JobContext) -> None:
        access = access_of(context.settings)
        if access is None:
            raise ConfigError("SEEDANCE_OBJECT_STORE is not set.")
        self._store: Store = context.store
        self._objects = ObjectStore(access, clock=context.store.clock)

    @property
    def place(self) -> str:
        """The store, as records name it."""
        return self._objects.place

    async def put(self, film_id: str, cut: str, folder: Path, files: Sequence[FilmFile]) -> None:
        """
        Put the files of a cut into the store, each read back; none is written over.

        Raises:
            ObjectStoreError: it does not have them. Some may be there.
            OSError: a file cannot be read.
        """
        for file in files:
            name, path = film_name(film_id, cut, file.name), folder / file.name
            terms = UploadTerms(content_type=_type(file.name), bytes=file.bytes, sha256=file.sha256)
            await self._objects.put(name, path, terms)
            if await self._objects.digest(name) != (file.bytes, file.sha256):
                await self._objects.delete(name)
                raise ObjectStoreError("What the object store gave back was not the file that was put there.")

    async def remove(self, film_id: str, cut: FilmCut) -> None:
        """Delete the copies of a cut that became no film. Raises ObjectStoreError."""
        for file in cut.files:
            await self._objects.delete(film_name(film_id, cut.name, file.name))

    def has(self, cut: FilmCut) -> bool:
        """Return whether the copies of a cut are in this store."""
        return cut.place == self.place

    async def fetch(self, film_id: str, cut: FilmCut, file: FilmFile, path: Path) -> None:
        """
        Bring a file of a cut here, checked by its hash.

        Raises:
            MediaError: it cannot be had (now), or is another file.
        """
        try:
            with anyio.fail_after(_FETCH_SECONDS):
                await anyio.to_thread.run_sync(lambda: path.parent.mkdir(parents=True, exist_ok=True))
                await fetched_to(path, self._objects.read(film_name(film_id, cut.name, file.name)), file)
        except ObjectStoreError as error:
            raise MediaError(
                f"{file.name} cannot be fetched from the object store now: {error.message}",
                hint="Try again later.",
            ) from error
        except (TimeoutError, OSError) as error:
            reason = "it took too long" if isinstance(error, TimeoutError) else error.strerror
            raise MediaError(
                f"{file.name} cannot be fetched from the object store now: {reason}.", hint="Try again later."
            ) from error

    def link(self, film_id: str, cut: FilmCut, file: FilmFile) -> Link:
        """Make a link to a file that is there. Raises ConfigError: the key cannot be read now."""
        expires_at = self._store.clock() + LINK_SECONDS
        name = film_name(film_id, cut.name, file.name)
        url = self._objects.download_address(name, seconds=LINK_SECONDS, file_name=file.name)
        return Link(url=url, expires_at=expires_at)


def _type(name: str) -> str:
    return _TYPES.get(Path(name).suffix, "application/octet-stream")
