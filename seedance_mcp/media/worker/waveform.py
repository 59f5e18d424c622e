"""The worker's task `sound`: the level of a video's sound over time, with silences, cuts and loudness, on one JPEG."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import IO, Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.error import FFmpegError
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .drawing import ACCENT, FAINT, INK, PAPER, fitted, font
from .loudness import RATE, Loudness
from .refusal import RefusalError
from .scanning import AGAIN, open_film, sound_stream
from .signatures import Signature

_WINDOW = RATE // 1000
"""Levels are kept for every millisecond."""
_WIDTH, _HEIGHT = 1200, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 18, 74, 40
_FLOOR = -60.0
_LINES = (0, -12, -24, -36, -48)
_PEAK, _RMS = (56, 116, 171), (125, 211, 252)
_FIELD, _RULE, _SILENT = (32, 32, 36), (58, 58, 64), (88, 28, 28)
_SILENT_INK = (252, 165, 165)
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
_MOST_MARKS = 12

Span = tuple[float, float]


class Levels:
    """Listens to audio frames; tells peak and mean power of each millisecond, all channels taken together."""

    def __init__(self) -> None:
        self._resampler: av.AudioResampler | None = None
        self._rest = np.zeros((0, 0), np.float32)
        self._peaks: list[NDArray[np.float32]] = []
        self._powers: list[NDArray[np.float32]] = []
        self.start = 0.0

    def hear(self, frame: AudioFrame) -> None:
        """Take the next frame, in any format."""
        if self._resampler is None:
            self._resampler = av.AudioResampler(format="fltp", layout=frame.layout, rate=RATE)
            self._rest = np.zeros((frame.layout.nb_channels, 0), np.float32)
            self.start = max(0.0, frame.time or 0.0)
        for heard in self._resampler.resample(frame):
            sound = np.concatenate((self._rest, heard.to_ndarray()), axis=1)
            count = sound.shape[1] // _WINDOW
            windows = sound[:, : count * _WINDOW].reshape(sound.shape[0], count, _WINDOW)
            self._rest = sound[:, count * _WINDOW :]
            self._peaks.append(np.abs(windows).max(axis=(0, 2), initial=0.0))
            self._powers.append(np.square(windows).mean(axis=(0, 2)))

    def columns(self, edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Peak and root mean square between each two of these times, as amplitudes; 0 where there is no sound."""
        peaks = np.concatenate(self._peaks) if self._peaks else np.zeros(0, np.float32)
        powers = np.concatenate(self._powers) if self._powers else np.zeros(0, np.float32)
        places = np.clip(np.floor((edges - self.start) * 1000), 0, len(peaks)).astype(int)
        top, mean = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
        for column, (first, last) in enumerate(itertools.pairwise(places)):
            last = max(last, min(first + 1, len(peaks)))  # columns may be narrower than a millisecond
            if last > first:
                top[column] = peaks[first:last].max()
                mean[column] = np.sqrt(powers[first:last].mean())
        return top, mean


def draw_sound(
    source: IO[bytes],
    signature: Signature,
    *,
    start: float,
    end: float,
    cuts: Sequence[float],
    max_bytes: int,
) -> tuple[dict[str, Any], bytes]:
    """
    Draw how loud the sound is between two times in seconds. Loudness and the highest peak told are of the whole sound.

    Raises:
        RefusalError: there is no sound, or it does not decode.
    """
    loudness, levels = Loudness(), Levels()
    for frame in _sound(source, signature):
        loudness.hear(frame)
        levels.hear(frame)
    loudness.finish()
    edges = np.linspace(start, end, _WIDTH - _LEFT - _RIGHT + 1)
    chart = _Chart(start, end)
    top, mean = levels.columns(edges)
    silences = [(max(start, a), min(end, b)) for a, b in loudness.silences() if a < end and b > start]
    chart.silences(silences)
    chart.levels(top, mean)
    chart.scales()
    chart.cuts(cuts)
    chart.names(silences)
    chart.title(loudness.integrated(), float(top.max(initial=0.0)))
    jpeg, size = fitted(chart.scaled, max_bytes)
    return {"width": size[0], "height": size[1]}, jpeg


def _sound(source: IO[bytes], signature: Signature) -> Iterator[AudioFrame]:
    with open_film(source, signature) as film:
        stream = sound_stream(film)
        if stream is None:
            raise RefusalError("The file holds no sound.", AGAIN)
        try:
            for packet in film.demux(stream):
                yield from packet.decode()
        except FFmpegError as error:
            raise RefusalError(f"The sound stops decoding: {error.strerror}.", AGAIN) from error


class _Chart:
    """The picture, drawn layer by layer."""

    def __init__(self, start: float, end: float) -> None:
        self._start, self._end = start, end
        self._image = Image.new("RGB", (_WIDTH, _HEIGHT), PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self._draw.rectangle((_LEFT, _TOP, _WIDTH - _RIGHT - 1, _HEIGHT - _BOTTOM), fill=_FIELD)

    def silences(self, spans: Sequence[Span]) -> None:
        """Colour the silences."""
        for start, end in spans:
            self._draw.rectangle(
                (self._across(start), _TOP, self._across(end), _HEIGHT - _BOTTOM), fill=_SILENT
            )

    def names(self, spans: Sequence[Span]) -> None:
        """Name the silences that there is room to name."""
        small = font(15)
        for start, end in spans:
            left, right = self._across(start), self._across(end)
            for text in (f"silence {start:.2f} - {end:.2f} s", "silence"):
                width = self._draw.textlength(text, font=small) + 12
                if width <= right - left:
                    across, down = (left + right) / 2, (_TOP + _HEIGHT - _BOTTOM) / 2
                    around = (across - width / 2, down - 12, across + width / 2, down + 12)
                    self._draw.rectangle(around, fill=_SILENT)
                    self._draw.text((across, down), text, font=small, fill=_SILENT_INK, anchor="mm")
                    break

    def levels(self, top: NDArray[np.float64], mean: NDArray[np.float64]) -> None:
        """Draw a bar for the peak of each column and, before it, one for its mean."""
        for values, colour in ((top, _PEAK), (mean, _RMS)):
            for column, value in enumerate(values):
                if (level := _decibels(float(value))) > _FLOOR:
                    left = _LEFT + column
                    self._draw.line((left, self._down(level), left, _HEIGHT - _BOTTOM), fill=colour)

    def scales(self) -> None:
        """Write the levels at the left and the seconds below."""
        small = font(16)
        for level in _LINES:
            down = self._down(level)
            self._draw.line((_LEFT, down, _WIDTH - _RIGHT - 1, down), fill=_RULE)
            self._draw.text((_LEFT - 8, down), f"{level}", font=small, fill=INK, anchor="rm")
        self._draw.text((_LEFT - 8, _HEIGHT - _BOTTOM), "dBFS", font=font(14), fill=FAINT, anchor="rm")
        length = self._end - self._start
        step = next((step for step in _STEPS if length / step <= _MOST_MARKS), length)
        decimals = 0 if step >= 1 else 1 if step >= 0.1 else 2
        for count in range(int(np.ceil(self._start / step - 1e-6)), int(self._end / step + 1e-6) + 1):
            across = self._across(count * step)
            below = _HEIGHT - _BOTTOM
            self._draw.line((across, below, across, below + 6), fill=FAINT)
            place = min(across, _WIDTH - _RIGHT - 16), below + 10
            self._draw.text(place, f"{count * step:.{decimals}f} s", font=small, fill=INK, anchor="ma")

    def cuts(self, times: Sequence[float]) -> None:
        """Draw a line at each cut of the picture."""
        for time in times:
            across = self._across(time)
            self._draw.line((across, _TOP, across, _HEIGHT - _BOTTOM), fill=ACCENT)
            self._draw.polygon(((across - 5, _TOP - 9), (across + 5, _TOP - 9), (across, _TOP)), fill=ACCENT)

    def title(self, lufs: float | None, peak: float) -> None:
        """Say how loud it is, and what the colours mean."""
        loud = "no loudness" if lufs is None else f"{lufs:.1f} LUFS in the whole video"
        highest = f"peak {_decibels(peak):.1f} dBFS" if peak > 0 else "no sound"
        words = f"{self._start:.2f} - {self._end:.2f} s: {highest}    {loud}"
        self._draw.text((_LEFT, 14), words, font=font(19), fill=INK)
        small, left = font(15), float(_LEFT)
        for colour, name in ((_PEAK, "peak"), (_RMS, "RMS"), (_SILENT, "silence"), (ACCENT, "cut")):
            self._draw.rectangle((left, 47, left + 12, 59), fill=colour)
            self._draw.text((left + 18, 53), name, font=small, fill=INK, anchor="lm")
            left += self._draw.textlength(name, font=small) + 42

    def scaled(self, scale: float) -> Image.Image:
        """The whole picture, with so much of its sides."""
        if scale == 1:
            return self._image
        size = round(_WIDTH * scale), round(_HEIGHT * scale)
        return self._image.resize(size, Image.Resampling.LANCZOS)

    def _across(self, time: float) -> int:
        share = (time - self._start) / (self._end - self._start)
        return _LEFT + round(share * (_WIDTH - _LEFT - _RIGHT - 1))

    def _down(self, level: float) -> int:
        share = min(1.0, max(0.0, level / _FLOOR))
        return _TOP + round(share * (_HEIGHT - _BOTTOM - _TOP))


def _decibels(amplitude: float) -> float:
    return 20 * float(np.log10(amplitude)) if amplitude > 0 else -np.inf
