"""The boxes of an MP4, MOV or M4A file: which of them the copy that leaves keeps, and where they lie."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from .refusal import RefusalError

_CHILDREN: Mapping[bytes, frozenset[bytes]] = {
    parent.encode(): frozenset(child.encode() for child in children.split())
    for parent, children in {
        "": "ftyp styp moov moof mdat sidx ssix mfra pdin",
        "moov": "mvhd trak mvex iods cmov",
        "trak": "tkhd mdia edts tapt",
        "edts": "elst",
        "mdia": "mdhd hdlr minf elng",
        "minf": "vmhd smhd gmhd nmhd hdlr dinf stbl",
        "dinf": "dref",
        "stbl": "stsd stts ctts cslg stsc stsz stz2 stco co64 stss stps stsh sdtp padb stdp sbgp sgpd subs",
        "mvex": "mehd trex leva",
        "moof": "mfhd traf",
        "traf": "tfhd tfdt trun sdtp sbgp sgpd subs",
        "mfra": "tfra mfro",
    }.items()
}
"""For each box that is looked into (first: the file itself) what is kept in it; everything else is blanked."""

_MAX_BOXES = 100_000


@dataclass(frozen=True)
class Box:
    """A box: its four letters, where it, its content and its end lie in bytes, and whether it is kept."""

    kind: bytes
    start: int
    content: int
    end: int
    kept: bool


def walk(source: IO[bytes], parent: bytes, start: int, end: int) -> Iterator[Box]:
    """
    List the boxes between two places, and those inside the ones that are kept; `parent` is the box they lie in.

    Raises:
        RefusalError: they do not add up, or are far too many.
    """
    return _walk(source, parent, start, end, [_MAX_BOXES])


def _walk(source: IO[bytes], parent: bytes, start: int, end: int, left: list[int]) -> Iterator[Box]:
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
            # By the standard up to the end of the file; in QuickTime's lists: the end of the list.
            length = end - start
        box = Box(kind, start, content, start + length, kind in _CHILDREN[parent])
        if box.end > end or box.content > box.end or left[0] < 0:
            raise RefusalError(
                f"The video's boxes do not add up at byte {start}.", "Fetch or export the file again."
            )
        yield box
        if box.kept and kind in _CHILDREN:
            yield from _walk(source, kind, box.content, box.end, left)
        start = box.end


def read(source: IO[bytes], at: int, count: int) -> bytes:
    """Read so many bytes from this place."""
    source.seek(at)
    return source.read(count)
