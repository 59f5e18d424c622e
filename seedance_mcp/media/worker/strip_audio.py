"""What is cut out of a sound file: tags, notes, pictures, and whatever else is no sound. The sound stays as it is."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping

from ..cuts import Cut

_WAV_KEPT = frozenset((b"fmt ", b"fact", b"data"))
_NOTES = (b"LIST", b"id3 ", b"ID3 ", b"bext", b"iXML", b"_PMX")
"""Chunks that are written behind the sound and are none."""
_NO_LENGTH = 0x7FFF_0000
"""
Sizes of sound from here on are placeholders: nobody reads so much. Common ones are 0, 0x7FFFF000 (espeak),
0x7FFFFFFF and 0xFFFFFFFF (FFmpeg, speech services), the last two also less the 36 or so bytes of the header.
"""

_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Samples a second by the version that an MPEG frame names: 1, 2 and 2.5."""
_BIT_RATES = {
    (True, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (False, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
}
"""Kilobits a second, for version 1 or not, and by the number that stands for the layer (1: III, 3: I)."""


def wav_cuts(data: bytes) -> list[Cut]:
    """
    Keep format and samples; drop INFO, broadcast notes, XMP, ID3, and everything unknown.

    Programs that write a WAV while it is being spoken leave placeholders for its sizes: they become the true ones.
    """
    cuts: list[Cut] = []
    at, length = 12, 4
    for kind, start, end in wav_chunks(data):
        if kind in _WAV_KEPT:
            length += end - start
            if kind == b"data" and wav_is_open(data):
                cuts.append(Cut(start + 4, start + 8, struct.pack("<I", end - start - 8)))
        else:
            cuts.append(Cut(start, end))
        at = end
    return [Cut(4, 8, struct.pack("<I", length)), *cuts, Cut(at, len(data))]


def wav_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """List the chunks of a WAV as (name, start, end) in bytes, headers included; sound of open length is the rest."""
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        end = min(at + 8 + size + size % 2, len(data))
        if kind == b"data" and not 0 < size < _NO_LENGTH:
            end = _behind_open_sound(data, at + 8)
        yield kind, at, end
        at = end


def _behind_open_sound(data: bytes, start: int) -> int:
    """Where sound of open length ends: at the end of the file, or before notes that end there."""
    end = len(data)
    for name in _NOTES:
        at = data.rfind(name, start)
        if at >= 0 and at + 8 + int.from_bytes(data[at + 4 : at + 8], "little") in (len(data) - 1, len(data)):
            end = min(end, at)
    return end


def wav_is_open(data: bytes) -> bool:
    """Return whether a WAV has a placeholder where the length of its sound belongs."""
    for kind, start, _ in wav_chunks(data):
        if kind == b"data":
            size = int.from_bytes(data[start + 4 : start + 8], "little")
            return not 0 < size < _NO_LENGTH
    return False


def closed_wav(data: bytes) -> bytes:
    """Write the true sizes into a WAV that has placeholders there; any other WAV stays as it is."""
    if not wav_is_open(data):
        return data
    whole = bytearray(data)
    struct.pack_into("<I", whole, 4, len(data) - 8)
    for kind, start, end in wav_chunks(data):
        if kind == b"data":
            struct.pack_into("<I", whole, start + 4, end - start - 8)
    return bytes(whole)


def mp3_cuts(data: bytes) -> list[Cut]:
    """Keep the frames; drop what is before, between and behind them, such as ID3, APE and Lyrics3 tags."""
    cuts: list[Cut] = []
    at = start = _behind_id3(data)
    inside, kind = False, None
    while at < len(data):
        length = _frame_bytes(data, at)
        here = bytes((data[at + 1] & 0xFE, data[at + 2] & 0x0C)) if length else None
        # Once lost, two frames in a row prove that it is not a tag that looks like one.
        if length and ((inside and here == kind) or _frame_bytes(data, at + length)):
            if at > start:
                cuts.append(Cut(start, at))
            at = start = min(at + length, len(data))
            inside, kind = True, here
        else:
            inside = False
            at = data.find(b"\xff", at + 1)
            if at < 0:
                break
    return [Cut(0, _behind_id3(data)), *cuts, Cut(start, len(data))]


def _behind_id3(data: bytes) -> int:
    at = 0
    while data[at : at + 3] == b"ID3" and len(data) >= at + 10:
        size = data[at + 6] << 21 | data[at + 7] << 14 | data[at + 8] << 7 | data[at + 9]
        at += 10 + size + (10 if data[at + 5] & 0x10 else 0)
    return min(at, len(data))


def _frame_bytes(data: bytes, at: int) -> int:
    """How long the MPEG frame is whose header lies here; 0 if there is none."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return 0
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    bits, rate, padding = data[at + 2] >> 4, data[at + 2] >> 2 & 3, data[at + 2] >> 1 & 1
    if version == 1 or not layer or bits in (0, 15) or rate == 3:
        return 0
    kilobits, samples = _BIT_RATES[version == 3, layer][bits - 1], _RATES[version][rate]
    if layer == 3:
        return (12_000 * kilobits // samples + padding) * 4
    return (72_000 if layer == 1 and version != 3 else 144_000) * kilobits // samples + padding


SOUNDS: Mapping[str, Callable[[bytes], list[Cut]]] = {"wav": wav_cuts, "mp3": mp3_cuts}
"""By demuxer. Each raises ValueError or IndexError if the file is malformed."""
