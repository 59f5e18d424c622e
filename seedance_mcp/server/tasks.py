"""The MCP extension `io.modelcontextprotocol/tasks` (SEP-2663): a call may be answered by a task, which the client looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import require_client_extension
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp.types import INVALID_PARAMS, RequestParams
from mcp_types.jsonrpc import HEADER_MISMATCH
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from ..presentation import times

TASKS = "io.modelcontextprotocol/tasks"

_REVISIONS = frozenset(MODERN_PROTOCOL_VERSIONS)
"""Earlier ones have tasks of another kind, and clients that declare this extension there do not mean it."""

_Context = ServerRequestContext[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Task:
    """
    How far a task is; times are seconds since the epoch.

    `status` is a word of the protocol. `more` is what the protocol wants beside it: the `result` of a task that is
    `completed`, the `error` of one that `failed`, the `inputRequests` of one with `input_required`.
    """

    task_id: str
    status: str
    created_at: float
    updated_at: float
    poll_seconds: float
    message: str = ""
    more: Mapping[str, Any] | None = None

    def on_the_wire(self, result_type: str) -> dict[str, Any]:
        """Write it as a result of this type. It is kept for as long as there is a database: it has no end."""
        told = {"statusMessage": self.message} if self.message else {}
        return {
            "resultType": result_type,
            "taskId": self.task_id,
            "status": self.status,
            "createdAt": times.moment(self.created_at),
            "lastUpdatedAt": times.moment(self.updated_at),
            "ttlMs": None,
            "pollIntervalMs": max(1, round(self.poll_seconds * 1000)),
            **told,
            **(self.more or {}),
        }


class NewTask(dict[str, Any]):
    """What a tool returns in place of an answer, to a client that takes tasks: the handle, as the wire has it."""

    @classmethod
    def of(cls, task: Task) -> NewTask:
        """Hand out a task that is on disk already: `tasks/get` finds it from now on."""
        return cls(task.on_the_wire("task"))

    def saying(self, sentences: Sequence[str]) -> NewTask:
        """Add sentences, with or without a full stop, to what the person is told."""
        told = [self["statusMessage"]] if "statusMessage" in self else []
        told += [one if one.endswith((".", "?", "!")) else f"{one}." for one in sentences]
        return NewTask({**self, "statusMessage": " ".join(told)})

    def worded(self, anew: Callable[[str], str]) -> NewTask:
        """Say what the person is told in other words, if there is anything."""
        return (
            NewTask({**self, "statusMessage": anew(self["statusMessage"])})
            if "statusMessage" in self
            else self
        )


class TaskBook(Protocol):
    """Where tasks are looked up. Each method raises MCPError if there is no such task."""

    async def find(self, context: _Context, task_id: str) -> Task:
        """Tell how far it is, with what the protocol wants beside its status."""
        ...

    async def respond(self, context: _Context, task_id: str, responses: Mapping[str, Any]) -> None:
        """Take answers to questions of the task; those to no open question are passed over."""
        ...

    async def cancel(self, context: _Context, task_id: str) -> None:
        """Ask for its end, which may not come."""
        ...


def takes_tasks(context: _Context) -> bool:
    """Return whether the client said with this very request that a task may be the answer."""
    capabilities = context.session.client_capabilities
    declared = capabilities.extensions if capabilities else None
    return context.protocol_version in _REVISIONS and TASKS in (declared or {})


async def no_news_of_tasks_unasked(ctx: _Context, call_next: CallNext) -> HandlerResult:
    """
    Refuse a client that wants news of tasks without having declared them: raises MCPError, as the extension says.

    To those that have declared them no such news is sent, either, and the acknowledgement says so by leaving it out:
    what changes in a job is news of its resource.
    """
    wanted = (ctx.params or {}).get("notifications")
    if ctx.method == "subscriptions/listen" and isinstance(wanted, Mapping) and "taskIds" in wanted:
        require_client_extension(ctx, TASKS)
    return await call_next(ctx)


def no_task(task_id: str) -> MCPError:
    """The refusal of an id that no task has."""
    return MCPError(INVALID_PARAMS, f"There is no task {task_id[:60]!r}.")


class TaskParams(
    RequestParams, defer_build=True
):  # few clients have tasks, and every start would wait for it
    """What names a task."""

    task_id: str


class UpdateTaskParams(TaskParams, defer_build=True):
    """Answers to what a task asked, by the names of the questions."""

    input_responses: dict[str, Any]


class TasksExtension(Extension):
    """Answers `tasks/get`, `tasks/update` and `tasks/cancel`. Which call becomes a task is decided by its tool."""

    identifier = TASKS

    def __init__(self, book: TaskBook) -> None:
        self._book = book

    def methods(self) -> Sequence[MethodBinding]:
        """Return the three methods, for the revisions that have this extension."""
        return (
            MethodBinding("tasks/get", TaskParams, self._get, protocol_versions=_REVISIONS),
            MethodBinding("tasks/update", UpdateTaskParams, self._update, protocol_versions=_REVISIONS),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, protocol_versions=_REVISIONS),
        )

    async def _get(self, context: _Context, params: TaskParams) -> dict[str, Any]:
        _admit(context, params)
        return (await self._book.find(context, params.task_id)).on_the_wire("complete")

    async def _update(self, context: _Context, params: UpdateTaskParams) -> dict[str, Any]:
        _admit(context, params)
        await self._book.respond(context, params.task_id, params.input_responses)
        return {"resultType": "complete"}

    async def _cancel(self, context: _Context, params: TaskParams) -> dict[str, Any]:
        _admit(context, params)
        await self._book.cancel(context, params.task_id)
        return {"resultType": "complete"}


def _admit(context: _Context, params: TaskParams) -> None:
    """Raise MCPError for a client that did not declare tasks, and over HTTP for a header that names another task."""
    require_client_extension(context, TASKS)
    headers: Mapping[str, str] | None = getattr(context.request, "headers", None)
    if headers is None:
        return
    name = headers.get(MCP_NAME_HEADER)
    if name is None or decode_header_value(name) != params.task_id:
        raise MCPError(HEADER_MISMATCH, f"The header {MCP_NAME_HEADER} does not name the task.")
