"""Names that are no setting's: told with the first answer and in the log; one that looks like a limit stops purchases."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from mcp import Client

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server
from tests.emulator import Emulator

from .asking import content, make, text
from .conftest import Era
from .process import INITIALIZED, call, initialize, serving

MISTYPED = {"SEEDANCE_MAX_USD_PERDAY": "2"}
TOLD = "SEEDANCE_MAX_USD_PERDAY (from the environment) is no setting and does nothing. Did you mean SEEDANCE_MAX_USD_PER_DAY?"


@pytest.mark.parametrize("tool", ["check_status", "list_models", "estimate_cost"])
async def test_the_first_answer_tells_of_it_in_words_and_data_and_the_next_does_not(
    environ: dict[str, str], tmp_path: Path, era: Era, tool: str
) -> None:
    settings = load_settings({**environ, **MISTYPED}, settings_file=tmp_path / "none.toml")
    arguments = {"prompt": "a fox"} if tool == "estimate_cost" else {}
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            first = await client.call_tool(tool, arguments)
            second = await client.call_tool(tool, arguments)
    assert content(first)["notes"][-1] == TOLD
    assert f"Note: {TOLD}" in text(first)
    assert TOLD not in content(second).get("notes", [])
    assert TOLD not in text(second)


async def test_a_first_answer_that_is_a_refusal_tells_of_it_too(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    settings = load_settings({**environ, **MISTYPED}, settings_file=tmp_path / "none.toml")
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            first = await client.call_tool("check_status", {"job_id": "nobody"})
    assert first.is_error
    assert f"Note: {TOLD}" in text(first)


async def test_nothing_is_bought_while_a_limit_stands_under_a_wrong_name(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    async with Emulator("ark") as emulator:
        given = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off"}
        settings = load_settings({**given, **MISTYPED}, settings_file=tmp_path / "none.toml")
        with anyio.fail_after(40):
            async with Client(create_server(settings), mode=era) as client:
                refused = await client.call_tool("generate_video", {"prompt": "a fox"})
                free = await make(client, provider="sandbox")
    assert refused.is_error
    assert text(refused).startswith(f"Error (config): {TOLD}")
    assert "nothing is bought" in text(refused)
    assert free["status"] == "succeeded"
    assert emulator.ledger.count("submit") == 0


async def test_another_unknown_name_stops_nothing(environ: dict[str, str], tmp_path: Path, era: Era) -> None:
    async with Emulator("ark") as emulator:
        given = {**environ, **emulator.environment(), "SEEDANCE_CONFIRM": "off", "SEEDANCE_THEME": "dark"}
        settings = load_settings(given, settings_file=tmp_path / "none.toml")
        with anyio.fail_after(40):
            async with Client(create_server(settings), mode=era) as client:
                bought = await client.call_tool("generate_video", {"prompt": "a fox", "wait_seconds": 20})
    assert content(bought)["status"] == "succeeded"
    assert any("SEEDANCE_THEME" in note for note in content(bought)["notes"])
    assert emulator.ledger.count("submit") == 1


async def test_the_log_of_a_server_tells_of_it_when_it_starts(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with serving({**environ, **MISTYPED}, tmp_path) as server:
        await server.ask(initialize())
        await server.send(INITIALIZED)
        await server.ask(call(2, "check_status", {}))
        await server.stdin.aclose()
        await server.rest()
    assert TOLD in server.stderr.decode()


async def test_the_log_tells_once_of_a_limit_that_is_blank_or_that_nobody_filled_in(
    environ: dict[str, str], tmp_path: Path
) -> None:
    limits = {"SEEDANCE_MAX_USD_PER_DAY": "${MYCAP}", "SEEDANCE_MAX_USD_PER_JOB": " "}
    async with serving(environ | limits, tmp_path) as server:
        await server.ask(initialize())
        await server.send(INITIALIZED)
        await server.ask(call(2, "check_status", {}))
        await server.stdin.aclose()
        await server.rest()
    log = server.stderr.decode()
    assert log.count("SEEDANCE_MAX_USD_PER_DAY is a ${...} that nobody filled in") == 1
    assert log.count("SEEDANCE_MAX_USD_PER_JOB is blank: it counts as not set") == 1


async def test_a_call_is_not_blamed_for_a_model_that_the_settings_name(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    settings = load_settings({**environ, "SEEDANCE_MODEL": "seedance"}, settings_file=tmp_path / "none.toml")
    with anyio.fail_after(40):
        async with Client(create_server(settings), mode=era) as client:
            refused = await client.call_tool("generate_video", {"prompt": "x"})
            named = await make(client, model="seedance-1.0-pro")
    assert text(refused).startswith(
        "Error (config): SEEDANCE_MODEL cannot be used: There is no model 'seedance'"
    )
    assert "only by the person who runs the server" in text(refused)
    assert "Change the named arguments" not in text(refused)
    assert named["status"] == "succeeded"
