"""Answers written as no documentation says: what matters in them is read, and what is read can be kept and shown."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter

from seedance_mcp.errors import ProviderError, RequestRejected, SubmissionUnknown
from seedance_mcp.types import Submission, TaskState
from tests.emulator import Emulator
from tests.emulator.scripted import saying, scripted
from tests.emulator.strange import strange
from tests.emulator.wire import Response
from tests.providers.opening import opened
from tests.wire.reading import KEY, TAG, Buyer, filled, offer_and_request, wires

from . import ark_market
from .when import sent

STATES = [(name, state) for name, wire in wires().items() for state in wire["state"]]


class Keeping(Buyer):
    """A buyer that keeps the raw answer."""

    raw = b""

    def answered(self, status: int, body: bytes) -> None:
        self.raw = body


def same(said: TaskState) -> TaskState:
    """What of a state does not depend on how its words are written or when it was asked for."""
    return replace(said, error=None, url_expires_at=None)


@pytest.mark.parametrize(("name", "state"), STATES)
async def test_a_task_is_understood_however_strangely_its_record_is_written(name: str, state: str) -> None:
    scene = wires()[name]["state"][state]
    exchanges = scene.get("exchanges", [scene])
    written = [
        (
            exchange.get("status", 200),
            json.dumps(filled(exchange["reply"], model="m")).encode(),
            {name: str(text) for name, text in exchange.get("headers", {}).items()},
        )
        for exchange in exchanges
    ]
    said: list[TaskState] = []
    for changed in (bytes, strange, lambda body: strange(body, utf16=True)):
        replies = (
            Response(status=status, body=changed(body), headers=headers) for status, body, headers in written
        )
        async with scripted(saying(*replies)) as server, opened(name, server.origin) as provider:
            said.append(await provider.poll(Submission(**scene["submission"])))
    plain, odd, wide = said
    assert same(plain) == same(odd) == same(wide)
    TypeAdapter(list[TaskState]).dump_json(said)  # nothing in it that cannot be stored


@pytest.mark.parametrize("name", sorted(wires()))
async def test_a_purchase_is_accepted_however_strangely_its_answer_is_written(name: str) -> None:
    for case in wires()[name]["submit"]:
        offer, request = offer_and_request(name, case)
        receipts: list[Submission] = []
        for changed in (bytes, strange, lambda body: strange(body, utf16=True)):
            reply = filled(case["reply"], model=offer.endpoint(request), origin="http://127.0.0.1:9")
            answer = Response(body=changed(json.dumps(reply).encode()))
            async with scripted(saying(answer)) as server, opened(name, server.origin) as provider:
                receipts.append(await provider.submit(request, offer, Buyer()))
        assert receipts[0] == receipts[1] == receipts[2]


async def test_an_answer_of_two_objects_proves_nothing_about_a_purchase() -> None:
    offer, request = offer_and_request("ark", wires()["ark"]["submit"][0])
    refusal = json.dumps({"error": {"code": "InvalidParameter", "message": "No."}}).encode()
    for more, wanted in ((b'{"id": "cgt-1"}', SubmissionUnknown), (b"\0 rubbish", RequestRejected)):
        answer = Response(status=400, body=refusal + more)
        async with scripted(saying(answer)) as server, opened("ark", server.origin) as provider:
            with pytest.raises(ProviderError) as caught:
                await provider.submit(request, offer, Buyer())
        assert type(caught.value) is wanted


@pytest.mark.parametrize("mark", ["ta\ud800-1", "\0", float("nan"), 10**200, ["tag-1"]])
async def test_a_listed_task_whose_mark_came_damaged_may_be_the_one_that_is_looked_for(mark: Any) -> None:
    async with Emulator("ark") as emulator, ark_market.opened(emulator) as provider:
        await ark_market.bought(provider, "other")
        request, offer = ark_market.order()
        sane = await provider.recover(request, offer, TAG, sent())
        dialect = emulator.dialect("ark")
        answer = dialect.answer

        def damaging(*given: Any) -> Response:
            said = answer(*given)
            body = json.loads(said.body)
            for task in (body, *body.get("items", ())):
                task["safety_identifier"] = mark
            return replace(said, body=json.dumps(body).encode())

        dialect.answer = damaging  # type: ignore[method-assign]
        async with ark_market.opened(emulator) as anew:  # remembers no marks
            damaged = await anew.recover(request, offer, TAG, sent())
    assert (sane.submission, sane.proves_absence) == (None, True)
    assert (damaged.submission, damaged.proves_absence) == (None, False)


@pytest.mark.parametrize(
    "between", ["\\u0000", "\\ud800", "\\u001b[31m", "\\u0007", "\x01", "\u200b", "\ufffd"]
)
async def test_a_key_that_an_answer_hides_in_strange_characters_is_not_shown(between: str) -> None:
    hidden = f"{KEY[:6]}{between}{KEY[6:]}"
    body = f'{{"error": {{"code": "Bad", "message": "the key {hidden} is wrong"}}}}'.encode()
    async with (
        scripted(saying(Response(status=401, body=body))) as server,
        opened("ark", server.origin) as provider,
    ):
        with pytest.raises(ProviderError) as caught:
            await provider.check()
    assert caught.value.message.endswith("the key (key) is wrong")


async def test_a_key_in_an_answer_in_utf_16_is_not_kept() -> None:
    offer, request = offer_and_request("ark", wires()["ark"]["submit"][0])
    body = json.dumps({"error": {"code": "Bad", "message": f"the key {KEY} is wrong"}}).encode("utf-16")
    buyer = Keeping()
    async with (
        scripted(saying(Response(status=401, body=body))) as server,
        opened("ark", server.origin) as provider,
    ):
        with pytest.raises(ProviderError) as caught:
            await provider.submit(request, offer, buyer)
    assert caught.value.message.endswith("the key (key) is wrong")
    assert "(key)" in buyer.raw.decode("utf-16")


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("atlas", {"available": {"value": float("nan"), "currency": "usd"}}),
        ("atlas", {"available": {"value": 10**4000, "currency": "usd"}}),
        ("runcomfy", {"balance_usd": float("inf")}),
        ("runcomfy", {"balance_usd": "1e400"}),
    ],
)
async def test_a_key_is_not_doubted_for_a_balance_that_is_no_number(name: str, reply: Any) -> None:
    async with scripted(saying(Response.of(reply))) as server, opened(name, server.origin) as provider:
        assert await provider.balance() is None


@pytest.mark.parametrize("price", [float("nan"), float("inf"), 10**4000, 1e300, "many", None])
async def test_a_price_that_is_none_is_no_quote(price: Any) -> None:
    offer, request = offer_and_request("fal", wires()["fal"]["submit"][0])
    request = request.model_copy(update={"resolution": offer.model.default_resolution, "duration": 5})
    endpoint = offer.endpoint(request)
    rates = [
        {"endpoint_id": "another", "unit_price": float("nan"), "unit": "seconds"},
        {"endpoint_id": endpoint, "unit_price": price, "unit": "seconds"},
    ]
    good = [rates[0], {**rates[1], "unit_price": 0.5}]
    quotes: list[Decimal | None] = []
    for said in (good, rates):
        async with (
            scripted(saying(Response.of({"prices": said}))) as server,
            opened("fal", server.origin) as provider,
        ):
            quotes.append(await provider.quote(request, offer))
    assert quotes == [Decimal("2.5"), None]


async def test_a_damaged_address_is_not_where_a_request_is_followed() -> None:
    offer, request = offer_and_request("fal", wires()["fal"]["submit"][0])
    async with scripted(saying(Response())) as server, opened("fal", server.origin) as provider:
        documented = provider.submission("q-1", request, offer)
    reply = {"request_id": "q-1", "status_url": "{origin}/x/requests/q-1\ud800/status"}
    async with Emulator("fal") as emulator:
        body = json.dumps(reply).replace("{origin}", emulator.base_url("fal"))
        emulator.dialect("fal").answer = lambda *given: Response(body=body.encode())  # type: ignore[method-assign]
        async with ark_market.opened(emulator, "fal") as provider:
            made = await provider.submit(request, offer, Buyer())
    assert made == documented


@pytest.mark.parametrize(
    ("echoed", "found"),
    [
        ("A cat \ud83d yawns \ud800\ud800 at é.", True),
        ("A cat \0 yawns \ud800 at é.", True),
        ("A cat \ud83d\ud83d\ud83d\ud83d yawns \ud800\ud800 at é.", True),
        ("A dog \ud83d yawns \ud800 at é.", False),
        ("A cat \ud83d yawns \ud800", False),
    ],
)
async def test_an_order_that_is_echoed_damaged_is_known_by_what_is_left_of_it(
    echoed: str, found: bool
) -> None:
    async with Emulator("replicate") as emulator, ark_market.opened(emulator, "replicate") as provider:
        request, offer = ark_market.order(name="replicate", prompt="A cat 😀 yawns 界 at é.", seed=7)
        await provider.submit(request, offer, Buyer())
        [task] = emulator.ledger.tasks.values()
        dialect = emulator.dialect("replicate")
        answer = dialect.answer

        def damaging(*given: Any) -> Response:
            said = answer(*given)
            body = json.loads(said.body)
            for made in body["results"]:
                made["input"]["prompt"] = echoed
            return replace(said, body=json.dumps(body).encode())

        dialect.answer = damaging  # type: ignore[method-assign]
        listed = await provider.recover(request, offer, TAG, sent())
    assert [one.task_id for one in listed.alike] == ([task.id] if found else [])
