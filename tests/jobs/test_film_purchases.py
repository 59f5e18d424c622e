"""Shots of a film that is ordered are bought through the whole way of a purchase, and paid for by the order."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import anyio
import pytest

from seedance_mcp.app import App, open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import BudgetExceeded, InvalidRequest
from seedance_mcp.jobs.buying.film_orders import OrderIntent, place
from seedance_mcp.jobs.context import JobContext
from seedance_mcp.store import Store, film_orders, films, open_store
from seedance_mcp.types import Draw, FilmOrder, JobState, PurchaseTerms, Take, VideoRequest
from tests.emulator import Emulator

from .film_till import FILM, FilmTill, film, take, usd

WISH = VideoRequest(
    prompt="a lantern", model="seedance-1.0-pro-fast", provider="ark", resolution="480p", duration=5
)


class Studio:
    """An open installation, and another process's view of its database."""

    def __init__(self, app: App, store: Store, emulator: Emulator) -> None:
        self.app, self.emulator = app, emulator
        self.context = JobContext.of(store, app.settings)

    async def order(self, shots: int) -> tuple[list[Take], FilmOrder]:
        quote = await self.app.estimate(WISH)
        assert quote.estimate
        maximum = quote.estimate.maximum
        rows = [
            Take(
                film_id=FILM, shot=f"s{number}", number=1, order="plan-1", quality="final",
                request_key=f"{FILM}.s{number}.0123456789ab.1", inputs={}, maximum=maximum,
                request=WISH.model_copy(update={"prompt": f"lantern {number}"}),
            )
            for number in range(1, shots + 1)
        ]  # fmt: skip
        intent = OrderIntent(
            film_id=FILM,
            plan="plan-1",
            quality="final",
            title="Lantern",
            rows=tuple(rows),
            accounts={},
            terms=PurchaseTerms(confirmed=True),
        )
        await self.context.store.write(partial(films.keep_film, film=film()))
        return rows, await place(self.context, intent)

    async def buy(self, row: Take) -> str:
        terms = PurchaseTerms(
            request_key=row.request_key, draws_on=Draw(film_id=FILM, shot=row.shot, take=row.number)
        )
        return (await self.app.generate(row.request, terms)).job.id

    async def left(self) -> Decimal:
        return (await self.app.budget()).left_today_usd


@asynccontextmanager
async def opened(environ: dict[str, str], **more: str) -> AsyncIterator[Studio]:
    async with Emulator("ark") as emulator:
        given = {**environ, **emulator.environment(), **more}
        settings = load_settings(given, settings_file=Path("none.toml"))
        with anyio.fail_after(60):
            async with open_app(settings) as app:
                yield Studio(app, app.installation.store, emulator)


async def test_each_shot_is_bought_once_and_asks_nobody(environ: dict[str, str]) -> None:
    more = {
        "SEEDANCE_CONFIRM": "ask",
        "SEEDANCE_CONFIRM_ABOVE_USD": "0.01",
        "SEEDANCE_MAX_USD_PER_DAY": "0.07",
    }
    async with opened(environ, **more) as studio:
        rows, order = await studio.order(2)
        left = await studio.left()
        assert left == Decimal("0.07") - order.maximum_usd
        with pytest.raises(BudgetExceeded, match=r"of 0\.07 USD are already spent or reserved"):
            await studio.app.generate(WISH, PurchaseTerms(confirmed=True))
        first = await studio.buy(rows[0])
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(studio.buy, rows[0])
                tasks.start_soon(studio.buy, rows[1])
        assert len(studio.emulator.ledger.tasks) == 2
        assert await studio.buy(rows[0]) == first
        job = await studio.app.wait(first, 30)
        assert job.state is JobState.DONE
        (now,) = await studio.context.store.read(partial(film_orders.orders, film_id=FILM))
        assert (now.drawn_jobs, now.held_usd) == (2, 0)
        assert await studio.left() >= left


async def test_nobody_takes_the_name_of_a_shot(environ: dict[str, str]) -> None:
    async with opened(environ) as studio:
        rows, _ = await studio.order(1)
        with pytest.raises(InvalidRequest, match="request_key may not begin with flm_"):
            await studio.app.generate(rows[0].request, PurchaseTerms(request_key=rows[0].request_key))
        assert not studio.emulator.ledger.tasks


def _buy_all(folder: Path, _: int) -> list[str]:
    """What one process does: open the database, order the film, and buy every row; who else does is not known to it."""
    settings = Settings(output_dir=folder, state_dir=folder, confirm="off", max_usd_per_day=Decimal(3))
    store = open_store(folder)
    till = FilmTill(store, settings)
    till.count = os.getpid() * 1000
    planned = [take(f"s{number}", usd("1")) for number in range(3)]
    try:
        till.order(planned)
        return [till.draw(row)[0].id for row in planned]
    finally:
        store.close()


def test_processes_that_make_one_film_at_once_have_one_order_and_the_same_jobs(tmp_path: Path) -> None:
    with get_context("spawn").Pool(4) as pool:
        outcomes = pool.map(partial(_buy_all, tmp_path), range(8), chunksize=1)
    assert len({tuple(jobs) for jobs in outcomes}) == 1
    store = open_store(tmp_path)
    (order,) = store.read_now(partial(film_orders.orders, film_id=FILM))
    assert (order.drawn_jobs, order.drawn_usd, order.held_usd) == (3, 3, 0)
    assert len(store.read_now(lambda connection: connection.execute("SELECT id FROM jobs").fetchall())) == 3
    store.close()
