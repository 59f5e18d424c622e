"""What a call needs beside the right to read, from `rights.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal, cast

Right = Literal["read", "spend"]

_CALL = "tools/call"
_NOTIFICATIONS = "notifications/"


def right_for_tool(tool: str, arguments: Iterable[str]) -> Right:
    """Return what a call of a tool needs, with arguments of these names."""
    table = rights()
    asked = table["arguments"].get(tool, {})
    needed = (table["tools"].get(tool, "spend"), *(asked.get(name, "read") for name in arguments))
    return "spend" if "spend" in needed else "read"


def right_for_message(message: Mapping[str, Any]) -> Right:
    """
    Return what a message of the protocol needs, by what stands in it.

    An argument that is null counts as left out, as it does for the tool.
    """
    method, params = message.get("method"), message.get("params")
    if method is None or (isinstance(method, str) and method.startswith(_NOTIFICATIONS)):
        return "read"
    if method != _CALL:
        return rights()["methods"].get(str(method), "spend")
    asked = cast("dict[str, Any]", params) if isinstance(params, dict) else {}
    arguments = asked.get("arguments")
    given = cast("dict[str, Any]", arguments) if isinstance(arguments, dict) else {}
    return right_for_tool(
        str(asked.get("name")), (name for name, value in given.items() if value is not None)
    )


def options_to_spend(scopes: Collection[str]) -> str:
    """Write the options of `tokens add` for a token that may spend beside what one with these scopes may."""
    return f"--scope spend{' --scope admin' if 'admin' in scopes else ''}"


@cache
def rights() -> Mapping[str, Any]:
    """Read the table."""
    text = resources.files(__name__.rpartition(".")[0]).joinpath("rights.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
