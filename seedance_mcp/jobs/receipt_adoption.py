"""Attaches tasks that are known by receipts to their jobs: of dead processes on this disk, or of any in the object store."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from ..errors import JobNotFound
from ..store import Kept, Receipts, UnreadReceipt, job_records
from ..types import Job, Submission
from .buying.outcomes import adopt_receipt
from .context import JobContext

if TYPE_CHECKING:
    from .buying.receipt_objects import ReceiptObjects

logger = logging.getLogger(__name__)


class ReceiptAdoption:
    """Looks at receipts; `look_at` is called with the id of each job that has got its task by one."""

    def __init__(
        self,
        context: JobContext,
        receipts: Receipts,
        elsewhere: ReceiptObjects | None,
        look_at: Callable[[str], None],
    ) -> None:
        self._store = context.store
        self._incidents = context.incidents
        self._events = context.events
        self._purchases = context.purchases
        self._receipts = receipts
        self._elsewhere = elsewhere
        self._look_at = look_at

    async def look_elsewhere(self, job: Job) -> bool:
        """
        Look in the object store, where there is one, for a receipt of a job that has no task; True if it has one now.

        Raises:
            StoreError: the database cannot be used.
        """
        return self._elsewhere is not None and job.submission is None and await self._elsewhere.adopt(job)

    async def look_here(self) -> None:
        """Adopt what dead processes of this machine have left. Raises `OSError`: the folder cannot be read."""
        for kept in await anyio.to_thread.run_sync(self._receipts.read):
            mine = kept.instance == self._store.local.instance
            if mine or not self._store.local.alive(kept.instance):
                with self._incidents.contained("Reading the receipts of a process"):
                    if kept.unreadable is not None:  # later, perhaps; all others' are adopted meanwhile
                        raise kept.unreadable
                    await self._adopt_kept(kept, mine=mine)

    async def _adopt_kept(self, kept: Kept, *, mine: bool) -> None:
        adopted, unread = True, not kept.whole
        for job_id, submission in kept.receipts:
            # A buyer that still tries to record the outcome must not be overtaken.
            if mine and (job_id in self._purchases or not self._receipts.needs(job_id)):
                continue
            now_adopted = False
            with self._incidents.contained("Adopting what was bought for it", job_id):
                unread = not await self._adopt(job_id, submission) or unread
                now_adopted = True
                if mine:
                    self._receipts.forget(job_id)
            adopted = adopted and now_adopted
        if mine or not adopted:
            return
        if unread:
            logger.error("receipts that nobody can make sense of are kept as %s", kept.set_aside())
        else:
            kept.discard()

    async def _adopt(self, job_id: str, submission: Submission) -> bool:
        """Attach a task to its job; False if no job can be given it."""
        now, uptime = self._store.clock(), self._store.uptime()
        adoption = partial(adopt_receipt, job_id=job_id, submission=submission, now=now, uptime=uptime)
        try:
            adopted = await self._store.write(adoption)
        except (JobNotFound, job_records.DamagedRecord) as error:
            words = f"A receipt says that task {submission.task_id} was bought for it. {error.message}"
            self._incidents.note("Adopting what was bought for it", UnreadReceipt(words), job_id)
            return False
        if adopted is not None:
            self._events.changed(adopted)
            self._look_at(adopted.id)
        return True
