"""Makes sure that a film that was joined is what it should be, by reading and decoding all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import IO, Any

import av
from av.audio.frame import AudioFrame
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame

from .loudness import RATE, Loudness
from .refusal import RefusalError
from .scanning import AGAIN, open_film, picture_stream, sound_stream
from .signatures import recognise


@dataclass(frozen=True)
class Expected:
    """
    What the film should be: so many frames, seconds and samples of sound, with these chapters and cues.

    `is_levelled`: how loud it came to be is of interest.
    """

    frames: int
    seconds: Fraction
    samples: int
    names: Sequence[str]
    starts: Sequence[Fraction]
    cues: Sequence[dict[str, Any]]
    is_levelled: bool

    def clip_at(self, seconds: float) -> str:
        """The name of the clip that is to be seen then."""
        return [name for name, start in zip(self.names, self.starts, strict=True) if start <= seconds][-1]


def check(film_file: IO[bytes], expected: Expected) -> float | None:
    """
    Read and decode the whole film; return how loud it is, in LUFS, None if it is silent or not levelled.

    Raises:
        RefusalError: it is not what was expected; a clip that does not decode is named.
    """
    film_file.seek(0)
    with open_film(film_file, recognise(film_file)) as film:
        seen = _Seen(Loudness() if expected.is_levelled else None)
        picture, sound = picture_stream(film), sound_stream(film)
        text = next(iter(film.streams.subtitles), None)
        if picture is None or (sound is None) != (not expected.samples):
            raise _other("tracks")
        try:
            for packet in film.demux(*[stream for stream in (picture, sound, text) if stream is not None]):
                seen.packet(packet)
                if text is not None and packet.stream is text:
                    seen.text(packet)
                    continue
                for frame in packet.decode():
                    seen.frame(frame)
        except FFmpegError as error:
            clip = expected.clip_at(seen.last)
            raise RefusalError(
                f"{clip}: the clip stops decoding, {seen.last:.2f} s into the film: {error.strerror}.", AGAIN
            ) from error
        chapters = [str(chapter["metadata"].get("title", "")) for chapter in film.chapters()]
        if seen.corrupt is not None or seen.frames != expected.frames:
            at = seen.last if seen.corrupt is None else seen.corrupt
            raise RefusalError(
                f"{expected.clip_at(at)}: pictures of the clip are damaged, {at:.2f} s into the film.", AGAIN
            )
        length = (picture.duration or 0) * (picture.time_base or Fraction(0))
        problems = {
            "order of its packets": not seen.rising,
            "length": abs(length - expected.seconds) > 2 * (picture.time_base or Fraction(0)),
            "beginning": seen.first != 0,
            "sound": sound is not None and not _fits(sound, seen.samples, expected.samples),
            "chapters": chapters != list(expected.names),
            "captions": seen.texts != [(round(cue["start"] * 1000), cue["text"]) for cue in expected.cues],
        }
    wrong = [name for name, is_wrong in problems.items() if is_wrong]
    if wrong:
        raise _other(", ".join(wrong))
    return seen.loudness_lufs()


def _fits(sound: av.AudioStream, decoded: int, expected: int) -> bool:
    length = (sound.duration or 0) * (sound.time_base or Fraction(0)) * RATE
    return length == expected and expected <= decoded < expected + 2048


def _other(what: str) -> RefusalError:
    return RefusalError(f"The joined film is not what it should be: {what}.")


class _Seen:
    """What went by; times in seconds."""

    def __init__(self, loudness: Loudness | None) -> None:
        self.frames = 0
        self.samples = 0
        self.first: float | None = None
        self.last = 0.0
        self.corrupt: float | None = None
        self.rising = True
        self.texts: list[tuple[int, str]] = []
        self._dts: dict[int, int] = {}
        self._loudness = loudness

    def loudness_lufs(self) -> float | None:
        """How loud it was; nothing more is to be heard."""
        if self._loudness is None:
            return None
        self._loudness.finish()
        return self._loudness.integrated()

    def packet(self, packet: Packet[Any]) -> None:
        if not packet.size:
            return
        number = packet.stream.index
        if packet.dts is None or packet.dts <= self._dts.get(number, packet.dts - 1):
            self.rising = False
        self._dts[number] = packet.dts or 0

    def text(self, packet: Packet[Any]) -> None:
        content = bytes(packet)
        length = int.from_bytes(content[:2], "big")
        if length and packet.pts is not None:
            start = round(packet.pts * packet.time_base * 1000)
            self.texts.append((start, content[2 : 2 + length].decode("utf-8", "replace")))

    def frame(self, frame: object) -> None:
        if isinstance(frame, AudioFrame):
            self.samples += frame.samples
            if self._loudness is not None:
                self._loudness.hear(frame)
        elif isinstance(frame, VideoFrame):
            self.frames += 1
            self.last = frame.time or 0.0
            if self.first is None:
                self.first = self.last
            if frame.is_corrupt and self.corrupt is None:
                self.corrupt = self.last
