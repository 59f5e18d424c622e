"""
Damaged answers, by the ten thousand at every adapter: each is one of our errors or states, and none is a refusal.

Most of them are put in where an adapter reads what has arrived, which is quick; some go over a real socket.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from seedance_mcp.errors import NotSupported, ProviderError, SubmissionNotSent, SubmissionUnknown
from seedance_mcp.providers import Provider, Recovery
from seedance_mcp.providers.http import api as http
from seedance_mcp.providers.http import exchange
from seedance_mcp.providers.http import purchase as paying
from seedance_mcp.providers.http.replies import Answer, answer_of
from seedance_mcp.providers.http.timeouts import Deadlines, Timing
from seedance_mcp.types import MediaFile, Submission, TaskState, TaskStatus, Upload
from tests.emulator.damaging import damaged, truncations
from tests.emulator.scripted import saying, scripted
from tests.emulator.wire import Connection, Request, Response
from tests.providers.opening import opened
from tests.wire.reading import CATALOG, TAG, Buyer, filled, offer_and_request, wires

from .when import sent

COUNT = 10_000
OVER_A_SOCKET = 250
ADAPTERS = sorted({CATALOG.provider(name).adapter: name for name in sorted(wires(), reverse=True)}.values())
ALIVE = {"queued", "running", "succeeded"}
ENDED_BADLY = (TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.EXPIRED)

Act = Callable[[Provider], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One call and the good answers to it, one of which will be damaged. `kind` is the call's name."""

    kind: str
    act: Act
    answers: tuple[tuple[int, Any], ...]
    expect: str = ""


def scenes(name: str, file: MediaFile) -> list[Scene]:
    """Every call that the provider's wire file has a good answer for."""
    wire = wires()[name]
    found: list[Scene] = []
    for case in wire["submit"]:
        offer, request = offer_and_request(name, case)

        async def submit(provider: Provider, offer: Any = offer, request: Any = request) -> Any:
            return await provider.submit(request, offer, Buyer())

        found.append(Scene(kind="submit", act=submit, answers=_answers([case], offer.endpoint(request))))
    offer, request = offer_and_request(name, wire["submit"][0])
    endpoint = offer.endpoint(request)
    for state in wire["state"].values():
        act = partial(_poll, submission=Submission(**state["submission"]))
        answers = _answers(state.get("exchanges", [state]), endpoint)
        found.append(Scene(kind="poll", act=act, answers=answers, expect=state["expect"]["status"]))
    calls: dict[str, Act] = {
        "check": lambda provider: provider.check(),
        "balance": lambda provider: provider.balance(),
        "upload": lambda provider: provider.upload(file),
        "quote": lambda provider: provider.quote(request, offer),
        "recover": lambda provider: provider.recover(request, offer, TAG, sent()),
    }
    for key, scene in wire.items():
        kind = key.partition("_")[0]
        if kind in calls:
            found.append(Scene(kind=kind, act=calls[kind], answers=_answers(scene["exchanges"], endpoint)))
        if kind == "cancel":
            act = partial(_cancel, submission=Submission(**scene["submission"]))
            found.append(Scene(kind=kind, act=act, answers=_answers(scene["exchanges"], endpoint)))
    return found


async def _poll(provider: Provider, submission: Submission) -> Any:
    return await provider.poll(submission)


async def _cancel(provider: Provider, submission: Submission) -> Any:
    return await provider.cancel(submission)


def _answers(exchanges: list[dict[str, Any]], model: str) -> tuple[tuple[int, Any], ...]:
    origin = ORIGIN
    return tuple(
        (exchange.get("status", 200), filled(exchange.get("reply"), model=model, origin=origin))
        for exchange in exchanges
    )


ORIGIN = "http://127.0.0.1:9"
"""Where nobody listens."""


@dataclass
class Playing:
    """The answers that come next; the last one comes for ever. `cut`: how much of it comes at all."""

    waiting: list[tuple[int, bytes]]
    cut: float | None = None

    def next(self) -> tuple[int, bytes]:
        return self.waiting.pop(0) if len(self.waiting) > 1 else self.waiting[0]


def play(scene: Scene, position: int, status: int, body: bytes) -> list[tuple[int, bytes]]:
    """The scene's answers, with this one in the place of the good one."""
    good = [(code, json.dumps(reply).encode()) for code, reply in scene.answers]
    return [*good[:position], (status, body)]


def damages(name: str, file: MediaFile) -> Iterator[tuple[Scene, list[tuple[int, bytes]]]]:
    """Every truncation of one good answer of each kind, then damage by chance, `COUNT` in all."""
    known = scenes(name, file)
    made = 0
    for kind in dict.fromkeys(scene.kind for scene in known):
        scene = next(scene for scene in known if scene.kind == kind)
        for position, (status, reply) in enumerate(scene.answers):
            for body in truncations(json.dumps(reply).encode()):
                made += 1
                yield scene, play(scene, position, status, body)
    chance = random.Random(f"damage {name}")
    kinds = sorted({scene.kind for scene in known})
    while made < COUNT:
        # Half of them at the purchase, where most is at stake.
        kind = "submit" if chance.random() < 0.4 else chance.choice(kinds)
        scene = chance.choice([scene for scene in known if scene.kind == kind])
        position = chance.randrange(len(scene.answers))
        status, reply = scene.answers[position]
        made += 1
        yield scene, play(scene, position, *damaged(reply, status, chance))


async def verdict(scene: Scene, provider: Provider) -> str:
    """What is wrong with what came of it; empty if nothing."""
    try:
        said = await scene.act(provider)
    except SubmissionUnknown:
        return "" if scene.kind == "submit" else "unknown, and nothing was bought"
    except SubmissionNotSent:
        return "not sent, and it was"
    except NotSupported:
        return "" if scene.kind == "cancel" else "not supported"
    except ProviderError as error:
        return f"refused: {error!r}" if scene.kind == "submit" else ""
    except Exception as error:
        return f"a stray {type(error).__name__}: {error}"[:300]
    match said:
        case Submission():
            return "" if scene.kind == "submit" and said.task_id else "no receipt"
        case TaskState():
            lost = scene.expect in ALIVE and said.status in ENDED_BADLY
            if said.status is TaskStatus.SUCCEEDED and not all(
                isinstance(url, str) for url in said.video_urls
            ):
                return "a URL that is none"
            return f"{scene.expect} became {said.status}" if lost else _wrong_amounts(said)
        case Recovery() | Upload() | None:
            return (
                ""
                if scene.kind in ("recover", "upload", "check", "cancel", "quote", "balance")
                else "nothing came of it"
            )
        case Decimal():
            fine = said.is_finite() and (said > 0 or scene.kind == "balance")
            return "" if fine else f"a price of {said}"
        case _:
            return f"{type(said).__name__} came of it"


def _wrong_amounts(said: TaskState) -> str:
    amounts = [said.url_expires_at, said.progress, said.queue_position, *said.usage.values()]
    wrong = [amount for amount in amounts if amount is not None and not 0 <= amount < 10**15]
    return f"amounts of {wrong}"[:200] if wrong else ""


@pytest.fixture
def file(tmp_path: Path) -> MediaFile:
    path = tmp_path / "a.png"
    path.write_bytes(b"picture")
    return MediaFile(kind="image", path=path, mime_type="image/png", bytes=7)


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between repeats of free calls, and short deadlines."""
    build = http.Api.__init__

    async def at_once(seconds: float) -> None:
        pass

    def quickly(api: http.Api, *given: Any, **named: Any) -> None:
        named["timing"] = Timing(sleep=at_once)
        named["deadlines"] = Deadlines(connect=2, read=2, total=4, purchase=4, upload=4)
        build(api, *given, **named)

    monkeypatch.setattr(http.Api, "__init__", quickly)
    monkeypatch.setattr(http, "ATTEMPTS", 2)


def summed_up(wrong: list[str]) -> str:
    return f"{len(wrong)} wrong: " + "\n".join(dict.fromkeys(line[:400] for line in wrong[:40]))


@pytest.mark.parametrize("name", ADAPTERS)
async def test_no_damaged_answer_is_unclassified_or_a_refusal(
    name: str, file: MediaFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, wrong = await read(name, damages(name, file), monkeypatch)
    assert tried >= COUNT
    assert not wrong, summed_up(wrong)


async def read(
    name: str, made: Iterable[tuple[Scene, list[tuple[int, bytes]]]], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, list[str]]:
    """Let an adapter read these damaged answers as if they had arrived: how many, and what was wrong."""
    impatient(monkeypatch)
    playing = Playing([])

    async def once(channel: exchange.Exchange, request: httpx2.Request) -> Answer:
        status, body = playing.next()
        return answer_of(status, {}, body, whole=True, now=time.time(), key="")

    async def pay(
        request: httpx2.Request,
        reply: Any,
        purchase: Buyer,
        endpoint: paying.PaidEndpoint,
        **rest: Any,
    ) -> Any:
        status, body = playing.next()
        answer = answer_of(status, {}, body, whole=True, now=time.time(), key="")
        return paying._judge(answer, reply, title=endpoint.title, classify=endpoint.classify)

    monkeypatch.setattr(exchange.Exchange, "send", once)
    monkeypatch.setattr(http, "pay", pay)
    wrong: list[str] = []
    tried = 0
    async with opened(name, ORIGIN) as provider:
        for scene, answers in made:
            playing.waiting = list(answers)
            tried += 1
            if problem := await verdict(scene, provider):
                wrong.append(f"{scene.kind}: {problem} after {answers[-1][0]} {answers[-1][1][:200]!r}")
    return tried, wrong


@pytest.mark.parametrize("name", ADAPTERS)
async def test_damage_on_the_line_is_no_other(
    name: str, file: MediaFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    playing = Playing([])

    async def say(connection: Connection, request: Request) -> bool:
        last = len(playing.waiting) == 1
        status, body = playing.next()
        response = Response(status=status, body=body)
        if playing.cut is None or not last:
            await connection.send(response)
            return True
        sent = response.head() + body
        await connection.stream.send(sent[: int(len(sent) * playing.cut)])
        return False

    wrong: list[str] = []
    chance = random.Random(f"line {name}")
    picked = chance.sample(list(damages(name, file)), OVER_A_SOCKET)
    async with scripted(say) as server, opened(name, server.origin) as provider:
        for scene, answers in picked:
            playing.waiting = list(answers)
            playing.cut = chance.random() if chance.random() < 0.3 else None
            if problem := await verdict(scene, provider):
                wrong.append(f"{scene.kind}: {problem} after {answers[-1][0]} {answers[-1][1][:200]!r}")
    assert not wrong, summed_up(wrong)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 503])
@pytest.mark.parametrize("name", ADAPTERS)
async def test_an_answer_that_names_what_was_bought_is_no_refusal(
    name: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    for case in wires()[name]["submit"]:
        offer, request = offer_and_request(name, case)
        reply = filled(case["reply"], model=offer.endpoint(request), origin=ORIGIN)
        answer = Response.of(reply, status)
        async with scripted(saying(answer)) as server, opened(name, server.origin) as provider:
            with pytest.raises(SubmissionUnknown):
                await provider.submit(request, offer, Buyer())
