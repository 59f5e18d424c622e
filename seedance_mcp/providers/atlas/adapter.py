"""Atlas Cloud: one call for status and result, a history with what was ordered, quotes before buying."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from ...catalog import Offer, ProviderInfo
from ...errors import ContentRejected, ProviderError, RequestRejected, TaskNotFound, UnexpectedResponse
from ...types import MediaFile, Submission, TaskState, TaskStatus, Upload, VideoRequest
from ..error_codes import Meaning, read_codes
from ..http.api import Api, Dated, Problem, Reading, checked_id, same_task
from ..lenient_fields import readable
from ..matching import TOO_LONG, UNREADABLE, ListOrder, Search, marked, moment
from ..outcomes import failed, kept_until, named, unplaced, used
from ..protocol import Access, Provider, Purchase, Recovery
from ..status_words import StatusWords
from ..when_sent import WhenSent
from .replies import (
    ENDED,
    STATUSES,
    Balance,
    Prediction,
    Row,
    kept_at,
    money,
    page,
    prediction,
    quoted,
    task_id,
    text_of,
)

_MODEL = "api/v1/model"

_PAGE, _PAGES = 50, 40
"""Rows on a page of the history, and pages that are turned, at most."""

_GOOD = ("0", "200")
"""Codes of good answers. What has one and yet comes with an error status contradicts itself, and proves nothing."""

_TEXTS_TELL = (400, 403, 404, 422)
"""Statuses that leave open what was wrong."""

_FLAGGED = Meaning(codes=(), error=ContentRejected, hint=ContentRejected.default_hint)
"""What it means that moderation marked an output."""

_UPLOAD_SECONDS = 3600.0
"""How long an upload is relied on. They keep it for a while and do not say how long."""


class AtlasProvider(Provider):
    """Buys, follows and finds again predictions; quotes them before; keeps files for them."""

    def __init__(self, info: ProviderInfo, access: Access) -> None:
        self._info = info
        self._api = Api(info, access, _problem)
        self._words = StatusWords(info.name, STATUSES)

    async def submit(self, request: VideoRequest, offer: Offer, purchase: Purchase) -> Submission:
        """Order a generation, its parameters beside the model."""
        body = _body(request, offer, purchase.tag)
        made = await self._api.buy(f"{_MODEL}/generateVideo", task_id, body, purchase)
        return Submission(task_id=made)

    async def poll(self, submission: Submission) -> TaskState:
        """Get the prediction. One that failed may come with a server error: its record counts, not the status."""
        asked = checked_id(submission.task_id)

        def ended(status: int, body: Any) -> bool:
            return status >= 500 and self._has_ended(body, asked)

        try:
            made = await self._api.get(
                f"{_MODEL}/prediction/{asked}", prediction, reading=Reading(final=ended)
            )
        except RequestRejected as error:
            # A new id is answered with 400 for a moment, like one that nobody knows.
            raise TaskNotFound(
                error.message, provider_code=error.provider_code, request_id=error.request_id
            ) from error
        same_task(made.id, asked, self._info.title)
        return named(self._state(made), made.model)

    async def check(self) -> None:
        """Ask for the balance."""
        await self.balance()

    async def balance(self) -> Decimal | None:
        """Ask what is left of it."""
        left = await self._api.get("public/v1/balance", Balance, reading=Reading(missing=UnexpectedResponse))
        return left.amount(self._info.currency)

    async def upload(self, media: MediaFile) -> Upload:
        """Put a file into their temporary storage. They tell its kind by the extension of its name."""
        url = await self._api.upload(f"{_MODEL}/uploadMedia", kept_at, media, field="file")
        return Upload(url=url, expires_at=self._api.now + _UPLOAD_SECONDS)

    async def quote(self, request: VideoRequest, offer: Offer) -> Decimal | None:
        """Ask what this very order would cost, discounts of the account included. Free."""
        return await self._api.post(
            f"{_MODEL}/calculate",
            quoted,
            _body(request, offer, ""),
            repeatable=True,
            reading=Reading(missing=RequestRejected),
        )

    async def recover(self, request: VideoRequest, offer: Offer, tag: str, sent: WhenSent) -> Recovery:
        """Turn the history back to the sending and look for the one order that is this one."""
        search, endpoint = Search(request, offer, tag), offer.endpoint(request)
        seen: set[str] = set()
        since, complete, gap, dated, order = sent.at, True, None, None, ListOrder()
        unreadable = 0
        for number in range(1, _PAGES + 1):
            try:
                told = await self._api.turn(f"{_MODEL}/history", page, {"no": number, "size": _PAGE})
            except ProviderError as error:
                if dated is None or not search.can_do_without(error):
                    raise
                gap = UNREADABLE
                break
            turned, dated = told.reply, told.dated.and_(dated)
            since = sent.since(dated.at)
            rows, unread = readable(Row, turned.items)
            unreadable += unread
            gap = UNREADABLE if unread or turned.total is None else gap
            new = [row for row in rows if row.id not in seen]
            seen.update(row.id for row in new)
            for row in new:
                if row.at is not None and row.at < since:
                    continue
                if row.at is None or row.model is None or row.ordered is None:
                    # It cannot be told what this one is: perhaps ours.
                    complete = False
                else:
                    search.look(row.id, row.ordered, named=row.model == endpoint)
            there = None if turned.total is None else len(seen) + unreadable >= turned.total
            if order.is_past((row.at for row in new), since) or there:
                break
            if not new and not unread:
                complete = False
                break
        else:
            gap = TOO_LONG
        dated = dated or Dated()
        now = dated.at
        reached = now is not None and since > now - self._info.horizon_hours * 3600
        proves = complete and gap is None and reached and self._info.absence_is_proof
        return replace(
            search.result(lambda task_id: Submission(task_id=task_id), complete=proves),
            since=None if now is None else since,
            age=dated.age,
            gap=gap,
            listed=frozenset(seen),
            reach_seconds=(now or since) - since,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    def _has_ended(self, body: Any, asked: str) -> bool:
        """True for the record of this very task, named by its id, if it says that the task has ended."""
        try:
            made = prediction(body)
        except ValueError:
            return False
        return made.id == asked and self._words.known(made.status) in ENDED

    def _state(self, made: Prediction) -> TaskState:
        status = self._words.status(made.status, has_video=bool(made.videos))
        if status is TaskStatus.SUCCEEDED:
            return self._succeeded(made)
        if status is TaskStatus.FAILED:
            return _failed(made)
        return TaskState(status=status)

    def _succeeded(self, made: Prediction) -> TaskState:
        if not made.videos and made.flagged:
            return _failed(made)
        if not made.videos:
            raise unplaced(self._info)
        ordered = moment(made.created_at if isinstance(made.created_at, str) else None)
        price = money(made.price)
        return TaskState(
            status=TaskStatus.SUCCEEDED,
            video_urls=tuple(made.videos),
            last_frame_url=made.stills[0] if made.stills else None,
            # Counted from the order, not from its end.
            url_expires_at=kept_until(ordered, self._info, now=self._api.now),
            usage=used("price_usd", price),
        )


def _body(request: VideoRequest, offer: Offer, tag: str) -> dict[str, Any]:
    return {**marked(request, offer, tag), "model": offer.endpoint(request)}


def _problem(status: int, body: Any) -> Problem | None:
    """
    The error in `{"code", "msg", "request_id", "data": null}`, or in `{"error": {"code", "message"}, "request_id"}`.

    With an id of a task in it, it is a record of that task and no refusal.
    """
    if status < 400 or not isinstance(body, dict):
        return None
    said = cast("dict[str, Any]", body)
    if said.get("data") or said.get("id") or said.get("predictionId"):
        return None
    text = next((found for key in ("msg", "message", "error") if (found := text_of(said.get(key)))), "")
    inside = said.get("error")
    code = cast("dict[str, Any]", inside).get("code") if isinstance(inside, dict) else said.get("code")
    if not text or str(code) in _GOOD:
        return None
    named = str(code) if isinstance(code, str | int) and str(code) != str(status) else None
    request_id = said.get("request_id")
    meaning = read_codes(__name__).meaning(named, text.lower()) if status in _TEXTS_TELL else None
    return Problem(
        message=text,
        code=named,
        request_id=request_id if isinstance(request_id, str) else None,
        error=meaning.error if meaning else None,
        hint=meaning.hint if meaning else None,
    )


def _failed(made: Prediction) -> TaskState:
    reason = text_of(made.error)
    meaning = read_codes(__name__).meaning(made.code, reason.lower())
    if made.flagged and (meaning is None or meaning.error is not ContentRejected):
        meaning = _FLAGGED
    return failed(
        reason,
        code=made.code,
        meaning=meaning,
        advice="A failed task is not charged. Try again, perhaps with another seed.",
    )
