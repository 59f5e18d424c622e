"""
Drives one of the Python clients as `drive.mjs` does others: a step on each line of stdin, its answer on a line of stdout.

    python drive.py CLIENT OPTIONS

It runs in the environment of that client and imports nothing of ours. OPTIONS: {command, args, env, cwd, mode}; `mode` is
for clients that know both protocol eras. What a call answers is what the client would hand to a model, as content blocks.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

Blocks = list[dict[str, Any]]
Progress = Callable[[float], None]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


class PythonSdk:
    """The SDK's own client."""

    distribution = "mcp"

    @asynccontextmanager
    async def connected(self, options: dict[str, Any]) -> AsyncIterator[None]:
        from mcp import Client, StdioServerParameters
        from mcp.client.stdio import stdio_client

        given = {key: options[key] for key in ("command", "args", "env", "cwd")}
        async with Client(stdio_client(StdioServerParameters(**given)), mode=options["mode"]) as self.client:
            yield

    async def tools(self) -> list[str]:
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def resources(self) -> list[str]:
        return [str(one.uri) for one in (await self.client.list_resources()).resources]

    async def read(self, uri: str) -> str:
        return str((await self.client.read_resource(uri)).contents[0].mime_type)

    async def call(self, tool: str, arguments: dict[str, Any], told: Progress) -> tuple[bool, Blocks]:
        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            told(progress)

        answer = await self.client.call_tool(tool, arguments, progress_callback=on_progress)
        return answer.is_error, [block.model_dump(by_alias=True, mode="json") for block in answer.content]


class FastMcp(PythonSdk):
    distribution = "fastmcp"

    @asynccontextmanager
    async def connected(self, options: dict[str, Any]) -> AsyncIterator[None]:
        from fastmcp import Client
        from fastmcp.client.transports import StdioTransport
        from fastmcp.skills import SkillsClientExtension

        given = {key: options[key] for key in ("command", "args", "env", "cwd")}
        async with Client(
            StdioTransport(**given, keep_alive=False),
            mode=options["mode"],
            extensions=[SkillsClientExtension()],
        ) as self.client:
            yield

    async def tools(self) -> list[str]:
        return [tool.name for tool in await self.client.list_tools()]

    async def resources(self) -> list[str]:
        return [str(one.uri) for one in await self.client.list_resources()]

    async def read(self, uri: str) -> str:
        return (await self.client.read_resource(uri))[0].mime_type

    async def call(self, tool: str, arguments: dict[str, Any], told: Progress) -> tuple[bool, Blocks]:
        async def progress(value: float, total: float | None, message: str | None) -> None:
            told(value)

        answer = await self.client.call_tool(tool, arguments, progress_handler=progress, raise_on_error=False)
        return answer.is_error, [block.model_dump(by_alias=True, mode="json") for block in answer.content]

    async def skills(self) -> list[str]:
        """The skills of which every file was read; the client holds each against its digest."""
        found = [skill.uri for skill in await self.client.list_skills()]
        for uri in found:
            await self.client.read_skill(uri)
        return found


class OpenaiAgents:
    distribution = "openai-agents"

    @asynccontextmanager
    async def connected(self, options: dict[str, Any]) -> AsyncIterator[None]:
        from agents.mcp import MCPServerStdio

        given = {key: options[key] for key in ("command", "args", "env", "cwd")}
        async with MCPServerStdio(given, client_session_timeout_seconds=100) as self.server:
            yield

    async def tools(self) -> list[str]:
        self.listed = {tool.name: tool for tool in await self.server.list_tools()}
        return list(self.listed)

    async def resources(self) -> list[str]:
        return [str(one.uri) for one in (await self.server.list_resources()).resources]

    async def read(self, uri: str) -> str:
        return (await self.server.read_resource(uri)).contents[0].mime_type

    async def call(self, tool: str, arguments: dict[str, Any], told: Progress) -> tuple[bool, Blocks]:
        from agents import RunContextWrapper
        from agents.mcp import MCPUtil

        output = await MCPUtil.invoke_mcp_tool(
            self.server, self.listed[tool], RunContextWrapper(None), json.dumps(arguments)
        )
        blocks = output if isinstance(output, list) else [output]
        return False, [block if block["type"] != "image" else {"type": "image"} for block in blocks]


class LangchainMcpAdapters:
    distribution = "langchain-mcp-adapters"

    @asynccontextmanager
    async def connected(self, options: dict[str, Any]) -> AsyncIterator[None]:
        from langchain_mcp_adapters.callbacks import Callbacks
        from langchain_mcp_adapters.client import MultiServerMCPClient

        async def progress(value: float, total: float | None, message: str | None, context: Any) -> None:
            self.told(value)

        given = {key: options[key] for key in ("command", "args", "env", "cwd")}
        client = MultiServerMCPClient(
            {"seedance": {"transport": "stdio", **given}}, callbacks=Callbacks(on_progress=progress)
        )
        self.callbacks = client.callbacks
        async with client.session("seedance") as self.session:
            yield

    async def tools(self) -> list[str]:
        from langchain_mcp_adapters.tools import load_mcp_tools

        tools = await load_mcp_tools(self.session, callbacks=self.callbacks, server_name="seedance")
        self.listed = {tool.name: tool for tool in tools}
        return list(self.listed)

    async def resources(self) -> list[str]:
        return [str(one.uri) for one in (await self.session.list_resources()).resources]

    async def read(self, uri: str) -> str:
        from langchain_mcp_adapters.resources import load_mcp_resources

        return (await load_mcp_resources(self.session, uris=uri))[0].mimetype

    async def call(self, tool: str, arguments: dict[str, Any], told: Progress) -> tuple[bool, Blocks]:
        self.told = told
        asked = {"type": "tool_call", "id": "1", "name": tool, "args": arguments}
        message = await self.listed[tool].ainvoke(asked)
        content = [_text(message.content)] if isinstance(message.content, str) else message.content
        return message.status == "error", [
            block if block["type"] != "image" else {"type": "image"} for block in content
        ]


class PydanticAi:
    distribution = "pydantic-ai-slim"

    @asynccontextmanager
    async def connected(self, options: dict[str, Any]) -> AsyncIterator[None]:
        from fastmcp.client.transports import StdioTransport
        from pydantic_ai.mcp import MCPToolset

        async def progress(value: float, total: float | None, message: str | None) -> None:
            self.told(value)

        given = {key: options[key] for key in ("command", "args", "env", "cwd")}
        transport = StdioTransport(**given, keep_alive=False)
        async with MCPToolset(transport, progress_handler=progress) as self.toolset:
            yield

    async def tools(self) -> list[str]:
        return [tool.name for tool in await self.toolset.list_tools()]

    async def resources(self) -> list[str]:
        return [str(one.uri) for one in await self.toolset.list_resources()]

    async def read(self, uri: str) -> str:
        return (await self.toolset.read_resource(uri)).media_type

    async def call(self, tool: str, arguments: dict[str, Any], told: Progress) -> tuple[bool, Blocks]:
        from pydantic_ai.exceptions import ModelRetry

        self.told = told
        try:
            output = await self.toolset.direct_call_tool(tool, arguments)
        except ModelRetry as refused:
            return True, [_text(refused.message)]
        parts = output if isinstance(output, list) else [output]
        return False, [
            {"type": "image"}
            if getattr(part, "is_image", False)
            else _text(part if isinstance(part, str) else json.dumps(part))
            for part in parts
        ]


CLIENTS = {
    "mcp": PythonSdk,
    "fastmcp": FastMcp,
    "openai-agents": OpenaiAgents,
    "langchain-mcp-adapters": LangchainMcpAdapters,
    "pydantic-ai": PydanticAi,
}


async def _when_told_to(abandon: Path, call: asyncio.Task[Any]) -> None:
    """Give the call up as soon as the file is there."""
    while not abandon.exists():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    call.cancel()


async def _step(client: Any, do: str, rest: dict[str, Any]) -> Any:
    if do == "listTools":
        return {"tools": [{"name": name} for name in await client.tools()]}
    if do == "listResources":
        return {"resources": [{"uri": uri} for uri in await client.resources()]}
    if do == "readResource":
        return {"contents": [{"mimeType": await client.read(rest["uri"])}]}
    if do == "skills":
        return await client.skills()
    told: list[dict[str, Any]] = []
    call = asyncio.ensure_future(
        client.call(rest["tool"], rest["args"], lambda value: told.append({"progress": value}))
    )
    if "abandon" in rest:
        await asyncio.gather(_when_told_to(Path(rest["abandon"]), call), call)
    refused, blocks = await call
    return {"result": {"isError": refused, "content": blocks}, "told": told}


async def _main(name: str, given: str) -> None:
    client = CLIENTS[name]()
    lines = asyncio.get_running_loop()
    async with client.connected(json.loads(given)):
        while line := await lines.run_in_executor(None, sys.stdin.readline):
            asked = json.loads(line)
            do = asked.pop("do")
            try:
                if do == "connect":
                    answer = {"ok": {"version": version(client.distribution), "mcp": version("mcp")}}
                else:
                    answer = {"ok": await _step(client, do, asked)}
            except (Exception, asyncio.CancelledError) as error:
                answer = {"threw": {"code": type(error).__name__, "message": str(error)}}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
