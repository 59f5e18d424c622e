"""Loudness by ITU-R BS.1770-4 and stretches of silence, computed while the sound goes by."""

from __future__ import annotations

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.fft import irfft, rfft
from numpy.typing import NDArray

RATE = 48_000
_STEP = RATE // 10
"""Gating blocks of 400 ms overlap by 75 %: the sound is summed up in steps of 100 ms."""
_WINDOW = RATE // 50
"""Silence is judged on windows of 20 ms."""
_CHUNK_STEPS = 100
_LEAD = RATE // 2
"""Sound before a chunk that its filtering has to hear: the filter's memory is far shorter."""
_SILENCE_DBFS = -50.0
_MIN_SILENCE_SECONDS = 0.5
_SURROUND = (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)

# The two stages of K-weighting at 48 kHz, from tables 1 and 2 of the recommendation: (b, a).
_STAGES = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)


class Loudness:
    """Listens to audio frames; tells loudness and silences at the end."""

    def __init__(self) -> None:
        self._resampler: av.AudioResampler | None = None
        self._weights = np.ones(1)
        self._start = 0.0
        self._waiting: list[NDArray[np.float32]] = []
        self._length = 0
        self._lead: NDArray[np.float32] | None = None
        self._energies: list[NDArray[np.float64]] = []
        self._levels: list[NDArray[np.float64]] = []

    def hear(self, frame: AudioFrame) -> None:
        """Take the next frame, in any format."""
        if self._resampler is None:
            channels = frame.layout.nb_channels
            layout = {1: "mono", 2: "stereo", 6: "5.1"}.get(channels, "stereo")
            self._weights = np.array({"mono": (1.0,), "stereo": (1.0, 1.0), "5.1": _SURROUND}[layout])
            self._start = max(0.0, frame.time or 0.0)
            self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=RATE)
        self._keep(self._resampler.resample(frame))

    def finish(self) -> None:
        """Finish: no more frames come."""
        if self._resampler is not None:
            self._keep(self._resampler.resample(None))
        self._process(final=True)

    def integrated(self) -> float | None:
        """Integrated loudness in LUFS, two decimals; None if there is no sound above the absolute gate."""
        steps = np.concatenate(self._energies) if self._energies else np.zeros(0)
        if len(steps) < 4:
            if not len(steps):
                return None
            blocks = np.array([steps.mean()])  # shorter than one gating block: take what there is
        else:
            blocks = np.convolve(steps, np.full(4, 0.25), "valid")
        loud = blocks[_lufs(blocks) > -70]
        if not len(loud):
            return None
        relative = _lufs(loud.mean(keepdims=True))[0] - 10
        return round(float(_lufs(loud[_lufs(loud) > relative].mean(keepdims=True))[0]), 2)

    def silences(self) -> list[tuple[float, float]]:
        """Stretches in seconds in which every channel stays below -50 dBFS for half a second or longer."""
        levels = np.concatenate(self._levels) if self._levels else np.zeros(0)
        quiet = levels < 10 ** (_SILENCE_DBFS / 10)
        edges = np.flatnonzero(np.diff(np.concatenate(([0], quiet.astype(np.int8), [0]))))
        seconds = self._start + edges.reshape(-1, 2) * _WINDOW / RATE
        return [(float(start), float(end)) for start, end in seconds if end - start >= _MIN_SILENCE_SECONDS]

    def _keep(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            samples = frame.to_ndarray().astype(np.float32, copy=False)
            self._waiting.append(samples)
            self._length += samples.shape[1]
        if self._length >= _CHUNK_STEPS * _STEP:
            self._process(final=False)

    def _process(self, *, final: bool) -> None:
        if not self._waiting:
            return
        sound = np.concatenate(self._waiting, axis=1)
        usable = sound.shape[1] if final else sound.shape[1] - sound.shape[1] % _STEP
        rest = sound[:, usable:]
        sound = sound[:, :usable]
        self._waiting = [rest] if rest.shape[1] else []
        self._length = rest.shape[1]
        lead = np.zeros((sound.shape[0], _LEAD), np.float32) if self._lead is None else self._lead
        weighted = _k_weighted(np.concatenate((lead, sound), axis=1))[:, _LEAD:]
        self._lead = np.concatenate((lead, sound), axis=1)[:, -_LEAD:]
        self._energies.append(self._weights @ _means(weighted, _STEP, keep_rest=False))
        self._levels.append(_means(sound, _WINDOW, keep_rest=True).max(axis=0))


def _k_weighted(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """Filter in the frequency domain: the same response, without a loop over samples."""
    length = sound.shape[1]
    size = 1 << (length + _LEAD - 1).bit_length()
    turns = np.arange(size // 2 + 1, dtype=np.float64) / size
    z: NDArray[np.complex128] = np.exp(-2j * np.pi * turns)
    response: NDArray[np.complex128] = np.ones_like(z)
    for (b0, b1, b2), (a0, a1, a2) in _STAGES:
        response *= (b0 + b1 * z + b2 * z**2) / (a0 + a1 * z + a2 * z**2)
    return irfft(rfft(sound, size) * response, size)[:, :length]


def _means(sound: NDArray[np.floating], size: int, *, keep_rest: bool) -> NDArray[np.float64]:
    """Mean square of each stretch of `size` samples; a shorter rest counts as one more where it is kept."""
    squares = np.square(sound, dtype=np.float64)
    count = squares.shape[1] // size
    means = squares[:, : count * size].reshape(squares.shape[0], count, size).mean(axis=2)
    rest = squares[:, count * size :]
    if keep_rest and rest.shape[1]:
        means = np.concatenate((means, rest.mean(axis=1, keepdims=True)), axis=1)
    return means


def _lufs(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    return -0.691 + 10 * np.log10(np.maximum(energy, 1e-15))
