"""Servers to be measured, started and asked as an assistant does it: ours, and a bare one of the same SDK."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BARE = """
from mcp.server import MCPServer

server = MCPServer("bare", version="1", log_level="WARNING")
for name in ("one", "two", "three", "four", "five"):
    def tool(text: str, count: int = 1) -> str:
        return text * count
    server.add_tool(tool, name=name, description="Do nothing.")
server.run()
"""
"""What ours is held against: five tools that do nothing."""

BARE_COMMAND = (sys.executable, "-c", BARE)
OUR_COMMAND = (sys.executable, "-m", "seedance_mcp")

_OPENING = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}


def environment_in(folder: Path, **settings: str) -> dict[str, str]:
    """
    The environment of a server that keeps everything in this folder, with these settings beside those.

    What is installed runs from bytecode, so it may be written here as well.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251  handed on, not read
        if name != "PYTHONDONTWRITEBYTECODE"
        and not name.startswith("SEEDANCE_")
        and not name.endswith("_API_KEY")
    }
    return inherited | {
        "SEEDANCE_STATE_DIR": str(folder / "state"),
        "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
        "SEEDANCE_DETACH": "0",
        **settings,
    }


class Server:
    """A running server, asked one thing after the other."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._asked = 0

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def greet(self) -> None:
        """Open the session and wait for the answer."""
        self.ask("initialize", _OPENING)
        self._send({"method": "notifications/initialized"})

    def tools(self) -> list[Any]:
        """Its tools."""
        return self.ask("tools/list")["tools"]

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool. Raises RuntimeError if it refuses."""
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})
        if result.get("isError"):
            raise RuntimeError(result["content"][0]["text"])
        return result

    def ask(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and wait for its result. Raises RuntimeError if it is an error, or if the server has ended."""
        self._asked += 1
        self._send({"id": self._asked, "method": method, "params": params or {}})
        assert self._process.stdout
        for line in self._process.stdout:
            message = json.loads(line)
            if message.get("id") == self._asked:
                if "result" not in message:
                    raise RuntimeError(f"{method}: {message}")
                return message["result"]
        raise RuntimeError(f"{method}: the server has ended")

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self._process.stdin.flush()


@contextmanager
def serving(command: tuple[str, ...], environment: Mapping[str, str]) -> Generator[Server]:
    """Start a server; it is closed, and has ended, after the block."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
    ) as process:
        try:
            yield Server(process)
        finally:
            assert process.stdin
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
