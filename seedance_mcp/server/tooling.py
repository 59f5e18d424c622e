"""Makes tools out of plain functions: flat arguments, a closed schema, our errors as answers."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    InputRequiredResult,
    TextContent,
    ToolAnnotations,
)
from pydantic import BaseModel

from ..counting import Counted, count
from ..errors import ApprovalRequired, ConfirmationRequired, InvalidRequest, PlanChanged, SeedanceError
from .answers import in_lines, with_commands, with_notes
from .arguments import checked, given
from .board.mcp_app import ADDRESS_KEY
from .calls import Call
from .signatures import arguments_of
from .tasks import NewTask

_LOG = logging.getLogger(__name__)

Answer = CallToolResult | InputRequiredResult | NewTask

ERROR_KEY = "seedance/error"
"""Where in the `_meta` of a refusal its facts stand as data."""


@dataclass(frozen=True, kw_only=True)
class Schemas:
    """The JSON schemas of a tool's arguments and of its answers; `schemas.write_schemas` makes them."""

    input: dict[str, Any]
    output: dict[str, Any]


class _OurTool(Tool):
    """A tool whose function takes care of its arguments and errors itself."""

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> Answer:
        """Answer the call. The SDK's own handling of arguments, results and errors is not used."""
        return await self.fn(arguments, context)


class Toolbox(MCPServer[Any]):
    """The SDK's server, except that a tool that does not exist is a protocol error, as the protocol says."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool. Raises MCPError for an unknown one. A `NewTask`, for which the SDK has no type, is passed on by it."""
        known = [tool.name for tool in await self.list_tools()]
        if name not in known:
            raise MCPError(INVALID_PARAMS, f"Unknown tool {name[:60]!r}. There are: {', '.join(known)}.")
        return await super().call_tool(name, arguments, context)


def tool(
    function: Callable[..., Awaitable[Answer]],
    *,
    annotations: ToolAnnotations,
    schemas: Schemas,
    proves_reading: bool = True,
    unlisted: type[BaseModel] | None = None,
) -> Tool:
    """
    Make a tool of a function; its docstring is the description.

    The first parameter takes the `Call`. One that is a pydantic model has its fields become arguments.
    With `proves_reading=False` a call is no evidence that its client has read earlier answers: it is the call that a
    client repeats because it has not. `unlisted` is the model of arguments that are taken without being listed.
    """
    schema = schemas.input
    hidden = unlisted.model_fields if unlisted else ()
    shown = {name: value for name, value in schema["properties"].items() if name not in hidden}

    async def invoke(arguments: dict[str, Any], context: Context[Any, Any]) -> Answer:
        call = Call(context)
        told = given(arguments, schema)
        try:
            call.check_may_call(function.__name__, told.arguments)
            await call.opened()
            if proves_reading:
                await call.prove_reading(arguments)
            known = arguments_of(function)
            values = checked(known.model, told.arguments, schema["properties"])
            for name, model in known.spread.items():
                fields = {key: values.pop(key) for key in list(values) if key in model.model_fields}
                values[name] = model(**fields)
            answer = await function(call, **values)
            call.answered()
            count(Counted.CALL, function.__name__, "ok")
            return _told(answer, call, told.notes)
        except SeedanceError as error:
            count(Counted.CALL, function.__name__, error.code)
            return _told(failure(_with_board(error, call)), call, told.notes)
        except MCPError:
            raise
        except Exception:  # the border: whatever it is, the client learns only that it happened
            _LOG.exception("Tool %s failed in a way nobody planned", function.__name__)
            count(Counted.CALL, function.__name__, "internal")
            return _failure(
                code="internal",
                message="Something went wrong inside the server. This is a bug.",
                hint="The server's log (stderr) has the details. check_status tells whether a job started.",
            )

    return _OurTool(
        fn=invoke,
        name=function.__name__,
        title=None,
        description=inspect.cleandoc(function.__doc__ or ""),
        parameters={**schema, "properties": shown},
        fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=schemas.output),
        is_async=True,
        context_kwarg=None,
        annotations=annotations,
    )


def _told(answer: Answer, call: Call, notes: Sequence[str]) -> Answer:
    """Add notes on the arguments, the session's notices and where the board is; write commands so that they can be run."""
    told = with_commands(with_notes(answer, [*notes, *call.notices()]), call.settings)
    url = call.board_url
    if url is None or not isinstance(told, CallToolResult):
        return told
    return told.model_copy(update={"meta": {**(told.meta or {}), ADDRESS_KEY: {"url": url}}})


def _with_board(error: SeedanceError, call: Call) -> SeedanceError:
    """Say where a person can answer a question in the browser, if the board runs."""
    url = call.board_url
    if url is None or not isinstance(error, ConfirmationRequired):
        return error
    if isinstance(error, ApprovalRequired):
        hint = f"{error.hint} The board of this machine: {url}"
    else:
        hint = f"{error.hint} They can also answer on the board: {url}"
    return error.told(error.message, token=error.token, hint=hint)


def failure(error: SeedanceError) -> CallToolResult:
    """Write one of our errors as a tool's answer: in words, and the same as data in `_meta`."""
    extra: dict[str, Any] = {}
    if isinstance(error, InvalidRequest):
        extra["problems"] = list(error.problems)
    if isinstance(error, PlanChanged):
        from ..presentation import film_views

        shown = film_views.plan(error.plan)
        extra["differences"] = list(error.differences)
        extra["plan"] = shown.model_dump(mode="json")
        extra["lines"] = in_lines(shown)
    if isinstance(error, ApprovalRequired):
        extra["question_id"] = error.approval
    if isinstance(error, ConfirmationRequired):
        extra["token"] = error.token
        extra["notes"] = list(error.remarks.notes)
        extra["advice"] = [asdict(one) for one in error.remarks.advice]
    return _failure(
        code=error.code, message=error.message, hint=error.hint, retryable=error.retryable, **extra
    )


def _failure(*, code: str, message: str, hint: str, retryable: bool = False, **extra: Any) -> CallToolResult:
    problems: list[str] = extra.get("problems", [])
    lines = (
        [f"Error ({code}): {message}"]
        if len(problems) < 2
        else [f"Error ({code}):", *(f"- {p}" for p in problems)]
    )
    lines += extra.pop("lines", [])
    lines += [f"Note: {line}" for line in extra.get("notes", [])]
    lines += [f"Note: {one['text']} [{one['code']}]" for one in extra.get("advice", [])]
    if hint:
        lines.append(f"Hint: {hint}")
    if extra.get("token"):
        lines.append(f"confirm_token: {extra['token']}")
    lines.append(f"Retryable: {'yes' if retryable else 'no'}")
    error = {"code": code, "message": message, "hint": hint, "retryable": retryable, **extra}
    # No structured content: clients check it against the tool's output schema, errors too, and show only that it misfits.
    return CallToolResult(
        content=[TextContent(type="text", text="\n".join(lines))], is_error=True, _meta={ERROR_KEY: error}
    )
