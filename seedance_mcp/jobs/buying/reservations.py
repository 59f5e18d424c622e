"""An intent to buy, put on disk together with its money; or the job that already stands for the same intent."""

from __future__ import annotations

from dataclasses import replace

from ...config import Settings
from ...errors import ConfirmationRequired
from ...store import (
    Connection,
    Consent,
    budget,
    confirmations,
    finish_hooks,
    job_records,
    repeated_requests,
    transitions,
)
from ...types import Job, JobState, Question, Signer
from ..local_files.job_folders import as_recorded
from . import deduplication, idempotency, unknown_prices
from .intents import Intent


def reserve(
    connection: Connection,
    *,
    intent: Intent,
    settings: Settings,
    now: float,
) -> tuple[Job, bool] | ConfirmationRequired:
    """
    Put the intent and its reservation on disk: the new job and False, or the job that it repeats and True.

    The question for a person's agreement is returned, not raised: raising would undo its own record.

    Raises:
        BudgetExceeded: a cap or an open breaker stands in the way.
        InvalidRequest: its key was used for another request.
    """
    terms, fingerprint = intent.terms, intent.fingerprint
    stands_for = intent.stands_for
    if intent.key is not None:
        known = idempotency.job_of(connection, intent.key)
        if known is not None:
            return known, True
    elif terms.agreed_to is not None and intent.agreed is None:
        # The same call once more, by a client that lost the answer. (An order that moves on is no such call.)
        known = confirmations.came_to(connection, terms.agreed_to, intent.asked)
        if known is not None:
            return known, True
    if intent.key is None and not terms.allow_duplicate:
        # Also for what others refused to this caller: it may have been accepted for another one in the meantime.
        same = repeated_requests.made_for(connection, (fingerprint, *stands_for), intent.wanted)
        comparable = deduplication.comparable(same, paid=not intent.maximum.is_free)
        known = deduplication.standing(connection, comparable, now=now)
        if known is not None:
            return known, True
    _check(connection, intent, settings, now)
    agreed_by: Signer | None = None
    consent = _to_be_agreed(connection, intent, settings, now)
    if consent is not None:
        signed = (
            "person"
            if terms.confirmed
            else confirmations.agreed(connection, consent, settings=settings, now=now)
        )
        if isinstance(signed, ConfirmationRequired):
            return signed
        agreed_by = signed
    job = Job(
        id=intent.job_id,
        state=JobState.RESERVED,
        version=1,
        owner=intent.owner,
        provider=intent.provider,
        account=intent.account,
        base_url=intent.base_url,
        model=intent.model,
        endpoint=intent.endpoint,
        request=intent.request,
        fingerprint=fingerprint,
        client_key=f"{fingerprint}:{job_records.repetitions(connection, fingerprint)}",
        tag=intent.tag,
        estimate=intent.estimate,
        maximum=intent.maximum,
        agreed_by=agreed_by,
        wanted=intent.wanted,
        output_dir=as_recorded(settings.output_dir),
        created_at=now,
    )
    stored = transitions.insert(connection, job, day=budget.day_of(now))
    if intent.key is not None:
        idempotency.keep(connection, intent.key, stored)
    if settings.on_finish:
        finish_hooks.wish(connection, stored.id)
    repeated_requests.note(connection, stored.id, stands_for)
    if intent.wanted is not None:
        repeated_requests.note(connection, stored.id, (intent.wanted.content,))
    return stored, False


def foresee(connection: Connection, *, intent: Intent, settings: Settings, now: float) -> Question | None:
    """
    Describe what a person would be asked before this purchase, None if nothing, and record nothing.

    Raises:
        BudgetExceeded: `reserve` would refuse it.
    """
    _check(connection, intent, settings, now)
    consent = _to_be_agreed(connection, intent, settings, now)
    return None if consent is None else consent.question


def _check(connection: Connection, intent: Intent, settings: Settings, now: float) -> None:
    """Let the purchase pass the caps, or raise BudgetExceeded."""
    budget.check(
        connection,
        budget.Limits.of(settings),
        budget.Seller(provider=intent.provider, account=intent.account, model=intent.model),
        price=intent.maximum,
        now=now,
    )
    unknown_prices.check(connection, intent, settings)


def _to_be_agreed(connection: Connection, intent: Intent, settings: Settings, now: float) -> Consent | None:
    """What a person has to agree to: a high or unknown price, or the same once more. None: nobody is asked."""
    fingerprint = intent.fingerprint
    dear = confirmations.needed(intent.maximum, mode=settings.confirm, above_usd=settings.confirm_above_usd)
    digests = (fingerprint, *intent.stands_for)
    same = repeated_requests.same_ids(connection, intent.wanted)
    repeated = "" if intent.maximum.is_free else confirmations.repeated(connection, digests, same, now)
    if not (dear or repeated):
        return None
    question = Question.about(
        intent.request,
        price=intent.maximum,
        provider=intent.provider,
        model=intent.model,
        seconds=intent.seconds,
        remarks=intent.remarks,
    )
    return Consent(
        fingerprint=fingerprint,
        question=replace(question, reason=repeated),
        token=intent.terms.confirm_token,
        agreed_to=intent.terms.agreed_to,
        carried=intent.agreed,
        job_id=intent.job_id,
        asked=intent.asked,
        wanted=intent.wanted,
    )
