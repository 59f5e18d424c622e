"""What an answer of a provider means: its body as a small model, or one of our errors."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, TypeVar, cast

import pydantic_core
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from ... import tolerant_json
from ...errors import (
    AccessDenied,
    AuthenticationError,
    InsufficientFunds,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RequestRejected,
    TaskNotFound,
    UnexpectedResponse,
)
from .masking import masked, masked_bytes, masked_text
from .sanitizing import LIMIT, clean
from .their_clock import Dated

ReplyT = TypeVar("ReplyT")

Shape = type[ReplyT] | Callable[[Any], ReplyT]
"""What an answer is read as: a Reply class, or a function of the parsed JSON that raises ValueError."""

BODY_LIMIT = 2_000_000
"""Bytes of an answer that are read; no provider's answer comes near."""

_MOST_MONEY = 10_000_000

_LONGEST_NUMBER = 100
"""Characters of a number that somebody writes as a text."""

_FINEST = Decimal("1e-12")

_PAGE_TITLE = re.compile(rb"<title[^>]{0,100}>([^<]{1,200})", re.IGNORECASE)
_TITLE_WITHIN = 4096

RETRY_AFTER_LIMIT = 300.0
"""Seconds that a Retry-After header may ask for; more is taken as this."""


class Reply(BaseModel):
    """
    Base of the small models that document a provider's answers.

    Fields nobody declared are ignored; declared ones have to have their type.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


def _not_a_step(task_id: str) -> str:
    if not task_id.strip("."):
        raise ValueError("dots alone would be a step in a path")
    return task_id


TaskId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,128}$"), AfterValidator(_not_a_step)]
"""An id that a provider gives and that may stand in a path."""

_TASK_ID = re.compile(r"(?=.*[A-Za-z0-9_-])[A-Za-z0-9._-]{1,128}")


def checked_id(task_id: str) -> str:
    """
    Return a stored task id that may stand in a path.

    Raises:
        TaskNotFound: no provider gives ids like this one.
    """
    if not _TASK_ID.fullmatch(task_id):
        raise TaskNotFound("This is not a task id: 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-' are allowed.")
    return task_id


def same_task(said: str | None, asked: str, title: str) -> None:
    """
    Take the answer to a question about the task `asked` for that task's, also where it names none.

    Raises:
        UnexpectedResponse: it names another one.
    """
    if said and said != asked:
        raise UnexpectedResponse(f"{title} answered with another task than the one that was asked for.")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """
    An error in the provider's own shape.

    `error` and `hint` only where the HTTP status does not tell. `refused` is true when the provider is
    known to create nothing when it says this, whatever the HTTP status. `retry_after` in seconds, where the body
    says it; a header goes before it.
    """

    message: str
    code: str | None = None
    request_id: str | None = None
    error: type[ProviderError] | None = None
    hint: str | None = None
    refused: bool = False
    retry_after: float | None = None


Classify = Callable[[int, Any], Problem | None]
"""Reads the error out of an answer (status, parsed body). None: no error in the provider's shape."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """
    One HTTP answer, read as far as allowed. `whole` is false when the body was longer or broke off.

    Wherever the answer quotes the `key`, it is masked.
    """

    status: int
    body: bytes
    key: str = field(default="", repr=False)
    whole: bool = True
    retry_after: float | None = None
    request_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    dated: Dated = field(default_factory=Dated)
    json: Any = field(init=False)
    is_json: bool = field(init=False)

    def __post_init__(self) -> None:
        body = masked_bytes(self.body, self.key)
        value, readable = None, False
        if self.whole:
            with suppress(ValueError):
                value, readable = tolerant_json.read(body), True
        bare = masked(value, self.key)
        if bare != value:
            value, body = bare, pydantic_core.to_json(bare)
        object.__setattr__(self, "body", body)
        object.__setattr__(self, "json", value)
        object.__setattr__(self, "is_json", readable)

    @property
    def ok(self) -> bool:
        """True for a 2xx status."""
        return 200 <= self.status < 300

    def with_date(self, dated: Dated) -> Answer:
        """Return the same answer with when it was made. Its body is not read anew."""
        same = copy(self)
        object.__setattr__(same, "dated", dated)
        return same

    def with_header(self, name: str) -> Answer:
        """Return the same answer with a header's text as a field of its body, under the header's name in lower case."""
        value, said = self.headers.get(name), cast("object", self.json)
        if value is None or not isinstance(said, dict):
            return self
        return replace(self, body=pydantic_core.to_json({**cast("dict[str, Any]", said), name: value}))

    @property
    def is_page(self) -> bool:
        """True for a web page: what gateways and proxies send. The content type is not asked, it may lie."""
        return (
            self.body[:400]
            .lstrip(b"\xef\xbb\xbf \t\r\n")
            .lower()
            .startswith((b"<!doctype", b"<html", b"<head"))
        )


def retry_after(value: str | None, now: float) -> float | None:
    """
    Read a Retry-After header, seconds or a date, as seconds from 0 to `RETRY_AFTER_LIMIT`.

    `now` in epoch seconds. None for a header that is missing or unreadable.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError, OSError):
            return None
    if seconds != seconds:
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_LIMIT)


def number_of(value: Any, *, most: int) -> Decimal | None:
    """
    Read a number between `-most` and `most`, whether it is written as one or as a text; None for what is none.

    It is one that can be computed with, and has at most 12 decimals.
    """
    text = str(value)
    try:
        number = Decimal(text) if len(text) <= _LONGEST_NUMBER else None
    except ArithmeticError:
        return None
    # Compared before anything is computed with it: arithmetic with "1e1000000" raises.
    if number is None or not number.is_finite() or not -most < number < most:
        return None
    rounded = number.quantize(_FINEST)
    return (number if number == rounded else rounded) or Decimal(0)


def amount_of(value: Any) -> Decimal | None:
    """Read an amount of money as `number_of` does."""
    return number_of(value, most=_MOST_MONEY)


def parse(kind: Shape[ReplyT], answer: Answer, title: str) -> ReplyT:
    """
    Return the body as a `kind`: a Reply class, or a function of the parsed JSON that raises ValueError.

    Raises:
        UnexpectedResponse: it is not JSON, or does not fit; names the first place that does not.
    """
    if not answer.is_json:
        raise UnexpectedResponse(
            f"{title} answered HTTP {answer.status} with something that is not JSON.",
            request_id=answer.request_id,
        )
    try:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return cast("ReplyT", kind.model_validate(answer.json))
        return cast("Callable[[Any], ReplyT]", kind)(answer.json)
    except ValidationError as error:
        # Neither the text of the error nor its cause may travel: both quote the body.
        place = error.errors(include_input=False, include_url=False, include_context=False)[0]["loc"]
        where = clean(".".join(str(step) for step in place), limit=80) or "the top"
    except (ValueError, KeyError, TypeError):
        where = "the top"
    raise UnexpectedResponse(
        f"{title} answered in an unexpected shape, at {where}.", request_id=answer.request_id
    )


def kind_of(
    status: int, problem: Problem | None, *, missing: type[ProviderError], believed: bool = False
) -> type[ProviderError]:
    """
    Name the class of our error for an answer that is no success.

    `missing` is what a 404 means for this call. `believed`: take a 4xx at its word although it is not in the
    provider's own shape.
    """
    if problem and problem.error:
        return problem.error
    match status:
        case 401:
            return AuthenticationError
        case 403:
            return AccessDenied  # whoever knows that it is the key says so in `problem.error`
        case 402:
            return InsufficientFunds
        case 429:
            return RateLimited
        case 408 | 425:
            return ProviderUnavailable
        case _ if status >= 500:
            return ProviderUnavailable
        case _ if status < 400 or not (problem or believed):
            # A redirect, or a 4xx that some gateway made up: nobody who knows the task has spoken.
            return UnexpectedResponse
        case 404:
            return missing
        case _:
            return RequestRejected


def error_of(
    kind: type[ProviderError], answer: Answer, problem: Problem | None, *, title: str
) -> ProviderError:
    """Build a `kind` with the provider's own words, made safe."""
    code = request_id = hint = None
    text = f"{title} answered HTTP {answer.status}."
    if kind is AccessDenied and (words := _quoted(_said_by(answer))):
        text = f"{title} answered HTTP {answer.status}: {words}"
    if problem:
        code = _quoted(problem.code, limit=80)
        request_id = _quoted(problem.request_id, limit=80)
        hint = problem.hint
        text = f"{title}: {_quoted(problem.message) or f'HTTP {answer.status}'}"
    request_id = request_id or _quoted(answer.request_id, limit=80)
    if issubclass(kind, RateLimited):
        wait = answer.retry_after
        if wait is None and problem and problem.retry_after is not None:
            wait = min(problem.retry_after, RETRY_AFTER_LIMIT)
        return kind(text, retry_after=wait, hint=hint, provider_code=code, request_id=request_id)
    return kind(text, hint=hint, provider_code=code, request_id=request_id)


def answer_of(
    status: int, headers: Mapping[str, str], body: bytes, *, whole: bool, now: float, key: str
) -> Answer:
    """Put together what was received; `now` in epoch seconds, to read a Retry-After date against."""
    return Answer(
        status=status,
        body=body,
        key=key,
        headers=headers,
        whole=whole,
        retry_after=retry_after(headers.get("retry-after"), now),
        request_id=masked_text(headers.get("x-request-id") or "", key) or None,
    )


async def take(chunks: AsyncIterator[bytes], into: bytearray) -> bool:
    """Read a body into `into`, up to `BODY_LIMIT` bytes. False when there was more."""
    async for chunk in chunks:
        into += chunk[: BODY_LIMIT - len(into)]
        if len(into) >= BODY_LIMIT:
            return False
    return True


def _said_by(answer: Answer) -> str | None:
    """Return the words of an answer that is in nobody's shape: the title of a web page, or the text of an error."""
    if answer.is_page:
        title = _PAGE_TITLE.search(answer.body[:_TITLE_WITHIN])
        return f"a web page, {title[1].decode(errors='replace')!r}" if title else "a web page"
    body = cast("object", answer.json)
    if not isinstance(body, dict):
        return None
    said = cast("dict[str, Any]", body)
    texts = (said.get(name) for name in ("message", "msg", "detail", "error"))
    return next((text for text in texts if isinstance(text, str) and text), None)


def _quoted(text: str | None, *, limit: int = LIMIT) -> str | None:
    return clean(text, limit=limit) or None if text else None
