"""The files that go in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

MediaKind = Literal["image", "video", "audio"]

ByteReport = Callable[[int, int | None], Awaitable[None]]
"""Told from time to time: the bytes that are here, and of how many, if that is known."""


@dataclass(frozen=True, kw_only=True)
class MediaFile:
    """
    A file that may go in: checked, measured and hashed, or an https URL or `asset://` id that is passed through unseen.

    `path` is None for a URL, `url` is None for a local file. Sizes in pixels, duration in seconds. `job_id` names
    the job whose own video it is, as long as the provider's link to that can still be handed on. `recorded`: it may be
    read in a folder whose other files may not, because it is a file that a job recorded as its own.
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
    recorded: bool = False

    @property
    def is_asset(self) -> bool:
        """True for an id in the library of an account at a provider, such as an authorised person."""
        return self.url is not None and self.url.startswith("asset://")

    @property
    def is_expected(self) -> bool:
        """True for a file that somebody else was to put into the object store, and that has not been looked at."""
        return self.path is None and self.url is None


@dataclass(frozen=True, kw_only=True)
class ExpectedFile:
    """A file of another machine, as who calls from there announces it; the hash in lower-case hex."""

    mime_type: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class LinkedFile:
    """A file behind an address that opens for whoever has it. The address is kept nowhere; `report` hears how far it is."""

    url: str = field(repr=False)
    report: ByteReport


@dataclass(frozen=True, kw_only=True)
class SignedPut:
    """An address that takes one file until then, sent with exactly these headers. It is told once and kept nowhere."""

    url: str = field(repr=False)
    headers: Mapping[str, str]
    expires_at: float


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A media file where a provider can read it. `expires_at` in seconds since the epoch, None if it stays."""

    url: str
    expires_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class Link:
    """An address from which anyone can fetch a file, and until when; it is made for one answer and never kept."""

    url: str
    expires_at: float
