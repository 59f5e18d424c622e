"""The order of a whole film: agreed to once, counted once, and its money held in the transaction that checks the caps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from ...config import Settings
from ...errors import BudgetExceeded, ConfirmationRequired, StoreError
from ...remarks import NO_REMARKS, Remarks
from ...store import (
    Connection,
    Consent,
    approvals,
    breakers,
    budget,
    confirmations,
    film_orders,
    waiting_questions,
)
from ...types import FilmOrder, FilmPlace, FilmQuality, Price, PurchaseTerms, Question, Signer, Take, Wanted
from ..context import JobContext
from .call_agreements import agreed_within_call
from .orders import above_max_usd


@dataclass(frozen=True, kw_only=True)
class OrderIntent:
    """
    A film's plan that somebody wants to have made.

    `rows` are what it buys, each with provider and model named; `accounts` maps each of those providers to the
    fingerprint of the account that would buy. `title` and `seconds` are the film's, and `remarks` what a person should
    know who is asked to agree. `place` is where it will be made, where several machines share the database.
    """

    film_id: str
    plan: str
    quality: FilmQuality
    title: str
    rows: tuple[Take, ...]
    accounts: Mapping[str, str]
    terms: PurchaseTerms
    seconds: Decimal | None = None
    remarks: Remarks = NO_REMARKS
    place: FilmPlace | None = None

    @property
    def maximum(self) -> Price:
        """The most that all rows may cost together: in the currency of all, or in USD."""
        prices = [row.maximum for row in self.rows]
        if len({price.currency for price in prices}) != 1:
            prices = [replace(price, amount=price.usd, currency="USD") for price in prices]
        return Price.sum_of(prices or [Price(amount=Decimal(0), currency="USD", usd=Decimal(0))])

    def seller(self, row: Take) -> breakers.Seller:
        """From whom a row is bought."""
        provider = row.request.provider or ""
        return breakers.Seller(
            provider=provider, account=self.accounts.get(provider, ""), model=row.request.model or ""
        )


async def place(context: JobContext, intent: OrderIntent) -> FilmOrder:
    """
    Order a film: hold what its rows may cost, or find the order of the same plan, ended or not.

    Its rows are then bought by `PurchaseFlow.run` with `PurchaseTerms.draws_on`.

    Raises:
        InvalidRequest: another plan of the film is being made, or was since this one was made.
        BudgetExceeded: a cap or an open breaker stands in the way of all of it.
        ConfirmationRequired: a person has to agree first.
        StoreError: it could not be put on disk, or a server of an earlier version, which does not count what is held, runs.
    """
    store, settings, terms = context.store, context.settings, intent.terms
    async with agreed_within_call(terms.agreed_to, context):
        await store.ensure_sound()
        if not store.all_count_holds():
            raise StoreError(
                "A server of an earlier version is still running. It would not count what is held for a film.",
                hint="Restart the programs that started it (seedance-mcp doctor lists them), then call again.",
            )
        placed = await store.write(partial(reserve_film, intent=intent, settings=settings, now=store.clock()))
    if isinstance(placed, ConfirmationRequired):
        raise placed
    return placed


def reserve_film(
    connection: Connection, *, intent: OrderIntent, settings: Settings, now: float
) -> FilmOrder | ConfirmationRequired:
    """
    Put an order on disk with all of its money, or find the one that it repeats.

    The question for a person's agreement is returned, not raised: raising would undo its own record. Raises as `place`.
    """
    known = film_orders.find(connection, intent.film_id, intent.plan)
    if known is not None:
        return known
    film_orders.may_order(connection, intent.film_id, intent.rows, now=now)
    _check(connection, intent, settings, now)
    signed = _signed(connection, intent, settings, now)
    if isinstance(signed, ConfirmationRequired):
        return signed
    order = FilmOrder(
        film_id=intent.film_id,
        plan=intent.plan,
        quality=intent.quality,
        maximum_usd=intent.maximum.usd,
        jobs=len(intent.rows),
        reserved_at=now,
        day=budget.day_of(now),
        agreed_by=signed,
        place=intent.place,
    )
    waiting_questions.withdraw_film(connection, intent.film_id, now=now)
    return film_orders.hold(connection, order, intent.rows)


def foresee_film(
    connection: Connection, *, intent: OrderIntent, settings: Settings, now: float
) -> Question | None:
    """
    Describe what a person would be asked before this order, None if nothing, and record nothing.

    Raises:
        BudgetExceeded: `place` would refuse it.
    """
    _check(connection, intent, settings, now)
    return _question(intent) if _is_asked(intent, settings) else None


def _check(connection: Connection, intent: OrderIntent, settings: Settings, now: float) -> None:
    unknown = [row.shot for row in intent.rows if not row.maximum.known]
    if unknown:
        raise BudgetExceeded(
            f"The price of shot {unknown[0]!r} is unknown, so it cannot be known what the film may cost.",
            hint="Choose a model whose price is known for it (estimate_cost compares).",
        )
    total, max_usd = intent.maximum, intent.terms.max_usd
    if max_usd is not None and total.usd > max_usd:
        raise above_max_usd(total, max_usd, count=len(intent.rows))
    priced = [(intent.seller(row), row.maximum) for row in intent.rows]
    budget.check_all(connection, budget.Limits.of(settings), priced, now=now)


def _signed(
    connection: Connection, intent: OrderIntent, settings: Settings, now: float
) -> Signer | ConfirmationRequired | None:
    """Tell who has agreed to the price of the whole; None where nobody has to, the question where nobody has."""
    if not _is_asked(intent, settings):
        return None
    consent = Consent(
        fingerprint=f"film {intent.film_id} {intent.plan}",
        question=_question(intent),
        token=intent.terms.confirm_token,
        agreed_to=intent.terms.agreed_to,
        carried=None,
        job_id=intent.film_id,
        asked=None,
        # A no to one plan is a no to the film as good as this, however it is planned next.
        wanted=Wanted(content=f"film {intent.film_id}", given={"quality": intent.quality}),
    )
    if intent.terms.confirmed and approvals.given_beforehand(connection, consent, settings, now):
        return "person"
    return confirmations.agreed(connection, consent, settings=settings, now=now)


def _is_asked(intent: OrderIntent, settings: Settings) -> bool:
    return confirmations.needed(intent.maximum, settings)


def _question(intent: OrderIntent) -> Question:
    return Question.about_film(
        intent.title,
        price=intent.maximum,
        sellers=[(one.provider, one.model) for one in map(intent.seller, intent.rows)],
        seconds=intent.seconds,
        remarks=intent.remarks,
        shots=len(intent.rows),
    )
