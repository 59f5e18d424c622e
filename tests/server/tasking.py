"""A client that takes tasks, as the protocol's extension describes it: it looks at a task until that has ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import anyio
from mcp import Client
from mcp.client import ClientExtension, ClientSession, ResultClaim
from mcp.client.extension import ClaimContext
from mcp.types import CallToolResult, Request, RequestParams, Result
from pydantic import ConfigDict

TASKS = "io.modelcontextprotocol/tasks"


class NewTask(Result):
    """The handle of a task."""

    model_config = ConfigDict(extra="allow")

    result_type: Literal["task"]
    task_id: str
    status: str
    status_message: str = ""
    created_at: str
    last_updated_at: str
    ttl_ms: int | None
    poll_interval_ms: int


class _Anything(Result):
    model_config = ConfigDict(extra="allow")


class _Params(RequestParams):
    model_config = ConfigDict(extra="allow")

    task_id: str


class _Request(Request[_Params, str]):
    name_param = "taskId"

    method: str
    params: _Params


async def ask(session: ClientSession, verb: str, task_id: str, **more: Any) -> dict[str, Any]:
    """Call `tasks/VERB`; what it answers, as the wire has it."""
    request = _Request(method=f"tasks/{verb}", params=_Params(task_id=task_id, **more))
    return (await session.send_request(request, _Anything)).model_dump(
        by_alias=True, mode="json", exclude_unset=True
    )


async def ended(session: ClientSession, task_id: str) -> dict[str, Any]:
    """Look at a task until it has ended."""
    with anyio.fail_after(60):
        while (task := await ask(session, "get", task_id))["status"] == "working":  # noqa: ASYNC110  the protocol polls
            await anyio.sleep(task["pollIntervalMs"] / 1000)
        return task


class TakesTasks(ClientExtension):
    """Declares tasks, and resolves each into the answer that the call came to."""

    identifier = TASKS

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return (ResultClaim(result_type="task", model=NewTask, resolve=_resolve),)


async def _resolve(handle: NewTask, context: ClaimContext) -> CallToolResult:
    task = await ended(context.session, handle.task_id)
    assert task["status"] == "completed", task
    return CallToolResult.model_validate(task["result"])


async def start(client: Client, **arguments: Any) -> NewTask:
    """Call `generate_video`, which has to become a task."""
    handle = await client.session.call_tool("generate_video", arguments, allow_claimed=True)
    assert isinstance(handle, NewTask), handle
    return handle
