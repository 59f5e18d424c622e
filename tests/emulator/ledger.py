"""The truth about a pretended service: what it was asked, what it took, what it charges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

ENDED = ("succeeded", "failed", "cancelled", "expired")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request that arrived whole. `task_id` is the task it bought, if it bought one."""

    dialect: str
    name: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float
    fault: str | None = None
    status: int | None = None
    task_id: str | None = None


@dataclass(kw_only=True)
class Task:
    """
    One video that was bought.

    Times in seconds since the epoch. `price` is charged if and when it succeeds. `words` are status words for
    the coming polls, whatever the truth is; `forced` overrides what time would make of it.
    """

    id: str
    dialect: str
    model: str
    body: dict[str, Any]
    created_at: float
    queued_seconds: float
    running_seconds: float
    outcome: str
    error: tuple[str, str] | None = None
    price: Decimal
    currency: str
    facts: dict[str, Any] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    forced: str | None = None
    forced_at: float = 0.0
    deleted: bool = False
    url_seconds: float = 86_400.0

    def status(self, now: float) -> str:
        """What has become of it by `now`."""
        if self.forced:
            return self.forced
        age = now - self.created_at
        if age < self.queued_seconds:
            return "queued"
        return "running" if age < self.queued_seconds + self.running_seconds else self.outcome

    def changed_at(self, now: float) -> float:
        """When it last changed."""
        if self.forced:
            return self.forced_at
        steps = (0.0, self.queued_seconds, self.queued_seconds + self.running_seconds)
        return max(self.created_at + step for step in steps if self.created_at + step <= now)

    def force(self, status: str, now: float) -> None:
        """Make it so."""
        self.forced, self.forced_at = status, now


class Ledger:
    """Every call, every task, every charge."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.calls: list[Call] = []
        self.tasks: dict[str, Task] = {}

    def count(self, name: str, dialect: str | None = None) -> int:
        """How many calls of this name arrived."""
        return sum(call.name == name and dialect in (None, call.dialect) for call in self.calls)

    def charged(self, currency: str) -> Decimal:
        """What has been charged: succeeded tasks, deleted records included."""
        return self._sum(currency, ("succeeded",))

    def committed(self, currency: str) -> Decimal:
        """What has been charged or still will be, if all that is open succeeds."""
        return self._sum(currency, ("succeeded", "queued", "running"))

    def force(self, task_id: str, status: str) -> None:
        """Give a task another status, now."""
        self.tasks[task_id].force(status, self._clock())

    def tags(self) -> Counter[str]:
        """How many tasks were bought under each tag. More than one is a purchase made twice."""
        return Counter(task.facts["tag"] for task in self.tasks.values() if task.facts.get("tag"))

    def _sum(self, currency: str, states: tuple[str, ...]) -> Decimal:
        now = self._clock()
        prices = (
            task.price
            for task in self.tasks.values()
            if task.currency == currency and task.status(now) in states
        )
        return sum(prices, Decimal(0))

    def summary(self) -> dict[str, Any]:
        """All of it as JSON values, without request bodies."""
        now = self._clock()
        currencies = sorted({task.currency for task in self.tasks.values()})
        return {
            "submits": self.count("submit"),
            "calls": dict(Counter(call.name for call in self.calls)),
            "charged": {currency: str(self.charged(currency)) for currency in currencies},
            "committed": {currency: str(self.committed(currency)) for currency in currencies},
            "tasks": [
                {
                    "id": task.id,
                    "dialect": task.dialect,
                    "model": task.model,
                    "status": task.status(now),
                    "created_at": task.created_at,
                    "price": str(task.price),
                    "currency": task.currency,
                    "deleted": task.deleted,
                    "tag": task.facts.get("tag"),
                    "body": task.body,
                }
                for task in self.tasks.values()
            ],
        }
