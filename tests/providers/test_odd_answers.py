"""A video that has been paid for arrives, however oddly its provider writes what is beside the point."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter

from seedance_mcp.catalog import settle
from seedance_mcp.errors import RateLimited, SubmissionUnknown
from seedance_mcp.providers import Provider
from seedance_mcp.types import Submission, TaskState, TaskStatus
from tests.emulator.scripted import saying, scripted
from tests.emulator.wire import Response
from tests.providers.opening import opened
from tests.wire.names import IDS, STATUS
from tests.wire.reading import Buyer, filled, offer_and_request, wires

ODD: list[tuple[str, int, dict[str, Any]]] = [
    ("ark", 0, {"created_at": "today", "updated_at": {}, "model": 7, "error": "none", "usage": "many"}),
    (
        "ark",
        0,
        {"usage": {"completion_tokens": 1.5, "total_tokens": "9"}, "error": {"code": 0, "message": []}},
    ),
    ("atlas", 0, {"price": {}, "error": 0, "error_code": [], "has_nsfw_contents": "no", "created_at": 5}),
    ("fal", 0, {"queue_position": "first", "error_type": {}}),
    ("fal", 1, {"error_type": ["none"], "detail": ""}),
    ("replicate", 0, {"completed_at": 17, "created_at": [], "error": {}, "model": 1, "input": "?"}),
    ("replicate", 0, {"data_removed": "never"}),
    ("replicate", 0, {"output": [None, "https://replicate.delivery/x/v.mp4", 5, ""]}),
    ("atlas", 0, {"outputs": [None, "https://storage.example/v.mp4", 5, {}]}),
    ("runcomfy", 1, {"output": {"video": 5, "videos": [None, "https://playgrounds.runcomfy.net/v.mp4"]}}),
    ("runcomfy", 1, {"output": {"video": "https://playgrounds.runcomfy.net/v.mp4", "videos": {}}}),
    ("runcomfy", 0, {"queue_position": -1.5}),
    ("runcomfy", 1, {"finished_at": 17, "cost": {"usd": 1}, "error_code": [], "error_message": {}}),
]

NOTHING: list[tuple[str, dict[str, Any]]] = [
    ("ark", {"usage": {"completion_tokens": 0, "total_tokens": 0}}),
    ("ark", {"usage": {"completion_tokens": -5}}),
    ("ark", {"usage": {"completion_tokens": 10**40}}),
    ("ark", {"usage": {"completion_tokens": float("inf")}}),
    ("atlas", {"price": float("nan")}),
    ("runcomfy", {"cost": 10**4000}),
    ("atlas", {"price": "0"}),
    ("runcomfy", {"cost": 0}),
]


@asynccontextmanager
async def answered(name: str, replies: list[Any]) -> AsyncGenerator[Provider]:
    script = saying(*(Response.of(reply) for reply in replies))
    async with scripted(script) as server, opened(name, server.origin) as provider:
        yield provider


def succeeded(name: str, position: int, changes: dict[str, Any]) -> tuple[Submission, list[Any]]:
    """The receipt and the answers of a task that has succeeded, one of them changed."""
    scene = wires()[name]["state"]["succeeded"]
    replies = [
        filled(copy.deepcopy(exchange["reply"]), model="m") for exchange in scene.get("exchanges", [scene])
    ]
    said = replies[position]
    (said["data"] if isinstance(said.get("data"), dict) else said).update(changes)
    return Submission(**scene["submission"]), replies


@pytest.mark.parametrize(("name", "position", "changes"), ODD)
async def test_a_video_is_not_lost_for_an_odd_value_beside_it(
    name: str, position: int, changes: dict[str, Any]
) -> None:
    submission, replies = succeeded(name, position, changes)
    async with answered(name, replies) as provider:
        said = await provider.poll(submission)
    assert said.status is TaskStatus.SUCCEEDED
    assert said.video_urls


@pytest.mark.parametrize(("name", "changes"), NOTHING)
async def test_a_charge_of_nothing_is_not_believed(name: str, changes: dict[str, Any]) -> None:
    submission, replies = succeeded(name, -1, changes)
    async with answered(name, replies) as provider:
        said = await provider.poll(submission)
    assert said.status is TaskStatus.SUCCEEDED
    assert not said.usage


NUMBERS: list[tuple[str, int, str]] = [
    ("ark", 0, "created_at"),
    ("ark", 0, "updated_at"),
    ("ark", 0, "usage.completion_tokens"),
    ("ark", 0, "usage.total_tokens"),
    ("ark", 0, "duration"),
    ("ark", 0, "seed"),
    ("atlas", 0, "price"),
    ("atlas", 0, "error_code"),
    ("atlas", 0, "created_at"),
    ("fal", 0, "queue_position"),
    ("fal", 1, "x-fal-billable-units"),
    ("fal", 2, "unit_price"),
    ("replicate", 0, "completed_at"),
    ("replicate", 0, "progress"),
    ("runcomfy", 0, "queue_position"),
    ("runcomfy", 1, "cost"),
    ("runcomfy", 1, "finished_at"),
    ("runcomfy", 1, "error_code"),
]
"""Where a provider writes a number beside a finished video, and in which answer."""

STRANGE_NUMBERS = (
    "1e1000000", "-1e1000000", "1e-1000000", "0e1000000", "1e999999999999999999999", "9" * 5000, "0." + "1" * 5000,
    "Infinity", "-NaN", "sNaN", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
    float("inf"), float("nan"), 1e308, 5e-324, -1, -0.0, 10**99, 10**4000, True,
)  # fmt: skip


def numbered(name: str, position: int, place: str, number: object) -> tuple[Submission, list[Any]]:
    """The receipt and the answers of a finished task, in one of which this number is written at the place."""
    field, _, inner = place.partition(".")
    value = {inner: number} if inner else number
    if name != "fal":
        return succeeded(name, position, {field: value})
    submission, replies = succeeded(name, min(position, 1), {} if position == 2 else {field: value})
    endpoint = "a/b"
    rate = {"endpoint_id": endpoint, "unit_price": number if position == 2 else 0.5, "unit": "seconds"}
    made = {**replies[1], **({"x-fal-billable-units": "5"} if position == 2 else {})}
    handle = {**submission.handle, "endpoint": endpoint}
    return replace(submission, handle=handle), [replies[0], made, {"prices": [rate]}]


@pytest.mark.parametrize(("name", "position", "place"), NUMBERS)
async def test_no_number_beside_a_finished_video_keeps_it_from_being_fetched_and_counted(
    name: str, position: int, place: str
) -> None:
    offer, request = offer_and_request(name, wires()[name]["submit"][0])
    for number in STRANGE_NUMBERS:
        submission, replies = numbered(name, position, place, number)
        async with answered(name, replies) as provider:
            said = await provider.poll(submission)
        assert (said.status, len(said.video_urls)) == (TaskStatus.SUCCEEDED, 1)
        TypeAdapter(TaskState).dump_json(said)
        charge = settle(request, offer, said.usage, cny_per_usd=Decimal(7))
        assert charge is None or 0 <= charge.amount < 10**10


@pytest.mark.parametrize("number", STRANGE_NUMBERS)
async def test_no_number_for_a_balance_or_a_price_raises_or_takes_long_to_write(number: object) -> None:
    request_offer = offer_and_request("atlas", wires()["atlas"]["submit"][0])
    told: list[Decimal | None] = []
    async with answered("runcomfy", [{"balance_usd": number}]) as provider:
        told.append(await provider.balance())
    async with answered("atlas", [{"available": {"value": number, "currency": "usd"}}]) as provider:
        told.append(await provider.balance())
    if isinstance(number, str):
        async with answered("atlas", [{"data": {"price": number}}]) as provider:
            told.append(await provider.quote(request_offer[1], request_offer[0]))
    assert all(len(f"{amount:f}") < 40 for amount in told if amount is not None)


@pytest.mark.parametrize(
    "pause", ["1e1000000", "-1e400", "NaN", "9" * 5000, "Mon, 01 Jan 9999999999 00:00:00 GMT", "0001-01-01"]
)
async def test_no_strange_pause_keeps_a_refusal_from_being_understood(pause: str) -> None:
    answer = Response(status=429, body=b"{}", headers={"Retry-After": pause})
    case = wires()["replicate"]["submit"][0]
    offer, request = offer_and_request("replicate", case)
    async with scripted(saying(answer)) as server, opened("replicate", server.origin) as provider:
        with pytest.raises((SubmissionUnknown, RateLimited)) as caught:
            await provider.submit(request, offer, Buyer())
    assert 0 <= (getattr(caught.value, "retry_after", None) or 0) <= 300


@pytest.mark.parametrize("name", sorted(wires()))
@pytest.mark.parametrize("odd", [None, 7, [], {}, "?", True])
async def test_a_purchase_is_accepted_whatever_is_written_beside_its_id(name: str, odd: object) -> None:
    case = wires()[name]["submit"][0]
    offer, request = offer_and_request(name, case)
    plain = filled(case["reply"], model=offer.endpoint(request), origin="http://127.0.0.1:9")

    def changed(fields: dict[str, Any]) -> dict[str, Any]:
        kept = (*IDS, "code")
        return {
            key: changed(value) if key == "data" else value if key in kept else odd
            for key, value in {STATUS: "queued", **fields}.items()
        }

    receipts: list[str] = []
    for reply in (plain, changed(plain)):
        async with answered(name, [reply]) as provider:
            receipts.append((await provider.submit(request, offer, Buyer())).task_id)
    assert receipts[0] == receipts[1]


async def test_a_purchase_is_not_unknown_for_an_odd_address_beside_its_id() -> None:
    case = wires()["fal"]["submit"][0]
    offer, request = offer_and_request("fal", case)
    odd: dict[str, Any] = {"request_id": "q-1", "status_url": 7, "response_url": [], "cancel_url": {}}
    async with answered("fal", [odd]) as provider:
        submission = await provider.submit(request, offer, Buyer())
    assert submission == provider.submission("q-1", request, offer)
