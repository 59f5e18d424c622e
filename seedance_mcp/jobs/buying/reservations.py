"""An intent to buy, put on disk together with its money; or the job that already stands for the same intent."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...config import Settings
from ...errors import BudgetExceeded, ConfirmationRequired
from ...store import (
    Booking,
    Connection,
    Consent,
    approvals,
    breakers,
    budget,
    confirmations,
    drafts,
    film_orders,
    finish_hooks,
    job_records,
    repeated_requests,
    sets,
    short_digest,
    transitions,
)
from ...types import Draw, Job, JobState, PurchaseTerms, Question, Signer, VideoSet
from ..local_files.job_folders import as_recorded
from . import deduplication, idempotency, unknown_prices
from .idempotency import RequestKey
from .intents import Intent
from .set_intents import SetIntent


@dataclass(frozen=True, kw_only=True)
class ReservedSet:
    """What came of an intent to buy a set: a job of it, and the jobs that are `new`; none are where all were there before."""

    job: Job
    new: tuple[Job, ...] = ()


def reserve(
    connection: Connection,
    *,
    intent: Intent,
    settings: Settings,
    now: float,
) -> tuple[Job, bool] | ConfirmationRequired:
    """
    Put the intent and its reservation on disk: the new job and False, or the job that it repeats and True.

    The question for a person's agreement is returned, not raised: raising would undo its own record. What the order of a
    film pays for was agreed to and counted with it.

    Raises:
        BudgetExceeded: a cap or an open breaker stands in the way, or the order does not pay for it.
        InvalidRequest: its key was used for another request.
    """
    terms, fingerprint = intent.terms, intent.fingerprint
    stands_for = intent.stands_for
    if intent.key is not None:
        known = idempotency.job_of(connection, intent.key)
        if known is not None:
            return known, True
        if terms.draws_on is not None:
            return _drawn(connection, intent, intent.key, terms.draws_on, settings, now), False
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
        signed = _signed(connection, consent, terms, settings, now)
        if isinstance(signed, ConfirmationRequired):
            return signed
        agreed_by = signed
    return _stored(connection, intent, agreed_by, settings, now), False


def _drawn(
    connection: Connection, intent: Intent, key: RequestKey, draw: Draw, settings: Settings, now: float
) -> Job:
    """
    Put a job on disk that its row of a film's order pays for: what the row held counts for the job now.

    Raises:
        BudgetExceeded: the order does not pay for it, or nothing may be bought there now.
    """
    paid = film_orders.check_draw(
        connection, draw, key=key.text, digests=key.digests, price=intent.maximum, now=now
    )
    if not intent.maximum.is_free:
        budget.check_open(connection, _seller(intent), now=now)
        if paid.again:  # one more attempt than was counted with the order
            budget.check_hour(connection, budget.Limits.of(settings), now=now)
    job = _stored(connection, intent, paid.agreed_by, settings, now, booking=paid.booking)
    film_orders.draw(connection, draw, job.id)
    return job


def _signed(
    connection: Connection, consent: Consent, terms: PurchaseTerms, settings: Settings, now: float
) -> Signer | ConfirmationRequired:
    """Tell who has agreed: a person beforehand, or whoever the records name; else the question. Raises ApprovalRefused."""
    if terms.confirmed and approvals.given_beforehand(connection, consent, settings, now):
        return "person"
    return confirmations.agreed(connection, consent, settings=settings, now=now)


def _stored(
    connection: Connection,
    intent: Intent,
    agreed_by: Signer | None,
    settings: Settings,
    now: float,
    booking: Booking | None = None,
) -> Job:
    """Put a job on disk with its money and with everything by which it is known again; its money counts by the `booking`."""
    fingerprint = intent.fingerprint
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
        client_key=_client_key(connection, fingerprint),
        tag=intent.tag,
        estimate=intent.estimate,
        maximum=intent.maximum,
        agreed_by=agreed_by,
        wanted=intent.wanted,
        output_dir=as_recorded(settings.output_dir),
        person=connection.scope.person,
        created_at=now,
    )
    stored = transitions.insert(connection, job, day=budget.day_of(now), paid=booking)
    if intent.key is not None:
        idempotency.keep(connection, intent.key, stored)
    if settings.on_finish:
        finish_hooks.wish(connection, stored.id)
    if intent.final is not None:
        drafts.keep(connection, stored.id, intent.final)
    if intent.place is not None:
        sets.note(connection, stored.id, intent.place)
    repeated_requests.note(connection, stored.id, intent.stands_for)
    if intent.wanted is not None:
        repeated_requests.note(connection, stored.id, (intent.wanted.content,))
    return stored


def _client_key(connection: Connection, fingerprint: str) -> str:
    """Make the next key for this purchase, which no two people share."""
    person = connection.scope.person
    number = job_records.repetitions(connection, fingerprint)
    return f"{fingerprint}:{number}" if not person else f"{fingerprint}:{short_digest(person)}:{number}"


def reserve_set(
    connection: Connection, *, intent: SetIntent, settings: Settings, now: float
) -> ReservedSet | ConfirmationRequired:
    """
    Put on disk what of a set is not bought, all of it or nothing; or find the set that it repeats.

    Only a key that comes again buys what of its set was provably not bought, under the same numbers. The question for a
    person's agreement, one for all, is returned, not raised: raising would undo its own record.

    Raises:
        BudgetExceeded: a cap or an open breaker stands in the way of all of them together.
        InvalidRequest: its key was used for another request.
        StoreError: a job that may be one of them cannot be read.
    """
    missing = list(range(1, intent.size + 1))
    whole, terms = intent.whole, intent.one.terms
    if whole.key is not None:
        known = idempotency.set_of(connection, whole.key)
        if known is not None:
            missing = not_bought(known)
            if not missing:
                return ReservedSet(job=known.jobs[0])
            intent = replace(intent, set_id=known.id)
    elif (repeated := _repeated(connection, whole, now)) is not None:
        return ReservedSet(job=repeated)
    _check(connection, whole, settings, now, count=len(missing))
    agreed_by: Signer | None = None
    consent = _to_be_agreed(connection, whole, settings, now, count=len(missing))
    if consent is not None:
        consent = replace(consent, job_id=intent.job_ids[missing[0] - 1])
        signed = _signed(connection, consent, terms, settings, now)
        if isinstance(signed, ConfirmationRequired):
            return signed
        agreed_by = signed
    new = [_stored(connection, intent.member(number), agreed_by, settings, now) for number in missing]
    return ReservedSet(job=new[0], new=tuple(new))


def not_bought(videos: VideoSet) -> list[int]:
    """Return the numbers of a set that were provably not bought."""
    return [one.number for one in videos.variations if one.job.state in transitions.NOT_BOUGHT]


def _repeated(connection: Connection, whole: Intent, now: float) -> Job | None:
    """Return a job of the set that was ordered before and still stands for the same; None if there is none."""
    terms = whole.terms
    if terms.agreed_to is not None:
        known = confirmations.came_to(connection, terms.agreed_to, whole.asked)
        if known is not None:
            return known
    if terms.allow_duplicate:
        return None
    same = repeated_requests.made_for(connection, (whole.fingerprint, *whole.stands_for), whole.wanted)
    comparable = deduplication.comparable(same, paid=not whole.maximum.is_free)
    return deduplication.standing(connection, comparable, now=now)


def foresee(
    connection: Connection, *, intent: Intent, settings: Settings, now: float, count: int = 1
) -> Question | None:
    """
    Describe what a person would be asked before this purchase, None if nothing, and record nothing.

    Raises:
        BudgetExceeded: `reserve`, or for `count` of them `reserve_set`, would refuse it.
    """
    _check(connection, intent, settings, now, count=count)
    consent = _to_be_agreed(connection, intent, settings, now, count=count)
    return None if consent is None else consent.question


def _check(connection: Connection, intent: Intent, settings: Settings, now: float, *, count: int = 1) -> None:
    """Let the purchase pass the caps, or raise BudgetExceeded."""
    if count > 1 and not intent.maximum.known:
        raise BudgetExceeded(
            "The price of these videos is unknown, and then only one at a time may be open.",
            hint="Leave variations out, or choose an offer whose price is known (estimate_cost compares).",
        )
    budget.check(
        connection,
        budget.Limits.of(settings),
        _seller(intent),
        price=intent.maximum,
        now=now,
        count=count,
    )
    unknown_prices.check(connection, intent, settings)


def _seller(intent: Intent) -> breakers.Seller:
    return breakers.Seller(provider=intent.provider, account=intent.account, model=intent.model)


def _to_be_agreed(
    connection: Connection, intent: Intent, settings: Settings, now: float, *, count: int = 1
) -> Consent | None:
    """What a person has to agree to: a high or unknown price, or the same once more. None: nobody is asked."""
    fingerprint, price = intent.fingerprint, intent.maximum.times(count)
    dear = confirmations.needed(price, settings)
    digests = (fingerprint, *intent.stands_for)
    same = repeated_requests.same_ids(connection, intent.wanted)
    repeated = ""
    if not intent.maximum.is_free:
        repeated = repeated_requests.repeated(connection, digests, same, more=count, now=now)
    if not (dear or repeated):
        return None
    question = Question.about(
        intent.request,
        price=price,
        provider=intent.provider,
        model=intent.model,
        seconds=intent.seconds,
        remarks=intent.remarks,
    )
    return Consent(
        fingerprint=fingerprint,
        question=replace(question, reason=repeated, count=count),
        token=intent.terms.confirm_token,
        agreed_to=intent.terms.agreed_to,
        carried=intent.agreed,
        job_id=intent.job_id,
        asked=intent.asked,
        wanted=intent.wanted,
        instead_of=intent.instead_of,
    )
