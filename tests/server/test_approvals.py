"""Prices that an administrator has to agree to, as an assistant meets them on stdin and stdout."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from seedance_mcp.app import open_app
from seedance_mcp.config import Settings, load_settings
from seedance_mcp.server import create_server
from seedance_mcp.types import EVERYBODY

from .asking import SMALL, content, priced, refusal
from .conftest import Era

DEAR = {**SMALL, "prompt": "[sandbox:stall] a fox", "wait_seconds": 0, "request_key": "the-fox-of-today"}


@pytest.fixture
def settings(environ: dict[str, str], tmp_path: Path) -> Settings:
    """Two seconds of video cost 1.50 USD, one more than a person may agree to."""
    dear = {**priced(environ, tmp_path, "0.75"), "SEEDANCE_APPROVE_ABOVE_USD": "1"}
    return load_settings(dear, settings_file=tmp_path / "no.toml")


async def _yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    raise AssertionError("nobody is to be asked in a dialogue")


async def test_it_waits_under_one_id_until_whoever_runs_the_server_agrees(
    settings: Settings, era: Era
) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era, elicitation_callback=_yes) as client:
            told = content(await client.call_tool("estimate_cost", SMALL))["next_step"]
            assert "asks an administrator to agree first" in told
            assert "SEEDANCE_APPROVE_ABOVE_USD" in told
            waits = refusal(await client.call_tool("generate_video", DEAR))
            assert (waits["code"], waits["retryable"], waits["token"]) == ("approval_required", True, None)
            code = waits["question_id"]
            assert code in waits["message"]
            assert f"seedance-mcp approve {code}" in waits["hint"]
            assert "same request_key" in waits["hint"]
            assert refusal(await client.call_tool("generate_video", DEAR))["question_id"] == code
            handed = refusal(await client.call_tool("generate_video", {**DEAR, "confirm_token": code}))
            assert handed["question_id"] == code
            assert content(await client.call_tool("check_status", {}))["jobs"] == []
            async with open_app(settings, watch=False, scope=EVERYBODY) as terminal:
                [one] = await terminal.questions.waiting()
                assert one.code == code
                assert await terminal.questions.approve(code)
            job = content(await client.call_tool("generate_video", DEAR))
            again = content(await client.call_tool("generate_video", DEAR))
            assert (again["job_id"], again["deduplicated"]) == (job["job_id"], True)
            other = {**DEAR, "request_key": "the-fox-of-tomorrow"}
            assert refusal(await client.call_tool("generate_video", other))["question_id"] != code


async def test_a_no_is_told_and_no_new_question_is_put(settings: Settings, era: Era) -> None:
    with anyio.fail_after(60):
        async with Client(create_server(settings), mode=era) as client:
            code = refusal(await client.call_tool("generate_video", DEAR))["question_id"]
            async with open_app(settings, watch=False, scope=EVERYBODY) as terminal:
                await terminal.questions.decline(code)
                told = refusal(await client.call_tool("generate_video", DEAR))
                assert (told["code"], told["retryable"]) == ("approval_refused", False)
                assert "An administrator has said no" in told["message"]
                assert await terminal.questions.waiting() == []


async def test_a_set_counts_as_a_whole(settings: Settings, era: Era) -> None:
    several = replace(settings, approve_above_usd=Decimal(2))
    with anyio.fail_after(60):
        async with Client(create_server(several), mode=era) as client:
            one = refusal(await client.call_tool("generate_video", DEAR))
            assert one["code"] == "confirmation_required"
            wanted = {**DEAR, "request_key": "foxes-of-today", "variations": 2}
            both = refusal(await client.call_tool("generate_video", wanted))
            assert both["code"] == "approval_required"
            assert "3.00 USD" in both["message"]
            async with open_app(several, watch=False, scope=EVERYBODY) as terminal:
                assert await terminal.questions.approve(both["question_id"])
            assert content(await client.call_tool("generate_video", wanted))["set_id"]
