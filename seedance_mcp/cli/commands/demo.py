"""The command `demo`: a real client talks to the real server, free and offline."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import anyio

from ...clients import Entry, clients, snippet
from ...config import Settings, load_settings, server_command
from ...errors import SeedanceError
from ...texts import digits, one_line
from ..arguments import whole
from ..progress import progress_bar
from ..words import told

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult

_REQUEST = {
    "prompt": "A red fox trots through fresh snow at dawn; slow dolly-in, soft wind, light flurries.",
    "provider": "sandbox",
    "model": "seedance-2.0",
    "duration": 5,
    "resolution": "720p",
    "aspect_ratio": "16:9",
    "generate_audio": True,
}
_WAIT_SECONDS = 20
_CALL_SECONDS = 120.0
_UNFINISHED = ("submitting", "queued", "running", "saving")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the folder."""
    parser.add_argument(
        "folder",
        nargs="?",
        default="seedance-demo",
        help="Where the video goes (default: %(default)s)",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Run the conversation; the job database is one of its own, inside the folder."""
    folder = whole(Path(arguments.folder))
    try:
        anyio.run(_converse, load_settings(), folder)
    except BaseExceptionGroup as group:  # the client's task groups wrap what is raised inside them
        raise _innermost(group) from None
    command, words = server_command()
    desktop = clients()["claude-desktop"]
    print(told("\nFor real videos: `seedance-mcp setup` asks for the key of a provider and stores it."))
    print(told("\nTo use it in an assistant: `seedance-mcp install --list` says which are here, and"))
    print(
        told(
            "`seedance-mcp install CLIENT` enters it there. By hand, in Claude Desktop: Settings, Developer,"
        )
    )
    print("Edit Config, then add")
    print(snippet(desktop, Entry(command=command, arguments=tuple(words))), end="")
    print(f"there. {desktop.restart}")
    return 0


async def _converse(settings: Settings, folder: Path) -> None:
    from importlib.metadata import version

    from mcp import Client, StdioServerParameters
    from mcp.types import Implementation

    server = StdioServerParameters(
        command=sys.executable,
        # -P: the folder that the demo is called in holds no module of ours.
        args=["-P", "-m", "seedance_mcp"],
        # The client hands on no other variable of ours: no key reaches this server.
        env={
            "SEEDANCE_PROVIDER": "sandbox",
            "SEEDANCE_OUTPUT_DIR": str(folder),
            "SEEDANCE_STATE_DIR": str(folder / ".state"),
            "SEEDANCE_SANDBOX_SECONDS": str(settings.sandbox_seconds),
            "SEEDANCE_DETACH": "0",
        },
    )
    print(f"1. Starting the server: {sys.executable} -P -m seedance_mcp", flush=True)
    client_info = Implementation(name="seedance-mcp-demo", version=version("seedance-mcp"))
    async with Client(server, client_info=client_info, read_timeout_seconds=_CALL_SECONDS) as client:
        tools = (await client.list_tools()).tools
        names = ", ".join(tool.name for tool in tools)
        print(f"   Connected, protocol {client.protocol_version}; tools: {names}")
        await _show_price(client)
        job = await _make(client)
        await _look(client, job)


async def _show_price(client: Client) -> None:
    print("\n2. estimate_cost: what would it cost?", flush=True)
    quote = await _call(client, "estimate_cost", _REQUEST)
    print("   In the sandbox nothing; the same request at a provider:")
    for offer in quote["offers"]:
        if offer["model"] == quote["model"] and offer["usd"] is not None:
            print(f"   {offer['provider']:<10} {digits(Decimal(offer['usd']))} USD")


async def _make(client: Client) -> dict[str, Any]:
    print("\n3. generate_video, then check_status until it is there", flush=True)
    print(f"   {_REQUEST['prompt']}", flush=True)
    job = await _call(client, "generate_video", {**_REQUEST, "wait_seconds": 0})
    async with progress_bar("   placeholder") as show:

        async def report(progress: float, total: float | None, message: str | None) -> None:
            await show(progress / (total or 1.0), message or "")

        while job["status"] in _UNFINISHED:
            waiting = {"job_id": job["job_id"], "wait_seconds": _WAIT_SECONDS}
            result = await client.call_tool("check_status", waiting, progress_callback=report)
            job = _content(result)
    if job["status"] != "succeeded":
        error: dict[str, Any] = job["error"] or {}
        raise SeedanceError(
            error.get("message") or f"The job ended as {job['status']}.", hint=error.get("hint")
        )
    return job


async def _look(client: Client, job: dict[str, Any]) -> None:
    print("\n4. view_video: what an assistant sees of it", flush=True)
    result = await client.call_tool("view_video", {"source": job["job_id"]})
    content = _content(result)
    facts, images = content["facts"], [block for block in result.content if block.type == "image"]
    sound = facts["audio_codec"] if facts["has_audio"] else "no sound"
    print(
        f"   {facts['width']}x{facts['height']}, {facts['fps']:g} fps, {facts['duration_seconds']:.2f} s,"
        f" {facts['video_codec']}, {sound}; and {len(images)} image: the contact sheet"
    )
    video = Path(job["video_path"])
    print(f"\nVideo:         {video}")
    print(f"Contact sheet: {content['sheet']}")
    print(
        "It is a drawn placeholder: right in size, length and sound, made without a model. It cost nothing."
    )


async def _call(client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return _content(await client.call_tool(tool, arguments))


def _content(result: CallToolResult) -> dict[str, Any]:
    if result.is_error:
        error = (result.meta or {}).get("seedance/error") or {
            "message": one_line(" ".join(getattr(b, "text", "") for b in result.content), 300)
        }
        raise SeedanceError(error["message"], hint=error.get("hint"))
    return result.structured_content or {}


def _innermost(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """
    Return the one exception that a person has to know of.

    A server that does not answer makes the client fail in several tasks at once; they all say the same.
    """
    from mcp import MCPError

    errors = list(_leaves(group))
    for error in errors:
        if isinstance(error, SeedanceError):
            return error
    for error in errors:
        if isinstance(error, MCPError):
            return SeedanceError(f"The server did not answer: {error}.", hint="What it said stands above.")
    return group


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(cast("BaseExceptionGroup[BaseException]", error))
        else:
            yield error
