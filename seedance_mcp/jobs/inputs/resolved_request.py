"""What somebody asks for, before anything is chosen for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import InvalidRequest
from ...types import MediaFile, VideoRequest


@dataclass(frozen=True, kw_only=True)
class ResolvedRequest:
    """
    A request with what it takes from the job that it is based on, and each of its media sources with the file.

    `trouble` is what is wrong with the media already; such a source stands in `media` as a file that nobody has seen.
    """

    request: VideoRequest
    media: Mapping[str, MediaFile]
    trouble: InvalidRequest | None = None

    @property
    def digests(self) -> Mapping[str, str]:
        """Each media source with the hash of its content, or its URL: the same picture under another path is the same."""
        return {source: file.sha256 or file.url or source for source, file in self.media.items()}
