"""What Atlas Cloud answers, in every shape that its documents show: inside `data` or bare, one name or another."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast
from urllib.parse import urlsplit

from pydantic import Field

from ... import tolerant_json
from ...types import TaskStatus
from ..http.api import Reply, TaskId, amount_of
from ..lenient_fields import Incidental, creation
from ..status_words import plain

STATUSES = {
    "created": TaskStatus.QUEUED,
    "starting": TaskStatus.QUEUED,
    "queued": TaskStatus.QUEUED,
    "pending": TaskStatus.QUEUED,
    "processing": TaskStatus.RUNNING,
    "running": TaskStatus.RUNNING,
    "completed": TaskStatus.SUCCEEDED,
    "succeeded": TaskStatus.SUCCEEDED,
    "success": TaskStatus.SUCCEEDED,
    "failed": TaskStatus.FAILED,
    "error": TaskStatus.FAILED,
    "timeout": TaskStatus.FAILED,
    "canceled": TaskStatus.CANCELLED,
    "cancelled": TaskStatus.CANCELLED,
}

_STILLS = (".png", ".jpg", ".jpeg", ".webp")
"""How an output ends that is a picture: the last frame. Nothing else tells which of the outputs it is."""

ENDED = (TaskStatus.SUCCEEDED, TaskStatus.FAILED, TaskStatus.CANCELLED)


class Prediction(Reply):
    """
    One generation.

    What does not decide its fate may be of any type: a paid video is not lost for an odd time or price.
    """

    id: str | None = None
    model: Incidental[str] = None
    status: str
    outputs: Any = None
    output: Any = None
    price: Any = None
    error: Any = None
    error_code: Any = None
    has_nsfw_contents: Any = None
    created_at: Any = None

    @property
    def urls(self) -> list[str]:
        """Where its files are."""
        said = self.outputs or self.output
        items = cast("list[Any]", said) if isinstance(said, list) else [said]
        return [url for item in items if (url := _url(item))]

    @property
    def stills(self) -> list[str]:
        """Which of them are pictures."""
        return [url for url in self.urls if _path(url).endswith(_STILLS)]

    @property
    def videos(self) -> list[str]:
        """All others."""
        return [url for url in self.urls if not _path(url).endswith(_STILLS)]

    @property
    def flagged(self) -> bool:
        """Whether moderation marked one of its outputs."""
        marks = self.has_nsfw_contents
        return isinstance(marks, list) and any(mark is True for mark in cast("list[Any]", marks))

    @property
    def code(self) -> str | None:
        """Their number for the error; 0 stands for none."""
        said = self.error_code
        return str(said) if isinstance(said, str | int) and str(said) not in ("", "0", "False") else None


class Row(Reply):
    """One line of the history: the id under its own name, what was ordered as JSON in a string."""

    id: TaskId = Field(alias="ID")
    model: Incidental[str] = None
    created_at: Any = Field(default=None, alias="createdAt")
    request_body: Any = Field(default=None, alias="requestBody")

    @property
    def at(self) -> float | None:
        """When it was ordered, in seconds since the epoch, as a number or in a string; None: not told, or no such time."""
        try:
            seconds = float(self.created_at)
        except (ValueError, TypeError, OverflowError):
            return None
        return creation(seconds)

    @property
    def ordered(self) -> dict[str, Any] | None:
        """What was ordered; the parameters may be wrapped in `input`."""
        said = self.request_body
        if isinstance(said, str):
            try:
                said = tolerant_json.read(said.encode())
            except ValueError:
                return None
        if not isinstance(said, dict):
            return None
        fields = cast("dict[str, Any]", said)
        inside = fields.get("input")
        return cast("dict[str, Any]", inside) if isinstance(inside, dict) else fields


class Page(Reply):
    """A page of the history."""

    items: list[Any]
    total: Incidental[int] = None


class _Money(Reply):
    value: Any
    currency: str


class Balance(Reply):
    """What is left on the account."""

    available: _Money

    def amount(self, currency: str) -> Decimal | None:
        """What is left, if it is in this currency."""
        return amount_of(self.available.value) if self.available.currency.upper() == currency else None


class _Price(Reply):
    price: str | float
    estimate_partial: bool = False


class _Kept(Reply):
    download_url: str


class _Named(Reply):
    id: TaskId


def task_id(body: Any) -> str:
    """Read the id of what was bought: `id`, or `predictionId` in older documents."""
    return _Named.model_validate(_named(body)).id


def prediction(body: Any) -> Prediction:
    """
    Read a generation, whose answer need not repeat its id.

    Raises:
        ValueError: it is none. A bare `error` that names no task is what any call may be answered with.
    """
    made = Prediction.model_validate(_named(body))
    if not made.id and plain(made.status) == "error" and not isinstance(body.get("data"), dict):
        raise ValueError("an error of the call")
    return made


def page(body: Any) -> Page:
    """Read a page of the history."""
    return Page.model_validate(_inner(body))


def quoted(body: Any) -> Decimal | None:
    """Read a quote in USD; None where it covers only a part, or is no price."""
    said = _Price.model_validate(_inner(body))
    return None if said.estimate_partial else money(said.price)


def kept_at(body: Any) -> str:
    """Read where an uploaded file lies: `data.download_url`, or `url` at the top."""
    fields = _inner(body)
    return _Kept.model_validate(
        {"download_url": fields.get("download_url") or fields.get("url")}
    ).download_url


def _named(body: Any) -> dict[str, Any]:
    fields = _inner(body)
    return {**fields, "id": fields.get("id") or fields.get("predictionId")}


def _inner(body: Any) -> dict[str, Any]:
    """Unwrap `data` where there is one."""
    if not isinstance(body, dict):
        raise ValueError("not an object")
    fields = cast("dict[str, Any]", body)
    data = fields.get("data")
    return cast("dict[str, Any]", data) if isinstance(data, dict) else fields


def money(value: Any) -> Decimal | None:
    """Read an amount in USD; None for what is none, and for 0: no video costs nothing."""
    amount = amount_of(value)
    return amount if amount is not None and 0 < amount < 100_000 else None


def text_of(error: Any) -> str:
    """The text of an error: a string, or an object with a `message`."""
    if isinstance(error, dict):
        error = cast("dict[str, Any]", error).get("message")
    return error if isinstance(error, str) else ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.lower()
    except ValueError:
        return ""


def _url(item: Any) -> str:
    """An output is a URL, or an object with one."""
    if isinstance(item, dict):
        item = cast("dict[str, Any]", item).get("url")
    return item if isinstance(item, str) else ""
