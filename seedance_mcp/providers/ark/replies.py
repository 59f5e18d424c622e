"""What Ark answers, as far as it is read."""

from __future__ import annotations

from typing import Any

from ...texts import REPLACEMENT
from ..http.api import Reply, TaskId
from ..lenient_fields import Incidental


class Created(Reply):
    """A task that was just made."""

    id: TaskId


class Error(Reply):
    """Why a task failed."""

    code: Incidental[str] = None
    message: Incidental[str] = None


class Content(Reply):
    """Where what a task made is."""

    video_url: str | None = None
    last_frame_url: Incidental[str] = None


class Usage(Reply):
    """What is charged for."""

    completion_tokens: Incidental[int] = None
    total_tokens: Incidental[int] = None


class Facts(Reply):
    """What tells whose a task is: all of it when asked for by id, perhaps a part on the list."""

    model: Incidental[str] = None
    created_at: Incidental[float] = None
    safety_identifier: Any = None

    @property
    def mark(self) -> str | None:
        """What it was marked with; empty for nothing, None for what cannot be read."""
        said = self.safety_identifier
        if said is None:
            return ""
        return said if isinstance(said, str) and REPLACEMENT not in said else None


class Task(Facts):
    """A task that was asked for by its id."""

    id: str | None = None
    status: str
    updated_at: Incidental[float] = None
    error: Incidental[Error] = None
    content: Content | None = None
    usage: Incidental[Usage] = None


class Asked(Facts):
    """The same as far as it tells whose it is."""

    id: str | None = None
    status: Incidental[str] = None


class Listed(Facts):
    """A task on the list."""

    id: TaskId
    status: Incidental[str] = None


class Page(Reply):
    """A page of the list: rows are read one by one."""

    total: Incidental[int] = None
    items: list[Any]


class AnyList(Reply):
    """A list as `check` wants it: it has to be one, whatever is on it."""

    total: int
    items: list[Any]


class Nothing(Reply):
    """The empty answer to a deletion."""
