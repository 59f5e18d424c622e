"""Puts the outcome of a purchase on disk, whatever stands in the way: the id of an accepted task is never lost."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from ...errors import ProviderError, SeedanceError, StoreError, SubmissionUnknown
from ...store import Connection, Receipts, Store, breakers, budget, claimed, job_records, transitions
from ...types import Job, JobState, Submission, TaskStatus

if TYPE_CHECKING:
    from .receipt_objects import ReceiptObjects

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 30.0
_RETRY_SECONDS = 0.5
_RECEIPT = "receipt"
"""Who moves a job by what a receipt says."""

_ACCEPTED_AFTER_ALL: Mapping[str, Any] = {
    "task_status": TaskStatus.QUEUED,
    "error": None,
    "error_code": None,
    "error_hint": None,
    "provider_code": None,
    "not_found_at": None,
}
"""What no longer holds of a job whose purchase turns out to have been accepted."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """
    What became of one purchase: the state that its job goes to, with the submission if it was accepted.

    `http_status` and `raw` are the provider's answer, as far as there was one.
    """

    to: JobState
    submission: Submission | None = None
    error: Exception | None = None
    http_status: int | None = None
    raw: bytes = b""
    bare: bool = field(default=False, repr=False)
    """Only what money depends on is written: something in the rest cannot be."""

    @property
    def words(self) -> dict[str, Any]:
        """The fields of a job that say what went wrong."""
        if self.error is None:
            return {}
        told = _told(self.error)
        if self.to is JobState.UNKNOWN and not told["error_hint"]:
            told["error_hint"] = SubmissionUnknown.default_hint
        return {"error_code": told["error_code"]} if self.bare else told

    def barely(self) -> Outcome:
        """The same without what only people read: texts of a provider can be such that they cannot be stored."""
        found = self.submission
        kept = found and Submission(
            task_id=found.task_id, handle={key: _storable(value) for key, value in found.handle.items()}
        )
        return replace(self, submission=kept, bare=True)


async def record(
    job: Job,
    outcome: Outcome,
    *,
    store: Store,
    receipts: Receipts,
    elsewhere: ReceiptObjects | None = None,
) -> Job:
    """
    Put the outcome of the job's purchase on disk: an accepted task first in the receipts, then all in the database.

    A database that takes long has the receipt put `elsewhere` as well, where other machines find it.

    Returns the job as it is then; the one given, when the database did not take it for half a minute. The receipt
    stays in that case, and whoever lives adopts it.
    """
    if outcome.submission is not None:
        try:
            await anyio.to_thread.run_sync(partial(receipts.keep, job.id, outcome.submission))
        except OSError:
            logger.exception(
                "no receipt of %s could be kept; its task is %s", job.id, outcome.submission.task_id
            )
    work = partial(_put_down, job, outcome, store)
    if outcome.submission is None or elsewhere is None:
        stored = await work()
    else:
        stored = await elsewhere.beside(work, job, outcome.submission)
    if stored is None:
        return job
    if outcome.submission is not None:
        await anyio.to_thread.run_sync(receipts.forget, job.id)
    return stored


async def _put_down(job: Job, outcome: Outcome, store: Store) -> Job | None:
    """Return the job as it is in the database then; None when that did not take it for half a minute."""
    try:
        return await _write(job, outcome, store)
    except StoreError:
        return await _write_late(job, outcome, store)
    except Exception:
        logger.exception("the outcome of %s cannot be written as a whole", job.id)
        return await _write(job, outcome.barely(), store)


async def _write(job: Job, outcome: Outcome, store: Store) -> Job:
    by = store.ownership.instance
    return await store.write(
        partial(_record, job=job, outcome=outcome, now=store.clock(), uptime=store.uptime(), by=by)
    )


async def _write_late(job: Job, outcome: Outcome, store: Store) -> Job | None:
    with anyio.move_on_after(_PATIENCE_SECONDS):
        while True:
            await anyio.sleep(_RETRY_SECONDS)
            try:
                return await _write(job, outcome, store)
            except StoreError:
                logger.warning("the outcome of %s is not in the database yet", job.id)
    return None


def _record(connection: Connection, *, job: Job, outcome: Outcome, now: float, uptime: float, by: str) -> Job:
    owner = _owner(connection, job, outcome.submission)
    if owner is not None:
        outcome = _not_ours(outcome, owner)
    stored = job_records.find(connection, job.id)
    if _is_written(connection, job, stored, outcome):
        return stored
    _keep_answer(connection, job, outcome, now)
    if stored.version != job.version:
        return _come_back(connection, stored, outcome, now=now, by=by)
    changes: dict[str, Any] = dict(outcome.words)
    detail = "" if outcome.bare else str(outcome.error or "")[:300]
    if outcome.submission is not None:
        changes |= {"submission": outcome.submission, "accepted_at": now}
        detail = _bought_as(outcome.submission)
    if outcome.to is JobState.UNKNOWN:
        changes |= {"unknown_at": now, "unknown_uptime": uptime}
    return transitions.move(connection, job, outcome.to, now=now, by=by, detail=detail, **changes)


def _is_written(connection: Connection, job: Job, stored: Job, outcome: Outcome) -> bool:
    """
    Return whether this very refusal is written already: its transaction was committed, and its writer did not hear of it.

    Nobody else writes one. Counted twice it would stop the person after two of them.
    """
    if outcome.to is not JobState.REJECTED or stored.version == job.version:
        return False
    return any(one.after == outcome.to for one in transitions.history(connection, job.id))


def _come_back(connection: Connection, job: Job, outcome: Outcome, *, now: float, by: str) -> Job:
    """Find the job moved meanwhile, by somebody who took this process for dead, or by a person."""
    if outcome.submission is not None:
        return adopt(connection, job, outcome.submission, now=now, by=by)
    known = outcome.error or outcome.to
    logger.warning("%s is %s meanwhile; its buyer knows only: %s", job.id, job.state, known)
    return job


def _keep_answer(connection: Connection, job: Job, outcome: Outcome, now: float) -> None:
    """Keep what the provider said, and what that says about its account."""
    if outcome.raw or outcome.http_status is not None:
        raw = b"" if outcome.bare else outcome.raw
        job_records.keep_answer(
            connection, job.id, at=now, http_status=outcome.http_status, outcome=outcome.to, raw=raw
        )
    error = outcome.error
    seller = breakers.Seller(provider=job.provider, account=job.account, model=job.model, person=job.person)
    if outcome.to is JobState.ACCEPTED:
        breakers.accepted(connection, seller)
    elif outcome.to is JobState.REJECTED and isinstance(error, ProviderError):
        message, hint = ("", "") if outcome.bare else (error.message, error.hint)
        refusal = breakers.Refusal(code=error.code, message=message, hint=hint)
        breakers.refused(connection, seller, refusal, now=now)


def _owner(connection: Connection, job: Job, submission: Submission | None) -> str | None:
    """Name the job that this task belongs to, if it is another one."""
    if submission is None:
        return None
    return claimed(connection, job, {submission.task_id}).here.get(submission.task_id)


def _not_ours(outcome: Outcome, owner: str) -> Outcome:
    """
    Judge an answer that names another job's task: it may have bought nothing, or something under another id.

    Where the provider knows the first purchase again, its list proves that there is no second one.
    """
    assert outcome.submission
    return replace(
        outcome,
        to=JobState.UNKNOWN,
        submission=None,
        error=SubmissionUnknown(
            f"The provider answered with task {outcome.submission.task_id}, which is that of {owner} already;"
            " whether it took this purchase as well is not known."
        ),
    )


def adopt(connection: Connection, job: Job, submission: Submission, *, now: float, by: str) -> Job:
    """
    Attach an accepted task to the job that bought it, whatever it was taken for in the meantime.

    A job that has another task by now keeps it; then this one becomes a job of its own, counted and followed like any
    other. A task that another job has already, or that this one had before, changes nothing.
    """
    bought = _bought_as(submission)
    if job.submission is not None and job.submission.task_id == submission.task_id:
        return job
    owner = _owner(connection, job, submission)
    if owner is not None:
        logger.error("%s was answered with task %s, which is that of %s", job.id, submission.task_id, owner)
        return job
    if job.submission is None and JobState.ACCEPTED in transitions.LEGAL[job.state]:
        changes = {"submission": submission, "accepted_at": now, **_ACCEPTED_AFTER_ALL}
        return transitions.move(connection, job, JobState.ACCEPTED, now=now, by=by, detail=bought, **changes)
    if any(step.detail == bought for step in transitions.history(connection, job.id)):
        return job
    logger.error(
        "%s has task %s, and %s was accepted for it as well: that becomes a job of its own",
        job.id,
        job.submission and job.submission.task_id,
        submission.task_id,
    )
    _job_of_its_own(connection, job, submission, now=now, by=by)
    return job


def adopt_receipt(
    connection: Connection, *, job_id: str, submission: Submission, now: float, uptime: float
) -> Job | None:
    """
    Attach to a job the task that a receipt says was accepted for it; None if it needs nothing.

    Raises:
        JobNotFound, DamagedRecord: there is no job that could be given it.
    """
    job = job_records.find(connection, job_id)
    seen = job.version
    if job.state is JobState.SENDING:
        job = transitions.move(
            connection,
            job,
            JobState.UNKNOWN,
            now=now,
            by=_RECEIPT,
            unknown_at=now,
            unknown_uptime=uptime,
            **_told(SubmissionUnknown("The answer to the purchase was not recorded in time.")),
        )
    adopted = adopt(connection, job, submission, now=now, by=_RECEIPT)
    return adopted if adopted.version != seen else None


def _bought_as(submission: Submission) -> str:
    return f"the provider took it as task {submission.task_id}"


def _job_of_its_own(connection: Connection, job: Job, submission: Submission, *, now: float, by: str) -> None:
    job_id = f"job_{secrets.token_urlsafe(16)}"
    detail = f"also bought by {job.id}, which has another task"
    other = Job(
        id=job_id,
        state=JobState.RESERVED,
        version=1,
        owner=by,
        provider=job.provider,
        account=job.account,
        base_url=job.base_url,
        model=job.model,
        endpoint=job.endpoint,
        request=job.request,
        fingerprint=job.fingerprint,
        client_key=f"{job.fingerprint}:{job_id}",
        tag=hashlib.sha256(job_id.encode()).hexdigest()[:32],
        estimate=job.estimate,
        maximum=job.maximum,
        output_dir=job.output_dir,
        person=job.person,
        created_at=now,
    )
    other = transitions.insert(connection, other, day=budget.day_of(now), detail=detail)
    other = transitions.move(
        connection,
        other,
        JobState.SENDING,
        now=now,
        by=by,
        detail=detail,
        sent_at=job.sent_at or now,
        sent_running=job.sent_running,
        sent_start=job.sent_start,
        sent_not_before=job.sent_not_before,
    )
    transitions.move(
        connection,
        other,
        JobState.ACCEPTED,
        now=now,
        by=by,
        detail=detail,
        submission=submission,
        accepted_at=now,
        task_status=TaskStatus.QUEUED,
    )


def _storable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _told(error: Exception) -> dict[str, Any]:
    """The fields of a job that say what went wrong. An error nobody expected keeps its text to itself."""
    if not isinstance(error, SeedanceError):
        return {
            "error": "The server made a mistake while submitting.",
            "error_code": "internal",
            "error_hint": "",
        }
    return {
        "error": error.message,
        "error_code": error.code,
        "error_hint": error.hint,
        "provider_code": getattr(error, "provider_code", None),
    }
