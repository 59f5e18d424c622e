"""What somebody asks for, before anything is chosen for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import InvalidRequest
from ...types import Job, MediaFile, VideoRequest


@dataclass(frozen=True, kw_only=True)
class Finishing:
    """The draft whose very take is wanted in full, and what goes with that: `given`, without all that the draft decided."""

    draft: Job
    given: VideoRequest


@dataclass(frozen=True, kw_only=True)
class Basis:
    """A request with what it takes from the job that it is based on; `notes` say what a person should know of that."""

    request: VideoRequest
    finishes: Finishing | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ResolvedRequest:
    """
    A request with what it takes from the job that it is based on, and each of its media sources with the file.

    Its `quality` is "draft" or None. `trouble` is what is wrong with the media already; such a source stands in `media`
    as a file that nobody has seen. `finishes` and `notes` as in `Basis`; what finishes a draft has no media of its own.
    """

    request: VideoRequest
    media: Mapping[str, MediaFile]
    trouble: InvalidRequest | None = None
    finishes: Finishing | None = None
    notes: tuple[str, ...] = ()

    @property
    def digests(self) -> Mapping[str, str]:
        """Each media source with the hash of its content, or its URL: the same picture under another path is the same."""
        return {source: file.sha256 or file.url or source for source, file in self.media.items()}
