"""The fault matrix is what it says: every fault against every call, through the app, job and money looked at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from scripts.fault_matrix import CALLS, ROWS, WORDS, Row, cell
from seedance_mcp.types import JobState
from tests.emulator import Behaviour, Emulator
from tests.emulator.faults import KINDS

from .fault_market import PROVIDERS, catalog, hurry, info, installed, request
from .fault_outcomes import OUTCOMES, WITH_CODE
from .fault_play import play
from .waiting import many, until

AT_ONCE = 16
EVERY = bool(os.environ.get("SEEDANCE_TEST_LONG"))
ALIKE = {"byteplus": "ark"}
"""Providers whose adapter and dialect are another's: only their purchases are played, unless everything is wanted."""


def cells(name: str) -> list[tuple[Row, str]]:
    """Every cell that makes sense at this provider."""
    offers = info(name).supports
    calls = CALLS if EVERY or name not in ALIKE else ("submit",)
    lacking = {"cancel": "cancel", "upload": "upload", "list": "recover"}
    return [
        (row, call)
        for row in ROWS
        for call in calls
        if not cell(name, row, call).startswith("-") and (call not in lacking or lacking[call] in offers)
    ]


def test_every_fault_that_the_emulator_knows_is_in_the_matrix_against_every_call() -> None:
    assert {row.fault["kind"] for row in ROWS if row.fault} == set(KINDS)
    assert all(set(row.cells) == set(CALLS) for row in ROWS)
    assert len({row.name for row in ROWS}) == len({row.says for row in ROWS}) == len(ROWS)


def test_every_outcome_that_is_described_is_one_of_some_cell() -> None:
    named = {
        cell.partition(" ")[0] for row in ROWS for cell in row.cells.values() if not cell.startswith("-")
    }
    assert named == set(WORDS) == {*OUTCOMES, *WITH_CODE}


async def wrong_cells(name: str, chosen: Sequence[tuple[Row, str]], folder: Path) -> list[str]:
    """Play these cells at a provider, many at once. Returns what came out otherwise than the matrix says."""
    wrong: list[str] = []

    async def one(row: Row, call: str) -> None:
        try:
            await play(row, call, name, folder / f"{row.name}-{call}")
        except Exception as error:  # one broken cell must not hide the others
            wrong.append(f"{row.name} x {call} ({cell(name, row, call)}): {type(error).__name__} {error}")

    async with many(AT_ONCE) as start:
        for row, call in chosen:
            start(one, row, call)
    return wrong


@pytest.mark.timeout(900)  # a minute on two busy cores; the cells themselves are bounded
@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("name", PROVIDERS)
async def test_every_fault_of_every_call_ends_as_the_matrix_says(
    name: str, half: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    wrong = await wrong_cells(name, cells(name)[half::2], tmp_path)
    assert not wrong, "\n" + "\n".join(sorted(wrong))


async def test_an_address_that_is_dead_on_arrival_is_asked_for_until_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    async with Emulator("ark", behaviour=Behaviour(url_seconds=-1.0)) as emulator:

        async def asked_often() -> bool:
            return emulator.ledger.count("result") >= 4

        with anyio.fail_after(30):
            async with installed(emulator.environment("ark"), tmp_path, catalog("ark")) as app:
                started = await app.generate(request("ark"))
                await until(asked_often)
                tries = [call.at for call in emulator.ledger.calls if call.name == "result"]
            async with installed(emulator.environment("ark"), tmp_path, catalog("ark", brief=True)) as app:
                job = await app.wait(started.job.id, 30)
    assert all(later - earlier > 0.05 for earlier, later in pairwise(tries))
    assert (job.state, job.error_code) == (JobState.EXPIRED, "result_expired")
    assert job.charge
