"""Every answer fits the output schema that its tool declares, and every refusal is one that no client checks against it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import jsonschema
from mcp import Client
from mcp.types import CallToolResult, Implementation
from PIL import Image

from seedance_mcp.config import Settings, load_settings
from seedance_mcp.server import create_server

from .asking import SMALL, priced, refusal
from .conftest import Era

_ERROR = {
    "type": "object",
    "required": ["code", "message", "hint", "retryable"],
    "additionalProperties": False,
    "properties": {
        "code": {"type": "string", "minLength": 1},
        "message": {"type": "string", "minLength": 1},
        "hint": {"type": "string", "minLength": 1},
        "retryable": {"type": "boolean"},
        "problems": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "differences": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "plan": {"type": "object", "required": ["film_id", "plan", "price", "shots"]},
        "token": {"type": ["string", "null"]},
        "notes": {"type": "array", "items": {"type": "string"}},
        "advice": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "text"],
                "additionalProperties": False,
                "properties": {"code": {"type": "string"}, "text": {"type": "string"}},
            },
        },
    },
}
STALLED = {**SMALL, "prompt": "[sandbox:stall] a fox", "wait_seconds": 0}


class Checked:
    """Calls tools as a client does that has listed them: it keeps each output schema and checks every answer."""

    def __init__(self, client: Client, schemas: Mapping[str, Any]) -> None:
        self._client = client
        self._schemas = schemas
        self.answered: set[str] = set()
        self.refused: set[str] = set()

    async def answers(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured content of a call that goes well."""
        result = await self._call(tool, arguments)
        assert not result.is_error, result.content
        assert result.structured_content is not None
        schema = self._schemas[tool]
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(result.structured_content, schema, jsonschema.Draft202012Validator)
        assert set(result.structured_content) <= set(schema["properties"])
        self.answered.add(tool)
        return result.structured_content

    async def refuses(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The error of a call that is refused."""
        error = refusal(await self._call(tool, arguments))
        jsonschema.validate(error, _ERROR, jsonschema.Draft202012Validator)
        self.refused.add(tool)
        return error

    async def _call(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        return await self._client.call_tool(tool, arguments)


async def _checked(client: Client) -> Checked:
    tools = (await client.list_tools()).tools
    return Checked(client, {tool.name: tool.output_schema for tool in tools})


async def test_every_tool_answers_and_refuses_within_its_schema(
    settings: Settings, era: Era, tmp_path: Path
) -> None:
    picture = tmp_path / "media" / "fox.png"
    picture.parent.mkdir()
    Image.new("RGB", (640, 360), "orange").save(picture)
    with anyio.fail_after(90):
        async with Client(create_server(settings), mode=era) as client:
            ask = await _checked(client)
            stalled = await ask.answers("generate_video", **STALLED)
            await ask.answers("generate_video", **STALLED)
            await ask.answers("check_status", job_id=stalled["job_id"])
            await ask.refuses("view_video", source=stalled["job_id"])
            await ask.answers("cancel_job", job_id=stalled["job_id"])
            await ask.answers("check_status", job_id=stalled["job_id"], wait_seconds=20)
            for word in ("moderate", "fail", "lost", "refuse"):
                made = await ask.answers("generate_video", **{**STALLED, "prompt": f"[sandbox:{word}]"})
                await ask.answers("check_status", job_id=made["job_id"], wait_seconds=20)
            media = await ask.answers("upload_media", source=str(picture))
            made = await ask.answers(
                "generate_video", **{**SMALL, "first_frame": media["media_id"], "wait_seconds": 30}
            )
            assert made["status"] == "succeeded"
            await ask.answers("view_video", source=made["job_id"])
            await ask.answers(
                "review", job_id=made["job_id"], verdict="good", notes="yes", scores={"text": 5}
            )
            await ask.answers("view_video", source=made["job_id"])
            await ask.answers("cancel_job", job_id=made["job_id"])
            await ask.answers("check_status")
            await ask.answers("estimate_cost", **SMALL)
            await ask.answers("estimate_cost", prompt="A fox", model="seedance-2.5", provider="atlas")
            await ask.answers("list_models")
            await ask.answers("list_models", model="seedance-2.0")
            shots = [{"seconds": 2, "prompt": "[sandbox:stall] a fox"}]
            board = {"title": "Fox", "model": SMALL["model"], "shots": shots}
            plan = await ask.answers("plan_film", storyboard=board, quality="animatic")
            await ask.answers("create_film", film_id=plan["film_id"], plan=plan["plan"], wait_seconds=0)
            await ask.answers("check_status", job_id=plan["film_id"])
            await ask.answers("cancel_job", job_id=plan["film_id"])

            await ask.refuses("generate_video", **SMALL, size="big")
            await ask.refuses("generate_video", duration="x", seed="y", size=1)
            await ask.refuses("generate_video", prompt="A fox", model="seedance-1.0-pro", duration=99)
            await ask.refuses("check_status", job_id="job_nothing")
            await ask.refuses("estimate_cost", prompt="A fox", provider="nobody")
            await ask.refuses("upload_media", source="/etc/passwd")
            await ask.refuses("list_models", model="seedance-9")
            await ask.refuses("view_video", source="/etc/passwd")
            await ask.refuses("review", job_id="job_nothing", verdict="good")
            await ask.refuses("cancel_job", job_id="job_nothing")
            await ask.refuses("plan_film")
            await ask.refuses("create_film", film_id=plan["film_id"], plan="0" * 16)
            names = {tool.name for tool in (await client.list_tools()).tools}
    assert ask.answered == names
    assert ask.refused == names


async def test_prices_that_need_agreement_are_within_the_schema_too(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    settings = load_settings(priced(environ, tmp_path, "0.75"))
    with anyio.fail_after(30):
        async with Client(create_server(settings), mode=era) as client:
            ask = await _checked(client)
            error = await ask.refuses("generate_video", **STALLED)
            assert error["token"]
            job = await ask.answers("generate_video", **STALLED, confirm_token=error["token"])
            await ask.answers("estimate_cost", **SMALL)
            await ask.refuses("generate_video", **{**STALLED, "prompt": "another", "max_usd": 0.1})
            await ask.answers("check_status", job_id=job["job_id"])


async def test_news_of_other_jobs_is_within_the_schema_of_every_tool(settings: Settings, era: Era) -> None:
    other = Implementation(name="another-assistant", version="1")
    with anyio.fail_after(60):
        async with (
            Client(create_server(settings), mode=era) as client,
            Client(create_server(settings), mode=era, client_info=other) as waiting,
        ):
            ask = await _checked(client)
            for tool, arguments in (
                ("check_status", {}),
                ("estimate_cost", SMALL),
                ("list_models", {}),
            ):
                made = await ask.answers("generate_video", **{**SMALL, "prompt": tool, "wait_seconds": 0})
                await waiting.call_tool("check_status", {"job_id": made["job_id"], "wait_seconds": 30})
                assert (await ask.answers(tool, **arguments))["finished_meanwhile"]


async def test_a_server_that_cannot_work_refuses_within_the_schema(
    environ: dict[str, str], tmp_path: Path, era: Era
) -> None:
    (tmp_path / "file").write_text("not a folder")
    settings = load_settings({**environ, "SEEDANCE_STATE_DIR": str(tmp_path / "file")})
    with anyio.fail_after(20):
        async with Client(create_server(settings), mode=era) as client:
            ask = await _checked(client)
            for tool, arguments in (
                ("generate_video", SMALL),
                ("check_status", {}),
                ("estimate_cost", SMALL),
                ("upload_media", {"source": "x.png"}),
                ("list_models", {}),
                ("view_video", {"source": "x.mp4"}),
                ("review", {"job_id": "x", "verdict": "good"}),
                ("cancel_job", {"job_id": "x"}),
            ):
                assert (await ask.refuses(tool, **arguments))["code"] == "store"
