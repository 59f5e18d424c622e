"""What every dialect shares: the ledger, the clock, how the service behaves, and the files it made."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from .clips import clip, still
from .ledger import Ledger, Task
from .wire import Request, Response


@dataclass(kw_only=True)
class Behaviour:
    """
    How the service behaves towards tasks that are bought from now on. Seconds.

    `outcome`: succeeded, failed, moderated or expired. `words`: status words for the first polls, whatever the
    truth is; `unknown` and going backwards are played with them. `endless`: it never finishes. `list_lag` and
    `get_lag`: how long a new task stays invisible. `funds`: what is left on the account; None: enough.
    `limits`: calls allowed in so many seconds, by call name. `url_seconds`: life of a result's URL.
    `true_size`: results have the size and length that was ordered, instead of being tiny. `clock_apart`: how far its
    clock is ahead of the true time. `undated`: its answers do not say what its clock shows.
    """

    queued_seconds: float = 0.0
    running_seconds: float = 0.0
    outcome: str = "succeeded"
    words: list[str] = field(default_factory=list)
    endless: bool = False
    list_lag: float = 0.0
    list_shows_tags: bool = False
    get_lag: float = 0.0
    funds: Decimal | None = None
    limits: dict[str, tuple[int, float]] = field(default_factory=dict)
    url_seconds: float = 86_400.0
    true_size: bool = False
    clock_apart: float = 0.0
    undated: bool = False

    def change(self, values: dict[str, Any]) -> None:
        """Set fields by name, as the control API does."""
        for name, value in values.items():
            if name not in self.__dataclass_fields__:
                raise ValueError(f"A service has no {name!r}.")
            setattr(self, name, Decimal(str(value)) if name == "funds" and value is not None else value)


class World:
    """One pretended service provider's inside."""

    def __init__(self, *, key: str, clock: Callable[[], float], seed: int, behaviour: Behaviour) -> None:
        self.key = key
        self.true_clock = clock
        self.random = random.Random(seed)
        self.behaviour = behaviour
        self.ledger = Ledger(self.clock)
        self.origin = ""
        self._called: dict[str, list[float]] = {}

    def clock(self) -> float:
        """What the service's clock shows, in seconds since the epoch."""
        return self.true_clock() + self.behaviour.clock_apart

    def too_often(self, name: str) -> bool:
        """True if a call of this name exceeds its limit."""
        if name not in self.behaviour.limits:
            return False
        count, seconds = self.behaviour.limits[name]
        now = self.clock()
        recent = [at for at in self._called.get(name, []) if at > now - seconds]
        self._called[name] = [*recent, now]
        return len(recent) >= count

    def can_pay(self, price: Decimal) -> bool:
        """True if the account has this much left."""
        return self.behaviour.funds is None or self.behaviour.funds >= price

    def accept(
        self, *, dialect: str, model: str, body: dict[str, Any], price: Decimal, currency: str, facts: dict[str, Any],
        task_id: str, error: tuple[str, str] | None = None, outcome: str | None = None,
    ) -> Task:  # fmt: skip
        """Take an order. From here on it will be charged, whether or not anybody hears of it."""
        behaviour = self.behaviour
        if behaviour.funds is not None:
            behaviour.funds -= price
        task = Task(
            id=task_id,
            dialect=dialect,
            model=model,
            body=body,
            created_at=self.clock(),
            queued_seconds=behaviour.queued_seconds,
            running_seconds=float("inf") if behaviour.endless else behaviour.running_seconds,
            outcome=outcome or behaviour.outcome,
            error=error,
            price=price,
            currency=currency,
            facts=facts,
            words=list(behaviour.words),
            url_seconds=behaviour.url_seconds,
        )
        self.ledger.tasks[task.id] = task
        return task

    def new_id(self) -> str:
        """Twelve characters that no other task has."""
        return "".join(self.random.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(12))

    def result_url(self, task: Task, ending: str) -> str:
        """A signed-looking URL of a file that the task made."""
        signature = hashlib.sha256(f"{task.id}{ending}{self.key}".encode()).hexdigest()
        return f"{self.origin}/_results/{task.id}.{ending}?X-Tos-Expires=86400&X-Tos-Signature={signature}"

    def result(self, request: Request) -> Response:
        """Serve such a file, whole or in part, as object stores do."""
        found = re.fullmatch(r"/_results/([\w.-]+)\.(mp4|png)", request.path)
        task = self.ledger.tasks.get(found[1]) if found else None
        if found is None or task is None or task.status(self.clock()) != "succeeded":
            return _store_error(404, "NoSuchKey")
        if self.result_url(task, found[2]).partition("?")[2] != request.target.partition("?")[2]:
            return _store_error(403, "SignatureDoesNotMatch")
        if self.clock() > task.changed_at(self.clock()) + task.url_seconds:
            return _store_error(403, "AccessDenied")
        return _part(self._file(task, found[2]), request, "video/mp4" if found[2] == "mp4" else "image/png")

    def _file(self, task: Task, ending: str) -> bytes:
        width, height, seconds = 64, 36, 1.0
        if self.behaviour.true_size:
            width, height, seconds = (task.facts[name] for name in ("width", "height", "seconds"))
        return (
            clip(width, height, seconds, bool(task.facts.get("audio")))
            if ending == "mp4"
            else still(width, height)
        )


class Dialect(Protocol):
    """One provider's way of speaking. A new one is a module with a class like this, named in `DIALECTS`."""

    name: str
    path: str
    """What follows the origin in the base URL."""

    def environment(self, base_url: str, key: str) -> dict[str, str]:
        """The variables that point the server at this emulator."""
        ...

    def call(self, request: Request) -> str | None:
        """Our name for what is asked: `submit` for the purchase, `poll`, `list`, `cancel`, ...; None: nothing."""
        ...

    def answer(self, call: str, request: Request, world: World) -> Response:
        """Carry the call out, as the real service does, refusals included."""
        ...

    def refusal(self, status: int, code: str) -> Response:
        """An error in this dialect's shape; an empty `code` stands for the usual one of the status."""
        ...


def _store_error(status: int, code: str) -> Response:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()
    return Response(status=status, body=body, content_type="application/xml")


def _part(data: bytes, request: Request, content_type: str) -> Response:
    etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes"}
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not wanted or request.headers.get("if-range", etag) != etag:
        return Response(body=data, content_type=content_type, headers=headers)
    first, last = int(wanted[1]), min(int(wanted[2] or len(data) - 1), len(data) - 1)
    if first > last:
        return Response(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(status=206, body=data[first : last + 1], content_type=content_type, headers=headers)
