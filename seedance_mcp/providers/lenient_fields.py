"""Types for what does not decide the fate of a task: no paid video is lost for an odd value there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

T = TypeVar("T")
RowT = TypeVar("RowT", bound=BaseModel)


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


Incidental = Annotated[T | None, WrapValidator(_or_none)]
"""A value of this type; None where none was sent, or one that cannot be read as such."""


def texts(said: object) -> tuple[str, ...]:
    """Return the texts that are there: one, or those in a list. Whatever else is among them is passed over."""
    items = cast("list[object]", said) if isinstance(said, list) else [said]
    return tuple(item for item in items if isinstance(item, str) and item)


def readable(kind: type[RowT], rows: Iterable[Any]) -> tuple[list[RowT], int]:
    """Read the rows of a list one by one; return those that can be read, and how many cannot."""
    read: list[RowT] = []
    unread = 0
    for row in rows:
        try:
            read.append(kind.model_validate(row))
        except ValidationError:
            unread += 1
    return read, unread


_EARLIEST, _LATEST = 1_420_070_400.0, 100_000_000_000.0
"""2015 and 5138: no task is older, and a larger number is none of seconds."""


def creation(seconds: float | None) -> float | None:
    """
    Take a time of creation, in seconds since the epoch, for what it says; None where it can be none.

    0, the year 1 and the like stand for "not set": such a task may be as new as any.
    """
    return seconds if seconds is not None and _EARLIEST <= seconds < _LATEST else None


QueuePlace = Incidental[Annotated[int, Field(ge=0, lt=1_000_000)]]
"""How many wait before it."""
