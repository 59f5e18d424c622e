"""Calls that cannot be served, and what the client learns of it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.server import MCPServer

from seedance_mcp.config import Settings, load_settings
from seedance_mcp.errors import RateLimited
from seedance_mcp.presentation.results import BudgetShape
from seedance_mcp.server import create_server
from seedance_mcp.server.calls import Call
from seedance_mcp.server.schemas import write_schemas
from seedance_mcp.server.tooling import Answer, tool
from seedance_mcp.server.tools.hints import READ

from .asking import SMALL, content, refusal, text
from .conftest import Era


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"promt": "a fox"}, "There is no argument 'promt'. Did you mean prompt?"),
        ({"duration": "five"}, "duration must be a whole number."),
        ({"duration": 5.5}, "duration must be a whole number."),
        ({"generate_audio": "loud"}, "generate_audio must be true or false."),
        ({"prompt": 7}, "prompt must be text."),
        ({"seed": -2}, "seed must be greater than or equal to -1."),
        ({"reference_images": 3}, "reference_images must be a list."),
        ({"reference_images": ["ok", 3]}, "reference_images[1] must be text."),
        ({"provider_options": "fast"}, "provider_options must be an object."),
        ({"max_usd": "cheap"}, "max_usd must be an amount such as 0.5."),
        ({"wait_seconds": -1}, "wait_seconds must be greater than or equal to 0."),
        ({"prompt": "x" * 20_001}, "prompt must have at most 20000 characters."),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_an_argument_is_refused_by_name_with_what_is_allowed(
    settings: Settings, arguments: dict[str, Any], problem: str
) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings)) as client:
            error = refusal(await client.call_tool("generate_video", {**SMALL, **arguments}))
    assert error["code"] == "invalid_request"
    assert error["problems"] == [problem]
    assert error["retryable"] is False


async def test_all_wrong_arguments_are_named_at_once(settings: Settings, era: Era) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            error = refusal(
                await client.call_tool("generate_video", {"duration": "x", "seed": "y", "size": 1})
            )
    assert len(error["problems"]) == 3


async def test_what_was_sent_is_not_repeated(settings: Settings) -> None:
    long = "secret-" * 1000
    with anyio.fail_after(20):
        async with Client(create_server(settings)) as client:
            for arguments in ({"duration": long}, {"watermark": long}, {"reference_images": long}, {long: 1}):
                result = await client.call_tool("generate_video", {**SMALL, **arguments})
                refusal(result)
                assert text(result).count("secret-") < 20
                assert len(text(result)) < 2_000


async def test_the_rules_of_the_models_are_refusals_too(settings: Settings, era: Era) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            arguments = {"prompt": "A fox", "model": "seedance-1.0-pro", "duration": 99, "resolution": "8k"}
            error = refusal(await client.call_tool("generate_video", arguments))
            jobs = content(await client.call_tool("check_status", {}))["jobs"]
    assert error["code"] == "invalid_request"
    assert len(error["problems"]) == 2
    assert jobs == []


@pytest.mark.parametrize(
    ("tool_name", "arguments", "code"),
    [
        ("check_status", {"job_id": "job_nothing"}, "job_not_found"),
        ("cancel_job", {"job_id": "job_nothing"}, "job_not_found"),
        ("cancel_job", {}, "invalid_request"),
        ("view_video", {"source": "job_nothing"}, "job_not_found"),
        ("view_video", {"source": "/etc/passwd"}, "media"),
        ("upload_media", {"source": "/etc/passwd"}, "media"),
        ("list_models", {"model": "seedance-9"}, "invalid_request"),
        ("list_models", {"provider": "nobody"}, "invalid_request"),
        ("estimate_cost", {"prompt": "A fox", "provider": "nobody"}, "invalid_request"),
        ("check_status", {"limit": 101}, "invalid_request"),
        ("generate_video", {"based_on": "job_nothing"}, "job_not_found"),
    ],
)
async def test_each_tool_refuses_with_a_code(
    settings: Settings, era: Era, tool_name: str, arguments: dict[str, Any], code: str
) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            assert refusal(await client.call_tool(tool_name, arguments))["code"] == code


async def test_a_video_that_is_not_there_yet_cannot_be_seen(settings: Settings, era: Era) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            asked = {**SMALL, "prompt": "[sandbox:stall]", "wait_seconds": 0}
            job_id = content(await client.call_tool("generate_video", asked))["job_id"]
            error = refusal(await client.call_tool("view_video", {"source": job_id}))
    assert (error["code"], error["retryable"]) == ("job_not_finished", True)


async def test_an_unknown_tool_is_an_error_of_the_protocol(settings: Settings, era: Era) -> None:
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            with pytest.raises(MCPError) as caught:
                await client.call_tool("make_coffee", {})
    assert caught.value.error.code == -32602
    assert "generate_video" in caught.value.error.message


async def test_a_bug_is_told_without_its_details(caplog: pytest.LogCaptureFixture, era: Era) -> None:
    async def break_down(call: Call) -> Answer:
        """Break down."""
        raise RuntimeError("cannot open /home/somebody/secret.txt")

    server: MCPServer[Any] = MCPServer(
        "broken", tools=[tool(break_down, annotations=READ, schemas=write_schemas(break_down, BudgetShape))]
    )
    with anyio.fail_after(20), caplog.at_level(logging.ERROR):
        async with Client(server, mode=era) as client:
            result = await client.call_tool("break_down", {})
    assert refusal(result)["code"] == "internal"
    assert "secret.txt" not in text(result) + str(result.structured_content)
    assert "secret.txt" in caplog.text


async def test_an_error_that_may_pass_says_so(era: Era) -> None:
    async def be_busy(call: Call) -> Answer:
        """Be busy."""
        raise RateLimited("Too many requests.")

    server: MCPServer[Any] = MCPServer(
        "busy", tools=[tool(be_busy, annotations=READ, schemas=write_schemas(be_busy, BudgetShape))]
    )
    with anyio.fail_after(20):
        async with Client(server, mode=era) as client:
            error = refusal(await client.call_tool("be_busy", {}))
    assert error == {
        "code": "rate_limited",
        "message": "Too many requests.",
        "hint": "Wait a little and try again.",
        "retryable": True,
    }


async def test_a_server_whose_store_cannot_be_opened_starts_and_says_why(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    (tmp_path / "file").write_text("not a folder")
    settings = load_settings({**environ, "SEEDANCE_STATE_DIR": str(tmp_path / "file")})
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            assert (await client.list_tools()).tools
            error = refusal(await client.call_tool("list_models", {}))
            assert (await client.list_resources()).resources
            with pytest.raises(MCPError):
                await client.read_resource("seedance://jobs")
    assert error["code"] == "store"
