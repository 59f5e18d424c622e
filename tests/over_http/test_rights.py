"""What a token that may only look is good for: the table, held against what the server has."""

from __future__ import annotations

from typing import Any

import pytest

from seedance_mcp.config import Settings
from seedance_mcp.server import create_server
from seedance_mcp.server.rights import right_for_message, rights
from seedance_mcp.server.tools import all_tools
from seedance_mcp.server.transport import lowlevel

LOOKING = {"check_status", "estimate_cost", "list_models", "plan_film", "view_video"}


def test_every_tool_and_each_argument_that_writes_has_its_right() -> None:
    arguments = {tool.name: set(tool.parameters["properties"]) for tool in all_tools()}
    assert set(rights()["tools"]) == set(arguments)
    for tool, named in rights()["arguments"].items():
        assert set(named) <= arguments[tool]
    assert {tool for tool, right in rights()["tools"].items() if right == "read"} == LOOKING


def test_a_tool_that_says_it_changes_something_is_not_for_looking() -> None:
    changing = {
        tool.name for tool in all_tools() if not (tool.annotations and tool.annotations.read_only_hint)
    }
    assert {tool for tool, right in rights()["tools"].items() if right == "spend"} == changing


def test_every_method_of_the_server_has_its_right(settings: Settings) -> None:
    served = set(lowlevel(create_server(settings))._request_handlers)  # pyright: ignore[reportPrivateUsage]
    assert served - {"tools/call", "resources/subscribe", "resources/unsubscribe"} <= set(rights()["methods"])
    given = {right for group in ("methods", "tools") for right in rights()[group].values()}
    assert given == {"read", "spend"}


@pytest.mark.parametrize(
    ("message", "right"),
    [
        ({"method": "tools/list"}, "read"),
        ({"method": "notifications/cancelled"}, "read"),
        ({"result": {}}, "read"),
        ({"method": "tools/call"}, "spend"),
        ({"method": "tools/call", "params": {"name": ["check_status"]}}, "spend"),
        ({"method": "tools/call", "params": {"name": "check_status", "arguments": "x"}}, "read"),
        (
            {"method": "tools/call", "params": {"name": "plan_film", "arguments": {"storyboard": None}}},
            "read",
        ),
        ({"method": "tools/call", "params": {"name": "plan_film", "arguments": {"storyboard": ""}}}, "spend"),
        ({"method": ["tools/list"]}, "spend"),
        ({"method": "tools/List"}, "spend"),
    ],
)
def test_what_is_not_listed_needs_the_right_to_spend(message: dict[str, Any], right: str) -> None:
    assert right_for_message(message) == right
