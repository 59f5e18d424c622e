"""A provider's key that cannot be one: that provider is left out and told of, and nobody else is paid in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from seedance_mcp.config import load_settings
from seedance_mcp.server import create_server
from tests.emulator import Emulator

from .asking import content, make, refusal, text
from .conftest import Era
from .process import INITIALIZED, call, initialize, serving

WISH = {"prompt": "a fox", "model": "seedance-2.0", "duration": 5, "wait_seconds": 20}
PRICED = {"prompt": "a fox", "model": "seedance-2.0", "duration": 5}
"""At its default size 0.72 USD at Ark, 0.77 at BytePlus."""

PASTED = "canary 4711"
REASON = "(from environment) is wrong: there is a blank or a line break in it; copy the key alone"


@asynccontextmanager
async def connected(environ: dict[str, str], folder: Path, era: Era = "auto") -> AsyncIterator[Client]:
    settings = load_settings(environ, settings_file=folder / "none.toml")
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            yield client


@pytest.fixture
def market() -> Iterator[Emulator]:
    """Ark, and BytePlus, which is a little dearer."""
    with Emulator("ark", "byteplus").threaded() as emulator:
        yield emulator


def bought_at(emulator: Emulator) -> list[str]:
    return [task.dialect for task in emulator.ledger.tasks.values()]


@pytest.mark.parametrize("tool", ["check_status", "list_models", "estimate_cost", "generate_video"])
async def test_every_tool_answers_and_the_first_answer_names_the_variable(
    environ: dict[str, str], tmp_path: Path, era: Era, tool: str
) -> None:
    arguments = {"estimate_cost": PRICED, "generate_video": {**WISH, "wait_seconds": 0}}.get(tool, {})
    async with connected({**environ, "FAL_KEY": PASTED}, tmp_path, era) as client:
        first = await client.call_tool(tool, arguments)
        second = await client.call_tool("check_status", {})
    notice = f"fal is left out: FAL_KEY {REASON}."
    assert notice in content(first)["notes"]
    assert f"Note: {notice}" in text(first)
    assert notice not in text(second)
    assert "canary" not in str(first) + str(second)


async def test_the_list_of_models_says_what_is_wrong_with_the_provider(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with connected({**environ, "FAL_KEY": PASTED}, tmp_path) as client:
        listed = await client.call_tool("list_models", {})
    providers = {one["provider"]: one for one in content(listed)["providers"]}
    assert (providers["fal"]["ready"], providers["fal"]["problem"]) == (False, f"FAL_KEY {REASON}.")
    assert [one["problem"] for name, one in providers.items() if name != "fal"] == [None] * (
        len(providers) - 1
    )


async def test_the_sandbox_and_other_providers_work_and_say_who_is_left_out(
    environ: dict[str, str], tmp_path: Path, era: Era, market: Emulator
) -> None:
    given = {**environ, **market.environment(), "BYTEPLUS_API_KEY": PASTED}
    async with connected(given, tmp_path, era) as client:
        priced = content(await client.call_tool("estimate_cost", PRICED))
        bought = content(await client.call_tool("generate_video", WISH))
        free = await make(client, provider="sandbox")
    left_out = f"ark is the only provider that is ready; byteplus is left out: BYTEPLUS_API_KEY {REASON}"
    assert priced["provider"] == "ark"
    assert priced["reason"] == left_out
    assert left_out in bought["notes"]
    assert (bought["status"], bought["provider"], free["status"]) == ("succeeded", "ark", "succeeded")
    assert bought_at(market) == ["ark"]


async def test_nobody_else_is_paid_in_place_of_the_one_who_would_be_chosen(
    environ: dict[str, str], tmp_path: Path, era: Era, market: Emulator
) -> None:
    given = {**environ, **market.environment(), "ARK_API_KEY": PASTED}
    async with connected(given, tmp_path, era) as client:
        priced = content(await client.call_tool("estimate_cost", PRICED))
        refused = refusal(await client.call_tool("generate_video", WISH))
        assert bought_at(market) == []
        named = content(await client.call_tool("generate_video", {**WISH, "provider": "byteplus"}))
    assert priced["provider"] == "byteplus"
    assert f"ark is left out: ARK_API_KEY {REASON}" in priced["reason"]
    assert "would be refused now: ark would be the choice here" in priced["next_step"]
    assert refused["code"] == "config"
    assert f"ARK_API_KEY {REASON}." in refused["message"]
    assert "call again with provider='byteplus'" in refused["hint"]
    assert "0.7672 USD" in refused["hint"]
    assert named["status"] == "succeeded"
    assert bought_at(market) == ["byteplus"]


async def test_who_wants_refusals_to_move_on_gets_the_next_provider_and_is_told(
    environ: dict[str, str], tmp_path: Path, market: Emulator
) -> None:
    given = {**environ, **market.environment(), "ARK_API_KEY": PASTED, "SEEDANCE_FALLBACK": "1"}
    async with connected(given, tmp_path) as client:
        bought = content(await client.call_tool("generate_video", WISH))
    assert bought["provider"] == "byteplus"
    assert f"ark is left out: ARK_API_KEY {REASON}" in " ".join(bought["notes"])


async def test_without_another_key_the_sandbox_says_why_it_makes_a_placeholder(
    environ: dict[str, str], tmp_path: Path
) -> None:
    async with connected({**environ, "ARK_API_KEY": PASTED}, tmp_path) as client:
        made = await make(client)
        priced = content(await client.call_tool("estimate_cost", PRICED))
    assert (made["provider"], made["status"]) == ("sandbox", "succeeded")
    assert "no provider of real videos has a usable key" in priced["reason"]
    assert f"ark is left out: ARK_API_KEY {REASON}" in priced["reason"]


@pytest.mark.parametrize("setting", [False, True])
@pytest.mark.parametrize(("tool", "arguments"), [("estimate_cost", PRICED), ("generate_video", WISH)])
async def test_asking_for_that_provider_by_name_is_an_error_of_the_settings(
    environ: dict[str, str], tmp_path: Path, tool: str, arguments: dict[str, Any], setting: bool
) -> None:
    given = {**environ, "FAL_KEY": PASTED, **({"SEEDANCE_PROVIDER": "fal"} if setting else {})}
    named = {**arguments, **({} if setting else {"provider": "fal"})}
    async with connected(given, tmp_path) as client:
        error = refusal(await client.call_tool(tool, named))
        assert (await make(client, provider="sandbox"))["status"] == "succeeded"
    assert error["code"] == "config"
    assert f"FAL_KEY {REASON}." in error["message"]
    assert ("SEEDANCE_PROVIDER" in error["message"]) == setting
    assert "sandbox" in error["hint"]


async def test_a_request_that_only_that_provider_could_make_names_its_key(
    environ: dict[str, str], tmp_path: Path, market: Emulator
) -> None:
    given = {**environ, **market.environment("ark"), "FAL_KEY": PASTED}
    async with connected(given, tmp_path) as client:
        arguments = {"prompt": "a fox", "model": "seedance-1.0-lite"}
        error = refusal(await client.call_tool("generate_video", arguments))
    assert error["code"] == "config"
    assert f"FAL_KEY {REASON}." in error["message"]


async def test_a_job_of_that_provider_waits_and_says_what_is_wrong_with_the_key(
    environ: dict[str, str], tmp_path: Path, market: Emulator
) -> None:
    market.behaviour.running_seconds = 3600
    given = {**environ, **market.environment("ark")}
    async with connected(given, tmp_path) as client:
        bought = content(await client.call_tool("generate_video", {**WISH, "wait_seconds": 0}))
    async with connected({**given, "ARK_API_KEY": PASTED}, tmp_path) as client:
        waits = content(await client.call_tool("check_status", {"job_id": bought["job_id"]}))
        again = content(await client.call_tool("generate_video", WISH))
    assert f"the key set now cannot be used (ARK_API_KEY {REASON})" in " ".join(waits["notes"])
    assert again["job_id"] == bought["job_id"], "the same request is still this job"
    assert bought_at(market) == ["ark"]


async def test_a_server_tells_it_in_its_log_and_leaves_other_programs_keys_alone(
    environ: dict[str, str], tmp_path: Path
) -> None:
    given = {**environ, "FAL_KEY": PASTED, "OTHER_KEY": "two words"}
    async with serving(given, tmp_path) as server:
        await server.ask(initialize())
        await server.send(INITIALIZED)
        answer = await server.ask(call(2, "list_models", {}))
        await server.stdin.aclose()
        await server.rest()
    log = server.stderr.decode()
    words = str(answer)
    for said in (log, words):
        assert f"fal is left out: FAL_KEY {REASON}." in said
        assert "OTHER_KEY" not in said
        assert "canary" not in said
