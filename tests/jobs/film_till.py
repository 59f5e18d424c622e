"""A store in which films are ordered and bought, with clocks that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from seedance_mcp.config import Settings
from seedance_mcp.errors import ConfirmationRequired
from seedance_mcp.jobs.buying.film_orders import OrderIntent, reserve_film
from seedance_mcp.jobs.buying.idempotency import RequestKey
from seedance_mcp.jobs.buying.intents import Intent
from seedance_mcp.jobs.buying.reservations import reserve
from seedance_mcp.store import Store, budget, elapsed_time, film_orders, films, transitions
from seedance_mcp.types import (
    Draw,
    FilmOrder,
    FilmRecord,
    Job,
    JobState,
    OrderEnd,
    Price,
    PurchaseTerms,
    Take,
    VideoRequest,
)

NOW = 1_760_000_000.0
HOUR = 3600.0
FILM = "flm_lantern00001"


def usd(amount: str, *, known: bool = True) -> Price:
    """A price in US dollars."""
    return Price(amount=Decimal(amount), currency="USD", usd=Decimal(amount), known=known)


def film(film_id: str = FILM, *, document: str = "{}", at: float = NOW) -> FilmRecord:
    """A film as it is read."""
    return FilmRecord(
        id=film_id, version=1, document=document, name="lantern.toml", folder="/films", output_dir="/videos",
        created_at=at, changed_at=at,
    )  # fmt: skip


def take(shot: str, price: Price, *, number: int = 1, plan: str = "plan-1", film_id: str = FILM) -> Take:
    """A row of a plan."""
    return Take(
        film_id=film_id, shot=shot, number=number, order=plan, quality="final",
        request_key=f"{film_id}.{shot}.0123456789ab.{number}", inputs={"text": "0123456789ab"},
        request=VideoRequest(prompt=f"shot {shot}", provider="ark", model="m", duration=5), maximum=price,
    )  # fmt: skip


def film_order(rows: Sequence[Take]) -> FilmOrder:
    """The order that these rows are of."""
    return FilmOrder(
        film_id=rows[0].film_id, plan=rows[0].order, quality="final", jobs=len(rows), reserved_at=NOW, day="2025-10-09",
        maximum_usd=sum((row.maximum.usd for row in rows), Decimal(0)),
    )  # fmt: skip


class FilmTill:
    """Orders, draws and ordinary purchases, each one transaction at the time that the test has come to."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self.now, self.up = NOW, 5000.0
        self.count = 0
        self._limits = budget.Limits.of(settings)
        store.clock, store.uptime = (lambda: self.now), (lambda: self.up)
        store.write_now(elapsed_time.note)

    def intent(self, rows: Sequence[Take], **terms: Any) -> OrderIntent:
        """What is agreed to with these rows."""
        return OrderIntent(
            film_id=rows[0].film_id, plan=rows[0].order, quality="final", title="The lantern", rows=tuple(rows),
            accounts={"ark": "a"}, seconds=Decimal(5 * len(rows)), terms=PurchaseTerms(**terms),
        )  # fmt: skip

    def order(self, rows: Sequence[Take], **terms: Any) -> FilmOrder:
        """Read the film and order these rows of it, or raise the question about them."""
        record, intent = film(rows[0].film_id), self.intent(rows, **terms)
        self.store.write_now(lambda connection: films.keep_film(connection, record))
        placed = self.store.write_now(
            lambda connection: reserve_film(connection, intent=intent, settings=self.settings, now=self.now)
        )
        if isinstance(placed, ConfirmationRequired):
            raise placed
        return placed

    def draw(
        self, row: Take, price: str | Price | None = None, *, key: str | None = None
    ) -> tuple[Job, bool]:
        """Buy a row for its maximum or another price: the job, and whether it was there before."""
        draws_on = Draw(film_id=row.film_id, shot=row.shot, take=row.number)
        price = row.maximum if price is None else usd(price) if isinstance(price, str) else price
        return self._buy(
            row.request, price, PurchaseTerms(request_key=key or row.request_key, draws_on=draws_on)
        )

    def buy(self, price: str) -> Job:
        """Buy another video, which no order pays for."""
        return self._buy(VideoRequest(prompt=f"number {self.count}"), usd(price), PurchaseTerms())[0]

    def _buy(self, request: VideoRequest, price: Price, terms: PurchaseTerms) -> tuple[Job, bool]:
        self.count += 1
        key = terms.request_key and RequestKey.of(terms.request_key, request, {})
        intent = Intent(
            job_id=f"job_{self.count}", owner="me", provider="ark", account="a", model="m", endpoint="e", request=request,
            digests={}, tag=f"tag{self.count}", estimate=price, maximum=price, terms=terms, key=key or None,
        )  # fmt: skip
        outcome = self.store.write_now(
            lambda connection: reserve(connection, intent=intent, settings=self.settings, now=self.now)
        )
        if isinstance(outcome, ConfirmationRequired):
            raise outcome
        return outcome

    def move(self, job: Job, to: JobState, **changes: Any) -> Job:
        """Take a job on."""
        return self.store.write_now(
            lambda connection: transitions.move(connection, job, to, now=self.now, by="me", **changes)
        )

    def end(self, plan: str = "plan-1", ended: OrderEnd = "done", film_id: str = FILM) -> bool:
        """End an order."""
        return self.store.write_now(
            lambda connection: film_orders.end_order(connection, film_id, plan, ended, now=self.now)
        )

    def orders(self, film_id: str = FILM) -> list[FilmOrder]:
        """Every order of the film."""
        return self.store.read_now(lambda connection: film_orders.orders(connection, film_id))

    def allow(self, **settings: Any) -> None:
        """Change settings."""
        self.settings = replace(self.settings, **settings)
        self._limits = budget.Limits.of(self.settings)

    def pass_time(self, seconds: float) -> None:
        """Let time go by as a running server sees it, which looks at the clocks now and then."""
        self.store.write_now(elapsed_time.note)
        self.now, self.up = self.now + seconds, self.up + seconds
        self.store.write_now(elapsed_time.note)

    def budget(self) -> budget.Budget:
        """What is spent and left now."""
        return self.store.read_now(lambda connection: budget.read(connection, self._limits, self.now))

    def counted(self) -> Decimal:
        """What counts as spent within the last 24 hours."""
        return self.settings.max_usd_per_day - self.budget().left_today_usd
