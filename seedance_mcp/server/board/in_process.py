"""Calls the tools in this process, as an assistant would call them over MCP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mcp import Client, MCPError
from mcp.server import MCPServer
from mcp.types import CallToolResult, ImageContent, Implementation, TextContent

from ..callers import Caller, always_by
from ..opening import Opening
from ..tooling import ERROR_KEY, Toolbox
from ..tools import all_tools

if TYPE_CHECKING:
    from ...app import App


class ToolsHere:
    """The tools of one open app. Whoever sees their answers is a person: no job counts as read by an assistant for that."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        """Call a tool and return its answer, or its refusal, for the page; None if there is no such tool."""
        try:
            answer = await self._client.call_tool(name, arguments)
        except MCPError:
            return None
        text = "\n".join(block.text for block in answer.content if isinstance(block, TextContent))
        if answer.is_error:
            return {"ok": False, "error": _error(answer, text)}
        images = [
            f"data:{block.mime_type};base64,{block.data}"
            for block in answer.content
            if isinstance(block, ImageContent)
        ]
        return {"ok": True, "content": answer.structured_content, "text": text, "images": images}


@contextlib.asynccontextmanager
async def tools_here(app: App, caller: Caller | None = None) -> AsyncGenerator[ToolsHere]:
    """Connect to the tools of this app, for the person whose machine it is, or for whoever has signed in."""

    @contextlib.asynccontextmanager
    async def lifespan(_: MCPServer[Any]) -> AsyncGenerator[Opening]:
        yield Opening.for_a_person(app)

    own = version("seedance-mcp")
    server = Toolbox(
        name="seedance",
        version=own,
        tools=list(all_tools()),
        lifespan=lifespan,
        middleware=[] if caller is None else [always_by(caller)],
        log_level="WARNING",
    )
    async with Client(server, client_info=Implementation(name="seedance-mcp board", version=own)) as client:
        yield ToolsHere(client)


def _error(answer: CallToolResult, text: str) -> dict[str, Any]:
    known: dict[str, Any] = (answer.meta or {}).get(ERROR_KEY, {"code": "error", "message": text, "hint": ""})
    return {name: value for name, value in known.items() if name != "token"}
