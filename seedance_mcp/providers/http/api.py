"""Speaks HTTP for the adapters: auth, deadlines, repeats of free calls, statuses to our errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

import anyio

from ...backoff import exponential
from ...catalog import ProviderInfo
from ...errors import ProviderError, ProviderUnavailable, RateLimited, TaskNotFound, UnexpectedResponse
from ...types import MediaFile
from ..protocol import Access, Purchase
from ..rate_limits import PURCHASE_PATIENCE, Kind, Line, NotItsTurn
from .exchange import Exchange
from .origin import Origin
from .purchase import PaidEndpoint, pay
from .replies import (
    Answer,
    Classify,
    Problem,
    Reply,
    ReplyT,
    Shape,
    TaskId,
    amount_of,
    checked_id,
    error_of,
    kind_of,
    number_of,
    parse,
    same_task,
)
from .their_clock import Dated
from .timeouts import Deadlines, Timing
from .uploads import form, raw

__all__ = [
    "Api",
    "Dated",
    "Deadlines",
    "Page",
    "Problem",
    "Reading",
    "Reply",
    "TaskId",
    "Timing",
    "amount_of",
    "checked_id",
    "number_of",
    "same_task",
]

logger = logging.getLogger(__name__)

ATTEMPTS = 4
"""How often a free call is made at most."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Seconds: the bound of the random pause before the first repeat; it doubles up to the second."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """
    How the answer to a free call is read.

    `final` tells of an error status (and its body) that it is the answer all the same; `missing` is what a 404 means;
    `header` (in lower case) is one that is read as if it were a field of the body.
    """

    final: Callable[[int, Any], bool] | None = None
    missing: type[ProviderError] = TaskNotFound
    header: str | None = None


_PLAIN = Reading()


@dataclass(frozen=True)
class _Call:
    """A free call. `repeatable`: it may be sent again when no answer came."""

    method: str
    path: str
    params: Mapping[str, str | int | list[str]] | None = None
    json: Any = None
    kind: Kind = "read"
    repeatable: bool = False


@dataclass(frozen=True, kw_only=True)
class Page(Generic[ReplyT]):
    """A page of a list, and when it was made."""

    reply: ReplyT
    dated: Dated


class Api:
    """
    One provider's API.

    `classify` reads errors in the provider's own shape: the evidence of a refusal. A path is relative to the
    base URL, or an absolute URL on the same origin. Redirects are never followed.
    """

    def __init__(
        self,
        info: ProviderInfo,
        access: Access,
        classify: Classify,
        *,
        deadlines: Deadlines | None = None,
        timing: Timing | None = None,
        host: str | None = None,
    ) -> None:
        """
        Prepare; nothing is connected yet.

        `host` is the base URL of a further host of the same provider, such as one for files.

        Raises:
            ConfigError: the base URL or the key cannot be used.
        """
        self._info = info
        self._access = access
        self._classify = classify
        self._deadlines = deadlines or Deadlines()
        self._timing = timing or Timing()
        self._origin = Origin(info, access, host)
        self._line = Line(access.pace, info.title, self._timing.sleep)
        self._exchange = Exchange(self._origin, info.title, self._deadlines, self._timing)
        self._further: dict[str, Api] = {}

    def __repr__(self) -> str:
        return f"Api({self._info.name!r}, {self._origin.base!r})"

    @property
    def now(self) -> float:
        """The time, in seconds since the epoch."""
        return self._timing.now()

    @property
    def their_now(self) -> float | None:
        """What the provider's clock showed at its last answer to a free call, in seconds since the epoch; None: not told."""
        return self._exchange.their_clock.now

    def at(self, host: str) -> Api:
        """Return the same API on a further host of the provider, with the same key. Closed together with this one."""
        if host not in self._further:
            self._further[host] = Api(
                self._info,
                self._access,
                self._classify,
                deadlines=self._deadlines,
                timing=self._timing,
                host=host,
            )
        return self._further[host]

    async def get(
        self,
        path: str,
        reply: Shape[ReplyT],
        *,
        params: Mapping[str, str | int | list[str]] | None = None,
        reading: Reading = _PLAIN,
        kind: Kind = "read",
    ) -> ReplyT:
        """
        Ask, as often as it takes within the deadline; `kind` is what the provider's limits count it as.

        Raises:
            ProviderError: the class that fits what went wrong.
        """
        call = _Call("GET", path, params=params, kind=kind, repeatable=True)
        return (await self._free(call, reply, reading)).reply

    async def turn(
        self, path: str, reply: Shape[ReplyT], params: Mapping[str, str | int | list[str]] | None = None
    ) -> Page[ReplyT]:
        """
        Turn a page of a list.

        Raises:
            ProviderError: the class that fits what went wrong.
        """
        call = _Call("GET", path, params=params, kind="list", repeatable=True)
        return await self._free(call, reply, Reading(missing=UnexpectedResponse))

    async def post(
        self,
        path: str,
        reply: Shape[ReplyT],
        json: Any = None,
        *,
        repeatable: bool = False,
        reading: Reading = _PLAIN,
    ) -> ReplyT:
        """Post something that is free. Never a purchase: that is `buy`."""
        call = _Call("POST", path, json=json, repeatable=repeatable)
        return (await self._free(call, reply, reading)).reply

    async def put(
        self, path: str, reply: Shape[ReplyT], json: Any = None, *, repeatable: bool = True
    ) -> ReplyT:
        """Put something that is free."""
        return (await self._free(_Call("PUT", path, json=json, repeatable=repeatable), reply)).reply

    async def delete(self, path: str, reply: Shape[ReplyT], *, repeatable: bool = True) -> ReplyT:
        """Delete."""
        return (await self._free(_Call("DELETE", path, repeatable=repeatable), reply)).reply

    async def upload(
        self,
        path: str,
        reply: Shape[ReplyT],
        media: MediaFile,
        *,
        field: str | None,
        headers: Mapping[str, str] | None = None,
    ) -> ReplyT:
        """
        Post a local file once: as the form field `field`, or as the bare body when that is None.

        `headers` are added and win, such as a token that stands in for the key.
        """
        body = raw(media) if field is None else form(media, field)
        request = self._origin.request(
            "POST", path, headers={**body.headers, **(headers or {})}, content=body.chunks()
        )
        with anyio.move_on_after(self._deadlines.upload):
            async with self._line.turn("read", self._deadlines.total):
                return self._read(await self._exchange.send(request), reply)
        raise ProviderUnavailable(
            f"{self._info.title} did not take the file within {self._deadlines.upload:.0f} s."
        )

    async def buy(
        self,
        path: str,
        reply: Shape[ReplyT],
        json: Any,
        purchase: Purchase,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> ReplyT:
        """
        Send the one paid POST: once, when it is its turn, on a fresh connection, after `purchase.sending()` has returned.

        A cancellation while it is under way passes through, as cancellations must. If it comes after
        `purchase.sending()`, the outcome is as unknown as after SubmissionUnknown, and the caller's journal
        already says so.

        Raises:
            SubmissionNotSent: no connection came about; nothing was sent.
            SubmissionUnknown: sent, and neither accepted nor refused with evidence.
            ProviderError: any other class: refused, with evidence; nothing was bought.
        """
        request = self._origin.request("POST", path, json=json, headers=headers)
        async with self._line.turn("submit", PURCHASE_PATIENCE):
            return await pay(
                request,
                reply,
                purchase,
                PaidEndpoint(title=self._info.title, origin=self._origin, classify=self._classify),
                deadline=self._deadlines.for_purchase(len(request.content)),
                now=self._timing.now,
            )

    async def close(self) -> None:
        """Close the connections, for good."""
        await self._exchange.close()
        for further in self._further.values():
            await further.close()

    async def _free(self, call: _Call, reply: Shape[ReplyT], reading: Reading = _PLAIN) -> Page[ReplyT]:
        end = self._timing.clock() + self._deadlines.total
        failure: ProviderError = ProviderUnavailable(
            f"{self._info.title} did not answer within {self._deadlines.total:.0f} s."
        )
        with anyio.move_on_after(self._deadlines.total):
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    patience = (end - self._timing.clock()) / 2  # the other half is for the call itself
                    async with self._line.turn(call.kind, patience):
                        answer = await self._exchange.send(
                            self._origin.request(call.method, call.path, params=call.params, json=call.json)
                        )
                        return Page(reply=self._read(answer, reply, reading), dated=answer.dated)
                except NotItsTurn as error:
                    raise failure if attempt > 1 else error from None
                except (RateLimited, ProviderUnavailable) as error:
                    failure = error
                pause = self._pause(attempt, failure)
                if not call.repeatable or attempt == ATTEMPTS or self._timing.clock() + pause >= end:
                    raise failure
                logger.warning(
                    "%s: %s %s: %s; again in %.1f s",
                    self._info.name,
                    call.method,
                    call.path,
                    failure.code,
                    pause,
                )
                await self._timing.sleep(pause)
        raise failure

    def _pause(self, attempt: int, failure: ProviderError) -> float:
        jitter = self._timing.random() * exponential(FIRST_PAUSE, attempt, longest=LONGEST_PAUSE)
        asked = failure.retry_after if isinstance(failure, RateLimited) else None
        return jitter if asked is None else asked + self._timing.random() * FIRST_PAUSE

    def _read(self, answer: Answer, reply: Shape[ReplyT], reading: Reading = _PLAIN) -> ReplyT:
        if reading.header:
            answer = answer.with_header(reading.header)
        problem = self._classify(answer.status, answer.json) if answer.is_json else None
        good = answer.ok and problem is None
        if good or (reading.final and answer.is_json and reading.final(answer.status, answer.json)):
            return parse(reply, answer, self._info.title)
        kind = kind_of(answer.status, problem, missing=reading.missing)
        raise error_of(kind, answer, problem, title=self._info.title)
