"""Types for what does not decide the fate of a task: no paid video is lost for an odd value there."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

T = TypeVar("T")


def _or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


Incidental = Annotated[T | None, WrapValidator(_or_none)]
"""A value of this type; None where none was sent, or one that cannot be read as such."""

QueuePlace = Incidental[Annotated[int, Field(ge=0, lt=1_000_000)]]
"""How many wait before it."""
