"""What is cut out of a sound file: tags, notes and pictures. The sound data stays as it is."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from .cuts import Cut

_WAV_KEPT = frozenset((b"fmt ", b"fact", b"data"))
_FLAC_KEPT = frozenset((0, 3))
"""STREAMINFO and SEEKTABLE."""


def wav_cuts(data: bytes) -> list[Cut]:
    """Keep format and samples; drop INFO, broadcast notes, XMP, ID3, and everything unknown."""
    cuts: list[Cut] = []
    at, length = 12, 4
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        if kind == b"data" and not size:
            raise ValueError("the WAV does not say how long its sound is")
        end = min(len(data), at + 8 + size + size % 2)
        if kind in _WAV_KEPT:
            length += end - at
        else:
            cuts.append(Cut(at, end))
        at = end
    return [Cut(4, 8, struct.pack("<I", min(length, 0xFFFFFFFF))), *cuts, Cut(at, len(data))]


def tagged_cuts(data: bytes) -> list[Cut]:
    """Drop the ID3, APE and Lyrics3 tags before and behind the frames of an MP3 or AAC stream."""
    start = 0
    while data[start : start + 3] == b"ID3" and len(data) >= start + 10:
        start += 10 + _synchsafe(data[start + 6 : start + 10]) + (10 if data[start + 5] & 0x10 else 0)
    end = _end_of_sound(data, start)
    return [Cut(0, min(start, end)), Cut(end, len(data))]


def _end_of_sound(data: bytes, start: int) -> int:
    end = len(data)
    while (tag := _tag_behind(data, end)) and end - tag >= start:
        end -= tag
    return end


def _tag_behind(data: bytes, end: int) -> int:
    """How many bytes the tag has that ends at `end`; 0 if there is none."""
    if data[end - 128 : end - 125] == b"TAG" and end >= 128:
        return 128
    if data[end - 227 : end - 223] == b"TAG+" and end >= 227:
        return 227
    if data[end - 32 : end - 24] == b"APETAGEX" and end >= 32:
        size, _, flags = struct.unpack_from("<III", data, end - 20)
        return size + (32 if flags & 0x8000_0000 else 0)
    if data[end - 10 : end - 7] == b"3DI" and end >= 10:
        return 20 + _synchsafe(data[end - 4 : end])
    if data[end - 9 : end] == b"LYRICS200" and data[end - 15 : end - 9].isdigit():
        return 15 + int(data[end - 15 : end - 9])
    return 0


def _synchsafe(four: bytes) -> int:
    return four[0] << 21 | four[1] << 14 | four[2] << 7 | four[3]


def flac_cuts(data: bytes) -> list[Cut]:
    """Keep what decoding needs; drop comments, pictures and application data."""
    cuts: list[Cut] = []
    at, last_kept = 4, 4
    while True:
        kind, length = data[at] & 0x7F, int.from_bytes(data[at + 1 : at + 4])
        end = at + 4 + length
        if end > len(data):
            raise ValueError("the FLAC's blocks do not add up")
        final = data[at] & 0x80
        if kind in _FLAC_KEPT:
            last_kept = at
        else:
            cuts.append(Cut(at, end))
        at = end
        if final:
            cuts.append(Cut(_end_of_sound(data, end), len(data)))
            return [Cut(last_kept, last_kept + 1, bytes((data[last_kept] | 0x80,))), *cuts]


SOUNDS: Mapping[str, Callable[[bytes], list[Cut]]] = {
    "wav": wav_cuts,
    "mp3": tagged_cuts,
    "aac": tagged_cuts,
    "flac": flac_cuts,
}
"""By demuxer. Each raises ValueError or IndexError if the file is malformed."""
