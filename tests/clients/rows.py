"""The clients that are tested, as rows of the table of `docs/clients.md`."""

from __future__ import annotations

import json
from pathlib import Path

from .driver import Sdk
from .environments import wanted

_PACKAGES: dict[str, str] = json.loads(Path(__file__).with_name("package.json").read_text(encoding="utf-8"))[
    "dependencies"
]
_TITLES = {
    "sdk-1.12": "TypeScript SDK",
    "sdk-1.32": "TypeScript SDK",
    "@modelcontextprotocol/client": "TypeScript client",
    "inspector-0": "Inspector",
    "inspector-2": "Inspector",
    "mcp": "Python SDK",
}

OLD = Sdk("sdk-1.12")
LAST_1 = Sdk("sdk-1.32")
TWO = "@modelcontextprotocol/client"
TYPESCRIPT = (OLD, LAST_1, Sdk(TWO, "legacy"), Sdk(TWO, "auto"))
PYTHON = (
    *(Sdk(name, mode, python=True) for name in ("mcp", "fastmcp") for mode in ("legacy", "auto")),
    *(Sdk(name, python=True) for name in ("openai-agents", "langchain-mcp-adapters", "pydantic-ai")),
)
INSPECTORS = (Sdk("inspector-0"), Sdk("inspector-2", "legacy"), Sdk("inspector-2", "modern"))
CLIENTS = (*TYPESCRIPT, *PYTHON, *INSPECTORS)


def row(sdk: Sdk) -> str:
    """Return what a client is called in the table: with its version, that of the Python SDK under it, and its mode."""
    mode = f", {sdk.mode}" if sdk.mode else ""
    if not sdk.python:
        return f"{_TITLES[sdk.package]} {_PACKAGES[sdk.package].rpartition('@')[2]}{mode}"
    own, *under = [line.partition("==") for line in wanted()[sdk.package]]
    below = f" on mcp {under[0][2]}" if under else ""
    return f"{_TITLES.get(sdk.package, own[0].partition('[')[0])} {own[2]}{below}{mode}"
