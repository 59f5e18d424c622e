"""RunComfy's Model API: requests whose outcome is a second call; what was bought cannot be listed."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any, cast

from ...catalog import Offer, ProviderInfo
from ...errors import NotSupported, ProviderError, UnexpectedResponse
from ...types import FRAME_FIELDS, Submission, TaskState, TaskStatus, VideoRequest
from ..error_codes import read_codes
from ..http.api import Api, Problem, Reading, Reply, TaskId, amount_of, checked_id, same_task
from ..lenient_fields import Incidental, QueuePlace, texts
from ..matching import moment
from ..outcomes import failed, kept_until, unplaced, used
from ..protocol import Access, Provider, Purchase
from ..status_words import StatusWords, plain
from ..wire import wire

_ACCOUNT = "https://api.runcomfy.net"
"""Where the balance is asked for."""

_STATUSES = {
    "in_queue": TaskStatus.QUEUED,
    "queued": TaskStatus.QUEUED,
    "in_progress": TaskStatus.RUNNING,
    "running": TaskStatus.RUNNING,
    "completed": TaskStatus.SUCCEEDED,
    "succeeded": TaskStatus.SUCCEEDED,
    "failed": TaskStatus.FAILED,
    "cancelled": TaskStatus.CANCELLED,
    "canceled": TaskStatus.CANCELLED,
}

_REFUSALS = frozenset({"400001", "400002", "400004", "403001", "404001"})
"""Codes with which nothing is created, also inside an HTTP 200."""


class _Created(Reply):
    request_id: TaskId


class _Status(Reply):
    request_id: str | None = None
    status: str
    queue_position: QueuePlace = None


class _Output(Reply):
    video: Any = None
    videos: Any = None

    @property
    def urls(self) -> tuple[str, ...]:
        """Where its videos are, each once."""
        return tuple(dict.fromkeys((*texts(self.video), *texts(self.videos))))


class _Result(Reply):
    request_id: str | None = None
    status: str
    output: _Output | None = None
    error: Any = None
    error_code: Any = None
    error_message: Incidental[str] = None
    finished_at: Incidental[str] = None
    cost: Any = None


class _Cancelled(Reply):
    outcome: str


class _Balance(Reply):
    balance_usd: Any


class _Model(Reply):
    base_price_usd: float | int | str
    price_unit: str


class RunComfyProvider(Provider):
    """Buys, follows and cancels requests."""

    def __init__(self, info: ProviderInfo, access: Access) -> None:
        self._info = info
        self._api = Api(info, access, _problem)
        self._words = StatusWords(info.name, _STATUSES)

    async def submit(self, request: VideoRequest, offer: Offer, purchase: Purchase) -> Submission:
        """Create a request. It cannot be marked: what is not in its schema might be refused."""
        path = f"v1/models/{offer.endpoint(request)}"
        made = await self._api.buy(path, _Created, _body(request, offer), purchase)
        return Submission(task_id=made.request_id)

    async def poll(self, submission: Submission) -> TaskState:
        """
        Ask for the status and, once it has ended, for the result: only that tells how it ended.

        So it does for a word that is in no document; before the end it is answered with the status as well.
        """
        asked = checked_id(submission.task_id)
        said = await self._api.get(
            f"v1/requests/{asked}/status", _Status, reading=Reading(final=self._is_about_a_task)
        )
        same_task(said.request_id, asked, self._info.title)
        known = self._words.known(said.status)
        if known in (TaskStatus.SUCCEEDED, TaskStatus.FAILED):
            return await self._outcome(asked)
        if known is None:
            with contextlib.suppress(ProviderError):
                return await self._outcome(asked)
        return TaskState(status=self._words.status(said.status), queue_position=said.queue_position)

    async def check(self) -> None:
        """Ask for the balance."""
        await self.balance()

    async def balance(self) -> Decimal | None:
        """Ask what is left of it."""
        left = await self._api.at(_ACCOUNT).get(
            "prod/v2/balance", _Balance, reading=Reading(missing=UnexpectedResponse)
        )
        return amount_of(left.balance_usd)

    async def cancel(self, submission: Submission) -> None:
        """Cancel the request if it still waits in the queue."""
        path = f"v1/requests/{checked_id(submission.task_id)}/cancel"
        answer = await self._api.post(path, _Cancelled, repeatable=True)
        if plain(answer.outcome) not in ("cancelled", "canceled"):
            raise NotSupported(
                f"{self._info.title} cancels only tasks that wait in its queue; this one has started or ended."
            )

    async def quote(self, request: VideoRequest, offer: Offer) -> Decimal | None:
        """Multiply the catalogue's price by the seconds ordered; None while the model decides on the length."""
        model = await self._api.get(
            f"v1/models/{offer.endpoint(request)}", _Model, reading=Reading(missing=UnexpectedResponse)
        )
        price = _amount(model.base_price_usd)
        if price is None or price <= 0:
            return None
        if model.price_unit == "output":
            return price
        if model.price_unit == "second" and request.duration is not None and request.duration > 0:
            return price * request.duration
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    def _is_about_a_task(self, status: int, body: Any) -> bool:
        """
        Distinguish the error of a task from one of the call, where the answer does not repeat the id.

        It has a documented status word, and none of the codes with which the call itself is refused.
        """
        if status >= 400 or not isinstance(body, dict):
            return False
        said = cast("dict[str, Any]", body)
        word = said.get("status")
        refused = _code(said.get("error_code")) in _REFUSALS
        return isinstance(word, str) and self._words.known(word) is not None and not refused

    async def _outcome(self, asked: str) -> TaskState:
        result = await self._api.get(
            f"v1/requests/{asked}/result",
            _Result,
            params={"include_cost": "true"},
            reading=Reading(final=self._is_about_a_task),
        )
        same_task(result.request_id, asked, self._info.title)
        return self._ended(result)

    def _ended(self, result: _Result) -> TaskState:
        urls = result.output.urls if result.output else ()
        status = self._words.status(result.status, has_video=bool(urls))
        cost = _amount(result.cost)
        if status is TaskStatus.FAILED:
            return _failed(result, {} if cost is None else {"price_usd": cost})
        if status is not TaskStatus.SUCCEEDED:
            return TaskState(status=status)
        if not urls:
            raise unplaced(self._info)
        return TaskState(
            status=TaskStatus.SUCCEEDED,
            video_urls=urls,
            url_expires_at=kept_until(moment(result.finished_at), self._info, now=self._api.now),
            usage=used("price_usd", cost),
        )


def _body(request: VideoRequest, offer: Offer) -> dict[str, Any]:
    """The request in the offer's words; where frames have no field of their own they lead the list of pictures."""
    body = wire(request, offer)
    frames = [
        source
        for field, _, source in request.media()
        if field in FRAME_FIELDS and offer.parameters[field].name is None
    ]
    pictures = offer.parameters.get("reference_images")
    if frames and pictures is not None and pictures.name is not None:
        body[pictures.name] = [*frames, *body.get(pictures.name, ())]
    return body


def _problem(status: int, body: Any) -> Problem | None:
    """
    The error in `{"error_code", "error_message" | "message" | "error", "detail"}`, also inside an HTTP 200.

    An answer with a request's id is never only an error: that request exists.
    """
    if not isinstance(body, dict):
        return None
    said = cast("dict[str, Any]", body)
    if status < 400 and "request_id" in said:
        return None
    code = _code(said.get("error_code"))
    texts = (said.get(name) for name in ("error_message", "message", "error", "detail"))
    text = next((text for text in texts if isinstance(text, str) and text), "")
    if code is None and (status < 400 or not text):
        return None
    telling = code is not None or status in (400, 403, 422)
    meaning = read_codes(__name__).meaning(code, text.lower()) if telling else None
    return Problem(
        message=text or f"error {code}",
        code=code,
        error=meaning.error if meaning else None,
        hint=meaning.hint if meaning else None,
        refused=code in _REFUSALS and status < 500,
    )


def _code(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | str) or not value:
        return None
    return str(value)


def _failed(result: _Result, usage: dict[str, Decimal]) -> TaskState:
    text = result.error_message or (result.error if isinstance(result.error, str) else "")
    code = _code(result.error_code)
    return failed(
        text,
        code=code,
        meaning=read_codes(__name__).meaning(code, text.lower()),
        advice="Try again. Whether a failed task is charged, the provider does not say.",
        usage=usage,
    )


def _amount(value: float | str | None) -> Decimal | None:
    amount = amount_of(value)
    return amount if amount is not None and amount >= 0 else None
