"""The shape of what `upload_media` answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .results import Finished, Shape


class PutShape(Shape):
    """Where a file is to be put by HTTP PUT, with exactly these headers, until then."""

    url: str
    headers: dict[str, str]
    expires_at: str


class UploadShape(Shape):
    """
    A checked file. `usable_with` are offers (`provider/model`); `problems` tell why others cannot.

    With `put` it is one that is still to come, of which nothing is known but what was announced.
    """

    media_id: str
    kind: Literal["image", "video", "audio"]
    mime_type: str | None
    bytes: int | None
    width: int | None
    height: int | None
    duration_seconds: float | None
    sha256: str | None
    usable_with: tuple[str, ...]
    problems: tuple[str, ...]
    put: PutShape | None = Field(default=None, exclude_if=lambda value: value is None)
    next_step: str
    notes: tuple[str, ...] = ()
    finished_meanwhile: tuple[Finished, ...] = ()
