"""What a film file holds beside its pictures: the track of its sound, captions, a cover."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, cast

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from .join_sound import Sound, sound_frame
from .loudness import RATE

# Loaded now: later the worker cannot open files any more. JPEG is among the few formats that this loads.
Image.preinit()

_SOUND_BITS = 192_000
_LANGUAGES = {
    "ar": "ara", "bn": "ben", "cs": "ces", "da": "dan", "de": "deu", "el": "ell", "en": "eng", "es": "spa",
    "fi": "fin", "fr": "fra", "he": "heb", "hi": "hin", "hu": "hun", "id": "ind", "it": "ita", "ja": "jpn",
    "ko": "kor", "ms": "msa", "nl": "nld", "no": "nor", "pl": "pol", "pt": "por", "ro": "ron", "ru": "rus",
    "sv": "swe", "th": "tha", "tr": "tur", "uk": "ukr", "vi": "vie", "zh": "zho",
}  # fmt: skip
"""An MP4 names languages by three letters (ISO 639-2)."""


def put(film: OutputContainer, packets: Packet[Any] | Sequence[Packet[Any]]) -> None:
    """Write packets into a film. PyAV's own types say too little of them."""
    film.mux(packets)  # pyright: ignore[reportUnknownMemberType]


def put_encoded(
    film: OutputContainer, stream: AudioStream | VideoStream, frame: AudioFrame | VideoFrame | None
) -> None:
    """Encode a frame, or with None what is left, and write it into a film."""
    put(film, cast("Any", stream).encode(frame))  # pyright: ignore[reportUnknownMemberType]


class SoundTrack:
    """The film's sound: AAC, 48 kHz, stereo."""

    def __init__(self, film: OutputContainer) -> None:
        self._film = film
        self._stream: AudioStream = film.add_stream("aac", rate=RATE, layout="stereo")  # pyright: ignore[reportUnknownMemberType]
        self._stream.bit_rate = _SOUND_BITS
        self._at = 0

    def take(self, sound: Sound) -> None:
        """Encode the next samples."""
        put_encoded(self._film, self._stream, sound_frame(sound, self._at))
        self._at += sound.shape[1]

    def finish(self) -> None:
        """Write what is left in the encoder."""
        put_encoded(self._film, self._stream, None)


def text_packets(film: OutputContainer, cues: Sequence[dict[str, Any]], language: str) -> list[Packet[Any]]:
    """Add a track of captions, whose language is given as BCP 47, and return what it consists of."""
    stream = film.add_mux_stream("mov_text")  # pyright: ignore[reportUnknownMemberType]
    stream.time_base = Fraction(1, 1000)
    main = language.split("-")[0].lower()
    stream.metadata["language"] = _LANGUAGES.get(main, main if len(main) == 3 else "und")
    packets: list[Packet[Any]] = []
    starts = [round(cue["start"] * 1000) for cue in cues]
    for cue, start, following in zip(cues, starts, [*starts[1:], None], strict=True):
        text = cue["text"].encode("utf-8", "replace")[:65_535]
        packet: Packet[Any] = Packet(len(text).to_bytes(2, "big") + text)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = start
        end = round(cue["end"] * 1000)
        if (
            following is not None
        ):  # the muxer ends each with a packet of its own, which must lie before the next
            end = min(end, following - 1)
        packet.duration = max(1, end - start)
        packet.is_keyframe = True
        packets.append(packet)
    return packets


def cover_packet(film: OutputContainer, jpeg: bytes) -> Packet[Any]:
    """Add a cover and return what it consists of."""
    width, height = Image.open(io.BytesIO(jpeg)).size
    stream = film.add_mux_stream("mjpeg", width=width, height=height)  # pyright: ignore[reportUnknownMemberType]
    stream.disposition = Disposition.attached_pic
    packet: Packet[Any] = Packet(jpeg)
    packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 90_000), 0, 0
    packet.is_keyframe = True
    return packet
