"""What of a provider's list cannot be read, or is not reached, hides nothing on the rest, and is not taken for a proof."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from seedance_mcp.types import JobState
from tests.emulator import Emulator
from tests.emulator.wire import Request, Response
from tests.emulator.world import World

from .fault_market import hurry
from .lost_answers import Machine, lost
from .test_doubtful_lists import PROVING, leaves_open, rewritten

LISTING = ("ark", "byteplus", "replicate", "atlas", "fal")
"""Every provider that lists what it took."""

IDS = {"atlas": "ID", "fal": "request_id"}
"""What the id of a listed task is called, where it is not `id`."""

ODD_FIELDS: dict[str, Any] = {
    "status": None, "model": 7, "input": "?", "output": {}, "content": 5, "created_at": [], "createdAt": {},
    "requestBody": 1, "json_input": "?", "endpoint_id": 3, "updated_at": "never", "safety_identifier": {}, "error": 1,
}  # fmt: skip


def odd_rows(name: str) -> list[Any]:
    """Rows that somebody else's tasks may be listed as."""
    key = IDS.get(name, "id")
    ids: list[Any] = ["old:task/1", "", "..", "x" * 200, 12345, None, ["a"], {}]
    return [
        *({key: value, **extra} for value in ids for extra in ({}, ODD_FIELDS)),
        {key: "another-1", **ODD_FIELDS},
        *({}, None, [], "row", 7, True),
    ]


def edited(change: Callable[[list[Any], dict[str, Any]], None]) -> Callable[[Response], Response]:
    """Let the rows of a page, and the object that they are in, be changed."""

    def on_the_way(said: Response) -> Response:
        body = json.loads(said.body)
        page = body["data"] if isinstance(body.get("data"), dict) else body
        change(page["results" if "results" in page else "items"], page)
        return replace(said, body=json.dumps(body).encode())

    return on_the_way


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


async def is_found(machine: Machine) -> None:
    machine.shop.emulator.faults.clear()
    job = await machine.ends(JobState.DONE, JobState.ABSENT, JobState.UNRESOLVED)
    ledger = machine.shop.emulator.ledger
    assert (job.state, job.submission and job.submission.task_id) == (JobState.DONE, *ledger.tasks)


@pytest.mark.parametrize("name", LISTING)
async def test_odd_rows_of_others_do_not_hide_a_lost_purchase(name: str, tmp_path: Path) -> None:
    def among_others(rows: list[Any], page: dict[str, Any]) -> None:
        odd = odd_rows(name)
        rows[:] = [*odd, *rows, *odd]
        if "total" in page:
            page["total"] += 2 * len(odd)

    async with lost(name, tmp_path) as machine:
        rewritten(machine.shop.emulator, name, edited(among_others))
        await is_found(machine)


@pytest.mark.parametrize("row", [None, {"id": "old:task/1", "status": "succeeded"}, {"id": "another-1"}])
@pytest.mark.parametrize("name", PROVING)
async def test_a_row_that_cannot_be_read_may_be_the_one_that_is_looked_for(
    name: str, row: Any, tmp_path: Path
) -> None:
    def with_one(rows: list[Any], page: dict[str, Any]) -> None:
        rows.append(row)
        if "total" in page:
            page["total"] += 1

    async with lost(name, tmp_path, bought=False) as machine:
        undo = rewritten(machine.shop.emulator, name, edited(with_one))
        await leaves_open(machine)
        undo()
        assert (await machine.ends(JobState.ABSENT)).state is JobState.ABSENT


def without_end(emulator: Emulator, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the list go on for ever, each page with a task of somebody else's; fewer pages than usual are turned."""
    family = "ark" if name == "byteplus" else name
    monkeypatch.setattr(import_module(f"seedance_mcp.providers.{family}.adapter"), "_PAGES", 3)
    numbers = itertools.count()

    def longer(rows: list[Any], page: dict[str, Any]) -> None:
        other = {"prompt": "another", "seed": 1}
        facts = {"model": "m", "status": "running", "input": other, "requestBody": other, "json_input": other}
        rows.append({IDS.get(name, "id"): f"another-{next(numbers)}", **facts})
        if "total" in page:
            page["total"] = 1_000_000
        page |= {"has_more": True, "next_cursor": "1000"}
        page["next"] = f"{emulator.base_url(name)}/predictions?cursor=0"

    rewritten(emulator, name, edited(longer))


@pytest.mark.parametrize("name", LISTING)
async def test_a_purchase_on_the_first_page_of_a_list_without_end_is_found(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lost(name, tmp_path) as machine:
        without_end(machine.shop.emulator, name, monkeypatch)
        await is_found(machine)


@pytest.mark.parametrize("name", LISTING)
async def test_a_list_without_end_is_not_said_to_lack_a_purchase(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lost(name, tmp_path, bought=False, impatient=True) as machine:
        without_end(machine.shop.emulator, name, monkeypatch)
        machine.shop.emulator.faults.clear()
        job = await machine.ends(JobState.UNRESOLVED, JobState.ABSENT)
    assert job.state is JobState.UNRESOLVED
    assert "too long to be looked through" in (job.error or "")
    assert "does not show it" not in (job.error or "")


@pytest.mark.parametrize("name", LISTING)
@pytest.mark.parametrize("broken", [b"[]", b"<html>", b'{"items": 5}', b""])
async def test_a_page_that_cannot_be_read_does_not_hide_a_purchase_on_another(
    name: str, broken: bytes, tmp_path: Path
) -> None:
    async with lost(name, tmp_path) as machine:
        emulator = machine.shop.emulator
        dialect = emulator.dialect(name)
        plain = dialect.answer

        def more(rows: list[Any], page: dict[str, Any]) -> None:
            page |= {"has_more": True, "next_cursor": "1000"}
            page["next"] = f"{emulator.base_url(name)}/predictions?cursor=1000"
            if "total" in page:
                page["total"] += 100

        def answer(call: str, request: Request, world: World) -> Response:
            said = plain(call, request, world)
            if call != "list":
                return said
            first = request.query.get("page_num", request.query.get("no", ["1"])) == ["1"]
            if first and "cursor" not in request.query:
                return edited(more)(said)
            return Response(body=broken)

        dialect.answer = answer
        await is_found(machine)
