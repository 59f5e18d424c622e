"""Puts each finished video into the object store besides, again and again until it is there, and makes links to it."""

from __future__ import annotations

import logging
from functools import cached_property, partial
from pathlib import Path, PurePath

import anyio
import anyio.to_thread

from ...backoff import exponential
from ...errors import ConfigError, StoreError
from ...objects import ObjectStore, ObjectStoreError, UploadTerms, access_of
from ...store import job_records, object_copies
from ...store.object_copies import ObjectCopy
from ...types import Artifacts, Job, JobState, Link
from ..context import JobContext
from ..object_names import copy_name

logger = logging.getLogger(__name__)

LINK_SECONDS = 3600
"""How long a link works that is given out."""

_LOOK_SECONDS, _LONG_PAUSE = 5.0, 60.0
"""How often it is looked for what is owed; the second where that failed, such as for a key that cannot be read."""

_FIRST_PAUSE, _FACTOR = 5.0, 3.0
_SETTLE_SECONDS = 0.1
_TYPES = {".mov": "video/quicktime"}


class ObjectCopies:
    """
    The copies of finished videos in the object store that the settings name.

    The file on disk stays the job's video, whatever becomes of its copy. What is owed stands in the database, so that any
    process goes on with it; a copy counts as there when it was read back with the hash of the file.
    """

    def __init__(self, context: JobContext) -> None:
        self._store = context.store
        self._settings = context.settings
        self._incidents = context.incidents
        self._events = context.events
        self._saved_elsewhere: set[str] = set()
        self._bell = anyio.Event()
        self._events.on_end(self.ring)

    @cached_property
    def _objects(self) -> ObjectStore:
        access = access_of(self._settings)
        if access is None:
            raise ConfigError("SEEDANCE_OBJECT_STORE is not set.")
        return ObjectStore(access, clock=self._store.clock)

    def ring(self) -> None:
        """Look now: a job has ended."""
        self._bell.set()

    async def follow(self) -> None:
        """Put into the store what is owed, as it comes, until cancelled."""
        while True:
            self._bell = anyio.Event()
            pause = _LONG_PAUSE
            with self._incidents.contained("Putting videos into the object store"):
                while await self.put_next():
                    pass
                pause = _LOOK_SECONDS
            with anyio.move_on_after(pause):
                await self._bell.wait()

    async def put_next(self) -> bool:
        """
        Try the copy that is due first; False if none is.

        Raises:
            StoreError: the database cannot be used.
            ConfigError: the settings of the object store cannot.
        """
        place, now, me = self._objects.place, self._store.clock(), self._store.ownership.instance
        if await self._store.read(partial(object_copies.new, place=place, now=now)):
            await self._store.write(partial(object_copies.owe, place=place, now=now))
        such = {"place": place, "now": now, "is_free": self._is_free, "skip": self._saved_elsewhere}
        found = await self._store.read(partial(object_copies.due, **such))
        if found is None:
            return False
        if self._store.shared and not await self._is_here(found.job_id):
            self._saved_elsewhere.add(found.job_id)  # the machine that has the file copies it
            return True
        copy = await self._store.write(partial(object_copies.claim, by=me, **such))
        if copy is None:
            return False
        try:
            job = await self._store.read(lambda connection: job_records.find(connection, copy.job_id))
            sha256 = await self._put(job, again=copy.tries > 0)
        except (ObjectStoreError, ConfigError, StoreError, OSError) as error:
            await self._failed(copy, error)
        else:
            done = partial(object_copies.note_stored, copy=copy, now=self._store.clock(), sha256=sha256)
            await self._store.write(done)
            self._events.told(copy.job_id)
        return True

    async def _is_here(self, job_id: str) -> bool:
        job = await self._store.read(lambda connection: job_records.find(connection, job_id))
        return await anyio.to_thread.run_sync(Path(_files(job).video_path).is_file)

    async def find(self, job: Job) -> ObjectCopy | None:
        """Return the copy of a job's video, be it owed; None for a job without a video, or before it was looked for."""
        if job.state is not JobState.DONE or job.artifacts is None:
            return None
        copy = await self._store.read(
            lambda connection: object_copies.find(connection, self._objects.place, job.id)
        )
        other = copy is not None and copy.sha256 not in (None, job.artifacts.sha256)
        return None if other else copy

    async def settled(self, job: Job, seconds: float) -> ObjectCopy | None:
        """
        Do as `find`, after waiting for the first try at most so long.

        A video that is older than those which are owed a copy by themselves is owed one now.
        """
        if job.state is JobState.DONE and await self.find(job) is None:
            now = self._store.clock()
            owe = partial(object_copies.owe_one, place=self._objects.place, job_id=job.id, now=now)
            await self._store.write(owe)
            self.ring()
        with anyio.move_on_after(seconds):
            while job.state is JobState.DONE:
                copy = await self.find(job)
                if copy is not None and (copy.stored_at is not None or copy.tries):
                    return copy
                await anyio.sleep(_SETTLE_SECONDS)
        return await self.find(job)

    def link(self, job: Job) -> Link:
        """
        Make a link to a copy that is there.

        Raises:
            ConfigError: the key cannot be read now.
        """
        expires_at = self._store.clock() + LINK_SECONDS
        name = copy_name(job.id, _files(job))
        url = self._objects.download_address(name, seconds=LINK_SECONDS, file_name=PurePath(name).name)
        return Link(url=url, expires_at=expires_at)

    def _is_free(self, runner: str) -> bool:
        # What this process has claimed and is not at any more, such as after a cancellation, is free as well: it puts one
        # video after the other.
        ownership = self._store.ownership
        return runner == ownership.instance or not ownership.alive(runner)

    async def _put(self, job: Job, *, again: bool) -> str:
        """Put the video of a job where it belongs, unless it is there, and read it back; the hash of what is there."""
        files = _files(job)
        name, path = copy_name(job.id, files), Path(files.video_path)
        content_type = _TYPES.get(path.suffix, "video/mp4")
        terms = UploadTerms(content_type=content_type, bytes=files.bytes, sha256=files.sha256)
        if not (again and await self._is_there(name)):
            await self._objects.put(name, path, terms)
        found = await self._objects.digest(name)
        if found != (files.bytes, files.sha256):
            # Under this name is nothing but this job's video: what is there came to harm, and the next try puts it anew.
            await self._objects.delete(name)
            raise ObjectStoreError("What the object store gave back was not the video that was put there.")
        return files.sha256

    async def _is_there(self, name: str) -> bool:
        """Return whether a try before this one has put it there; where that is not told, it is put once more."""
        try:
            return await self._objects.head(name) is not None
        except ObjectStoreError:
            return False

    async def _failed(self, copy: ObjectCopy, error: Exception) -> None:
        words = error.strerror or "" if isinstance(error, OSError) else str(error)
        words = f"Its file cannot be read: {words}." if isinstance(error, OSError) else words
        logger.warning("%s: its video is not in the object store yet: %s", copy.job_id, words)
        pause = exponential(_FIRST_PAUSE, copy.tries + 1, factor=_FACTOR, longest=object_copies.LONGEST_PAUSE)
        due_at = self._store.clock() + pause
        await self._store.write(partial(object_copies.note_failed, copy=copy, error=words, due_at=due_at))


def _files(job: Job) -> Artifacts:
    if job.artifacts is None:
        raise ObjectStoreError("The job has no video.")
    return job.artifacts
