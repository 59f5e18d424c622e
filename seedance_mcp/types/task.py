"""What a provider says of a task, and the receipt that finds it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """The receipt that finds the task again: the provider's id and whatever else polling needs."""

    task_id: str
    handle: Mapping[str, str] = field(default_factory=dict[str, str])


class TaskStatus(StrEnum):
    """What a provider says of a task, in our words."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class TaskState:
    """
    What a provider says of a task at one moment.

    `progress` (0 to 1) and `queue_position` only if the provider really says them. `usage` holds what the
    bill is made of (`completion_tokens`, `price_usd`, `output_seconds`), as far as it is said.
    `url_expires_at` in seconds since the epoch. `switch` names a true-or-false argument of the request: what went
    wrong does not when that is false. `model` is the provider's own name for the model that it says it uses, if it says.
    """

    status: TaskStatus
    video_urls: tuple[str, ...] = ()
    last_frame_url: str | None = None
    url_expires_at: float | None = None
    progress: float | None = None
    queue_position: int | None = None
    error: str | None = None
    error_code: str | None = None
    provider_code: str | None = None
    hint: str | None = None
    switch: str | None = None
    usage: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    model: str | None = None
