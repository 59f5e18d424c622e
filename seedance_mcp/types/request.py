"""What is asked for: one video, described once for every room."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .media import MediaKind

Source = Annotated[str, Field(max_length=4096)]
"""Where a media input comes from: https URL, local path, `asset://<id>`, `media:<id>`, `job:<id>` or `job:<id>/last_frame`."""

MEDIA_FIELDS: Mapping[str, MediaKind] = MappingProxyType(
    {
        "first_frame": "image",
        "last_frame": "image",
        "reference_images": "image",
        "reference_videos": "video",
        "reference_audios": "audio",
    }
)
"""The fields of a request that name files, in the order in which prompts number them, and what they take."""

FRAME_FIELDS = ("first_frame", "last_frame")
"""Those of them that name one picture, with which the video begins or ends."""

REFERENCE_FIELDS: Mapping[str, MediaKind] = MappingProxyType(
    {field: kind for field, kind in MEDIA_FIELDS.items() if field not in FRAME_FIELDS}
)
"""Those of them that name any number of files, which the prompt refers to."""


class VideoRequest(BaseModel):
    """
    One video to make.

    The fields are the arguments of `generate_video` and `estimate_cost`: a parameter is written here once.
    `None` means "not given": the offer's default applies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    prompt: str | None = Field(
        default=None,
        max_length=20_000,
        description="What happens, camera, style, sound. Parameters go in their own fields, never in the text.",
    )
    model: str | None = Field(default=None, max_length=200, description="e.g. seedance-2.0; see list_models")
    provider: str | None = Field(default=None, max_length=60, description="Default: cheapest that is ready")
    duration: int | None = Field(default=None, description="Seconds; -1: the model chooses")
    resolution: str | None = Field(default=None, max_length=20, description="480p, 720p, 1080p or 4k")
    aspect_ratio: str | None = Field(
        default=None, max_length=20, description="16:9 9:16 1:1 4:3 3:4 21:9 adaptive"
    )
    first_frame: Source | None = Field(
        default=None, description="Image: https URL, local path, media:<id>, job:<id>/last_frame"
    )
    last_frame: Source | None = Field(default=None, description="Image; needs first_frame")
    reference_images: tuple[Source, ...] = Field(
        default=(), max_length=50, description="Not together with frames"
    )
    reference_videos: tuple[Source, ...] = Field(
        default=(), max_length=50, description="Also to edit or extend; job:<id>"
    )
    reference_audios: tuple[Source, ...] = Field(default=(), max_length=50)
    generate_audio: bool | None = None
    camera_fixed: bool | None = None
    # As `quality` below, and so that a request without it has the digest that it always had.
    fit: bool | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="Send images redrawn to fit the model",
    )
    seed: int | None = Field(default=None, ge=-1, le=4294967295)
    watermark: bool | None = None
    return_last_frame: bool | None = None
    based_on: str | None = Field(
        default=None, max_length=128, description="Job id whose settings are the defaults"
    )
    # Not written where it is not given: servers of earlier versions do not know it, and refuse what they do not know.
    quality: Literal["draft", "final"] | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="draft: a cheaper take; then final, based_on its job",
    )
    provider_options: dict[str, Any] = Field(
        default_factory=dict, description="Extra provider fields, e.g. service_tier, draft, frames"
    )

    @property
    def mode(self) -> Literal["text", "image", "frames", "reference"]:
        """What the model starts from: text alone, a first frame, first and last frame, or references."""
        if any(self.sources(field) for field in REFERENCE_FIELDS):
            return "reference"
        if self.first_frame and self.last_frame:
            return "frames"
        if self.first_frame:
            return "image"
        return "text"

    @property
    def has_video_input(self) -> bool:
        """True when a video goes in: several offers price that differently."""
        return bool(self.reference_videos)

    def media(self) -> tuple[tuple[str, MediaKind, str], ...]:
        """Every media input as (field, kind, source), in the order in which prompts number them."""
        return tuple(
            (field, kind, source) for field, kind in MEDIA_FIELDS.items() for source in self.sources(field)
        )

    def sources(self, field: str) -> tuple[str, ...]:
        """Return the sources in one media field."""
        value: str | tuple[str, ...] | None = getattr(self, field)
        if isinstance(value, tuple):
            return value
        return (value,) if value else ()

    def with_media(self, urls: Mapping[str, str]) -> VideoRequest:
        """Replace each media source by what stands for it."""
        changes: dict[str, Any] = {}
        for field in MEDIA_FIELDS:
            found = tuple(urls[source] for source in self.sources(field))
            if isinstance(getattr(self, field), tuple):
                changes[field] = found
            elif found:
                changes[field] = found[0]
        # Built without validation: a data URL is longer than what a person may type.
        return self.model_copy(update=changes)
