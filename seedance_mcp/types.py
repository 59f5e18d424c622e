"""The values that travel between rooms: what is asked for, what a provider says, what a job is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MediaKind = Literal["image", "video", "audio"]

Source = Annotated[str, Field(max_length=4096)]
"""Where a media input comes from: https URL, local path, `media:<id>`, `job:<id>` or `job:<id>/last_frame`."""


class VideoRequest(BaseModel):
    """
    One video to make.

    The fields are the arguments of `generate_video` and `estimate_cost`: a parameter is written here once.
    `None` means "not given": the offer's default applies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    prompt: str | None = Field(
        None,
        max_length=20_000,
        description="What happens, camera, style, sound. Parameters go in their own fields, never in the text.",
    )
    model: str | None = Field(None, max_length=200, description="e.g. seedance-2.0; see list_models")
    provider: str | None = Field(None, max_length=60, description="Default: cheapest that is ready")
    duration: int | None = Field(None, description="Seconds; -1: the model chooses")
    resolution: str | None = Field(None, max_length=20, description="480p, 720p, 1080p or 4k")
    aspect_ratio: str | None = Field(None, max_length=20, description="16:9 9:16 1:1 4:3 3:4 21:9 adaptive")
    first_frame: Source | None = Field(
        None, description="Image: https URL, local path, media:<id>, job:<id>/last_frame"
    )
    last_frame: Source | None = Field(None, description="Image; needs first_frame")
    reference_images: tuple[Source, ...] = Field((), max_length=50, description="Not together with frames")
    reference_videos: tuple[Source, ...] = Field(
        (), max_length=50, description="Also to edit or extend; job:<id>"
    )
    reference_audios: tuple[Source, ...] = Field((), max_length=50)
    generate_audio: bool | None = None
    camera_fixed: bool | None = None
    seed: int | None = Field(None, ge=-1, le=4294967295)
    watermark: bool | None = None
    return_last_frame: bool | None = None
    based_on: str | None = Field(None, max_length=128, description="Job id whose settings are the defaults")
    provider_options: dict[str, Any] = Field(
        default_factory=dict, description="Extra provider fields, e.g. service_tier, draft, frames"
    )

    @property
    def mode(self) -> Literal["text", "image", "frames", "reference"]:
        """What the model starts from: text alone, a first frame, first and last frame, or references."""
        if self.reference_images or self.reference_videos or self.reference_audios:
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
        by_field: tuple[tuple[str, MediaKind, tuple[str, ...]], ...] = (
            ("first_frame", "image", (self.first_frame,) if self.first_frame else ()),
            ("last_frame", "image", (self.last_frame,) if self.last_frame else ()),
            ("reference_images", "image", self.reference_images),
            ("reference_videos", "video", self.reference_videos),
            ("reference_audios", "audio", self.reference_audios),
        )
        return tuple((field, kind, source) for field, kind, sources in by_field for source in sources)


@dataclass(frozen=True, kw_only=True)
class MediaFile:
    """
    A file that may go in: checked, measured and hashed, or an https URL that is passed through unseen.

    `path` is None for a URL, `url` is None for a local file. Sizes in pixels, duration in seconds. `job_id` names
    the job whose own video it is, as long as the provider's link to that can still be handed on.
    """

    kind: MediaKind
    path: Path | None = None
    url: str | None = None
    mime_type: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    fps: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    job_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A media file where a provider can read it. `expires_at` in seconds since the epoch, None if it stays."""

    url: str
    expires_at: float | None = None


@dataclass(frozen=True, kw_only=True)
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
    `url_expires_at` in seconds since the epoch.
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
    usage: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])


@dataclass(frozen=True, kw_only=True)
class Price:
    """An amount in the currency it is billed in, and the same counted in US dollars."""

    amount: Decimal
    currency: str
    usd: Decimal


class JobState(StrEnum):
    """Where a job stands in the journal. Users see the fewer words of `JobStatus`."""

    RESERVED = "reserved"
    """The intent and its price are on disk; nothing has been sent."""
    SENDING = "sending"
    """On disk before the first byte goes out: from here on the provider may have it."""
    ACCEPTED = "accepted"
    """The provider gave an id."""
    REMOTE_DONE = "remote_done"
    """The provider has finished; the file is not here yet."""
    DONE = "done"
    """The verified file lies under its final name."""
    FAILED = "failed"
    """The provider accepted it and then failed to make it."""
    CANCELLED = "cancelled"
    STALLED = "stalled"
    """Running for longer than the provider's ceiling: polled slowly, still counted."""
    MISSING = "missing"
    """The provider no longer knows a task it had accepted; a person has to look."""
    EXPIRED = "expired"
    """Finished and paid, but the file was gone before it could be saved."""
    REJECTED = "rejected"
    """Refused, with evidence; nothing was bought."""
    NOT_SENT = "not_sent"
    """Provably never sent."""
    UNKNOWN = "unknown"
    """May have been bought; counted as spent until the provider's list tells."""
    ABSENT = "absent"
    """Looked for and proved not to have been bought."""
    UNRESOLVED = "unresolved"
    """May have been bought and cannot be found out; a person decides."""


class JobStatus(StrEnum):
    """What users see."""

    SUBMITTING = "submitting"
    QUEUED = "queued"
    RUNNING = "running"
    SAVING = "saving"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


_STATUS = {
    JobState.RESERVED: JobStatus.SUBMITTING,
    JobState.SENDING: JobStatus.SUBMITTING,
    JobState.REMOTE_DONE: JobStatus.SAVING,
    JobState.DONE: JobStatus.SUCCEEDED,
    JobState.FAILED: JobStatus.FAILED,
    JobState.REJECTED: JobStatus.FAILED,
    JobState.NOT_SENT: JobStatus.FAILED,
    JobState.ABSENT: JobStatus.FAILED,
    JobState.CANCELLED: JobStatus.CANCELLED,
    JobState.EXPIRED: JobStatus.EXPIRED,
    JobState.MISSING: JobStatus.EXPIRED,
    JobState.UNKNOWN: JobStatus.UNKNOWN,
    JobState.UNRESOLVED: JobStatus.UNKNOWN,
}

FINISHED_STATES = frozenset(
    {
        JobState.DONE,
        JobState.FAILED,
        JobState.CANCELLED,
        JobState.EXPIRED,
        JobState.MISSING,
        JobState.REJECTED,
        JobState.NOT_SENT,
        JobState.ABSENT,
        JobState.UNRESOLVED,
    }
)
"""States that do not change by themselves: only late adoption or a person moves them."""


@dataclass(frozen=True, kw_only=True)
class Artifacts:
    """The files of a finished job and the facts measured from them. Pixels, seconds, lower-case hex."""

    video_path: str
    sha256: str
    bytes: int
    width: int
    height: int
    duration_seconds: float
    fps: float
    has_audio: bool
    last_frame_path: str | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """
    One video that was asked for: a row of the job database. Times are seconds since the epoch.

    `request` is as resolved (defaults filled in); its media fields keep the sources that the user gave.
    `endpoint` is the provider's own name for what is bought. `tag` is the mark that travels with the
    purchase where the provider echoes one. `client_key` is what makes the purchase unique: the fingerprint
    of the request and the number of its deliberate repetitions. `estimate` is the expected price, `maximum`
    what is reserved for it.
    """

    id: str
    state: JobState
    version: int
    owner: str
    provider: str
    account: str
    model: str
    endpoint: str
    request: VideoRequest
    fingerprint: str
    client_key: str
    tag: str
    estimate: Price
    maximum: Price
    charge: Price | None = None
    submission: Submission | None = None
    task_status: TaskStatus | None = None
    progress: float | None = None
    queue_position: int | None = None
    video_url: str | None = None
    last_frame_url: str | None = None
    url_expires_at: float | None = None
    artifacts: Artifacts | None = None
    error: str | None = None
    error_code: str | None = None
    error_hint: str | None = None
    provider_code: str | None = None
    created_at: float
    sent_at: float | None = None
    unknown_at: float | None = None
    unknown_uptime: float | None = None
    """What the machine's steady clock showed at `unknown_at`, in seconds: nobody can set that one forward."""
    accepted_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    cancel_asked_at: float | None = None
    not_found_at: float | None = None
    """Since when the provider has not known the accepted task; None while it does."""

    @property
    def status(self) -> JobStatus:
        """The word that users see."""
        if self.state in (JobState.ACCEPTED, JobState.STALLED):
            return JobStatus.RUNNING if self.task_status is TaskStatus.RUNNING else JobStatus.QUEUED
        return _STATUS[self.state]

    @property
    def finished(self) -> bool:
        """True when nothing more happens by itself."""
        return self.state in FINISHED_STATES
