"""The paid POST: sent once on a connection of its own, its outcome judged by evidence alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2

from ...counting import Counted, count
from ...errors import (
    REFUSALS,
    RequestRejected,
    SubmissionNotSent,
    SubmissionUnknown,
    TaskNotFound,
    UnexpectedResponse,
)
from ..protocol import Purchase
from .addresses import transport
from .masking import masked_bytes
from .origin import Origin
from .replies import Answer, Classify, Problem, ReplyT, Shape, answer_of, error_of, kind_of, parse, take
from .unreachable import why_unreachable, with_advice

logger = logging.getLogger(__name__)

KEPT = 4096
"""Bytes of the raw answer that are kept."""

CONNECT_SECONDS = 10.0

_REFUSALS = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422})
"""Statuses that are a refusal when the body is an error in the provider's own shape."""

_GATEWAY_REFUSALS = frozenset({401, 403, 404, 413, 429})
"""Statuses that are a refusal even as a web page: the gateway in front let nothing through."""


@dataclass(frozen=True, kw_only=True)
class PaidEndpoint:
    """Where purchases at one provider go: its title in messages, its origin, and how its errors are read."""

    title: str
    origin: Origin
    classify: Classify


async def pay(
    request: httpx2.Request,
    reply: Shape[ReplyT],
    purchase: Purchase,
    endpoint: PaidEndpoint,
    *,
    deadline: float,
    now: Callable[[], float],
) -> ReplyT:
    """
    Send `request` to its `endpoint` and return what was bought; `deadline` in seconds covers all of it.

    Raises:
        SubmissionNotSent: no connection came about within the deadline; not one byte was sent.
        SubmissionUnknown: sent, and there is no evidence of a refusal.
        ProviderError: any other class: refused, with evidence.
    """
    title, origin = endpoint.title, endpoint.origin
    sent = False
    stopped: BaseException | None = None

    async def before_first_byte() -> None:
        nonlocal sent, stopped
        if sent:
            raise RuntimeError("A purchase goes out once.")
        try:
            # Cut short, it might be on disk or not: the outcome below has to match what the disk says.
            with anyio.CancelScope(shield=True):
                await purchase.sending()
        except BaseException as error:
            stopped = error
            raise
        sent = True

    body = bytearray()
    response: httpx2.Response | None = None
    failure: Exception | None = None
    whole = False
    # A pooled connection that died meanwhile would turn a purchase that never left into an unknown one.
    client = httpx2.AsyncClient(
        transport=transport(
            trusted=origin.trusted,
            outbound=origin.outbound,
            keepalive=False,
            before_first_byte=before_first_byte,
        ),
        # Well below the deadline: a handshake cut short from outside would leave its socket open.
        timeout=httpx2.Timeout(deadline, connect=min(CONNECT_SECONDS, deadline / 2)),
        follow_redirects=False,
        trust_env=False,
    )
    scope = anyio.CancelScope(deadline=anyio.current_time() + deadline)
    try:
        with scope:
            response = await client.send(request, stream=True)
            whole = await take(response.aiter_raw(), body)
    except Exception as error:
        failure = error
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(1):
            await client.aclose()

    if stopped is not None:
        raise stopped
    status = "none" if response is None else str(response.status_code)
    count(Counted.PROVIDER_CALL, origin.provider, "purchase", status)
    late = f"no answer within {deadline:.0f} s" if scope.cancelled_caught else ""
    if not sent:
        if failure and not isinstance(failure, httpx2.TransportError | OSError):
            raise failure
        reason = late or why_unreachable(failure)
        raise SubmissionNotSent(
            f"No connection to {title} came about: {reason}.",
            hint=with_advice(
                SubmissionNotSent.default_hint, failure, origin.outbound, address=origin.setting
            ),
        ) from failure
    if response is not None:
        _keep(purchase, response.status_code, masked_bytes(bytes(body), origin.key)[:KEPT])
    if late or failure or response is None:
        reason = late or "the connection broke before the answer was complete"
        raise SubmissionUnknown(f"{title} may or may not have taken the request: {reason}.") from failure
    answer = answer_of(
        response.status_code, response.headers, bytes(body), whole=whole, now=now(), key=origin.key
    )
    return _judge(answer, reply, title=title, classify=endpoint.classify)


def _keep(purchase: Purchase, status: int, raw: bytes) -> None:
    try:
        purchase.answered(status, raw)
    except Exception:
        # The answer may hold the id of something paid for: losing the copy must not lose the original.
        logger.exception("The raw answer to a purchase could not be kept")


def _judge(answer: Answer, reply: Shape[ReplyT], *, title: str, classify: Classify) -> ReplyT:
    problem = _problem(answer, classify)
    if answer.ok and problem is None:
        try:
            return parse(reply, answer, title)
        except UnexpectedResponse:
            reason = f"it answered HTTP {answer.status} without a usable task id"
    elif _is_refusal(answer, problem) and not _names_a_task(answer, reply, title):
        kind = kind_of(answer.status, problem, missing=RequestRejected, believed=True)
        if not issubclass(kind, REFUSALS) or issubclass(kind, TaskNotFound):
            kind = RequestRejected  # whatever was not found, it was no task: there is none yet
        raise error_of(kind, answer, problem, title=title)
    else:
        reason = f"it answered HTTP {answer.status}"
    unknown = error_of(SubmissionUnknown, answer, problem, title=title)
    raise SubmissionUnknown(
        f"{title} may or may not have taken the request: {reason}.",
        provider_code=unknown.provider_code,
        request_id=unknown.request_id,
    )


def _problem(answer: Answer, classify: Classify) -> Problem | None:
    return classify(answer.status, answer.json) if answer.is_json else None


def _names_a_task(answer: Answer, reply: Shape[Any], title: str) -> bool:
    """Return whether the body is what follows a purchase: then no status makes a refusal of it."""
    try:
        parse(reply, answer, title)
    except UnexpectedResponse:
        return False
    return True


def _is_refusal(answer: Answer, problem: Problem | None) -> bool:
    if problem:
        return problem.refused or answer.status in _REFUSALS or answer.status == 429
    return answer.status == 429 or (answer.is_page and answer.status in _GATEWAY_REFUSALS)
