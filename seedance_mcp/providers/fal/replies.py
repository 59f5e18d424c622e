"""What fal answers: its shapes, its errors, and the addresses below which a request lives."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, cast

from pydantic import Field, StringConstraints

from ...types import TaskState, TaskStatus
from ..error_codes import read_codes
from ..http.api import Problem, Reply, TaskId, amount_of, number_of
from ..lenient_fields import Incidental, QueuePlace
from ..outcomes import failed
from ..status_words import plain

UNITS_HEADER = "x-fal-billable-units"
"""The header of a result that says how many units are charged; its body does not."""

_MOST_UNITS = 1_000_000

_WORDS = ("not_found", "already_completed")
"""Refusals that are one word under `status`, in capitals by the documents."""

_PLAIN = re.compile(r"[\x21-\x7e]+")
"""What an address is made of."""

_InHeader = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,4096}$")]
"""What can stand in a header: nothing that would end it."""


class Queued(Reply):
    """The answer to a submission."""

    request_id: TaskId
    status_url: Incidental[str] = None
    response_url: Incidental[str] = None
    cancel_url: Incidental[str] = None


class Status(Reply):
    """How far a request is."""

    status: str
    queue_position: QueuePlace = None
    error: Any = None
    error_type: Incidental[str] = None


class File(Reply):
    """A file that a model made."""

    url: str


class Output(Reply):
    """What a model made, or why it made nothing."""

    video: File | None = None
    detail: Any = None
    error_type: Incidental[str] = None
    billable_units: Any = Field(None, alias=UNITS_HEADER)

    @property
    def units(self) -> Decimal | None:
        """How many units of the endpoint's work are charged, if the answer says so."""
        units = number_of(self.billable_units, most=_MOST_UNITS)
        return units if units is not None and units > 0 else None


class Token(Reply):
    """What an upload is made with, instead of the key."""

    token: _InHeader
    token_type: _InHeader | None = None


class Stored(Reply):
    """Where an uploaded file can be read."""

    access_url: str


class Listed(Reply):
    """A request on the list."""

    request_id: TaskId
    endpoint_id: Incidental[str] = None
    json_input: Incidental[dict[str, Any]] = None


class Page(Reply):
    """A page of the list."""

    items: list[Any]
    has_more: Any = False
    next_cursor: Any = None


class Rate(Reply):
    """What a unit of an endpoint's work costs."""

    endpoint_id: str
    unit_price: Any
    unit: str
    currency: str = "USD"

    @property
    def usd(self) -> Decimal | None:
        """The price, if it is one and in US dollars."""
        price = amount_of(self.unit_price) if self.currency == "USD" else None
        return price if price is not None and price > 0 else None


class Rates(Reply):
    """The prices that were asked for."""

    prices: list[Any]


class Nothing(Reply):
    """An answer of which only the status counts."""


def places(endpoint: str, made: Queued, base: str) -> dict[str, str]:
    """
    The paths below which a request is followed, as they were answered.

    An address on another host is not followed, because the key would go there, nor is one that came damaged: the
    documented place is taken.
    """
    known = documented(endpoint, made.request_id)
    said = {"status": made.status_url, "response": made.response_url, "cancel": made.cancel_url}
    root = base.rstrip("/") + "/"
    followed = {
        name: url.removeprefix(root)
        for name, url in said.items()
        if url and url.startswith(root) and _PLAIN.fullmatch(url)
    }
    return known | followed


def documented(endpoint: str, request_id: str) -> dict[str, str]:
    """The endpoint of a request, and its places: below the first two parts of the endpoint's id."""
    app = "/".join(endpoint.split("/")[:2])
    path = f"{app}/requests/{request_id}"
    return {
        "endpoint": endpoint,
        "status": f"{path}/status",
        "response": path,
        "cancel": f"{path}/cancel",
    }


def problem(status: int, body: Any) -> Problem | None:
    """The error in `{"detail": [{"msg", "type"}]}`, `{"detail", "error_type"}` or `{"status": "NOT_FOUND"}`."""
    if status < 400 or not isinstance(body, dict):
        return None
    said = cast("dict[str, Any]", body)
    code, text = reason(said.get("detail"), said.get("error_type"))
    word = said.get("status")
    if not text and isinstance(word, str) and plain(word) in _WORDS:
        code = text = plain(word).upper()
    if not text:
        return None
    known = read_codes(__name__).meaning(code, text.lower())
    return Problem(
        message=text,
        code=code,
        error=known.error if known else None,
        hint=known.hint if known else None,
    )


def reason(detail: Any, error_type: Any) -> tuple[str | None, str]:
    """The type and the words of an error, from any of its shapes."""
    code = error_type if isinstance(error_type, str) and error_type else None
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        first = cast("dict[str, Any]", detail[0])
        text, kind = first.get("msg"), first.get("type")
        code = code or (kind if isinstance(kind, str) and kind else None)
        return code, text if isinstance(text, str) and text else code or ""
    return code, detail if isinstance(detail, str) else code or ""


def is_end(status: int, body: Any) -> bool:
    """Return whether an error status of a result is how the request ended, and not trouble with asking."""
    if status in (401, 403, 404, 408, 425, 429) or not isinstance(body, dict):
        return False
    said = cast("dict[str, Any]", body)
    return isinstance(said.get("detail"), list) or isinstance(said.get("error_type"), str)


def ended(detail: Any, error_type: Any) -> TaskState:
    """The end of a request that made no video."""
    code, text = reason(detail, error_type)
    if code == "client_cancelled":
        return TaskState(status=TaskStatus.CANCELLED)
    return failed(
        text,
        code=code,
        meaning=read_codes(__name__).meaning(code, text.lower()),
        advice="Try again, perhaps with another seed. Only server errors are said not to be charged.",
    )
