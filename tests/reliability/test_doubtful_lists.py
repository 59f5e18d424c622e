"""A list that cannot be believed to be whole and of now can show a task, and never proves that there is none."""

from __future__ import annotations

import json
import time
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any

import anyio
import pytest

from seedance_mcp.types import JobState
from tests.emulator import Behaviour, Emulator
from tests.emulator.wire import Request, Response
from tests.emulator.world import World

from .fault_market import hurry, installed, opened, request
from .lost_answers import Machine, lost
from .waiting import until

UNSET = {
    "ark": (0, -1, -62_135_596_800, "0", True, 1_800_000_000_000),
    "replicate": (
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1969-12-31T23:59:59+00:00",
        "2026-11-28T23:00:00",
        "",
    ),
}
"""Times of creation that are none, or of nobody knows which zone."""

PROVING = ("ark", "replicate")
"""Of each kind of list one whose lack of a task counts as a proof."""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


async def leaves_open(machine: Machine) -> None:
    """Ask often enough, the quiet period being over, for a list to be taken for a proof."""
    machine.shop.emulator.faults.clear()
    await anyio.sleep(0.7)  # the quiet period of this market
    ledger, before = machine.shop.emulator.ledger, machine.shop.emulator.ledger.count("list")

    async def judged() -> bool:
        return ledger.count("list") >= before + 3 or (await machine.job()).state is not JobState.UNKNOWN

    await until(judged)
    assert (await machine.job()).state is JobState.UNKNOWN


def rewritten(emulator: Emulator, name: str, change: Callable[[Response], Response]) -> Callable[[], None]:
    """Let the provider's list be changed before it is sent, until what this returns is called."""
    dialect = emulator.dialect(name)
    plain = dialect.answer

    def answer(call: str, request: Request, world: World) -> Response:
        said = plain(call, request, world)
        return change(said) if call == "list" and said.status == 200 else said

    def undo() -> None:
        dialect.answer = plain

    dialect.answer = answer
    return undo


def dates(kind: str) -> Callable[[], dict[str, str]]:
    """What stands over a list that a cache keeps, made twenty minutes ago."""
    made = time.time() - 1200
    return {
        "says how old": lambda: {"Age": "1200"},
        "keeps the date": lambda: {"Date": formatdate(made, usegmt=True)},
        "keeps both": lambda: {"Date": formatdate(made, usegmt=True), "Age": "1200"},
        "is as old by now": lambda: {
            "Date": formatdate(made, usegmt=True),
            "Age": str(int(time.time() - made)),
        },
        "says it in words": lambda: {"Age": "old"},
    }[kind]


@pytest.mark.parametrize("name", PROVING)
@pytest.mark.parametrize(
    "kind", ["says how old", "keeps the date", "keeps both", "is as old by now", "says it in words"]
)
async def test_a_list_out_of_a_cache_proves_nothing_until_a_new_one_comes(
    name: str, kind: str, tmp_path: Path
) -> None:
    headers, kept = dates(kind), list[Response]()

    def from_the_cache(said: Response) -> Response:
        kept.append(said)
        return replace(kept[0], headers={**said.headers, **headers()})

    async with lost(name, tmp_path, bought=False) as machine:
        undo = rewritten(machine.shop.emulator, name, from_the_cache)
        await leaves_open(machine)
        undo()
        assert (await machine.ends(JobState.ABSENT)).state is JobState.ABSENT


async def test_caches_are_asked_for_nothing_kept(tmp_path: Path) -> None:
    async with lost("ark", tmp_path, bought=False) as machine:
        machine.shop.emulator.faults.clear()
        await machine.ends(JobState.ABSENT)
        looks = [call for call in machine.shop.emulator.ledger.calls if call.name == "list"]
    assert {call.headers.get("cache-control") for call in looks} == {"no-cache"}


@pytest.mark.parametrize(("name", "time"), [(name, time) for name, times in UNSET.items() for time in times])
async def test_a_task_whose_time_is_not_set_is_not_taken_for_an_old_one(
    name: str, time: object, tmp_path: Path
) -> None:
    def undated(said: Response) -> Response:
        page = json.loads(said.body)
        for task in page["items" if name == "ark" else "results"]:
            task["created_at"] = time
        return replace(said, body=json.dumps(page).encode())

    async with lost(name, tmp_path) as machine:
        rewritten(machine.shop.emulator, name, undated)
        machine.shop.emulator.faults.clear()
        job = await machine.ends(JobState.DONE, JobState.ABSENT)
        assert job.state is JobState.DONE
        assert len(machine.shop.emulator.ledger.tasks) == 1


def without(emulator: Emulator, *lacking: str) -> Callable[[Response], Response]:
    """What is said of the list, without the tasks of these prompts."""

    def shortened(said: Response) -> Response:
        page = json.loads(said.body)
        rows = "items" if "items" in page else "results"
        hidden = {
            task.id
            for task in emulator.ledger.tasks.values()
            if any(word in str(task.body) for word in lacking)
        }
        page[rows] = [task for task in page[rows] if task["id"] not in hidden]
        if rows == "items":
            page["total"] = len(page[rows])
        return replace(said, body=json.dumps(page).encode())

    return shortened


@pytest.mark.parametrize("name", PROVING)
@pytest.mark.parametrize("state", [JobState.ACCEPTED, JobState.DONE])
async def test_a_list_without_another_task_that_was_accepted_proves_nothing(
    name: str, state: JobState, tmp_path: Path
) -> None:
    behaviour = Behaviour(running_seconds=3600 if state is JobState.ACCEPTED else 0)
    async with opened(name, tmp_path, behaviour) as shop:
        first = await shop.app.generate(request(name, prompt="the first of them"))
        machine = Machine(shop, first.job.id)
        await machine.ends(state)
        shop.emulator.fail("lost", "submit", accepted=False)
        machine.job_id = (await shop.app.generate(request(name))).job.id
        undo = rewritten(shop.emulator, name, without(shop.emulator, "the first of them"))
        await machine.ends(JobState.UNKNOWN)
        await leaves_open(machine)
        undo()
        assert (await machine.ends(JobState.ABSENT)).state is JobState.ABSENT


ECHOES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "numbers as text": lambda order: {name: str(value) for name, value in order.items()},
    "other line ends": lambda order: {**order, "prompt": order["prompt"].replace("\r\n", "\n")},
    "letters composed": lambda order: {**order, "prompt": unicodedata.normalize("NFC", order["prompt"])},
    "one blank for many": lambda order: {**order, "prompt": " ".join(order["prompt"].split())},
    "a cut prompt": lambda order: {**order, "prompt": order["prompt"][:300] + "..."},
    "damaged and cut": lambda order: {**order, "prompt": order["prompt"][:40] + "\ufffd"},
}
"""What a service may make of an order, and mean the same."""


@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("how", ECHOES)
async def test_an_order_that_is_echoed_in_other_writing_is_not_taken_for_another(
    how: str, seed: int | None, tmp_path: Path
) -> None:
    def written_anew(said: Response) -> Response:
        page = json.loads(said.body)
        for task in page["results"]:
            task["input"] = ECHOES[how](task["input"])
        return replace(said, body=json.dumps(page).encode())

    prompt = "boat\r\ncafe\u0301  " + "word " * 100
    async with opened("replicate", tmp_path, Behaviour()) as shop:
        rewritten(shop.emulator, "replicate", written_anew)
        shop.emulator.fail("lost", "submit")
        started = await shop.app.generate(request("replicate", prompt=prompt, seed=seed))
        machine = Machine(shop, started.job.id)
        if seed is None:
            assert (await machine.ends(JobState.DONE, JobState.ABSENT)).state is JobState.DONE
        else:
            await machine.ends(JobState.UNKNOWN)
            await leaves_open(machine)
        assert len(shop.emulator.ledger.tasks) == 1


@pytest.mark.parametrize("seed", [None, 7])
async def test_orders_that_clearly_differ_leave_no_doubt(seed: int | None, tmp_path: Path) -> None:
    async with opened("replicate", tmp_path, Behaviour()) as shop:
        others = shop.emulator.environment("replicate")
        async with installed(others, tmp_path / "others", shop.app.catalog) as app:
            for prompt, given in (("a paper boat", 8), ("a paper boat on a lake", 7), ("a boat", 7)):
                started = await app.generate(request("replicate", prompt=prompt, seed=given))
                assert (await app.wait(started.job.id, 30)).state is JobState.DONE
        shop.emulator.fail("lost", "submit", accepted=False)
        started = await shop.app.generate(request("replicate", seed=seed))
        machine = Machine(shop, started.job.id)
        assert (await machine.ends(JobState.ABSENT)).state is JobState.ABSENT


@pytest.mark.parametrize(
    "days",
    [(9, 8), (9, 8, 0), (0, 9, 0)],
    ids=["oldest first", "old ones above a new one", "one old one between new ones"],
)
async def test_a_task_behind_old_ones_on_a_list_is_found_all_the_same(
    days: tuple[int, ...], tmp_path: Path
) -> None:
    async with lost("replicate", tmp_path) as machine:
        emulator = machine.shop.emulator
        dialect = emulator.dialect("replicate")
        plain = dialect.answer

        def answer(call: str, request: Request, world: World) -> Response:
            said = plain(call, request, world)
            if call != "list" or "cursor" in request.query:
                return said
            page = json.loads(said.body)
            others = [
                {
                    **page["results"][0],
                    "id": f"another{number}abcdefghijklmn",
                    "input": {"prompt": "another", "seed": number},
                    "created_at": datetime.fromtimestamp(time.time() - 86_400 * ago, UTC).isoformat(),
                }
                for number, ago in enumerate(days)
            ]
            first = {"next": f"{world.origin}/v1/predictions?cursor=0", "previous": None, "results": others}
            return replace(said, body=json.dumps(first).encode())

        dialect.answer = answer
        emulator.faults.clear()
        job = await machine.ends(JobState.DONE, JobState.ABSENT)
        assert job.state is JobState.DONE
        assert len(emulator.ledger.tasks) == 1
