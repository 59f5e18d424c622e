"""
How long an assistant waits for the server: from starting the process to the answer of `tools/list`.

The yardstick is a server of the same SDK with five tools that do nothing. Both are started in turn on the same
machine in the same minute, and only their ratio means anything on another machine.

    python benchmarks/startup.py [rounds]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

TARGET = 1.00
BARE = """
from mcp.server import MCPServer

server = MCPServer("bare", version="1", log_level="WARNING")
for name in ("one", "two", "three", "four", "five"):
    def tool(text: str, count: int = 1) -> str:
        return text * count
    server.add_tool(tool, name=name, description="Do nothing.")
server.run()
"""
MESSAGES = (
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "benchmark", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
)


def seconds_to_tools(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Start the server, shake hands, list the tools, stop it; the seconds until the list was there."""
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
    ) as process:
        assert process.stdin
        assert process.stdout
        for message in MESSAGES:
            process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        took = time.perf_counter() - began
        assert answers[1]["result"]["tools"], answers
        process.stdin.close()
    return took


def main() -> int:
    """Print the medians and their ratio; 1 if it is above the target."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,  # noqa: TID251  handed on, not read
            "SEEDANCE_STATE_DIR": str(Path(folder, "state")),
            "SEEDANCE_OUTPUT_DIR": str(Path(folder, "videos")),
            "SEEDANCE_DETACH": "0",
        }
        commands = {"bare": [sys.executable, "-c", BARE], "ours": [sys.executable, "-m", "seedance_mcp"]}
        for command in commands.values():
            seconds_to_tools(command, environment)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(rounds):
            for name in sorted(commands, reverse=bool(turn % 2)):
                times[name].append(seconds_to_tools(commands[name], environment))
    for name, found in times.items():
        middle, least = statistics.median(found), min(found)
        print(f"{name}: median {middle * 1000:.0f} ms, fastest {least * 1000:.0f} ms of {rounds}")
    ratio = statistics.median(times["ours"]) / statistics.median(times["bare"])
    print(f"ratio: {ratio:.3f} (target: at most {TARGET})")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
