"""The worker's task `probe`: cuts, black and frozen stretches, loudness and silences of a video."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from .loudness import Loudness
from .refusal import RefusalError
from .scanning import AGAIN, open_film, scan
from .signatures import Signature

_WIDTH, _HEIGHT = 160, 90
_BLACK_LUMA = 32
"""At or below it a pixel is black: video black is 16 and noise lies on top."""
_BLACK_SHARE = 0.98
_MIN_BLACK_SECONDS = 0.3
_STILL_MEAN, _STILL_PIXEL = 0.5, 8
"""Largest difference from the first frame of a stretch that still counts as no change, out of 255."""
_MIN_FREEZE_SECONDS = 1.0
_CUT_MEAN, _CUT_RATIO, _CUT_NEIGHBOURS = 12.0, 3.0, 3
"""A cut changes the picture this much, and this many times more than the frames around it do."""
_FAINT_MEAN, _FAINT_RATIO, _FAINT_PIXEL, _FAINT_SHARE = 5.0, 6.0, 3, 0.5
"""
Between two dark or pale shots it changes less: then it has to stand out more, and to change so large a share of the pixels
by more than so much. A title that appears changes few.
"""


class Watcher:
    """Looks at small grey copies of the frames; tells cuts, blacks and freezes at the end, in seconds."""

    def __init__(self) -> None:
        self._small = VideoReformatter()
        self._times: list[float] = []
        self._changes: list[float] = []
        self._changed: list[float] = []
        self._black: list[bool] = []
        self._still: list[bool] = []
        self._before: NDArray[np.int16] | None = None
        self._reference: NDArray[np.int16] | None = None

    def see(self, frame: VideoFrame, time: float) -> None:
        """Take the next frame."""
        grey = self._small.reformat(frame, _WIDTH, _HEIGHT, "gray", interpolation="AREA").to_ndarray()
        picture = grey.astype(np.int16)
        self._times.append(time)
        self._black.append(float(np.mean(picture <= _BLACK_LUMA)) >= _BLACK_SHARE)
        if self._before is None or self._reference is None:
            self._changes.append(0.0)
            self._changed.append(0.0)
            self._still.append(False)
            self._reference = picture
        else:
            change = np.abs(picture - self._before)
            self._changes.append(float(change.mean()))
            self._changed.append(float((change > _FAINT_PIXEL).mean()))
            difference = np.abs(picture - self._reference)
            still = bool(difference.mean() <= _STILL_MEAN and difference.max() <= _STILL_PIXEL)
            self._still.append(still)
            if not still:
                self._reference = picture
        self._before = picture

    def blacks(self, end: float) -> list[tuple[float, float]]:
        """Black stretches; `end` is when the last frame ends."""
        return _stretches(self._black, self._times, end, _MIN_BLACK_SECONDS)

    def freezes(self, end: float) -> list[tuple[float, float]]:
        """Stretches that show one picture. The first frame of each belongs to it."""
        found: list[tuple[float, float]] = []
        start = 0
        for index in range(1, len(self._still) + 1):
            last = index == len(self._still)
            if last or not self._still[index]:
                stop = end if last else self._times[index]
                if stop - self._times[start] >= _MIN_FREEZE_SECONDS:
                    found.append((self._times[start], stop))
                start = index
        return found

    def cuts(self) -> list[float]:
        """Times of the frames that begin a new shot. A flash of one frame is none."""
        found: list[float] = []
        for index, change in enumerate(self._changes):
            around = self._changes[max(1, index - _CUT_NEIGHBOURS) : index]
            around += self._changes[index + 1 : index + 1 + _CUT_NEIGHBOURS]
            most = max(around, default=0.0)
            sharp = change >= _CUT_MEAN and change >= _CUT_RATIO * most
            faint = change >= _FAINT_MEAN and change >= _FAINT_RATIO * most
            if sharp or (faint and self._changed[index] >= _FAINT_SHARE):
                found.append(self._times[index])
        return found


def measure(source: IO[bytes], signature: Signature) -> tuple[dict[str, Any], bytes]:
    """
    Decode the whole video, look and listen.

    Raises:
        RefusalError: it is not a complete playable video.
    """
    watcher, ear = Watcher(), Loudness()
    with open_film(source, signature) as film:
        found = scan(film, on_video=watcher.see, on_audio=ear.hear)
    if found.video_codec is None:
        raise RefusalError("The file has sound but no picture.", AGAIN)
    ear.finish()
    end = found.duration_seconds
    return {
        **found.facts(),
        "loudness_lufs": ear.integrated(),
        "cuts": [round(time, 3) for time in watcher.cuts()],
        "blacks": _spans(watcher.blacks(end)),
        "freezes": _spans(watcher.freezes(end)),
        "silences": _spans([(start, min(stop, end)) for start, stop in ear.silences() if start < end]),
    }, b""


def _stretches(flags: list[bool], times: list[float], end: float, least: float) -> list[tuple[float, float]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], np.array(flags, np.int8), [0])))).reshape(-1, 2)
    marks = [*times, end]
    found = [(marks[start], marks[stop]) for start, stop in edges.tolist()]
    return [(start, stop) for start, stop in found if stop - start >= least]


def _spans(stretches: list[tuple[float, float]]) -> list[dict[str, float]]:
    return [{"start": round(start, 3), "end": round(end, 3)} for start, end in stretches]
