"""What the page may send to the board, and how a body is read: JSON alone, short, and not too slowly."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, TypeVar

import anyio
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ...types import FilmQuality
from .access import MOST_BODY_BYTES
from .answers import refusal

_BODY_SECONDS = 10.0

Body = TypeVar("Body", bound=BaseModel)
MOST_SHOTS = 120
ShotName = Annotated[str, Field(max_length=64)]
Usd = Annotated[Decimal, Field(ge=0, max_digits=20, allow_inf_nan=False)]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CodeToExchange(_Closed):
    """The code of the address."""

    code: Annotated[str, Field(max_length=100)]


class CodeWanted(_Closed):
    """Another process of the same user asks for a code."""

    nonce: Annotated[str, Field(min_length=20, max_length=100)]
    proof: Annotated[str, Field(max_length=100)]


class Answer(_Closed):
    """What the person answers to a question, and the price that they were shown."""

    question_id: Annotated[str, Field(max_length=100)]
    yes: Annotated[bool, Field(strict=True)]
    usd: Usd


class Verdict(_Closed):
    """What the person thinks of a video."""

    job_id: Annotated[str, Field(max_length=100)]
    verdict: Annotated[str, Field(max_length=20)]
    notes: str
    scores: dict[str, Annotated[int, Field(strict=True)]]


class Purchase(_Closed):
    """What the person buys with a click, the most that it may cost, and the name of the click."""

    arguments: dict[str, Any]
    usd: Usd
    request_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{8,64}$")]


class PlanWanted(_Closed):
    """At which quality a film is to be planned, which shots are to be made anew, and which stale ones are good as they are."""

    quality: FilmQuality
    redo: Annotated[list[ShotName], Field(max_length=MOST_SHOTS)] = []
    keep: Annotated[list[ShotName], Field(max_length=MOST_SHOTS)] = []


class FilmPurchase(_Closed):
    """The plan of a film that the person agrees to with a click, and the most that it may cost: what they were shown."""

    plan: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    usd: Usd


class Choice(_Closed):
    """The take that a film is to show for a shot; None: the newest that nobody called bad."""

    shot: ShotName
    take: Annotated[int, Field(strict=True, ge=1, lt=2**31)] | None


class Refused(Exception):
    """A request that is not carried out; with the answer."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


async def body_of(request: Request, shape: type[Body]) -> Body:
    """
    Read the body of a request.

    Raises:
        Refused: it is no JSON of this shape, too long, or does not come within 10 seconds.
    """
    content = await content_of(request, "application/json")
    try:
        return shape.model_validate_json(content)
    except ValidationError as error:
        wrong = sorted({".".join(map(str, one["loc"])) or "the body" for one in error.errors()})
        raise Refused(
            refusal(400, "invalid_request", f"This is not usable: {', '.join(wrong)[:200]}.")
        ) from None


async def arguments_of(request: Request) -> dict[str, Any]:
    """Read the arguments of a tool. Raises Refused as `body_of` does."""
    return (await body_of(request, RootModel[dict[str, Any]])).root


async def content_of(request: Request, content_type: str) -> bytes:
    """Read a body of this type. Raises Refused: it has another, is too long, or does not come within 10 seconds."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != content_type:
        raise Refused(refusal(415, "invalid_request", f"Only {content_type} is read."))
    content = bytearray()
    with anyio.move_on_after(_BODY_SECONDS) as reading:
        try:
            async for block in request.stream():
                content += block
                if len(content) > MOST_BODY_BYTES:
                    raise Refused(refusal(413, "too_large", f"A request may have {MOST_BODY_BYTES} bytes."))
        except ClientDisconnect:
            raise Refused(refusal(400, "invalid_request", "The request was broken off.")) from None
    if reading.cancelled_caught:
        raise Refused(refusal(408, "too_slow", "The request did not come to its end."))
    return bytes(content)
