"""Where in a film file the samples of picture and sound lie, and which free text is hidden in the pictures' data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import av
from av.error import FFmpegError
from av.packet import Packet

from ..cuts import Cut
from .refusal import RefusalError
from .signatures import Signature

Span = tuple[int, int]
"""From where up to where, in bytes."""

_OPTIONS = {
    "protocol_whitelist": "none",
    "enable_drefs": "0",
    "use_absolute_path": "0",
    # Everything that is stored, as it is stored: also what an edit leaves out, for not every reader heeds edits.
    "ignore_editlist": "1",
    "fflags": "noparse+nofillin",
}
_MAX_SPANS = 100_000
_MAX_SAMPLES = 2_000_000
_MAX_MESSAGE_BYTES = 16_000_000
_FREE_TEXT = 5
"""The number of the message for data of which no standard says anything, in H.264 as in HEVC."""
_ENCODER = bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef") + b"x264 - core"
"""How an encoder signs; decoders go by its version."""
_AGAIN = "Export it again as a plain MP4 with picture and sound only."


def kept_samples(source: IO[bytes], signature: Signature) -> tuple[list[Span], list[Cut]]:
    """
    Return the spans of all picture and sound samples, in order and apart, and the cuts that blank free text in them.

    Raises:
        RefusalError: they cannot be read, or are far too many.
    """
    source.seek(0)
    spans: list[Span] = []
    cuts: list[Cut] = []
    left = _MAX_MESSAGE_BYTES
    try:
        with av.open(
            source, "r", format=signature.decoder, options=_OPTIONS, metadata_errors="replace"
        ) as film:
            streams = [stream for stream in film.streams if stream.type in ("video", "audio")]
            for number, packet in enumerate(film.demux(*streams)):
                if not packet.size or packet.pos is None or packet.pos < 0:
                    continue
                spans.append((packet.pos, packet.pos + packet.size))
                for start, end in _messages(packet):
                    left -= end - start
                    cuts += _blanked(bytes(packet)[start:end], packet.pos + start)
                if left < 0 or number > _MAX_SAMPLES:
                    raise RefusalError("The video consists of far too many pieces.", _AGAIN)
    except FFmpegError as error:
        raise RefusalError(f"The video's samples cannot be read: {error.strerror}.", _AGAIN) from error
    return _joined(spans), cuts


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    if len(joined) > _MAX_SPANS:
        raise RefusalError("The video's samples lie in far too many places.", _AGAIN)
    return joined


def _messages(packet: Packet[Any]) -> Iterator[Span]:
    """Where the units with messages beside the picture (SEI) lie in a sample, their own headers left out."""
    codec = getattr(packet.stream, "codec_context", None)
    extra = (codec and codec.extradata) or b""
    if codec and codec.name == "h264" and len(extra) > 4:
        length_bytes, header, kinds = (extra[4] & 3) + 1, 1, (6,)
    elif codec and codec.name == "hevc" and len(extra) > 21:
        length_bytes, header, kinds = (extra[21] & 3) + 1, 2, (39, 40)
    else:
        return
    data, at = bytes(packet), 0
    while at + length_bytes + header < len(data):
        start = at + length_bytes
        at = start + int.from_bytes(data[at:start])
        kind = data[start] & 0x1F if header == 1 else data[start] >> 1 & 0x3F
        if kind in kinds:
            yield start + header, min(at, len(data))


def _blanked(unit: bytes, place: int) -> Iterator[Cut]:
    """
    Overwrite the free text in a unit of messages that lies at `place` with ones, byte for byte.

    Zeros in front of an escape byte (00 00 03) stay, and say nothing: without them it were a byte of the message.
    """
    escapes = _escapes(unit)
    fixed = {spot - back for spot in escapes for back in (0, 1, 2)}
    where = [spot for spot in range(len(unit)) if spot not in escapes] if escapes else range(len(unit))
    plain = bytes(unit[spot] for spot in where) if escapes else unit
    at = 0
    while at + 2 < len(plain):
        kind, at = _number(plain, at)
        length, at = _number(plain, at)
        end = min(at + length, len(plain))
        if kind == _FREE_TEXT and end > at and not plain.startswith(_ENCODER, at):
            first, last = where[at], where[end - 1] + 1
            put = bytes(unit[spot] if spot in fixed else 1 for spot in range(first, last))
            yield Cut(place + first, place + last, put)
        at = end


def _escapes(unit: bytes) -> set[int]:
    """The places of the bytes that only keep two zeros from being read as the start of something."""
    found: set[int] = set()
    at = unit.find(b"\0\0\3")
    while at >= 0:
        found.add(at + 2)
        at = unit.find(b"\0\0\3", at + 3)
    return found


def _number(plain: bytes, at: int) -> tuple[int, int]:
    """A number as messages write it, as many as there are 255s and a last one; and where it ends."""
    value = 0
    while at < len(plain) and plain[at] == 0xFF:
        value, at = value + 0xFF, at + 1
    return value + (plain[at] if at < len(plain) else 0), at + 1
