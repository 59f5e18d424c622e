"""
What every online provider's adapter has to do, over a real socket.

`tests/wire/<name>.toml` holds the conversation: what has to be sent, exactly, and what is answered. Everything else is the
same for all providers.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from seedance_mcp.errors import NotSupported, ProviderError, SubmissionUnknown, UnexpectedResponse
from seedance_mcp.providers import Access, Provider, create
from seedance_mcp.types import MediaFile, Submission, TaskState, TaskStatus
from tests.emulator.scripted import Scripted, saying, scripted
from tests.emulator.wire import Connection, Request, Response
from tests.providers.opening import opened
from tests.wire.names import IDS, STATUS
from tests.wire.reading import CATALOG, FILE, KEY, TAG, Buyer, base_path, filled, offer_and_request, wires

from .when import sent

STATES = {"queued", "running", "unknown_word", "succeeded", "failed", "moderated", "cancelled"}
REFUSALS = {"bad_key", "no_funds", "rate_limited", "rejected", "moderated"}
ONLINE = sorted(wires())
SUBMITS = [(name, case) for name in ONLINE for case in wires()[name]["submit"]]
every_provider = pytest.mark.parametrize("name", ONLINE)
every_submit = pytest.mark.parametrize(
    ("name", "case"), SUBMITS, ids=[f"{n}-{c['case']}" for n, c in SUBMITS]
)
every_state = pytest.mark.parametrize(
    ("name", "state"), [(name, state) for name in ONLINE for state in wires()[name]["state"]]
)
every_refusal = pytest.mark.parametrize(
    ("name", "refusal"), [(name, refusal) for name in ONLINE for refusal in wires()[name]["refusal"]]
)


@asynccontextmanager
async def conversation(
    name: str, exchanges: list[dict[str, Any]], model: str = "m"
) -> AsyncIterator[Scripted]:
    """A server that answers these exchanges in this order; whatever else is sent fails the test."""
    waiting = list(exchanges)
    wrong: list[str] = []

    async def say(connection: Connection, request: Request) -> bool:
        target = re.sub(r"\bstart=[^&]+", "start=$start", request.target.removeprefix(base_path(name)))
        sent = f"{request.method} {target}"
        exchange: dict[str, Any] = waiting.pop(0) if waiting else {"send": "nothing more"}
        expected = filled(exchange["send"], model=model)
        if sent != expected:
            wrong.append(f"{sent} instead of {expected}")
        if "json" in exchange and request.json != filled(exchange["json"], model=model):
            wrong.append(f"{sent} with {request.json}")
        if exchange.keys() & {"file", "field"} and FILE not in request.body:
            wrong.append(f"{sent} without the file")
        if "file" in exchange and KEY in str(request.headers):
            wrong.append(f"{sent} with the key, which the file's host has no need of")
        if "field" in exchange and f'name="{exchange["field"]}"'.encode() not in request.body:
            wrong.append(f"{sent} without the field {exchange['field']}")
        reply = filled(exchange.get("reply"), model=model, origin=f"http://{request.headers['host']}")
        answer = Response.of(reply, exchange.get("status", 200))
        usual = {"Date": formatdate(usegmt=True), **answer.headers}
        await connection.send(replace(answer, headers={**usual, **exchange.get("headers", {})}))
        return True

    async with scripted(say) as server:
        yield server
    assert wrong == []
    assert waiting == []


def test_every_adapter_has_a_wire_file() -> None:
    written = {
        info.name
        for info in CATALOG.providers.values()
        if info.key_variables and importlib.util.find_spec(info.adapter.partition(":")[0])
    }
    assert written == set(ONLINE)


@every_provider
def test_a_wire_file_has_every_scenario(name: str) -> None:
    wire, supports = wires()[name], CATALOG.provider(name).supports
    assert set(wire["state"]) >= STATES
    assert set(wire["refusal"]) >= REFUSALS
    assert "check" in wire
    assert ("cancel" in wire) == ("cancel" in supports)
    assert ("recover_found" in wire) == ("recover" in supports)
    assert ("upload" in wire) == ("upload" in supports)
    assert ("quote" in wire) == ("quote" in supports)
    assert ("balance" in wire) == ("balance" in supports)


@every_provider
def test_the_data_says_what_the_adapter_can(name: str) -> None:
    info = CATALOG.provider(name)
    provider = create(info, Access(key=SecretStr(KEY), base_url=info.base_url, folder=Path()))
    able = {
        method
        for method in ("cancel", "upload", "quote", "recover", "balance")
        if getattr(type(provider), method) is not getattr(Provider, method)
    }
    assert able == info.supports


@every_submit
async def test_a_purchase_is_written_as_the_wire_file_says(name: str, case: dict[str, Any]) -> None:
    offer, request = offer_and_request(name, case)
    buyer = Buyer()
    async with (
        conversation(name, [case], offer.endpoint(request)) as server,
        opened(name, server.origin) as provider,
    ):
        submission = await provider.submit(request, offer, buyer)
    assert submission == Submission(task_id=case["task_id"], handle=case.get("handle", {}))
    assert (buyer.sent, buyer.answers) == (1, [case.get("status", 200)])


@every_state
async def test_a_stored_task_is_read_by_a_new_adapter(name: str, state: str) -> None:
    scene = wires()[name]["state"][state]
    exchanges = scene.get("exchanges", [scene])
    async with conversation(name, exchanges) as server, opened(name, server.origin) as provider:
        said = await provider.poll(Submission(**scene["submission"]))
    expected = dict(scene["expect"])
    hours = expected.pop("hours_left", None)
    if hours is not None:
        assert said.url_expires_at == pytest.approx(time.time() + hours * 3600, abs=60)
    usage = {unit: Decimal(amount) for unit, amount in expected.pop("usage", {}).items()}
    assert dict(said.usage) == usage
    for field_name, value in expected.items():
        wanted = tuple(value) if isinstance(value, list) else None if value == "$none" else value
        assert getattr(said, field_name) == wanted
    if said.status is TaskStatus.FAILED:
        assert said.error
        assert said.hint


ADDRESSED = {"fal"}
"""Whose answers name no task that could be compared: the address alone tells which it is."""


def retold(replies: list[Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> list[Any]:
    """The answers about a task, each changed where its facts are: at the top, or in `data`."""
    return [
        {**reply, "data": change(reply["data"])} if isinstance(reply.get("data"), dict) else change(reply)
        for reply in replies
    ]


async def told(
    name: str, scene: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]
) -> TaskState:
    """What an adapter makes of a scene with answers that are changed so."""
    exchanges = scene.get("exchanges", [scene])
    replies = retold([filled(exchange["reply"]) for exchange in exchanges], change)
    answers = [
        Response.of(reply, exchange.get("status", 200))
        for reply, exchange in zip(replies, exchanges, strict=True)
    ]
    async with scripted(saying(*answers)) as server, opened(name, server.origin) as provider:
        return await provider.poll(Submission(**scene["submission"]))


@every_state
async def test_status_words_are_read_in_any_case_and_with_blanks_around_them(name: str, state: str) -> None:
    def loud(facts: dict[str, Any]) -> dict[str, Any]:
        return {**facts, STATUS: f" {facts[STATUS].swapcase()}\n"} if STATUS in facts else facts

    scene = wires()[name]["state"][state]
    assert (await told(name, scene, loud)).status == scene["expect"]["status"]


@every_state
async def test_an_answer_about_a_task_repeats_its_id_if_it_could_be_about_the_call(
    name: str, state: str
) -> None:
    def nameless(facts: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in facts.items() if key not in IDS}

    scene = wires()[name]["state"][state]
    if scene.get("told_by_id"):
        with pytest.raises(ProviderError):
            await told(name, scene, nameless)
    else:
        assert (await told(name, scene, nameless)).status == scene["expect"]["status"]


@every_state
async def test_an_answer_that_names_another_task_is_not_taken_for_this_one(name: str, state: str) -> None:
    def another(facts: dict[str, Any]) -> dict[str, Any]:
        return {key: "another-1" if key in IDS else value for key, value in facts.items()}

    scene = wires()[name]["state"][state]
    if name in ADDRESSED:
        assert (await told(name, scene, another)).status == scene["expect"]["status"]
    else:
        with pytest.raises(ProviderError):
            await told(name, scene, another)


@every_refusal
async def test_a_refused_purchase_is_an_error_of_ours_with_advice(
    name: str, refusal: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="seedance_mcp")
    scene = wires()[name]["refusal"][refusal]
    offer, request = offer_and_request(name, wires()[name]["submit"][0])
    answer = Response.of(filled(scene["reply"]), scene["status"])
    async with scripted(saying(answer)) as server, opened(name, server.origin) as provider:
        with pytest.raises(ProviderError) as caught:
            await provider.submit(request, offer, Buyer())
    error = caught.value
    assert (error.code, error.provider_code) == (scene["code"], scene.get("provider_code"))
    assert error.hint
    assert scene.get("hint", "") in error.hint
    assert len(server.requests) == 1
    assert KEY not in "".join(
        [str(error), str(vars(error)), caplog.text, repr(provider), str(vars(provider))]
    )


@every_provider
async def test_a_bad_key_fails_the_check_and_a_good_one_passes(name: str) -> None:
    bad = wires()[name]["refusal"]["bad_key"]
    answer = Response.of(filled(bad["reply"]), bad["status"])
    async with scripted(saying(answer)) as server, opened(name, server.origin) as provider:
        with pytest.raises(ProviderError) as caught:
            await provider.check()
    assert caught.value.code == "authentication"
    async with (
        conversation(name, wires()[name]["check"]["exchanges"]) as server,
        opened(name, server.origin) as provider,
    ):
        await provider.check()


@every_provider
@pytest.mark.parametrize("answer", [Response(status=503), "hang up"], ids=["503", "hang up"])
async def test_a_purchase_is_sent_once_whatever_happens(name: str, answer: Response | str) -> None:
    offer, request = offer_and_request(name, wires()[name]["submit"][0])
    async with scripted(saying(answer)) as server, opened(name, server.origin) as provider:
        with pytest.raises(SubmissionUnknown):
            await provider.submit(request, offer, Buyer())
    assert len(server.requests) == 1


@every_provider
async def test_a_poll_is_repeated(name: str) -> None:
    scene = wires()[name]["state"]["queued"]
    exchanges = scene.get("exchanges", [scene])
    answers = [Response.of(filled(exchange["reply"])) for exchange in exchanges]
    async with (
        scripted(saying(Response(status=503), *answers)) as server,
        opened(name, server.origin) as provider,
    ):
        assert (await provider.poll(Submission(**scene["submission"]))).status is TaskStatus.QUEUED
    assert len(server.requests) == 1 + len(exchanges)


@every_provider
@pytest.mark.parametrize("reply", [{}, [], {"hello": "world"}, {"id": 7, "status": 7}, "text"])
async def test_a_shape_nobody_knows_is_an_unexpected_response(name: str, reply: Any) -> None:
    scene = wires()[name]["state"]["queued"]
    async with scripted(saying(Response.of(reply))) as server, opened(name, server.origin) as provider:
        with pytest.raises(UnexpectedResponse):
            await provider.poll(Submission(**scene["submission"]))


@every_provider
async def test_the_key_is_in_its_header_and_nowhere_else(name: str) -> None:
    offer, request = offer_and_request(name, wires()[name]["submit"][0])
    case, state = wires()[name]["submit"][0], wires()[name]["state"]["queued"]
    exchanges = [case, *state.get("exchanges", [state])]
    async with (
        conversation(name, exchanges, offer.endpoint(request)) as server,
        opened(name, server.origin) as provider,
    ):
        await provider.submit(request, offer, Buyer())
        await provider.poll(Submission(**state["submission"]))
    for asked in server.requests:
        assert asked.headers["authorization"] == CATALOG.provider(name).auth.format(key=KEY)
        rest = {key: value for key, value in asked.headers.items() if key != "authorization"}
        assert KEY not in f"{asked.target}{rest}{asked.body!r}"


@pytest.mark.parametrize("name", [name for name in ONLINE if "cancel" in wires()[name]])
async def test_a_task_is_cancelled_and_cancelling_again_is_harmless(name: str) -> None:
    scene = wires()[name]["cancel"]
    submission = Submission(**scene["submission"])
    async with conversation(name, scene["exchanges"]) as server, opened(name, server.origin) as provider:
        await provider.cancel(submission)
        await provider.cancel(submission)


@pytest.mark.parametrize("name", [name for name in ONLINE if "cancel_too_late" in wires()[name]])
async def test_a_cancellation_that_comes_too_late_says_so(name: str) -> None:
    scene = wires()[name]["cancel_too_late"]
    async with conversation(name, scene["exchanges"]) as server, opened(name, server.origin) as provider:
        with pytest.raises(NotSupported):
            await provider.cancel(Submission(**scene["submission"]))


@pytest.mark.parametrize(
    ("name", "scene_name"),
    [(name, key) for name in ONLINE for key in wires()[name] if key.startswith("recover_")],
)
async def test_a_lost_answer_is_looked_for(name: str, scene_name: str) -> None:
    scene = wires()[name][scene_name]
    offer, request = offer_and_request(name, wires()[name]["submit"][0])
    talk = conversation(name, scene["exchanges"], offer.endpoint(request))
    async with talk as server, opened(name, server.origin) as provider:
        found = (await provider.recover(request, offer, TAG, sent())).without(())
    assert (found.submission.task_id if found.submission else None) == scene.get("task_id")
    if "handle" in scene and found.submission:
        assert found.submission.handle == scene["handle"]
    assert found.proves_absence is scene.get("proves_absence", False)


@pytest.mark.parametrize(
    ("name", "scene_name"),
    [(name, key) for name in ONLINE for key in wires()[name] if key.startswith("upload")],
)
async def test_a_file_is_uploaded_as_the_wire_file_says(name: str, scene_name: str, tmp_path: Path) -> None:
    scene = wires()[name][scene_name]
    path = tmp_path / "private name.png"
    path.write_bytes(FILE)
    media = MediaFile(
        kind="image",
        path=path,
        mime_type="image/png",
        bytes=len(FILE),
        sha256=hashlib.sha256(FILE).hexdigest(),
    )
    async with conversation(name, scene["exchanges"]) as server, opened(name, server.origin) as provider:
        upload = await provider.upload(media)
    assert upload.url == scene["url"]
    for asked in server.requests:
        assert b"private name" not in asked.body + str(asked.headers).encode(), "a file name is private"


@pytest.mark.parametrize(
    ("name", "scene_name"),
    [(name, key) for name in ONLINE for key in wires()[name] if key.startswith("quote")],
)
async def test_a_price_is_asked_for_as_the_wire_file_says(name: str, scene_name: str) -> None:
    scene = wires()[name][scene_name]
    offer, request = offer_and_request(name, wires()[name]["submit"][0])
    talk = conversation(name, scene["exchanges"], offer.endpoint(request))
    async with talk as server, opened(name, server.origin) as provider:
        price = await provider.quote(request, offer)
    assert price == (Decimal(scene["price"]) if scene["price"] else None)


@pytest.mark.parametrize(
    ("name", "scene_name"),
    [(name, key) for name in ONLINE for key in wires()[name] if key.startswith("balance")],
)
async def test_a_balance_is_read_as_the_wire_file_says(name: str, scene_name: str) -> None:
    scene = wires()[name][scene_name]
    async with conversation(name, scene["exchanges"]) as server, opened(name, server.origin) as provider:
        left = await provider.balance()
    assert left == (Decimal(scene["left"]) if scene["left"] else None)
