"""The tools: each turns its arguments into one question to the app, and the answer into a view."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations

from ..board.mcp_app import on_the_board
from ..tooling import Answer, Schemas, tool
from .buying import IdleArguments, estimate_cost, generate_video, list_models, upload_media
from .films import create_film, plan_film
from .hints import ASK, CHANGE, KEEP, NOTE, READ, SPEND
from .jobs import cancel_job, check_status
from .looking import review, view_video

__all__ = ["all_tools", "answering_with_a_job"]

STORED = "schemas.json"
"""The file beside this one with the schemas of the tools; `python -m scripts.tool_schemas` writes it."""


FILES_OF_CONVERSATIONS = {"openai/fileParams": ["file"]}
"""Tells ChatGPT which argument takes a file that a person has attached."""


@cache
def all_tools(*, over_http: bool = False) -> tuple[Tool, ...]:
    """
    Make every tool, in the order in which they are listed. They know no settings, so once is enough.

    Only `over_http` files of conversations are taken: a client on stdin names a path, and would pay for the longer list.
    """
    return (
        on_the_board(_tool(generate_video, SPEND, proves_reading=False)),
        on_the_board(_tool(check_status, ASK)),
        _tool(estimate_cost, READ, unlisted=IdleArguments),
        _tool(plan_film, ASK),
        _tool(create_film, SPEND, proves_reading=False),
        _with_files(_tool(upload_media, KEEP)) if over_http else _tool(upload_media, KEEP, without="file"),
        _tool(list_models, READ),
        _tool(view_video, READ),
        _tool(review, NOTE),
        _tool(cancel_job, CHANGE),
    )


@cache
def answering_with_a_job() -> Tool:
    """Make what answers with a job for a client that asks by itself: that is no evidence that anybody has read anything."""
    return _tool(check_status, ASK, proves_reading=False)


def _with_files(made: Tool) -> Tool:
    return made.model_copy(update={"meta": FILES_OF_CONVERSATIONS})


def _tool(
    function: Callable[..., Awaitable[Answer]],
    annotations: ToolAnnotations,
    *,
    without: str = "",
    **more: Any,
) -> Tool:
    """Make the tool of a function; the argument `without` is then unknown to it."""
    schemas = _stored()[function.__name__]
    known = {name: kind for name, kind in schemas.input["properties"].items() if name != without}
    taken = replace(schemas, input={**schemas.input, "properties": known})
    return tool(function, annotations=annotations, schemas=taken, **more)


@cache
def _stored() -> Mapping[str, Schemas]:
    found = json.loads(resources.files(__name__).joinpath(STORED).read_text(encoding="utf-8"))
    return {name: Schemas(**schemas) for name, schemas in found.items()}
