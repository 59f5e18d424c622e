"""Draws the sandbox's placeholder videos: real MP4s of the exact size, deterministic per seed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from av.container import OutputContainer

    Pixels = np.ndarray[Any, np.dtype[np.uint8]]

_SAMPLE_RATE = 44_100
_SAMPLES = 1024


class Cancelled(Exception):
    """Drawing was asked to stop."""


@dataclass(frozen=True, kw_only=True)
class PlaceholderSpec:
    """What to draw. Pixels (both even), seconds, frames per second; `unseen` counts inputs that could not be read."""

    prompt: str
    model: str
    width: int
    height: int
    duration_seconds: float
    fps: int = 24
    seed: int = 0
    audio: bool = True
    first_frame: Path | None = None
    last_frame: Path | None = None
    references: tuple[Path, ...] = ()
    unseen: int = 0


def render_placeholder(
    spec: PlaceholderSpec,
    destination: Path,
    *,
    last_frame: Path | None,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> None:
    """
    Draw the video into `destination` (MP4, H.264, AAC if `audio`), and its last frame as PNG if asked. Blocks.

    The same specification gives the same frames. Nothing is left behind when it does not come to its end.

    Raises:
        OSError: the file cannot be written (a full disk, for one).
        Cancelled: `cancelled()` became true.
    """
    try:
        _render(spec, destination, last_frame, progress, cancelled)
    except BaseException:
        destination.unlink(missing_ok=True)
        raise


def _render(
    spec: PlaceholderSpec,
    destination: Path,
    last_frame: Path | None,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> None:
    import av
    from av.video.frame import VideoFrame

    from .scenery import Scene

    frames = max(1, round(spec.duration_seconds * spec.fps))
    scene = Scene(spec, frames)
    options = {"movflags": "+faststart"}
    with av.open(str(destination), "w", format="mp4", options=options) as film:
        film.metadata["title"] = spec.prompt[:1000]
        film.metadata["comment"] = f"placeholder; model={spec.model}; seed={spec.seed}"
        picture = film.add_stream("libx264", rate=spec.fps)
        picture.width, picture.height = spec.width, spec.height
        picture.pix_fmt = "yuv420p"
        picture.time_base = Fraction(1, spec.fps)
        picture.options = {
            "preset": "ultrafast" if spec.width * spec.height > 1_000_000 else "veryfast",
            "crf": "23",
        }
        picture.thread_type = "AUTO"
        sound = _Sound(film, spec, frames) if spec.audio else None
        for number, pixels in enumerate(_ahead(scene.frame, frames)):
            if cancelled():
                raise Cancelled
            frame = VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            frame.time_base = Fraction(1, spec.fps)
            film.mux(picture.encode(frame))
            if sound:
                sound.up_to((number + 1) / spec.fps)
            progress((number + 1) / frames)
        film.mux(picture.encode(None))
        if sound:
            sound.finish()
    if last_frame is not None:
        from PIL import Image

        Image.fromarray(scene.bare(frames - 1)).save(last_frame, "PNG")


def _ahead(draw: Callable[[int], Pixels], frames: int) -> Iterator[Pixels]:
    """Draw the next frames while the last one is being encoded: both let the other core work."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=1) as painter:
        coming = deque(painter.submit(draw, number) for number in range(min(2, frames)))
        for number in range(frames):
            pixels = coming.popleft().result()
            if number + 2 < frames:
                coming.append(painter.submit(draw, number + 2))
            yield pixels


class _Sound:
    """A soft chord that the seed chooses, as long as the picture."""

    def __init__(self, film: OutputContainer, spec: PlaceholderSpec, frames: int) -> None:
        import numpy as np

        self._film = film
        self._stream = film.add_stream("aac", rate=_SAMPLE_RATE, layout="mono")
        self._total = round(frames / spec.fps * _SAMPLE_RATE)
        self._done = 0
        choice = np.random.default_rng(spec.seed)
        root = 110.0 * 2 ** (int(choice.integers(0, 12)) / 12)
        self._tones = [
            root * ratio for ratio in ((1, 1.25, 1.5, 2) if choice.integers(0, 2) else (1, 1.2, 1.5, 2))
        ]
        self._phases = choice.uniform(0, 6.28, len(self._tones))

    def up_to(self, seconds: float) -> None:
        """Write sound up to this moment."""
        while self._done + _SAMPLES <= min(self._total, round(seconds * _SAMPLE_RATE)):
            self._write(_SAMPLES)

    def finish(self) -> None:
        """Write what is left and close the stream."""
        while self._done < self._total:
            self._write(min(_SAMPLES, self._total - self._done))
        self._film.mux(self._stream.encode(None))

    def _write(self, count: int) -> None:
        import numpy as np
        from av.audio.frame import AudioFrame

        time = (np.arange(self._done, self._done + count)) / _SAMPLE_RATE
        wave = sum(
            np.sin(2 * np.pi * tone * time + phase)
            * (0.6 + 0.4 * np.sin(2 * np.pi * 0.25 * (index + 1) * time))
            for index, (tone, phase) in enumerate(zip(self._tones, self._phases, strict=True))
        )
        end = self._total / _SAMPLE_RATE
        fade = np.clip(np.minimum(time / 0.15, (end - time) / 0.15), 0, 1)
        samples = (wave * fade * 0.075).astype(np.float32)
        frame = AudioFrame.from_ndarray(samples[np.newaxis, :], format="fltp", layout="mono")
        frame.sample_rate = _SAMPLE_RATE
        frame.pts = self._done
        frame.time_base = Fraction(1, _SAMPLE_RATE)
        self._done += count
        self._film.mux(self._stream.encode(frame))
