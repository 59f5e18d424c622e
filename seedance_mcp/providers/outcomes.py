"""Describes how a task has ended: why it failed, how long its video stays, or that nobody says where that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from ..catalog import ProviderInfo
from ..errors import ProviderError, UnexpectedResponse
from ..types import TaskState, TaskStatus
from .error_codes import Meaning
from .http.sanitizing import clean

_LONGEST_NAME = 80

_MOST = 10_000_000_000
"""Of a unit in one video: a thousand times the tokens of the longest."""


def failed(
    text: str,
    *,
    code: str | None = None,
    meaning: Meaning | None,
    advice: str,
    usage: Mapping[str, Decimal] | None = None,
) -> TaskState:
    """Put a failure into our words; `advice` is the hint where nobody has documented what it means."""
    kind = (meaning.error if meaning else None) or ProviderError
    return TaskState(
        status=TaskStatus.FAILED,
        error=clean(text) or "The task failed without a reason.",
        error_code=kind.code,
        provider_code=clean(code, limit=80) if code else None,
        hint=meaning.hint if meaning else advice,
        switch=meaning.switch if meaning else None,
        usage=usage or {},
    )


def named(state: TaskState, model: str | None) -> TaskState:
    """Add the provider's own name for the model, where it says one."""
    return replace(state, model=clean(model, limit=_LONGEST_NAME) or None) if model else state


def kept_until(since: float | None, info: ProviderInfo, *, now: float) -> float:
    """
    Return until when the video can be fetched, in epoch seconds: for `result_hours` from `since` on.

    A time that is missing, in the future, or so far back that the video could not be there is taken as now.
    """
    kept = info.result_hours * 3600
    return (since if since is not None and now - kept < since < now else now) + kept


def used(unit: str, amount: Decimal | int | None) -> dict[str, Decimal]:
    """
    Note what a video took of what the bill is made of.

    No video takes nothing, or more than `_MOST` of anything: then they have not said it.
    """
    return {unit: Decimal(amount)} if amount is not None and 0 < amount < _MOST else {}


def unplaced(info: ProviderInfo) -> UnexpectedResponse:
    """Make the error for a task that has succeeded without a video."""
    return UnexpectedResponse(f"{info.title} says that the task has succeeded, but not where the video is.")
