"""The tools with tasks that the conformance suite asks for: made by the product's factory, answered by its extension."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import anyio
from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.mcpserver import require_client_extension
from mcp.types import INTERNAL_ERROR, CallToolResult, ElicitResult, InputRequiredResult, TextContent
from pydantic import Field

from seedance_mcp.errors import ConfirmationRequired, SeedanceError
from seedance_mcp.server.calls import Call
from seedance_mcp.server.tasks import TASKS, NewTask, Task, no_task
from seedance_mcp.server.tooling import Answer, failure

_Context = ServerRequestContext[Any, Any]

_POLL_SECONDS = 0.1


@dataclass(kw_only=True)
class _Kept:
    """A task whose end is known when it begins: it is over when its time is, and all its questions are answered."""

    status: str
    more: Mapping[str, Any]
    over_at: float
    began: float = field(default_factory=time.time)
    questions: dict[str, Any] = field(default_factory=dict[str, Any])


class MemoryTasks:
    """Tasks in memory."""

    def __init__(self) -> None:
        self._tasks: dict[str, _Kept] = {}

    def begin(
        self, answer: CallToolResult | MCPError, *, seconds: float = 0.5, questions: tuple[str, ...] = ()
    ) -> NewTask:
        """Keep a task that comes to this answer after so many seconds, once these questions are answered."""
        failed = isinstance(answer, MCPError)
        end = answer.error if failed else answer
        said = end.model_dump(by_alias=True, mode="json", exclude_none=True)
        kept = _Kept(
            status="failed" if failed else "completed",
            more={"error" if failed else "result": said},
            over_at=time.time() + seconds,
            questions={name: _question(name) for name in questions},
        )
        task_id = secrets.token_urlsafe(16)
        self._tasks[task_id] = kept
        return NewTask.of(self._shown(task_id, kept, "working", {}))

    async def find(self, context: _Context, task_id: str) -> Task:
        """Tell how far it is."""
        kept = self._kept(task_id)
        if kept.status == "cancelled":
            return self._shown(task_id, kept, "cancelled", {})
        if kept.questions:
            return self._shown(task_id, kept, "input_required", {"inputRequests": dict(kept.questions)})
        if time.time() < kept.over_at:
            return self._shown(task_id, kept, "working", {})
        return self._shown(task_id, kept, kept.status, kept.more)

    async def respond(self, context: _Context, task_id: str, responses: Mapping[str, Any]) -> None:
        """Take the answers."""
        questions = self._kept(task_id).questions
        for name in set(responses) & set(questions):
            del questions[name]

    async def cancel(self, context: _Context, task_id: str) -> None:
        """End it, if it has not ended."""
        kept = self._kept(task_id)
        if kept.questions or time.time() < kept.over_at:
            kept.status, kept.questions = "cancelled", {}

    def _kept(self, task_id: str) -> _Kept:
        if task_id not in self._tasks:
            raise no_task(task_id)
        return self._tasks[task_id]

    def _shown(self, task_id: str, kept: _Kept, status: str, more: Mapping[str, Any]) -> Task:
        return Task(
            task_id=task_id,
            status=status,
            created_at=kept.began,
            updated_at=time.time(),
            poll_seconds=_POLL_SECONDS,
            more=more,
        )


BOOK = MemoryTasks()


async def greet(call: Call, *, name: Annotated[str, Field(max_length=200)] = "World") -> Answer:
    """Greet."""
    return _text(f"Hello, {name}!")


async def slow_compute(call: Call, *, seconds: float = 0, label: str = "") -> Answer:
    """Take a while."""
    answer = _text(f"computed {label} in {seconds:g} s")
    if call.takes_tasks and seconds > 0:
        return BOOK.begin(answer, seconds=seconds)
    await anyio.sleep(seconds)
    return answer


async def failing_job(call: Call) -> Answer:
    """Fail, and only as a task."""
    require_client_extension(call._context.request_context, TASKS)
    return BOOK.begin(failure(SeedanceError("This tool intentionally returns an error for testing")))


async def protocol_error_job(call: Call) -> Answer:
    """Fail in a way that is no answer of a tool."""
    error = MCPError(INTERNAL_ERROR, "broken")
    if not call.takes_tasks:
        raise error
    return BOOK.begin(error)


async def confirm_delete(call: Call, *, filename: Annotated[str, Field(max_length=200)] = "") -> Answer:
    """Ask once, within a task."""
    return BOOK.begin(_text(f"deleted {filename}"), questions=("confirm",))


async def multi_input(call: Call) -> Answer:
    """Ask twice at once, within a task."""
    return BOOK.begin(_text("both"), questions=("first", "second"))


async def test_tool_with_task(call: Call) -> Answer:
    """Ask before there is a task."""
    given = (call._context.input_responses or {}).get("agreement")
    if not isinstance(given, ElicitResult):
        what = "What is your name?"
        asked = await call.ask(
            ConfirmationRequired(what, token=None, hint="", question=what, approval="state-ok")
        )
        assert isinstance(asked, InputRequiredResult)
        return asked
    return BOOK.begin(_text(f"Hello, {(given.content or {}).get('name')}!"))


def _text(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content={})


def _question(name: str) -> dict[str, Any]:
    form = {"type": "object", "properties": {"confirm": {"type": "boolean"}}}
    return {
        "method": "elicitation/create",
        "params": {"mode": "form", "message": f"{name}?", "requestedSchema": form},
    }
