"""A video that has been paid for arrives, however oddly its provider writes what is beside the point."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seedance_mcp.providers import Provider
from seedance_mcp.types import Submission, TaskStatus
from tests.emulator.scripted import saying, scripted
from tests.emulator.wire import Response
from tests.providers.opening import opened
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


async def test_a_purchase_is_not_unknown_for_an_odd_address_beside_its_id() -> None:
    case = wires()["fal"]["submit"][0]
    offer, request = offer_and_request("fal", case)
    odd: dict[str, Any] = {"request_id": "q-1", "status_url": 7, "response_url": [], "cancel_url": {}}
    async with answered("fal", [odd]) as provider:
        submission = await provider.submit(request, offer, Buyer())
    assert submission == provider.submission("q-1", request, offer)
