"""What is blanked in an MP4, MOV or M4A file: all but what players need of the index, and the samples of picture and sound."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import IO

from ..cuts import Cut
from .mp4_boxes import Box, read, walk
from .mp4_lengths import length_repairs
from .mp4_samples import Span, kept_samples
from .refusal import RefusalError
from .signatures import Signature

_TIMED = frozenset((b"mvhd", b"tkhd", b"mdhd"))
_KEPT_TRACKS = (b"vide", b"soun")
_MAX_REFERENCES = 1000
_AGAIN = "Export it again as a plain MP4 with picture and sound only."


def film_cuts(source: IO[bytes], signature: Signature) -> list[Cut]:
    """
    Blank in place, so that no offset changes: boxes become free space, and all their bytes zeros.

    Gone are user data and metadata, tracks that are neither picture nor sound (positions by GPS, telemetry,
    subtitles), everything in the media data that is no sample of a kept track, free text in the pictures' own
    data, names, and times of making.

    Raises:
        RefusalError: the boxes do not add up, or hide their content.
    """
    size = source.seek(0, 2)
    boxes = list(walk(source, b"", 0, size))
    dropped = {
        box.start for box in boxes if box.kind == b"trak" and _track_kind(source, box) not in _KEPT_TRACKS
    }
    if dropped and any(box.kind == b"moof" for box in boxes):
        raise RefusalError(
            "The video is fragmented and has a track that is neither picture nor sound, which cannot be removed here.",
            _AGAIN,
        )
    cuts: list[Cut] = []
    for box in boxes:
        if box.kind == b"cmov":
            raise RefusalError("The video's index is compressed.", _AGAIN)
        if not box.kept or box.start in dropped:
            cuts.append(Cut(box.start + 4, box.start + 8, b"free"))
            cuts.append(Cut(box.content, box.end, zeros=True))
        else:
            cuts += _told_by(source, box)
    cuts += length_repairs(source, [box for box in boxes if box.start not in dropped])
    kept, rewritten = kept_samples(source, signature)
    data = [(box.content, box.end) for box in boxes if box.kind == b"mdat"]
    return _apart([*cuts, *_between(kept, data), *rewritten])


def _track_kind(source: IO[bytes], track: Box) -> bytes:
    for box in walk(source, b"trak", track.content, track.end):
        # The media's own, which comes first: QuickTime has another one for the way the data is stored.
        if box.kind == b"hdlr":
            return read(source, box.content + 8, 4)
    return b""


def _told_by(source: IO[bytes], box: Box) -> Iterator[Cut]:
    """When it was made, names that somebody gave, and where else the data may lie."""
    if box.kind in _TIMED:
        wide = read(source, box.content, 1) == b"\x01"
        yield Cut(box.content + 4, min(box.end, box.content + (20 if wide else 12)), zeros=True)
    elif box.kind == b"hdlr":
        yield Cut(min(box.end, box.content + 24), box.end, zeros=True)
    elif box.kind == b"dref":
        at = box.content + 8
        for _ in range(_MAX_REFERENCES):
            length = int.from_bytes(read(source, at, 4))
            if length < 12 or at + length > box.end:
                break
            yield Cut(at + 12, at + length, zeros=True)
            at += length


def _between(kept: list[Span], data: list[Span]) -> Iterator[Cut]:
    """The parts of the media data that are no kept sample."""
    inside = 0
    for start, end in data:
        at = start
        for first, last in kept[bisect_left(kept, (start, 0)) :]:
            if last > end:
                break
            inside += 1
            if first > at:
                yield Cut(at, first, zeros=True)
            at = last
        if end > at:
            yield Cut(at, end, zeros=True)
    if inside != len(kept):
        raise RefusalError("The video keeps pictures or sound outside its media data.", _AGAIN)


def _apart(cuts: list[Cut]) -> list[Cut]:
    """Leave out what lies inside another range that is blanked."""
    found: list[Cut] = []
    blank_until = 0
    for cut in sorted(cuts, key=lambda cut: (cut.start, -cut.end)):
        if cut.end <= blank_until:
            continue
        found.append(cut)
        if cut.zeros:
            blank_until = max(blank_until, cut.end)
    return found
