"""Draws the sandbox's placeholder videos: real MP4s of the exact size, deterministic per seed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import numpy as np
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from PIL import Image

    from .scenes import Scene
    from .spec import PlaceholderSpec

_MOST_PIXELS_IN_FULL = 2_300_000
"""A larger picture is drawn at half its width and height, and enlarged for the encoder."""
_ENCODING = {"preset": "superfast", "crf": "21", "threads": "4"}
_LARGE_ENCODING = {"preset": "ultrafast", "qp": "21", "threads": "2", "tune": "zerolatency"}
"""
Always the same number of threads: with another one the encoder writes other bytes.

At 4k a fixed quality saves the small copies of pictures by which it would be chosen, and no latency those that wait.
"""
_SOUND_BITS = 128_000
_BT709 = 1
_LIMITED_RANGE = 1
_STRIP = 64
"""Rows of a picture that are turned into plain bytes at once: as many as stay in the processor's cache."""


class RenderingStopped(Exception):
    """Drawing was asked to stop."""


def render_placeholder(
    spec: PlaceholderSpec,
    destination: Path,
    *,
    last_frame: Path | None,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> None:
    """
    Draw the video into `destination` as MP4: H.264, AAC where `audio` is on, ready to play while it loads. Blocks.

    `last_frame` is where to write the picture that it ends on, without the words, as PNG or JPEG by its name.
    `progress` is called with 0 to 1 after every frame. Nothing is left behind when it does not come to its end.

    Raises:
        ValueError: no such video can be written: a size that is odd or below 16 pixels, no duration.
        OSError: the files cannot be written (a full disk, for one).
        RenderingStopped: `cancelled()` became true.
    """
    from .scenes import Scene

    if min(spec.width, spec.height) < 16 or spec.width % 2 or spec.height % 2 or spec.duration_seconds <= 0:
        raise ValueError(f"{spec.width} x {spec.height} pixels for {spec.duration_seconds} s cannot be drawn")
    try:
        scene = Scene(_as_drawn(spec))
        _film(scene, spec, destination, progress, cancelled)
        if last_frame is not None:
            _enlarged(scene.bare(spec.frames - 1), spec).save(last_frame, quality=95)
    except BaseException:
        for path in (destination, last_frame):
            if path is not None:
                path.unlink(missing_ok=True)
        raise


def _is_large(spec: PlaceholderSpec) -> bool:
    return spec.width * spec.height > _MOST_PIXELS_IN_FULL


def _as_drawn(spec: PlaceholderSpec) -> PlaceholderSpec:
    return replace(spec, width=spec.width // 2, height=spec.height // 2) if _is_large(spec) else spec


def _enlarged(image: Image.Image, spec: PlaceholderSpec) -> Image.Image:
    return image.resize((spec.width, spec.height)) if _is_large(spec) else image


def _film(
    scene: Scene,
    spec: PlaceholderSpec,
    destination: Path,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> None:
    from av import open as open_film

    converter = _Converter(spec)
    options = {"movflags": "+faststart"}
    with open_film(str(destination.absolute()), "w", format="mp4", options=options) as film:
        film.metadata["title"] = _tag(spec.prompt)
        film.metadata["comment"] = f"placeholder; model={_tag(spec.model)}; seed={spec.seed}"
        picture = _picture_stream(film, spec)
        sound = _Sound(film, spec) if spec.audio else None

        def add(image: Image.Image, number: int) -> None:
            _write(film, picture, converter.frame(image, number))
            if sound:
                sound.up_to((number + 1) / spec.fps)

        # Each frame is encoded while the next one is drawn; no more than these two are ever there.
        with ThreadPoolExecutor(max_workers=1) as encoder:
            added: Future[None] | None = None
            for number in range(spec.frames):
                if cancelled():
                    raise RenderingStopped
                image = scene.draw(number)
                if added:
                    added.result()
                added = encoder.submit(add, image, number)
                progress((number + 1) / spec.frames)
            if added:
                added.result()
        _write(film, picture, None)
        if sound:
            sound.finish()


def _tag(text: str) -> str:
    """What can stand in a container's metadata: no NUL, no half of a character pair."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _picture_stream(film: OutputContainer, spec: PlaceholderSpec) -> VideoStream:
    stream: VideoStream = film.add_stream("libx264", rate=spec.fps)  # pyright: ignore[reportUnknownMemberType]
    stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, "yuv420p"
    stream.time_base = Fraction(1, spec.fps)
    stream.options = {**(_LARGE_ENCODING if _is_large(spec) else _ENCODING), "g": str(2 * spec.fps)}
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED_RANGE
    return stream


class _Converter:
    """Makes drawn pictures the encoder's frames."""

    def __init__(self, spec: PlaceholderSpec) -> None:
        import numpy as np
        from av.video.reformatter import VideoReformatter

        self._spec = spec
        drawn = _as_drawn(spec)
        self._pixels = np.empty((drawn.height, drawn.width, 3), np.uint8)
        self._reformatter = VideoReformatter()

    def frame(self, image: Image.Image, number: int) -> VideoFrame:
        """Make a picture frame `number`."""
        import numpy as np
        from av.video.frame import VideoFrame
        from av.video.reformatter import ColorRange, Colorspace

        # Blue comes first: for that order FFmpeg has a converter of its own, all others go through its general scaler.
        for top in range(0, image.height, _STRIP):
            strip = image.crop((0, top, image.width, min(image.height, top + _STRIP)))
            rows = np.frombuffer(strip.tobytes("raw", "BGR"), np.uint8)
            self._pixels[top : top + _STRIP] = rows.reshape(strip.height, strip.width, 3)
        # Named on both sides: players take untagged HD pictures for BT.709, the converter writes BT.601 unasked.
        frame = self._reformatter.reformat(
            VideoFrame.from_numpy_buffer(self._pixels, format="bgr24"),
            width=self._spec.width,
            height=self._spec.height,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        frame.pts = number
        frame.time_base = Fraction(1, self._spec.fps)
        return frame


class _Sound:
    """The tone bed, written beside the picture so that players find both in one place of the file."""

    def __init__(self, film: OutputContainer, spec: PlaceholderSpec) -> None:
        from .tones import SAMPLE_RATE

        self._spec = spec
        self._film = film
        self._rate = SAMPLE_RATE
        self._stream: AudioStream = film.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")  # pyright: ignore[reportUnknownMemberType]
        self._stream.bit_rate = _SOUND_BITS
        self._done = 0

    def up_to(self, seconds: float) -> None:
        """Write sound up to this moment."""
        self._write(round(seconds * self._rate))

    def finish(self) -> None:
        """Write what is left and close the stream."""
        self._write(self._samples.shape[1])
        _write(self._film, self._stream, None)

    @cached_property
    def _samples(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The whole sound, made where it is encoded: meanwhile frames are drawn."""
        from .tones import tone_bed

        return tone_bed(self._spec.frames / self._spec.fps, self._spec.seed)

    def _write(self, end: int) -> None:
        import numpy as np
        from av.audio.frame import AudioFrame

        part = self._samples[:, self._done : end]
        if not part.shape[1]:
            return
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(part), format="fltp", layout="stereo")
        frame.sample_rate = self._rate
        frame.pts = self._done
        frame.time_base = Fraction(1, self._rate)
        self._done += part.shape[1]
        _write(self._film, self._stream, frame)


def _write(
    film: OutputContainer, stream: VideoStream | AudioStream, frame: VideoFrame | AudioFrame | None
) -> None:
    """Encode a frame, or with None what is left, and put it into the file. PyAV's packets have no types."""
    film.mux(cast("Any", stream).encode(frame))  # pyright: ignore[reportUnknownMemberType]
