"""The sound of a placeholder: a soft chord with a few bells, chosen by the seed, even in loudness."""

from __future__ import annotations

from typing import Any

import numpy as np

SAMPLE_RATE = 48_000

_Floats = np.ndarray[Any, np.dtype[np.float32]]

_LEVEL = 0.065
"""Root mean square of both channels together: about -21.5 LUFS, whatever the seed chooses."""
_CHORDS = ((0, 7, 12, 16, 19), (0, 7, 12, 15, 19), (0, 5, 12, 17, 21), (0, 7, 14, 16, 23), (0, 7, 10, 15, 17))
_SCALE = (0, 2, 4, 7, 9, 12)
_FADE_SECONDS = 0.12


def tone_bed(seconds: float, seed: int) -> _Floats:
    """Make the sound: two channels of floating point samples at `SAMPLE_RATE`, faded in and out without a click."""
    count = round(seconds * SAMPLE_RATE)
    random = np.random.default_rng(seed)
    time = np.arange(count, dtype=np.float64) / SAMPLE_RATE
    root = 130.8 * 2 ** (int(random.integers(0, 10)) / 12)
    sound = np.zeros((2, count))
    for step in _CHORDS[int(random.integers(len(_CHORDS)))]:
        often = root * 2 ** (step / 12)
        swell = 0.72 + 0.28 * np.sin(2 * np.pi * random.uniform(0.08, 0.22) * time + random.uniform(0, 6.28))
        side = random.uniform(0.3, 0.7)
        for channel, share in enumerate((side, 1 - side)):
            phase = random.uniform(0, 6.28)
            wave = np.sin(2 * np.pi * often * (1 + 0.0012 * channel) * time + phase)
            sound[channel] += share * swell * (wave + 0.18 * np.sin(4 * np.pi * often * time + phase))
    sound /= np.sqrt(np.mean(sound**2, axis=1, keepdims=True)) if count else 1
    _add_bells(sound, time, random, root)
    sound *= _LEVEL / max(1e-9, float(np.sqrt(np.mean(sound**2)))) if count else 1
    fade = min(_FADE_SECONDS, seconds / 4)
    edge = np.clip(np.minimum(time, seconds - time) / max(fade, 1e-9), 0, 1)
    return (sound * (0.5 - 0.5 * np.cos(np.pi * edge))).astype(np.float32)


def _add_bells(
    sound: np.ndarray[Any, np.dtype[np.float64]], time: Any, random: np.random.Generator, root: float
) -> None:
    """One bell about every second and a half, each dying away within two seconds."""
    start = float(random.uniform(0.3, 0.8))
    while start < len(time) / SAMPLE_RATE - 0.4:
        first = round(start * SAMPLE_RATE)
        since = time[first : first + 2 * SAMPLE_RATE] - start
        often = root * 4 * 2 ** (_SCALE[int(random.integers(len(_SCALE)))] / 12)
        envelope = np.minimum(since / 0.012, 1).clip(0) * np.exp(-2.6 * since) * (1 - since / 2).clip(0)
        wave = 0.7 * envelope * np.sin(2 * np.pi * often * since)
        side = random.uniform(0.3, 0.7)
        sound[0, first : first + len(since)] += side * wave
        sound[1, first : first + len(since)] += (1 - side) * wave
        start += float(random.uniform(1.0, 2.0))
