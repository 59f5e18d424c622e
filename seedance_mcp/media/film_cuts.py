"""What is blanked in an MP4 or MOV file: user data, metadata, and tracks that are neither picture nor sound."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from .cuts import Cut
from .refusal import RefusalError

_CONTAINERS = frozenset((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex", b"edts"))
_BLANKED = frozenset((b"udta", b"meta", b"uuid", b"tref", b"free", b"skip"))
_KEPT_TRACKS = (b"vide", b"soun")
_MAX_BOXES = 100_000
_MAX_TABLE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int
    content: int
    end: int


def film_cuts(source: IO[bytes]) -> list[Cut]:
    """
    Blank in place, so that no offset changes: the boxes become free space and their content zeros.

    A track that is neither picture nor sound (positions by GPS, telemetry, subtitles) goes with all its samples.

    Raises:
        RefusalError: the boxes do not add up, or hide their content.
    """
    size = source.seek(0, 2)
    cuts: list[Cut] = []
    boxes = list(_walk(source, 0, size, [_MAX_BOXES]))
    fragmented = any(box.kind == b"moof" for box in boxes)
    dropped = [box for box in boxes if box.kind == b"trak" and _handler(source, box) not in _KEPT_TRACKS]
    if dropped and fragmented:
        raise RefusalError(
            "The video is fragmented and has a track that is neither picture nor sound, which cannot be removed here.",
            "Export it again as a plain MP4 with picture and sound only.",
        )
    for track in dropped:
        cuts += _samples(source, track, size)
    for box in boxes:
        if box.kind == b"cmov":
            raise RefusalError("The video's index is compressed.", "Export it again as a plain MP4.")
        if box.kind in _BLANKED or box in dropped:
            cuts.append(Cut(box.start + 4, box.start + 8, b"free"))
            cuts.append(Cut(box.content, box.end, zeros=True))
    return _apart(cuts)


def _apart(cuts: list[Cut]) -> list[Cut]:
    """Leave out what lies inside another range that is blanked."""
    kept: list[Cut] = []
    blank_until = 0
    for cut in sorted(cuts, key=lambda cut: (cut.start, -cut.end)):
        if cut.end <= blank_until:
            continue
        kept.append(cut)
        if cut.zeros:
            blank_until = max(blank_until, cut.end)
    return kept


def _walk(source: IO[bytes], start: int, end: int, left: list[int], *, deep: bool = True) -> Iterator[_Box]:
    while start + 8 <= end:
        left[0] -= 1
        source.seek(start)
        header = source.read(16)
        length, kind = struct.unpack(">I4s", header[:8])
        content = start + 8
        if length == 1 and len(header) == 16:
            length = struct.unpack(">Q", header[8:])[0]
            content = start + 16
        elif length == 0:
            # By the standard up to the end of the file; in QuickTime's lists of user data: the end of the list.
            length = end - start
        box = _Box(kind, start, content, start + length)
        if box.end > end or box.content > box.end or left[0] < 0:
            raise RefusalError(
                f"The video's boxes do not add up at byte {start}.", "Fetch or export the file again."
            )
        yield box
        if deep and kind in _CONTAINERS:
            yield from _walk(source, box.content, box.end, left)
        start = box.end


def _inside(source: IO[bytes], outer: _Box, *path: bytes) -> _Box | None:
    box: _Box | None = outer
    for kind in path:
        if box is None:
            return None
        inner = _walk(source, box.content, box.end, [_MAX_BOXES], deep=False)
        box = next((found for found in inner if found.kind == kind), None)
    return box


def _content(source: IO[bytes], box: _Box | None) -> bytes:
    if box is None or box.end - box.content > _MAX_TABLE_BYTES:
        return b""
    source.seek(box.content)
    return source.read(box.end - box.content)


def _handler(source: IO[bytes], track: _Box) -> bytes:
    return _content(source, _inside(source, track, b"mdia", b"hdlr"))[8:12]


def _samples(source: IO[bytes], track: _Box, size: int) -> Iterator[Cut]:
    """The places of a track's samples, to be zeroed."""
    table = _inside(source, track, b"mdia", b"minf", b"stbl")
    if table is None:
        return
    try:
        for start, length in _chunks(source, table):
            if length and start + length <= size:
                yield Cut(start, start + length, zeros=True)
    except (struct.error, IndexError):
        raise RefusalError(
            "The video has a track that is neither picture nor sound, and its index is damaged.",
            "Export it again as a plain MP4 with picture and sound only.",
        ) from None


def _chunks(source: IO[bytes], table: _Box) -> Iterator[tuple[int, int]]:
    sizes_box = _content(source, _inside(source, table, b"stsz"))
    if not sizes_box:
        if _content(source, _inside(source, table, b"stz2")):
            raise struct.error
        return
    same, count = struct.unpack_from(">II", sizes_box, 4)
    sizes = () if same else struct.unpack_from(f">{count}I", sizes_box, 12)
    offsets = _offsets(source, table)
    runs_box = _content(source, _inside(source, table, b"stsc"))
    runs = list(struct.iter_unpack(">III", runs_box[8 : 8 + 12 * int.from_bytes(runs_box[4:8])]))
    sample = run = 0
    for number, offset in enumerate(offsets, start=1):
        while run + 1 < len(runs) and runs[run + 1][0] <= number:
            run += 1
        here = min(runs[run][1], count - sample)
        yield offset, same * here if same else sum(sizes[sample : sample + here])
        sample += here


def _offsets(source: IO[bytes], table: _Box) -> tuple[int, ...]:
    for kind, letter in ((b"stco", "I"), (b"co64", "Q")):
        box = _content(source, _inside(source, table, kind))
        if box:
            return struct.unpack_from(f">{int.from_bytes(box[4:8])}{letter}", box, 8)
    return ()
