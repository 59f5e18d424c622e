"""Jobs as tasks of the protocol: the id of the task is that of the job, and its result is what `check_status` answers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, CallToolResult, TextContent

from ..config import Settings
from ..errors import JobNotFound, SeedanceError
from ..types import Job, JobStatus
from .calls import Call
from .tasks import Task, no_task

if TYPE_CHECKING:
    from ..app import App, Update

_LOG = logging.getLogger(__name__)

T = TypeVar("T")
_Context = ServerRequestContext[Any, Any]


def task_of(job: Job, settings: Settings, *, status: str = "working", message: str = "", **more: Any) -> Task:
    """A job as a task."""
    steps = (job.sent_at, job.accepted_at, job.started_at, job.remote_done_at, job.cancel_asked_at)
    return Task(
        task_id=job.id,
        status=status,
        created_at=job.created_at,
        updated_at=max(filter(None, (job.created_at, *steps, job.finished_at))),
        poll_seconds=settings.poll_seconds,
        message=message,
        more=more,
    )


async def goes_on(app: App, job: Job) -> bool:
    """Return whether something still happens to the job by itself, and here: then it can be a task."""
    return not _is_over(app, job) and await app.waits_for(job) is None


def _is_over(app: App, job: Job) -> bool:
    from ..jobs import lost_answers

    return job.finished or lost_answers.a_person_has_to_look(job, app.catalog.providers.get(job.provider))


class JobTasks:
    """The tasks of this server are its jobs, whoever started them. They ask nothing: a price is agreed to before."""

    def __init__(self, answering: Callable[[], Tool]) -> None:
        """`answering` gives the tool that answers with a job as it is, from `job_id` and `wait_seconds`."""
        self._answering = answering

    async def find(self, context: _Context, task_id: str) -> Task:
        """
        Tell how far the job is, at no cost to its provider.

        A job that no provider is asked about any more has its result as well, though a person may still change it.
        """
        app = await _app(context)
        said: list[str] = []

        async def hear(update: Update) -> None:
            said.append(update.message)

        job = await _found(app.wait(task_id, 0.0, hear), task_id)
        message = said[-1] if said else ""
        if job.status is JobStatus.CANCELLED:
            return task_of(job, app.settings, status="cancelled", message=message)
        if _is_over(app, job):
            result = await self._result(context, task_id)
            return task_of(job, app.settings, status="completed", message=message, result=result)
        if other := await app.waits_for(job):
            raise MCPError(INVALID_PARAMS, other.message, {"hint": other.hint})
        return task_of(job, app.settings, message=message)

    async def respond(self, context: _Context, task_id: str, responses: Mapping[str, Any]) -> None:
        """Pass the answers over: nothing was asked."""
        await _found((await _app(context)).job(task_id), task_id)

    async def cancel(self, context: _Context, task_id: str) -> None:
        """Ask the provider to stop the job; what comes of it shows in the job."""
        try:
            Call(Context(request_context=context)).check_may_spend()
        except SeedanceError as error:
            raise MCPError(INVALID_REQUEST, error.message, {"hint": error.hint}) from None
        _, words = await _found((await _app(context)).cancel(task_id), task_id)
        _LOG.info("%s is to be cancelled: %s", task_id, words)

    async def _result(self, context: _Context, job_id: str) -> dict[str, Any]:
        answer = await self._answering().run(
            {"job_id": job_id, "wait_seconds": 0}, Context(request_context=context)
        )
        assert isinstance(answer, CallToolResult)
        if answer.is_error:  # the end of the job is known, and only cannot be told now
            words = " ".join(block.text for block in answer.content if isinstance(block, TextContent))
            raise MCPError(INTERNAL_ERROR, words)
        return answer.model_dump(by_alias=True, mode="json", exclude_none=True)


async def _app(context: _Context) -> App:
    call = Call(Context(request_context=context))
    await call.opened()
    try:
        return call.app
    except SeedanceError as error:
        raise MCPError(INTERNAL_ERROR, error.message, {"hint": error.hint}) from None


async def _found(looking: Awaitable[T], task_id: str) -> T:
    try:
        return await looking
    except JobNotFound:
        raise no_task(task_id) from None
    except SeedanceError as error:
        raise MCPError(INTERNAL_ERROR, error.message, {"hint": error.hint}) from None
