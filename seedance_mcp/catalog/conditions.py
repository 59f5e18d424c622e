"""The one way in which data files say "only when": for endpoints, prices and rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field

from ..types import VideoRequest

GIVEN = "*"
"""As a condition: the field is given, whatever its value."""

When = Mapping[str, Any]
"""
What has to be so: a field of the request, a provider option, `mode` or `has_video_input`, with its value.

A list means any of its members; `"*"` means that the field is given at all. All entries have to hold.
"""


class Line(BaseModel):
    """A line of a data file: frozen, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(Line):
    """
    What holds for some fields under some conditions, where that is narrower than usual.

    `allowed` lists the only values that may be given, `default` replaces the usual default, `forbidden` means
    that the fields may not be given at all, `required` that they must be. `seconds` narrows how long each
    file may be. `why` ends the sentence in which a value is refused.
    """

    when: When = Field(default_factory=dict[str, Any])
    fields: tuple[str, ...]
    allowed: tuple[str | int | bool, ...] | None = None
    default: str | int | bool | None = None
    forbidden: bool = False
    required: bool = False
    seconds: tuple[float, float] | None = None
    why: str


def facts(request: VideoRequest) -> dict[str, Any]:
    """Everything about a request that a condition can ask for; what is not given is absent."""
    fields = request.model_dump(exclude_none=True, exclude={"provider_options"})
    given = {name: value for name, value in fields.items() if value != ()}
    derived = {"mode": request.mode, "has_video_input": request.has_video_input}
    return given | request.provider_options | derived


def holds(when: When, known: Mapping[str, Any]) -> bool:
    """Return whether all conditions are met by the facts of a request."""
    return all(_matches(wanted, known.get(name)) for name, wanted in when.items())


def _matches(wanted: Any, value: Any) -> bool:
    if wanted == GIVEN:
        return value is not None
    choices = cast("list[Any]", wanted) if isinstance(wanted, list) else [wanted]
    return value in choices
