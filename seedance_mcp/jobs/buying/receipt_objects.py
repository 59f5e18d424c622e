"""
Receipts in the object store, for a purchase that the database does not take: another machine finds them there.

The file of receipts lies on the disk of the machine that bought, and can vanish with it. Where several machines share the
jobs, what a provider has accepted is put into the object store as well, as soon as the database keeps it waiting.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from functools import cached_property, partial

import anyio

from ...errors import ConfigError
from ...objects import ObjectStore, ObjectStoreError, access_of
from ...types import Job, Submission
from ..context import JobContext
from ..object_names import receipt_name
from .outcomes import adopt_receipt

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 0.25
"""How long the database may take before a receipt is put there: usually it takes hundredths of that, and needs none."""

_CALL_SECONDS, _PAUSE_SECONDS, _PATIENCE_SECONDS = 5.0, 1.0, 30.0
"""How long one call may take, the pause before the next one, and how long it is tried to put a receipt there."""

_TIDY_SECONDS = 2.0
_REST_SECONDS = 60.0
"""How long nobody is asked for receipts after the store could not be used."""

_MOST_BYTES = 4096


class ReceiptObjects:
    """
    The receipts of all processes of the installation, one object for each job, named by the process that bought it.

    To adopt one twice changes nothing, so whoever follows a job that may have been bought looks, also while its buyer
    lives. A store that is down delays nobody for longer than a call, and is left alone for a while.
    """

    def __init__(self, context: JobContext) -> None:
        self._store = context.store
        self._settings = context.settings
        self._events = context.events
        self._purchases = context.purchases
        self._rests_until = float("-inf")

    @cached_property
    def _objects(self) -> ObjectStore:
        access = access_of(self._settings)
        if access is None:
            raise ConfigError("SEEDANCE_OBJECT_STORE is not set.")
        return ObjectStore(access, clock=self._store.clock, read_seconds=_CALL_SECONDS)

    async def beside(
        self, work: Callable[[], Awaitable[Job | None]], job: Job, submission: Submission
    ) -> Job | None:
        """
        Do the work that puts an accepted purchase into the database, and keep a receipt of it meanwhile, if that takes long.

        The receipt goes once the work has returned a job. Raises what the work raises, and nothing else.
        """
        begun, stored, failure = False, None, None
        name = receipt_name(job.owner, job.id)

        async def keep() -> None:
            nonlocal begun
            await anyio.sleep(_GRACE_SECONDS)
            begun = True
            await self._put(name, job, submission)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep)
            try:
                stored = await work()
            except Exception as error:
                failure = error  # raised outside: in here, the task group would wrap it
            if stored is not None:
                tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure
        if begun and stored is not None:
            await self._remove(name)
        return stored

    async def adopt(self, job: Job) -> bool:
        """
        Look for a receipt of a purchase whose outcome is not known, and attach the task that it names; True if there was one.

        Raises:
            StoreError: the database cannot be used; the receipt stays.
        """
        if job.id in self._purchases or anyio.current_time() < self._rests_until:
            return False
        name = receipt_name(job.owner, job.id)
        submission = await self._read(name, job.id)
        if submission is None:
            return False
        now, uptime = self._store.clock(), self._store.uptime()
        adoption = partial(adopt_receipt, job_id=job.id, submission=submission, now=now, uptime=uptime)
        adopted = await self._store.write(adoption)
        await self._remove(name)
        if adopted is not None:
            logger.warning("%s is adopted by a receipt in the object store", job.id)
            self._events.changed(adopted)
        return adopted is not None

    async def _put(self, name: str, job: Job, submission: Submission) -> None:
        content = _written(job.id, submission)
        with anyio.move_on_after(_PATIENCE_SECONDS):
            while True:
                try:
                    with anyio.fail_after(_CALL_SECONDS):
                        await self._objects.put_small(name, content, "application/json")
                    return
                except (ObjectStoreError, ConfigError, TimeoutError) as error:
                    logger.warning("no receipt of %s is in the object store yet: %s", job.id, error)
                await anyio.sleep(_PAUSE_SECONDS)

    async def _read(self, name: str, job_id: str) -> Submission | None:
        try:
            with anyio.fail_after(_CALL_SECONDS):
                content = await self._objects.read_small(name, _MOST_BYTES)
            return None if content is None else _parsed(content, job_id)
        except (ObjectStoreError, ConfigError, TimeoutError) as error:
            self._rests_until = anyio.current_time() + _REST_SECONDS
            logger.info("nobody can be asked for receipts in the object store now: %s", error)
        except (ValueError, TypeError, KeyError, RecursionError):
            logger.error("%s in the object store is no receipt that anybody can make sense of", name)
        return None

    async def _remove(self, name: str) -> None:
        """Remove a receipt that is in the database; one that stays does no harm."""
        with anyio.move_on_after(_TIDY_SECONDS, shield=True):
            try:
                await self._objects.delete(name)
            except (ObjectStoreError, ConfigError) as error:
                logger.info("the receipt %s could not be removed: %s", name, error)


def _written(job_id: str, submission: Submission) -> bytes:
    """Write what finds the task again, without any address that is signed: the task's id is enough to go on."""
    handle = {key: value for key, value in submission.handle.items() if "?" not in value}
    content = json.dumps({"job_id": job_id, "task_id": submission.task_id, "handle": handle}).encode()
    if len(content) > _MOST_BYTES:
        content = json.dumps({"job_id": job_id, "task_id": submission.task_id, "handle": {}}).encode()
    return content


def _parsed(content: bytes, job_id: str) -> Submission:
    """Read a receipt. Raises ValueError, TypeError or KeyError: it is none, or another job's."""
    found = json.loads(content)
    if found["job_id"] != job_id:
        raise ValueError(job_id)
    handle = {str(key): str(value) for key, value in dict(found["handle"]).items()}
    return Submission(task_id=str(found["task_id"]), handle=handle)
