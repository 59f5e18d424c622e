"""Headers of an MP4 or MOV that do not tell how long it is: the true length, written where a player looks it up."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from ..cuts import Cut
from .mp4_boxes import Box, read

_MOST_RUNS = 1_000_000
_TOLERANCE_SECONDS = 0.25
"""Encoders round, and count a last frame or a priming of the sound in or out; a lie is larger."""
_TOLERANCE = 0.02


@dataclass(frozen=True)
class _Header:
    """The duration in a `mvhd`, `tkhd` or `mdhd` box: where it stands, how many bytes it has, units and units a second."""

    at: int
    width: int
    value: int
    scale: int

    def says(self, seconds: float) -> bool:
        """Return whether it comes close enough to so many seconds."""
        return abs(self.value / self.scale - seconds) <= max(_TOLERANCE_SECONDS, _TOLERANCE * seconds)

    def put(self, seconds: float) -> Cut:
        """Write so many seconds there."""
        units = min(round(seconds * self.scale), (1 << 8 * self.width) - 1)
        return Cut(self.at, self.at + self.width, units.to_bytes(self.width))


def length_repairs(source: IO[bytes], boxes: Sequence[Box]) -> list[Cut]:
    """
    Return the edits that make the headers say how long the tracks are by their tables of samples.

    A track with an edit list is as long as that says. A film in fragments, whose headers say nothing, stays as it is.
    """
    movie = next((box for box in boxes if box.kind == b"mvhd"), None)
    if movie is None or any(box.kind in (b"moof", b"mvex") for box in boxes):
        return []
    whole = _movie_header(source, movie)
    if whole is None:
        return []
    cuts: list[Cut] = []
    longest = 0.0
    for track in (box for box in boxes if box.kind == b"trak"):
        inside = {box.kind: box for box in boxes if track.start < box.start < track.end}
        media = _media_header(source, inside.get(b"mdhd"))
        seconds = _sample_seconds(source, inside.get(b"stts"), media.scale) if media else None
        if media is None or seconds is None:
            return []
        shown = _track_header(source, inside.get(b"tkhd"), whole.scale)
        if not media.says(seconds):
            cuts.append(media.put(seconds))
        seconds = _edited_seconds(source, inside.get(b"elst"), whole.scale) or seconds
        if shown is not None and not shown.says(seconds):
            cuts.append(shown.put(seconds))
        longest = max(longest, seconds)
    if not whole.says(longest):
        cuts.append(whole.put(longest))
    return cuts


def _movie_header(source: IO[bytes], box: Box) -> _Header | None:
    wide = read(source, box.content, 1) == b"\x01"
    scale_at = box.content + (20 if wide else 12)
    return _header(source, scale_at + 4, wide, int.from_bytes(read(source, scale_at, 4)))


def _media_header(source: IO[bytes], box: Box | None) -> _Header | None:
    return None if box is None else _movie_header(source, box)


def _track_header(source: IO[bytes], box: Box | None, scale: int) -> _Header | None:
    if box is None:
        return None
    wide = read(source, box.content, 1) == b"\x01"
    return _header(source, box.content + (28 if wide else 20), wide, scale)


def _header(source: IO[bytes], at: int, wide: bool, scale: int) -> _Header | None:
    width = 8 if wide else 4
    found = read(source, at, width)
    return _Header(at, width, int.from_bytes(found), scale) if scale and len(found) == width else None


def _sample_seconds(source: IO[bytes], table: Box | None, scale: int) -> float | None:
    """Add up the lengths of all samples."""
    if table is None:
        return None
    count = int.from_bytes(read(source, table.content + 4, 4))
    if count > _MOST_RUNS:
        return None
    rows = read(source, table.content + 8, count * 8)
    units = sum(many * each for many, each in struct.iter_unpack(">II", rows[: len(rows) // 8 * 8]))
    return units / scale


def _edited_seconds(source: IO[bytes], edits: Box | None, scale: int) -> float:
    """Add up the parts that an edit list shows; 0 without one."""
    if edits is None:
        return 0.0
    wide = read(source, edits.content, 1) == b"\x01"
    size, width = (20, 8) if wide else (12, 4)
    count = min(int.from_bytes(read(source, edits.content + 4, 4)), _MOST_RUNS)
    rows = read(source, edits.content + 8, count * size)
    return sum(int.from_bytes(rows[at : at + width]) for at in range(0, len(rows), size)) / scale
