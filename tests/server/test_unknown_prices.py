"""A price that nobody knows is called unknown wherever it is shown, and the caps hold whatever is charged in the end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult, TextResourceContents

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server
from tests.emulator import Behaviour, Emulator, Fault

from .asking import content, refusal, text
from .conftest import Era
from .left import damage_records

ASKED = {"prompt": "a paper boat", "model": "seedance-2.0-fast", "duration": 5, "wait_seconds": 0}
"""Nobody has published its price at this provider, and it does not say it either."""


@dataclass
class Shop:
    """A client of ours, and the provider behind it that keeps its prices to itself."""

    client: Client
    emulator: Emulator
    questions: list[str]

    async def buy(self, **more: Any) -> dict[str, Any]:
        return content(await self.client.call_tool("generate_video", {**ASKED, **more}))

    async def refused(self, **more: Any) -> dict[str, Any]:
        return refusal(await self.client.call_tool("generate_video", {**ASKED, **more}))

    async def end(self, job: dict[str, Any], charge: str | None = None) -> dict[str, Any]:
        """Let the newest task come to its end, at this price, and wait for its job."""
        task = list(self.emulator.ledger.tasks.values())[-1]
        task.price = Decimal(charge or task.price)
        self.emulator.ledger.force(task.id, "succeeded")
        asked = {"job_id": job["job_id"], "wait_seconds": 30}
        ended = content(await self.client.call_tool("check_status", asked))
        assert ended["status"] == "succeeded"
        return ended

    async def spent(self) -> Decimal:
        budget = content(await self.client.call_tool("check_status", {}))["budget"]
        return Decimal(budget["spent_today_usd"])


Opening = Callable[..., AbstractAsyncContextManager[Shop]]


@pytest.fixture
def opening(environ: dict[str, str], era: Era) -> Opening:
    @asynccontextmanager
    async def opened(**more: str) -> AsyncIterator[Shop]:
        questions: list[str] = []

        async def agree(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
            questions.append(params.message)
            return ElicitResult(action="accept", content={"agree": True})

        async with Emulator("atlas", behaviour=Behaviour(running_seconds=3600)) as emulator:
            emulator.faults.add(Fault(kind="status", status=400, call="quote", times=None))
            given = {"SEEDANCE_POLL_SECONDS": "0.1", **environ, **emulator.environment(), **more}
            server = create_server(load_settings(given, settings_file=Path("none.toml")))
            with anyio.fail_after(60):
                async with Client(server, mode=era, elicitation_callback=agree) as client:
                    yield Shop(client, emulator, questions)

    return opened


async def test_the_person_is_asked_about_an_unknown_price_and_no_number_stands_for_it(
    opening: Opening,
) -> None:
    async with opening(SEEDANCE_CONFIRM_ABOVE_USD="1000") as shop:
        quote = await shop.client.call_tool(
            "estimate_cost", {k: ASKED[k] for k in ("prompt", "model", "duration")}
        )
        assert content(quote)["estimate"] is None
        assert "price unknown" in text(quote)
        assert "The price is unknown, at most 3 USD is counted." in text(quote)
        assert content(quote)["next_step"].startswith("Tell the person that the price is unknown. ")
        job = await shop.buy()
        (question,) = shop.questions
        assert (
            question.splitlines()[0] == "Make this video? Price unknown, at most 3.00 USD is counted for it."
        )
        shown = await shop.client.call_tool("check_status", {"job_id": job["job_id"], "wait_seconds": 0})
        read = await shop.client.read_resource(f"seedance://jobs/{job['job_id']}")
        assert isinstance(read.contents[0], TextResourceContents)
        for told in (job, content(shown), json.loads(read.contents[0].text)):
            assert told["estimate"] == {"amount": "unknown", "currency": "USD", "usd": "unknown"}
            assert any("Its price is unknown: at most 3 USD is counted" in note for note in told["notes"])
        assert "estimate: amount unknown" in text(shown)
        assert await shop.spent() == 3
        ended = await shop.end(job, "1.25")
        assert ended["charge"]["usd"] == "1.25"
        assert any("1.25 USD were charged" in note for note in ended["notes"])
        assert await shop.spent() == Decimal("1.25")
        sidecar = json.loads(Path(ended["video_path"]).with_suffix(".json").read_text(encoding="utf-8"))
        assert sidecar["estimate"]["usd"] == "unknown"
        assert Decimal(sidecar["charge"]["usd"]) == Decimal("1.25")


async def test_with_nobody_to_ask_only_max_usd_stands_for_an_agreement(opening: Opening) -> None:
    async with opening(SEEDANCE_CONFIRM="off") as shop:
        error = await shop.refused()
        assert error["code"] == "budget_exceeded"
        assert "The price of this video is unknown, and SEEDANCE_CONFIRM=off asks nobody." in error["message"]
        assert "max_usd, at least 3.00" in error["hint"]
        error = await shop.refused(max_usd=2)
        assert "unknown and counts as 3.00 USD, above this call's max_usd of 2" in error["message"]
        assert shop.emulator.ledger.tasks == {}
        await shop.buy(max_usd=3)
        assert await shop.spent() == 3
    assert shop.questions == []


@pytest.mark.parametrize("mode", ["ask", "strict", "off"])
async def test_where_a_job_may_cost_nothing_no_unknown_price_is_paid(opening: Opening, mode: str) -> None:
    async with opening(SEEDANCE_MAX_USD_PER_JOB="0", SEEDANCE_CONFIRM=mode) as shop:
        for more in ({}, {"max_usd": 0}):
            error = await shop.refused(**more)
            assert error["code"] == "budget_exceeded"
            assert "unknown, and the limit for one job is 0.00 USD" in error["message"]
        assert shop.emulator.ledger.tasks == {}


async def test_a_damaged_record_stops_no_other_purchase_of_unknown_price(
    opening: Opening, environ: dict[str, str]
) -> None:
    async with opening() as shop:
        await shop.end(await shop.buy(), "2")
        await shop.end(await shop.buy(prompt="another"), "2")
    damage_records(Path(environ["SEEDANCE_STATE_DIR"]))
    async with opening() as shop:
        await shop.buy(prompt="one more")
        assert await shop.spent() == 7


async def test_a_charge_above_what_was_counted_is_counted_before_anything_else_is_bought(
    opening: Opening,
) -> None:
    async with opening() as shop:
        ended = await shop.end(await shop.buy(), "8")
        assert ended["charge"]["usd"] == "8"
        assert await shop.spent() == 8
        error = await shop.refused(prompt="another", duration=4)
        assert "unknown and counts as 3.00 USD, and 8.00 of 10.00 USD are already spent" in error["message"]


async def test_what_was_charged_more_than_a_job_may_cost_is_not_bought_again(opening: Opening) -> None:
    async with opening() as shop:
        await shop.end(await shop.buy(), "6")
        error = await shop.refused(prompt="another")
        assert error["code"] == "budget_exceeded"
        assert (
            "atlas has charged 6.00 USD for one of the same model, length and resolution" in error["message"]
        )
        assert "the limit for one job is 3.00 USD" in error["message"]
        await shop.buy(prompt="another", duration=4)


async def test_one_unknown_price_at_a_time_is_open(opening: Opening) -> None:
    async with opening() as shop:
        first = await shop.buy()
        error = await shop.refused(prompt="another")
        assert error["code"] == "budget_exceeded"
        assert first["job_id"] in error["message"]
        assert first["job_id"] in error["hint"]
        assert len(shop.emulator.ledger.tasks) == 1
        await shop.end(first, "2.5")
        await shop.buy(prompt="another")
        assert await shop.spent() == Decimal("5.5")
