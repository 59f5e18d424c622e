"""Replicate: predictions of official models, listed for an hour with what was ordered, results for an hour."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any, NamedTuple, cast

from ...catalog import Offer, ProviderInfo
from ...errors import NotSupported, ProviderError, UnexpectedResponse
from ...types import MediaFile, Submission, TaskState, TaskStatus, Upload, VideoRequest
from ..error_codes import read_codes
from ..http.api import Api, Dated, Problem, Reading, Reply, TaskId, checked_id, same_task
from ..http.sanitizing import clean
from ..lenient_fields import Incidental, readable, texts
from ..matching import TOO_LONG, UNREADABLE, ListOrder, Search, created, marked, moment
from ..outcomes import failed, kept_until, named, unplaced
from ..protocol import Access, Provider, Purchase, Recovery
from ..status_words import StatusWords
from ..when_sent import WhenSent

_STATUSES = {
    "starting": TaskStatus.QUEUED,
    "queued": TaskStatus.QUEUED,
    "processing": TaskStatus.RUNNING,
    "succeeded": TaskStatus.SUCCEEDED,
    "failed": TaskStatus.FAILED,
    "canceled": TaskStatus.CANCELLED,
    "cancelled": TaskStatus.CANCELLED,
    "aborted": TaskStatus.CANCELLED,
}

_PAGES = 50
"""Pages of the list that are turned at most; each has about a hundred predictions."""

_RESETS = re.compile(r"rate limit resets in ~?(\d{1,6})\s?s\b", re.IGNORECASE)
"""How long to wait stands in the text of a throttled call."""


class _Asked(Reply):
    """A prediction that was asked for by its id."""

    id: str | None = None
    status: str
    model: Incidental[str] = None
    output: Any = None
    error: Incidental[str] = None
    completed_at: Incidental[str] = None
    data_removed: Incidental[bool] = None

    @property
    def urls(self) -> tuple[str, ...]:
        """Where what it made is."""
        return texts(self.output)


class _Made(Reply):
    """A prediction that was just made."""

    id: TaskId


class _Listed(Reply):
    """A prediction on the list, with what was ordered."""

    id: TaskId
    model: Incidental[str] = None
    input: Incidental[dict[str, Any]] = None
    created_at: Incidental[str] = None


class _Page(Reply):
    next: Any = None
    results: list[Any]


class _Turned(NamedTuple):
    """
    How the list was looked through: the ids of all predictions that were `seen` on the way.

    `told` is whether those since the sending say what was ordered, `gap` what of the list was not read (`Recovery.gap`),
    `to_the_end` whether there was no more of it.
    """

    seen: set[str]
    told: bool
    gap: str | None
    to_the_end: bool
    dated: Dated


class _Urls(Reply):
    get: str


class _File(Reply):
    urls: _Urls
    expires_at: Incidental[str] = None


class _Account(Reply):
    username: str


class ReplicateProvider(Provider):
    """Buys, follows, cancels and finds again predictions; keeps files for them."""

    def __init__(self, info: ProviderInfo, access: Access) -> None:
        self._info = info
        self._api = Api(info, access, _problem)
        self._words = StatusWords(info.name, _STATUSES)

    async def submit(self, request: VideoRequest, offer: Offer, purchase: Purchase) -> Submission:
        """
        Create a prediction, without waiting for it: a held request that breaks off hides what it bought.

        Raises:
            See `Provider.submit`.
        """
        body = {"input": marked(request, offer, purchase.tag)}
        made = await self._api.buy(f"models/{offer.endpoint(request)}/predictions", _Made, body, purchase)
        return Submission(task_id=made.id)

    async def poll(self, submission: Submission) -> TaskState:
        """Get the prediction."""
        made = await self._api.get(f"predictions/{checked_id(submission.task_id)}", _Asked)
        same_task(made.id, submission.task_id, self._info.title)
        return named(self._state(made), made.model)

    async def check(self) -> None:
        """Ask whose key it is."""
        await self._api.get("account", _Account, reading=Reading(missing=UnexpectedResponse))

    async def cancel(self, submission: Submission) -> None:
        """Cancel the prediction, waiting or running."""
        made = await self._api.post(
            f"predictions/{checked_id(submission.task_id)}/cancel", _Asked, repeatable=True
        )
        same_task(made.id, submission.task_id, self._info.title)
        if self._words.known(made.status) in (TaskStatus.SUCCEEDED, TaskStatus.FAILED):
            raise NotSupported(
                f"{self._info.title} has already ended the task ({clean(made.status, limit=40)}); "
                "there is nothing left to cancel."
            )

    async def upload(self, media: MediaFile) -> Upload:
        """Keep a file; predictions of the same account can read it."""
        kept = await self._api.upload("files", _File, media, field="content")
        ends, now = moment(kept.expires_at), self._api.their_now
        if ends is not None and now is not None:
            ends += self._api.now - now  # theirs is the clock that it is dated by
        return Upload(url=kept.urls.get, expires_at=ends)

    async def recover(self, request: VideoRequest, offer: Offer, tag: str, sent: WhenSent) -> Recovery:
        """Turn the list back to the sending and look for the one prediction with this very input."""
        search, endpoint = Search(request, offer, tag), offer.endpoint(request)
        turned = await self._list(search, endpoint, sent)
        now = turned.dated.at
        since = sent.since(now)
        complete = turned.told and turned.gap is None
        complete = complete and now is not None and since > now - self._info.horizon_hours * 3600
        return replace(
            search.result(self._submission, complete=complete and self._info.absence_is_proof),
            since=None if now is None else since,
            age=turned.dated.age,
            gap=turned.gap,
            listed=frozenset(turned.seen),
            reach_seconds=self._info.horizon_hours * 3600 if turned.to_the_end else (now or since) - since,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    def _submission(self, task_id: str) -> Submission:
        return Submission(task_id=task_id)

    async def _list(self, search: Search, endpoint: str, sent: WhenSent) -> _Turned:
        """Turn the list back to the sending, and look at every prediction since then."""
        seen: set[str] = set()
        path, gap, told, dated, order = "predictions", None, True, None, ListOrder()
        for _ in range(_PAGES):
            try:
                turned = await self._api.turn(path, _Page)
            except ProviderError as error:
                if dated is None or not search.can_do_without(error):
                    raise
                return _Turned(seen, told, UNREADABLE, False, dated)
            page, dated = turned.reply, turned.dated.and_(dated)
            rows, unread = readable(_Listed, page.results)
            gap = UNREADABLE if unread else gap
            since = sent.since(dated.at)
            seen.update(made.id for made in rows)
            times = {made.id: created(made.created_at) for made in rows}
            for made in rows:
                if (times[made.id] or math.inf) < since:
                    continue
                if made.model is None or not made.input:
                    told = False  # nobody can tell what this one is: perhaps ours
                else:
                    search.look(made.id, made.input, named=made.model == endpoint)
            if not page.next or order.is_past(times.values(), since):
                return _Turned(seen, told, gap, not page.next, dated)
            if not isinstance(page.next, str):
                return _Turned(seen, told, UNREADABLE, False, dated)
            path = page.next
        return _Turned(seen, told, TOO_LONG, False, dated or Dated())

    def _state(self, made: _Asked) -> TaskState:
        status = self._words.status(made.status, has_video=bool(made.urls))
        if status is TaskStatus.SUCCEEDED:
            return self._succeeded(made)
        if status is TaskStatus.FAILED:
            return _failed(made)
        return TaskState(status=status)

    def _succeeded(self, made: _Asked) -> TaskState:
        if made.data_removed:
            return TaskState(status=TaskStatus.EXPIRED)
        if not made.urls:
            raise unplaced(self._info)
        return TaskState(
            status=TaskStatus.SUCCEEDED,
            video_urls=made.urls,
            url_expires_at=kept_until(moment(made.completed_at), self._info, now=self._api.now),
        )


def _problem(status: int, body: Any) -> Problem | None:
    """The error in `{"title", "detail", "status"}`; a throttled call has `detail` alone."""
    if status < 400 or not isinstance(body, dict):
        return None
    said = cast("dict[str, Any]", body)
    detail, title = said.get("detail"), said.get("title")
    text = detail if isinstance(detail, str) and detail else title
    if not isinstance(text, str) or not text:
        return None
    meaning = read_codes(__name__).meaning(text.lower()) if status in (400, 403, 422) else None
    pause = _RESETS.search(text[:400])
    return Problem(
        message=text,
        code=title if isinstance(title, str) and title else None,
        error=meaning.error if meaning else None,
        hint=meaning.hint if meaning else None,
        retry_after=float(pause[1]) if pause else None,
    )


def _failed(made: _Asked) -> TaskState:
    text = made.error or ""
    meaning = read_codes(__name__).meaning(text.lower())
    return failed(
        text,
        meaning=meaning,
        advice="Try again, perhaps with another seed. Whether a failed task is charged, the provider does not say.",
    )
