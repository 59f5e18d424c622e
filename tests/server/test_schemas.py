"""The tools as clients see them: a change of any of it shows as a difference in `schemas/`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import Tool

from scripts import tool_schemas
from seedance_mcp.config import Settings
from seedance_mcp.server import create_server
from seedance_mcp.types import VideoRequest

from .conftest import Era

SNAPSHOTS = Path(__file__).parent / "schemas"
UPDATING = os.environ.get("SEEDANCE_UPDATE_SCHEMAS") == "1"
MOST_TOKENS = 2_000


async def _tools(settings: Settings, era: Era = "auto") -> tuple[list[Tool], str]:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            return (await client.list_tools()).tools, client.instructions or ""


async def test_every_tool_is_as_agreed(settings: Settings, era: Era) -> None:
    tools, _ = await _tools(settings, era)
    seen = {tool.name: _snapshot(tool) for tool in tools}
    if UPDATING:
        for file in SNAPSHOTS.glob("*.json"):
            file.unlink()
        for name, snapshot in seen.items():
            (SNAPSHOTS / f"{name}.json").write_text(snapshot, encoding="utf-8")
    agreed = {file.stem: file.read_text(encoding="utf-8") for file in SNAPSHOTS.glob("*.json")}
    assert seen == agreed, "run with SEEDANCE_UPDATE_SCHEMAS=1 and look at the difference"


def test_the_schemas_that_a_start_reads_are_those_of_the_code() -> None:
    assert tool_schemas.PATH.read_text(encoding="utf-8") == tool_schemas.written(), (
        "run `python -m scripts.tool_schemas`"
    )


async def test_what_an_assistant_pays_for_the_tools_stays_small(settings: Settings) -> None:
    tools, instructions = await _tools(settings)
    sizes = {
        tool.name: len(tool.name) + len(tool.description or "") + len(_compact(tool.input_schema))
        for tool in tools
    }
    tokens = (sum(sizes.values()) + len(instructions)) / 4
    print(f"tools and instructions: {tokens:.0f} tokens; characters: {sizes}")
    assert tokens < MOST_TOKENS
    # Claude Code cuts what is longer, each by itself.
    assert all(len(text) <= 2048 for text in (instructions, *(tool.description or "" for tool in tools)))


async def test_every_tool_states_all_four_hints(settings: Settings) -> None:
    tools, _ = await _tools(settings)
    for tool in tools:
        assert tool.annotations
        hints = tool.annotations.model_dump(exclude={"title"})
        assert None not in hints.values(), tool.name
    spends = [tool.name for tool in tools if tool.annotations and not tool.annotations.read_only_hint]
    assert spends == ["generate_video", "create_film", "upload_media", "review", "cancel_job"]


async def test_the_arguments_are_the_fields_of_a_request(settings: Settings) -> None:
    tools = {tool.name: tool for tool in (await _tools(settings))[0]}
    fields = set(VideoRequest.model_fields)
    assert set(tools["estimate_cost"].input_schema["properties"]) == fields | {"variations"}
    extras = {"variations", "wait_seconds", "max_usd", "allow_duplicate", "request_key", "confirm_token"}
    assert set(tools["generate_video"].input_schema["properties"]) == fields | extras
    described = [
        name
        for name, schema in tools["estimate_cost"].input_schema["properties"].items()
        if "description" in schema
    ]
    assert described == []


async def test_schemas_are_closed_and_hold_nothing_that_says_nothing(settings: Settings) -> None:
    tools, _ = await _tools(settings)
    for tool in tools:
        assert tool.input_schema["additionalProperties"] is False
        for schema in (tool.input_schema, tool.output_schema):
            assert schema
            assert schema["type"] == "object"
        written = _compact(tool.input_schema)
        assert "anyOf" not in written
        assert '"title":' not in written
        assert "null" not in written


@pytest.mark.parametrize("word", ["generate_video", "check_status", "estimate_cost"])
async def test_the_instructions_name_the_way(settings: Settings, word: str) -> None:
    assert word in (await _tools(settings))[1]


def _snapshot(tool: Tool) -> str:
    told = tool.model_dump(
        by_alias=True,
        mode="json",
        exclude_none=True,
        include={"name", "description", "annotations", "input_schema", "output_schema"},
    )
    return json.dumps(told, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _compact(schema: dict[str, Any]) -> str:
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)
