"""Talks to a client of another maker through `drive.mjs` or `drive.py`, which has started the real server."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

_HERE = Path(__file__).parent
_MOST_BYTES = 64 * 1024 * 1024


class Threw(Exception):
    """The client threw instead of handing over an answer."""


@dataclass(frozen=True)
class Sdk:
    """A client: its package or environment, and how it opens if it knows more than one way."""

    package: str
    mode: str | None = None
    python: bool = False

    def command(self, place: Path) -> list[str]:
        """Return what drives it: `place` is the folder with the packages, or the Python of its environment."""
        if self.python:
            return [str(place), str(_HERE / "drive.py"), self.package]
        return ["node", str(_HERE / "drive.mjs"), str(place), self.package]

    def __str__(self) -> str:
        return f"{self.package.rpartition('/')[2]} {self.mode or ''}".strip()


class Driver:
    """A connected client."""

    def __init__(self, process: Process) -> None:
        assert process.stdin
        assert process.stdout
        self.versions: dict[str, Any] = {}
        self._stdin = process.stdin
        self._lines = BufferedByteReceiveStream(process.stdout)

    async def ask(self, do: str, **rest: Any) -> Any:
        """Take one step. Raises Threw if the client did."""
        await self._stdin.send(json.dumps({"do": do, **rest}).encode() + b"\n")
        answer = json.loads(await self._lines.receive_until(b"\n", _MOST_BYTES))
        if "threw" in answer:
            raise Threw(f"{answer['threw']['code']}: {answer['threw']['message']}")
        return answer["ok"]

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool; its answer as the client hands it over."""
        return (await self.ask("call", tool=tool, args=arguments))["result"]


def command_on(tape: Path) -> list[str]:
    """Return what starts the server with something between it and its client that writes all they say into a file."""
    return [sys.executable, str(_HERE / "tape.py"), str(tape), sys.executable, "-m", "seedance_mcp"]


@asynccontextmanager
async def driving(
    place: Path,
    sdk: Sdk,
    environ: Mapping[str, str],
    folder: Path,
    *,
    agrees: bool = False,
    tape: Path | None = None,
) -> AsyncIterator[Driver]:
    """
    Let this client start the server and connect to it; both are gone afterwards.

    `tape` is a file for what they say to each other, for which something stands between them.
    """
    command, *args = command_on(tape) if tape else (sys.executable, "-m", "seedance_mcp")
    started = {"command": command, "args": args, "env": {**os.environ, **environ}, "cwd": str(folder)}
    async with _driving(place, sdk, {**started, "agrees": agrees}, folder) as driver:
        yield driver


@asynccontextmanager
async def driving_over_http(
    place: Path, sdk: Sdk, url: str, headers: Mapping[str, str], folder: Path
) -> AsyncIterator[Driver]:
    """Let this client, one of the TypeScript ones, connect to a server that runs at an address."""
    async with _driving(place, sdk, {"url": url, "headers": dict(headers)}, folder) as driver:
        yield driver


@asynccontextmanager
async def _driving(place: Path, sdk: Sdk, server: Mapping[str, Any], folder: Path) -> AsyncIterator[Driver]:
    options = {**server, "mode": sdk.mode}
    with anyio.fail_after(100):
        async with await anyio.open_process(
            [*sdk.command(place), json.dumps(options)],
            stdin=PIPE,
            stdout=PIPE,
            stderr=None,
            cwd=folder,
        ) as process:
            try:
                driver = Driver(process)
                driver.versions = await driver.ask("connect")
                yield driver
                assert process.stdin
                await process.stdin.aclose()
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                with anyio.CancelScope(shield=True):
                    await process.wait()
