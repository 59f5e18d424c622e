"""The sound of a film: that of its clips, placed to the sample, with music under it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import IO, Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from numpy.typing import NDArray

from .join_layout import Place, sample_at
from .loudness import RATE
from .refusal import RefusalError
from .scanning import AGAIN, open_film, sound_stream
from .signatures import recognise

Sound = NDArray[np.float32]
"""Two channels of samples at 48 kHz."""

Sink = Callable[[Sound], None]

_CUT_FADE = RATE * 8 // 1000
"""At a cut the sound fades out and in for 8 ms each: nothing clicks, and no hole is heard."""
_WINDOW = RATE // 100
_GAP_SECONDS = Fraction(1, 100)
"""Frames of sound whose times differ by less from where the one before ended follow it without a gap."""
_LOUD = 0.05
"""Above this level (root mean square) of the clips the music becomes quieter, in 20 ms; below it louder, in 400 ms."""
_ATTACK, _RELEASE = 0.4, 0.025
_CEILING = 0.8414
"""No peak above -1.5 dBFS: what is encoded swings a little higher."""


def silence(samples: int) -> Sound:
    """Nothing to be heard."""
    return np.zeros((2, samples), np.float32)


def sound_frame(sound: Sound, at: int) -> AudioFrame:
    """A frame with these samples, that begins at sample `at`."""
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(sound), "fltp", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
    return frame


def stereo(
    frames: Sequence[AudioFrame], resampler: av.AudioResampler, *, last: bool = False
) -> Iterator[Sound]:
    """The samples of frames of whatever format, and with `last` those that are still on their way."""
    for frame in [*frames, *([None] if last else [])]:
        for made in resampler.resample(frame):
            yield made.to_ndarray().astype(np.float32, copy=False)


def stereo_resampler() -> av.AudioResampler:
    """What makes sound of any format ours."""
    return av.AudioResampler(format="fltp", layout="stereo", rate=RATE)


class ClipSound:
    """Takes the decoded sound of a clip, whose pictures begin at `begins` seconds, and puts it where it belongs."""

    def __init__(self, place: Place, begins: Fraction) -> None:
        self._place = place
        self._begins = begins
        self._resampler = stereo_resampler()
        self._due: Fraction | None = None
        self._at = 0
        first, end = place.samples
        self.samples = silence(end - first)

    def hear(self, frame: AudioFrame) -> None:
        """Take the next frame."""
        if frame.pts is not None and frame.time_base:
            time = frame.pts * Fraction(frame.time_base) - self._begins
            if self._due is None or abs(time - self._due) > _GAP_SECONDS:
                if self._due is not None:
                    self._put(stereo([], self._resampler, last=True))
                    self._resampler = stereo_resampler()
                self._at = sample_at(self._place.start + time - self._place.skip) - self._place.samples[0]
                self._due = time
        self._due = (self._due or Fraction(0)) + Fraction(frame.samples, frame.sample_rate)
        self._put(stereo([frame], self._resampler))

    def finish(self) -> Sound:
        """The sound, exactly as long as its place."""
        self._put(stereo([], self._resampler, last=True))
        return self.samples

    def _put(self, parts: Iterator[Sound]) -> None:
        for part in parts:
            first, end = max(0, self._at), min(self.samples.shape[1], self._at + part.shape[1])
            if end > first:
                self.samples[:, first:end] = part[:, first - self._at : end - self._at]
            self._at += part.shape[1]


class Mix:
    """Puts the sound of one clip after the other together and hands on what is finished."""

    def __init__(self, places: Sequence[Place], music: Music | None, sink: Sink) -> None:
        self._places = places
        self._music = music
        self._sink = sink
        self._open = silence(0)
        self._done = 0

    def add(self, number: int, sound: Sound) -> None:
        """Take the sound of the next clip; what no later clip overlaps is handed on."""
        place = self._places[number]
        first, end = place.samples
        is_last = number == len(self._places) - 1
        if number:
            entering = _shared(place.start, place.enters)
            _fade(sound[:, : entering or _CUT_FADE], rising=True)
        if not is_last:
            leaving = _shared(place.end - place.leaves, place.leaves)
            _fade(sound[:, -(leaving or _CUT_FADE) :], rising=False)
        whole = silence(end - self._done)
        whole[:, : self._open.shape[1]] = self._open
        whole[:, first - self._done :] += sound
        ready = end if is_last else self._places[number + 1].samples[0]
        block, self._open = np.split(whole, [ready - self._done], axis=1)
        self._done = ready
        if self._music is not None:
            block = block + self._music.under(block)
        if block.shape[1]:
            self._sink(block)


def _shared(start: Fraction, seconds: Fraction) -> int:
    return sample_at(start + seconds) - sample_at(start)


def _fade(sound: Sound, *, rising: bool) -> None:
    """A quarter of a sine, so that what fades in and what fades out are together as loud as each alone."""
    count = sound.shape[1]
    curve = np.sin((np.arange(count, dtype=np.float64) + 0.5) * (np.pi / 2 / max(1, count))).astype(
        np.float32
    )
    sound *= curve if rising else curve[::-1]


class Music:
    """A sound under a film of so many samples, decoded as it is needed."""

    def __init__(self, source: IO[bytes], order: dict[str, Any], samples: int) -> None:
        self._source = source
        self._loop = order["loop"]
        self._volume = 10 ** (order["volume_db"] / 20)
        self._ducked = 10 ** (-order["duck_db"] / 20)
        self._fade = min(round(order["fade_seconds"] * RATE), samples // 2)
        self._whole = samples
        self._at = 0
        self._gain = 1.0
        self._parts = self._decoded()
        self._rest = silence(0)

    def under(self, block: Sound) -> Sound:
        """The music under the next samples of the film: quieter where these are loud."""
        count = block.shape[1]
        place = np.arange(self._at, self._at + count, dtype=np.float64)
        self._at += count
        fades = np.minimum(place + 0.5, self._whole - place - 0.5) / max(1, self._fade)
        curve = np.sin(np.clip(fades, 0, 1) * (np.pi / 2)) if self._fade else np.ones(count)
        return (self._next(count) * (curve * self._gains(block) * self._volume)).astype(np.float32)

    def _gains(self, block: Sound) -> NDArray[np.float64]:
        count = block.shape[1]
        edges = np.arange(0, count, _WINDOW, dtype=np.intp)
        energy = np.add.reduceat(np.square(block, dtype=np.float64).mean(axis=0), edges)
        levels = np.sqrt(energy / np.diff(np.append(edges, count)))
        gains = [self._gain]
        for level in levels:
            loud = level > _LOUD
            aim = self._ducked if loud else 1.0
            gains.append(gains[-1] + (aim - gains[-1]) * (_ATTACK if loud else _RELEASE))
        self._gain = gains[-1]
        return np.interp(np.arange(count, dtype=np.float64), np.append(edges, count), gains)

    def _next(self, count: int) -> Sound:
        parts, length = [self._rest], self._rest.shape[1]
        while length < count:
            part = next(self._parts, None)
            if part is None:
                part = silence(count - length)
            parts.append(part)
            length += part.shape[1]
        taken, self._rest = np.split(np.concatenate(parts, axis=1), [count], axis=1)
        return taken

    def _decoded(self) -> Iterator[Sound]:
        while True:
            self._source.seek(0)
            heard = False
            with open_film(self._source, recognise(self._source)) as film:
                stream = sound_stream(film)
                if stream is None:
                    raise RefusalError("The file holds no sound.", AGAIN)
                resampler = stereo_resampler()
                for frame in film.decode(stream):
                    for part in stereo([frame], resampler):
                        heard = heard or part.shape[1] > 0
                        yield part
                yield from stereo([], resampler, last=True)
            if not heard:
                raise RefusalError("No sound could be decoded.", AGAIN)
            if not self._loop:
                return


class Levelled:
    """Hands sound on louder or quieter by `gain_db`, without peaks above -1.5 dBFS, and exactly as long as it was."""

    def __init__(self, gain_db: float, sink: Sink) -> None:
        self._sink = sink
        self._graph = Graph()
        nodes = [
            self._graph.add_abuffer(
                sample_rate=RATE, format="fltp", layout="stereo", time_base=Fraction(1, RATE)
            ),
            self._graph.add("volume", f"{gain_db:.4f}dB"),
            self._graph.add("alimiter", f"limit={_CEILING}:level=0:latency=1"),
            self._graph.add("aformat", f"sample_fmts=fltp:channel_layouts=stereo:sample_rates={RATE}"),
            self._graph.add("abuffersink"),
        ]
        self._graph.link_nodes(*nodes).configure()
        self._at = 0

    def take(self, sound: Sound) -> None:
        """Take the next samples."""
        self._graph.push(sound_frame(sound, self._at))
        self._at += sound.shape[1]
        self._pull()

    def finish(self) -> None:
        """No more come."""
        self._graph.push(None)
        self._pull()

    def _pull(self) -> None:
        while True:
            try:
                frame = self._graph.pull()
            except (BlockingIOError, EOFError):
                return
            assert isinstance(frame, AudioFrame)
            self._sink(frame.to_ndarray().astype(np.float32, copy=False))
