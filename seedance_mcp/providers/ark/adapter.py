"""Volcengine Ark, and BytePlus ModelArk, which speaks the same: generation tasks over four endpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from ...catalog import Offer, ProviderInfo
from ...errors import (
    AccessDenied,
    NotSupported,
    ProviderError,
    ProviderUnavailable,
    RequestRejected,
    TaskNotFound,
    UnexpectedResponse,
)
from ...types import Submission, TaskState, TaskStatus, VideoRequest
from ..error_codes import read_codes
from ..http.api import Api, Dated, Problem, Reading, checked_id, same_task
from ..http.sanitizing import clean
from ..lenient_fields import creation, readable
from ..matching import TOO_LONG, UNREADABLE
from ..outcomes import failed, named, unplaced, used
from ..protocol import Access, Provider, Purchase, Recovery
from ..status_words import StatusWords
from ..when_sent import WhenSent
from . import replies
from .request_body import create_call

_TASKS = "contents/generations/tasks"

_STATUSES = {
    "queued": TaskStatus.QUEUED,
    "running": TaskStatus.RUNNING,
    "succeeded": TaskStatus.SUCCEEDED,
    "failed": TaskStatus.FAILED,
    "cancelled": TaskStatus.CANCELLED,
    "canceled": TaskStatus.CANCELLED,
    "expired": TaskStatus.EXPIRED,
}

_ENDED = (TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.EXPIRED)

_UNCHANGING = (*_ENDED, TaskStatus.CANCELLED)

_REQUEST_ID = re.compile(r"\s*\bRequest id:\s*([\w-]+)\.?\s*$", re.IGNORECASE)

_PAGE, _PAGES = 500, 500
"""Tasks on a page of the list, and pages, at most."""

_MOST_CANDIDATES = 400
"""Tasks asked for one by one in a recovery. What they were marked with is remembered, so the next one gets further."""

_MOST_REMEMBERED = 10_000
"""Tasks whose marks are remembered, at some 200 bytes each."""

_MOST_UNAVAILABLE = 3
"""Of these, so many may be answered with trouble of the server's own before it is taken for trouble of all."""

_OF_ONE_TASK = (TaskNotFound, UnexpectedResponse, RequestRejected, AccessDenied)
"""What one task may be answered with for ever, while others can be asked for."""

_LIST_HOURS = 7 * 24
"""How far back the list reaches."""


class _List(NamedTuple):
    """The tasks that were read, what of the list was not (`Recovery.gap`), whether it was whole, and when it was made."""

    tasks: list[replies.Listed]
    gap: str | None
    whole: bool
    dated: Dated


class ArkProvider(Provider):
    """Buys, follows, cancels and finds again generation tasks."""

    def __init__(self, info: ProviderInfo, access: Access) -> None:
        self._info = info
        self._api = Api(info, access, _problem)
        self._words = StatusWords(info.name, _STATUSES)
        self._marks: dict[str, str] = {}
        self._marks_return: set[str] = set()
        """The models of which a mark was seen to come back."""

    async def submit(self, request: VideoRequest, offer: Offer, purchase: Purchase) -> Submission:
        """Create a task, marked with the purchase's tag."""
        body = create_call(request, offer) | {"safety_identifier": purchase.tag}
        created = await self._api.buy(_TASKS, replies.Created, body, purchase)
        return Submission(task_id=created.id)

    async def poll(self, submission: Submission) -> TaskState:
        """Get the task."""
        task = await self._task(submission.task_id)
        return named(self._state(task), task.model)

    async def check(self) -> None:
        """List one task."""
        await self._api.get(
            _TASKS,
            replies.AnyList,
            params={"page_num": 1, "page_size": 1},
            reading=Reading(missing=UnexpectedResponse),
            kind="list",
        )

    async def cancel(self, submission: Submission) -> None:
        """
        Delete the task if it still waits in the queue.

        The same call destroys the record of a finished task, video address included: hence the look before.
        """
        task = await self._task(submission.task_id)
        status = self._words.known(task.status)
        if status is TaskStatus.CANCELLED:
            return
        if status is not TaskStatus.QUEUED:
            raise NotSupported(_too_late(self._info.title, task.status, ended=status in _ENDED))
        try:
            # Not repeated: by then it might be a finished task that is deleted.
            await self._api.delete(
                f"{_TASKS}/{checked_id(submission.task_id)}", replies.Nothing, repeatable=False
            )
        except RequestRejected as error:
            if error.provider_code and error.provider_code.startswith("InvalidAction"):
                raise NotSupported(_too_late(self._info.title, "running", ended=False)) from error
            raise

    async def recover(self, request: VideoRequest, offer: Offer, tag: str, sent: WhenSent) -> Recovery:
        """
        Look through the list, at each task for the tag: first at those of the time in question, then at all others.

        The list shows tasks only in part, so the tag is read from the task itself.
        """
        listed, gap, complete, dated = await self._list(
            flex=request.provider_options.get("service_tier") == "flex"
        )
        now, ids = dated.at, frozenset(task.id for task in listed)
        since = sent.since(now)
        complete = complete and now is not None and since > now - _LIST_HOURS * 3600
        endpoint = offer.endpoint(request)
        # Model and time are reasons to look first, not to look away: an endpoint may be listed by its model, and what
        # dates tasks may be no clock that anybody has set.
        listed.sort(
            key=lambda task: (task.model != endpoint, abs((creation(task.created_at) or sent.at) - sent.at))
        )
        now_or_then = [task for task in listed if (creation(task.created_at) or since) >= since]
        rest = [task for task in listed if (creation(task.created_at) or since) < since]
        found: list[str] = []
        for candidates in (now_or_then, rest):
            marks, all_seen = await self._marks_of(candidates)
            found += [task_id for task_id, mark in marks.items() if mark == tag]
            if len(found) == 1:
                return Recovery(submission=Submission(task_id=found[0]), since=since)
            complete = complete and all_seen
        return Recovery(
            proves_absence=not found and complete and self._info.absence_is_proof,
            since=None if now is None else since,
            age=dated.age,
            gap=gap,
            listed=ids,
            reach_seconds=_LIST_HOURS * 3600,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def _task(self, task_id: str) -> replies.Task:
        task = await self._api.get(f"{_TASKS}/{checked_id(task_id)}", replies.Task)
        same_task(task.id, task_id, self._info.title)
        self._note_mark(task)
        return task

    async def _asked(self, task_id: str) -> replies.Asked:
        """A listed task, asked for by its id; whatever else is odd about it, its mark counts."""
        task = await self._api.get(f"{_TASKS}/{checked_id(task_id)}", replies.Asked)
        same_task(task.id, task_id, self._info.title)
        self._note_mark(task)
        return task

    def _note_mark(self, task: replies.Facts) -> None:
        if task.mark and task.model:
            self._marks_return.add(task.model)

    async def _marks_of(self, tasks: list[replies.Listed]) -> tuple[dict[str, str | None], bool]:
        """What these tasks are marked with, by their ids, and whether none of them can be one whose mark is not seen."""
        known = [task for task in tasks if task.id in self._marks]
        unknown = [task for task in tasks if task.id not in self._marks]
        complete = len(unknown) <= _MOST_CANDIDATES
        marks: dict[str, str | None] = {}
        unavailable = 0
        for candidate in (*known, *unknown[:_MOST_CANDIDATES]):
            try:
                marks[candidate.id] = await self._mark(candidate)
            except _OF_ONE_TASK:
                complete = False
            except ProviderUnavailable:
                complete, unavailable = False, unavailable + 1
                if unavailable > _MOST_UNAVAILABLE:
                    raise
        self._marks_return |= {task.model for task in tasks if task.model and marks.get(task.id)}
        models = {task.model for task in tasks if marks.get(task.id, "none") == ""}
        if None in marks.values() or not models <= self._marks_return:
            complete = False  # perhaps ours: its mark may still appear, or none comes back of that model
        return marks, complete

    async def _mark(self, listed: replies.Listed) -> str | None:
        """
        What a task was marked with; empty for nothing, None while it may still be, or if it cannot be read.

        Remembered once it cannot change: a search may be made again every minute.
        """
        if listed.id not in self._marks:
            task = listed if listed.mark else await self._asked(listed.id)
            mark = task.mark
            if mark is None or (not mark and self._words.known(task.status or "") not in _UNCHANGING):
                return None
            if len(self._marks) >= _MOST_REMEMBERED:
                self._marks.clear()
            self._marks[listed.id] = mark
        return self._marks[listed.id]

    async def _list(self, *, flex: bool) -> _List:
        """List all tasks; those of the flex tier hide from the usual list."""
        tasks: dict[str, replies.Listed] = {}
        gap, complete, dated = None, True, None
        for tier in ("default", "flex") if flex else ("default",):
            params: Mapping[str, str | int] = {} if tier == "default" else {"filter.service_tier": tier}
            seen: set[str] = set()
            totals: set[int | None] = set()
            unreadable = 0
            for number in range(1, _PAGES + 1):
                try:
                    turned = await self._api.turn(
                        _TASKS, replies.Page, {"page_num": number, "page_size": _PAGE, **params}
                    )
                except ProviderError:
                    if dated is None:
                        raise
                    gap = UNREADABLE  # a mark on another page is one all the same
                    break
                page, dated = turned.reply, turned.dated.and_(dated)
                rows, unread = readable(replies.Listed, page.items)
                unreadable += unread
                gap = UNREADABLE if unread or page.total is None else gap
                totals.add(page.total)
                seen.update(task.id for task in rows)
                tasks.update((task.id, task) for task in rows)
                if not page.items or (page.total is not None and len(seen) + unreadable >= page.total):
                    # A total that changed means that tasks moved from page to page while we turned them.
                    complete = complete and len(totals) == 1 and len(seen) >= (page.total or 0)
                    break
            else:
                gap = TOO_LONG
        return _List(list(tasks.values()), gap, complete and gap is None, dated or Dated())

    def _state(self, task: replies.Task) -> TaskState:
        status = self._words.status(task.status, has_video=bool(task.content and task.content.video_url))
        if status is TaskStatus.SUCCEEDED:
            return self._succeeded(task)
        if status is TaskStatus.FAILED:
            return _failed(task)
        return TaskState(status=status)

    def _succeeded(self, task: replies.Task) -> TaskState:
        url = task.content.video_url if task.content else None
        if task.content is None or not url:
            raise unplaced(self._info)
        tokens = (task.usage.completion_tokens or task.usage.total_tokens) if task.usage else None
        return TaskState(
            status=TaskStatus.SUCCEEDED,
            video_urls=(url,),
            last_frame_url=task.content.last_frame_url or None,
            url_expires_at=self._finished_at(task) + self._info.result_hours * 3600,
            usage=used("completion_tokens", tokens),
        )

    def _finished_at(self, task: replies.Task) -> float:
        """When the task ended, as far as their clock can be believed: a record lives for seven days."""
        now = self._api.now
        said = task.updated_at
        return said if said is not None and now - _LIST_HOURS * 3600 < said < now else now


def _problem(status: int, body: Any) -> Problem | None:
    """The error in `{"error": {"code", "message", ...}}`. Tasks that failed have one too, with HTTP 200."""
    if status < 400 or not isinstance(body, dict):
        return None
    error = cast("dict[str, Any]", body).get("error")
    if not isinstance(error, dict):
        return None
    said = cast("dict[str, Any]", error)
    code, message = said.get("code"), said.get("message")
    if not isinstance(code, str) or not code:
        return None
    text, request_id = _split(message if isinstance(message, str) else "")
    meaning = read_codes(__name__).meaning(code)
    return Problem(
        message=text or code,
        code=code,
        request_id=request_id,
        error=meaning.error if meaning else None,
        hint=meaning.hint if meaning else None,
    )


def _split(message: str) -> tuple[str, str | None]:
    """The message, and the request id that they write at its end."""
    found = _REQUEST_ID.search(message)
    return (message[: found.start()], found[1]) if found else (message, None)


def _failed(task: replies.Task) -> TaskState:
    code = task.error.code if task.error else None
    text, _ = _split((task.error.message if task.error else None) or "")
    meaning = read_codes(__name__).meaning(code)
    return failed(
        text,
        code=code,
        meaning=meaning,
        advice="A failed task is not charged. Try again, perhaps with another seed.",
    )


def _too_late(title: str, word: str, *, ended: bool) -> str:
    if ended:
        return f"{title} has already ended the task ({word}); there is nothing left to cancel."
    return (
        f"{title} cancels only tasks that wait in its queue; this one has started ({clean(word, limit=40)})."
    )
