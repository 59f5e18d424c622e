"""
A server for the conformance suite, with the tools and prompts that it asks for by name, made as the product makes its own.

What becomes of arguments, errors, progress, questions and kinds of content is the product's; only what the tools and
prompts say is a fixture.
"""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp.types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    TextContent,
    TextResourceContents,
    ToolAnnotations,
)
from PIL import Image
from pydantic import BaseModel, Field

from seedance_mcp.app import Update
from seedance_mcp.errors import ConfirmationRequired, SeedanceError
from seedance_mcp.server.calls import Call, Reply
from seedance_mcp.server.completions import add_completions
from seedance_mcp.server.prompts import Argument, ServedPrompt, add_prompts
from seedance_mcp.server.revisions import only_what_was_negotiated
from seedance_mcp.server.schemas import write_schemas
from seedance_mcp.server.tasks import TasksExtension
from seedance_mcp.server.tooling import Answer, Toolbox, tool

from . import fixture_tasks

_HINTS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


class Nothing(BaseModel):
    """What these tools return as data."""


def fixture_server() -> MCPServer[Any]:
    """Build it. It has no app, so no lifespan of ours."""
    server = Toolbox(
        name="fixture",
        version="1",
        tools=_tools(),
        middleware=[only_what_was_negotiated],
        extensions=[TasksExtension(fixture_tasks.BOOK)],
    )
    add_prompts(server, lambda: _PROMPTS)
    add_completions(server, lambda: _PROMPTS)
    return server


def _tools() -> list[Tool]:
    functions = (
        test_simple_text,
        test_image_content,
        test_audio_content,
        test_embedded_resource,
        test_multiple_content_types,
        test_error_handling,
        test_tool_with_progress,
        test_elicitation,
        test_input_required_result_elicitation,
        test_input_required_result_request_state,
        fixture_tasks.greet,
        fixture_tasks.slow_compute,
        fixture_tasks.failing_job,
        fixture_tasks.protocol_error_job,
        fixture_tasks.confirm_delete,
        fixture_tasks.multi_input,
        fixture_tasks.test_tool_with_task,
    )
    return [
        tool(function, annotations=_HINTS, schemas=write_schemas(function, Nothing), proves_reading=False)
        for function in functions
    ]


def _answer(*blocks: ContentBlock) -> CallToolResult:
    return CallToolResult(content=list(blocks), structured_content={})


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _picture() -> ImageContent:
    png = io.BytesIO()
    Image.new("RGB", (1, 1), "red").save(png, "PNG")
    return ImageContent(type="image", data=base64.b64encode(png.getvalue()).decode(), mime_type="image/png")


def _resource(name: str, kind: str, text: str) -> EmbeddedResource:
    contents = TextResourceContents(uri=f"test://{name}", mime_type=kind, text=text)
    return EmbeddedResource(type="resource", resource=contents)


async def test_simple_text(call: Call) -> Answer:
    """Say something."""
    return _answer(_text("This is a simple text response for testing."))


async def test_image_content(call: Call) -> Answer:
    """Show a picture."""
    return _answer(_picture())


async def test_audio_content(call: Call) -> Answer:
    """Play a sound."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(160))
    data = base64.b64encode(sound.getvalue()).decode()
    return _answer(AudioContent(type="audio", data=data, mime_type="audio/wav"))


async def test_embedded_resource(call: Call) -> Answer:
    """Hand over a file."""
    return _answer(_resource("embedded-resource", "text/plain", "This is an embedded resource content."))


async def test_multiple_content_types(call: Call) -> Answer:
    """Hand over text, a picture and a file."""
    file = _resource("mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return _answer(_text("Multiple content types test:"), _picture(), file)


async def test_error_handling(call: Call) -> Answer:
    """Refuse."""
    raise SeedanceError("This tool intentionally returns an error for testing")


async def test_tool_with_progress(call: Call) -> Answer:
    """Report progress."""
    for fraction in (0.0, 0.5, 0.9):
        await call.report(Update(fraction=fraction, message="working"))
    return _answer(_text("Done."))


async def test_elicitation(call: Call, *, message: Annotated[str, Field(max_length=200)]) -> Answer:
    """Ask the person for agreement."""
    return await _asked(call, message)


async def test_input_required_result_elicitation(call: Call) -> Answer:
    """Ask the person for agreement."""
    return await _asked(call, "What is your name?")


async def test_input_required_result_request_state(call: Call) -> Answer:
    """Ask the person for agreement."""
    return await _asked(call, "Please confirm")


async def _asked(call: Call, message: str) -> Answer:
    question = ConfirmationRequired(message, token=None, hint="", question=message, approval="state-ok")
    if not call.can_ask:
        raise question
    brought = call.brought
    reply = await call.ask(question) if brought is None else brought.reply
    if isinstance(reply, InputRequiredResult):
        return reply
    return _answer(_text(f"state-ok, {reply is Reply.YES}: {reply.value}"))


def _prompt(
    name: str, compose: Callable[[Mapping[str, str]], list[ContentBlock]], *names: str
) -> ServedPrompt:
    async def composed(context: object, given: Mapping[str, str]) -> list[ContentBlock]:
        return compose(given)

    arguments = tuple(Argument(name=one, description="Any text", required=True) for one in names)
    return ServedPrompt(
        name=name, title=name, description="For the suite", arguments=arguments, compose=composed
    )


_PROMPTS = (
    _prompt("test_simple_prompt", lambda given: [_text("This is a simple prompt for testing.")]),
    _prompt(
        "test_prompt_with_arguments",
        lambda given: [_text(f"Prompt with arguments: arg1={given['arg1']!r}, arg2={given['arg2']!r}")],
        "arg1",
        "arg2",
    ),
    _prompt(
        "test_prompt_with_embedded_resource",
        lambda given: [_resource(given["resourceUri"].removeprefix("test://"), "text/plain", "Embedded.")],
        "resourceUri",
    ),
    _prompt("test_prompt_with_image", lambda given: [_picture(), _text("Please analyze the image above.")]),
)
