"""One video that was asked for, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from .price import Price
from .request import VideoRequest
from .task import Submission, TaskStatus
from .wanted import Wanted


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
    """Finished and paid, but the file could not be had as long as the provider kept it, or was never a video."""
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

NOT_BOUGHT_STATES = frozenset({JobState.NOT_SENT, JobState.REJECTED, JobState.ABSENT})
"""States that prove that nothing was bought."""


Signer = Literal["person", "assistant"]
"""Who agreed to a price: a person by a sign of their own, or an assistant that says that the person did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifacts:
    """The files of a finished job and the facts measured from them. Pixels, seconds, lower-case hex."""

    video_path: str
    sha256: str
    bytes: int
    width: int | None
    height: int | None
    duration_seconds: float | None
    fps: float | None
    has_audio: bool | None
    unchecked: str | None = None
    """Why the video could not be looked into here, in words; then nothing of it is measured. None: it was, and is sound."""
    last_frame_path: str | None = None
    last_frame_sha256: str | None = None
    """Of the file at `last_frame_path`; None on jobs of earlier versions."""

    @property
    def measured(self) -> str:
        """Size, length, rate and sound as a person reads them."""
        if self.unchecked is not None:
            return "not measured"
        sound = "with sound" if self.has_audio else "silent"
        return f"{self.width}x{self.height}, {self.duration_seconds:.2f} s, {self.fps:g} fps, {sound}"

    @property
    def doubt(self) -> str | None:
        """That nobody has looked into the video, and why, for a person; None: it was found sound."""
        if self.unchecked is None:
            return None
        return (
            "The video was saved as it came: it begins like one, but whether it plays to its end could not be checked on this"
            f" machine. {self.unchecked}"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Tries:
    """What the tries to fetch a result have come to, kept with the job so that every process counts on."""

    rubbish: int = 0
    """How often something else than a video arrived."""
    day: str = ""
    """The UTC day that `rubbish_bytes` is of, such as 2026-11-28."""
    rubbish_bytes: int = 0
    dead_links: int = 0
    """How often in a row an address no longer worked."""
    failures: int = 0
    """How often in a row it could not be fetched, for whatever reason."""
    unchecked: int = 0
    """How often the whole of it was here and could not be looked into, for a reason of ours."""
    last_at: float | None = None
    """When the last of these was, in seconds since the epoch."""


WORKERS = "workers"
"""The owner of a job that is reserved for whichever worker takes it: from its first byte on, that one owns it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """
    One video that was asked for: a row of the job database. Times are seconds since the epoch.

    `owner` is the instance of the process that buys it, or `WORKERS`.
    `request` is as resolved (defaults filled in); its media fields keep the sources that the user gave.
    `endpoint` is the provider's own name for what is bought. `tag` is the mark that travels with the
    purchase where the provider echoes one. `client_key` is what makes the purchase unique: the fingerprint
    of the request and the number of its deliberate repetitions. `estimate` is the expected price, `maximum`
    what is reserved for it. `agreed_by` tells who agreed to it, where that was needed. `account` is the fingerprint
    of the key that it was bought with, `base_url` the address that it was bought at, without anything secret; None
    on jobs of earlier versions, and where nothing is sent.
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
    agreed_by: Signer | None = None
    charge: Price | None = None
    submission: Submission | None = None
    task_status: TaskStatus | None = None
    progress: float | None = None
    queue_position: int | None = None
    video_url: str | None = None
    last_frame_url: str | None = None
    url_expires_at: float | None = None
    artifacts: Artifacts | None = None
    tries: Tries = Tries()
    error: str | None = None
    error_code: str | None = None
    error_hint: str | None = None
    provider_code: str | None = None
    created_at: float
    sent_at: float | None = None
    sent_running: float | None = None
    """For how long the machine had been running then, asleep or awake, in seconds."""
    sent_start: str | None = None
    """Since which of its starts that was (`machine_time.py`), or in which process where nothing tells starts apart."""
    sent_not_before: float | None = None
    """The earliest that it was sent by the provider's clock, once that is known."""
    unknown_at: float | None = None
    unknown_uptime: float | None = None
    """What the machine's steady clock showed at `unknown_at`, in seconds: nobody can set that one forward."""
    quiet_since: Mapping[str, float] = field(default_factory=dict[str, float])
    """Where several machines work: by their starts, what the steady clock of each showed when it first looked after that."""
    accepted_at: float | None = None
    started_at: float | None = None
    remote_done_at: float | None = None
    """When the provider was seen to have finished."""
    finished_at: float | None = None
    cancel_asked_at: float | None = None
    base_url: str | None = None
    not_found_at: float | None = None
    """Since when the provider has not known the accepted task; None while it does."""
    steady: Mapping[str, float] = field(default_factory=dict[str, float])
    """For those of these moments whose age decides something: what `elapsed_time.py` had counted when they were written."""
    wanted: Wanted | None = None
    """How it was asked for, to know it again (`jobs/buying/deduplication.py`); None on jobs of earlier versions."""
    said_model: str | None = None
    """The provider's own name for the model that it said it uses, to be compared with `endpoint`; None: it said none."""
    output_dir: str | None = None
    """The output folder of whoever ordered it, where its files go whoever saves them; None on jobs of earlier versions."""
    folder_error: str | None = None
    """Why its files are in another folder than `output_dir`, and in which, in words for a person; None: they are not."""
    person: Annotated[str, Field(exclude_if=lambda person: not person)] = ""
    """Whose it is, of those who share the installation. Empty for whoever runs it, of which the record says nothing."""
    hook_error: str | None = None
    """What went wrong with the user's own command at the end of this job, in words for a person."""

    @property
    def status(self) -> JobStatus:
        """The word that users see."""
        if self.state in (JobState.ACCEPTED, JobState.STALLED):
            return JobStatus.RUNNING if self.task_status is TaskStatus.RUNNING else JobStatus.QUEUED
        return _STATUS[self.state]

    @property
    def waits_for_worker(self) -> bool:
        """True while it is reserved and no worker has taken it."""
        return self.state is JobState.RESERVED and self.owner == WORKERS

    @property
    def never_bought(self) -> bool:
        """True when nothing was bought, provably; also of a job that was cancelled before it was sent."""
        unsent = self.state is JobState.CANCELLED and self.sent_at is None
        return unsent or self.state in NOT_BOUGHT_STATES

    @property
    def is_draft(self) -> bool:
        """True when it was asked for as a draft, of which the video in full can be made."""
        return self.wanted is not None and self.wanted.given.get("quality") == "draft"

    @property
    def finished(self) -> bool:
        """True when nothing more happens by itself."""
        return self.state in FINISHED_STATES
