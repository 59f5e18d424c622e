"""The pictures of a film: copied from the clips as they are, or all drawn anew in one format."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, cast

import numpy as np
from av.container import OutputContainer
from av.filter import Graph
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ..frames import upright
from .join_clips import HDR_TRANSFERS, Clip, opened
from .join_layout import Place
from .join_tracks import put, put_encoded
from .refusal import RefusalError
from .scanning import AGAIN, picture_stream

FRAME = Fraction(1, 24)
"""How long a rendered picture is to be seen, in seconds."""

Picture = NDArray[np.uint8]
"""The planes of a yuv420p picture, one after the other."""

_BT709, _LIMITED, _UNTOLD = 1, 1, 2
_HD_LINES = 720
"""From so many lines on, players take pictures without colour tags for BT.709."""
_BLACK, _WHITE, _GREY = 16, 235, 128
_COVER_SIDE = 1280


class Pictures(Protocol):
    """Takes the packets of each clip's pictures, clip after clip."""

    def begin(self, number: int, stream: VideoStream) -> None:
        """Turn to the next clip."""
        ...

    def take(self, packet: Packet[VideoStream]) -> None:
        """Take a packet of its pictures; one without content says that there are no more."""
        ...

    def finish(self) -> None:
        """Write what is left."""
        ...


class Copied:
    """Writes pictures as they are, only later."""

    def __init__(
        self, film: OutputContainer, template: VideoStream, clips: Sequence[Clip], places: Sequence[Place]
    ) -> None:
        self._film = film
        self._clips = clips
        self._places = places
        self._shift = 0
        self.stream: VideoStream = film.add_stream_from_template(template)  # pyright: ignore[reportUnknownMemberType]
        if clips[0].pictures.codec == "hevc":
            self.stream.codec_context.codec_tag = (
                "hvc1"  # the other way of writing it, some players do not show
            )
        self.stream.time_base = clips[0].pictures.time_base

    def begin(self, number: int, stream: VideoStream) -> None:
        """Turn to the next clip."""
        clip = self._clips[number]
        self._shift = round(self._places[number].start / clip.pictures.time_base) - clip.first

    def take(self, packet: Packet[VideoStream]) -> None:
        """Write a packet."""
        if not packet.size or packet.pts is None or packet.dts is None:
            return
        packet.pts += self._shift
        packet.dts += self._shift
        packet.stream = self.stream
        put(self._film, packet)

    def finish(self) -> None:
        """Nothing is left."""


@dataclass(frozen=True)
class Canvas:
    """Width and height of a rendered film."""

    width: int
    height: int

    @property
    def lines(self) -> int:
        """Of the array with the planes."""
        return self.height * 3 // 2


class Rendered:
    """Decodes pictures, brings them to one size and rate, draws the transitions and encodes them."""

    def __init__(
        self,
        film: OutputContainer,
        canvas: Canvas,
        clips: Sequence[Clip],
        places: Sequence[Place],
        entries: Sequence[str],
    ) -> None:
        self._film = film
        self._canvas = canvas
        self._clips = clips
        self._places = places
        self._entries = entries
        self._number = 0
        self._frames: Iterator[Picture] = iter(())
        self._reformatter = VideoReformatter()
        self._darkened = _Darkened()
        self._written = 0
        self._tail: list[Picture] = []
        self._entered = self._decoded = 0
        self._grid: _Grid | None = None
        stream: VideoStream = film.add_stream("libx264", rate=round(1 / FRAME))  # pyright: ignore[reportUnknownMemberType]
        stream.width, stream.height, stream.pix_fmt = canvas.width, canvas.height, "yuv420p"
        stream.time_base = FRAME
        stream.options = {"preset": "veryfast", "crf": "18", "g": str(round(2 / FRAME))}
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        self.stream = stream

    def begin(self, number: int, stream: VideoStream) -> None:
        """Turn to the next clip."""
        self._number = number
        place = self._places[number]
        count = round((place.length + place.skip) / FRAME)
        self._grid = _Grid(count, round(place.skip / FRAME), self._clips[number])
        self._entered = self._decoded = 0

    def take(self, packet: Packet[VideoStream]) -> None:
        """Decode a packet and draw its pictures."""
        assert self._grid is not None
        for frame in packet.decode():
            self._decoded += 1
            if frame.is_corrupt:
                raise RefusalError("Pictures of the clip are damaged.", AGAIN)
            self._draw(self._grid.up_to(frame))
        if not packet.size:
            if self._decoded < self._clips[self._number].frames:
                raise RefusalError("Not all pictures of the clip can be decoded.", AGAIN)
            self._draw(self._grid.rest())

    def finish(self) -> None:
        """Write what is left in the encoder."""
        put_encoded(self._film, self.stream, None)

    def _draw(self, frames: Iterator[VideoFrame]) -> None:
        place = self._places[self._number]
        entering, leaving = round(place.enters / FRAME), round(place.leaves / FRAME)
        last = round(place.length / FRAME) - leaving
        for frame in frames:
            picture = self._drawn(frame)
            if self._entered < entering:
                before = self._tail.pop(0)
                part = (self._entered + 1) / (entering + 1)
                picture = _TRANSITIONS[self._entries[self._number]](before, picture, part, self._canvas)
            self._entered += 1
            if self._entered > last:
                self._tail.append(picture)
            else:
                self._write(picture)

    def _write(self, picture: Picture) -> None:
        frame = VideoFrame.from_ndarray(picture, "yuv420p")
        frame.pts, frame.time_base = self._written, FRAME
        self._written += 1
        put_encoded(self._film, self.stream, frame)

    def _drawn(self, frame: VideoFrame) -> Picture:
        """The whole frame upright, as large as the canvas holds it, on black."""
        canvas, pictures = self._canvas, self._clips[self._number].pictures
        turned = round(frame.rotation / 90) % 4
        broad, high = frame.width * pictures.shape, Fraction(frame.height)
        if turned % 2:
            broad, high = high, broad
        scale = min(canvas.width / broad, canvas.height / high)
        width = min(canvas.width, 2 * round(broad * scale / 2))
        height = min(canvas.height, 2 * round(high * scale / 2))
        inner = self._scaled(frame, Canvas(height, width) if turned % 2 else Canvas(width, height))
        if turned:
            inner = _turned(inner, Canvas(width, height), turned)
        if (width, height) == (canvas.width, canvas.height):
            return inner
        made = np.full((canvas.lines, canvas.width), _GREY, np.uint8)
        made[: canvas.height] = _BLACK
        left, top = (canvas.width - width) // 4 * 2, (canvas.height - height) // 4 * 2
        for number, (plane, part) in enumerate(
            zip(_planes(made, canvas), _planes(inner, Canvas(width, height)), strict=True)
        ):
            half = 2 if number else 1
            plane[top // half :, left // half :][: part.shape[0], : part.shape[1]] = part
        return made

    def _scaled(self, frame: VideoFrame, size: Canvas) -> Picture:
        if frame.color_trc in HDR_TRANSFERS:
            small = self._darkened.frame(frame, size)
        else:
            untold = Colorspace.ITU709 if frame.height >= _HD_LINES else Colorspace.ITU601
            small = self._reformatter.reformat(
                frame,
                width=size.width,
                height=size.height,
                format="yuv420p",
                src_colorspace=untold if frame.colorspace == _UNTOLD else None,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
        return cast("Picture", small.to_ndarray())


class _Darkened:
    """Brings HDR into what every screen shows: what is brighter is compressed, not cut off."""

    def __init__(self) -> None:
        self._key: object = None
        self._graph = Graph()

    def frame(self, frame: VideoFrame, size: Canvas) -> VideoFrame:
        """The frame in this size, with colours of BT.709."""
        key = (frame.width, frame.height, frame.format.name, frame.color_trc, size)
        if key != self._key:
            self._key, self._graph = key, self._made(frame, size)
        self._graph.push(frame)
        made = self._graph.pull()
        assert isinstance(made, VideoFrame)
        return made

    @staticmethod
    def _made(frame: VideoFrame, size: Canvas) -> Graph:
        graph = Graph()
        options = {
            "w": size.width,
            "h": size.height,
            "in_color_matrix": "bt2020nc",
            "in_primaries": "bt2020",
            "in_transfer": HDR_TRANSFERS[frame.color_trc],
            "out_color_matrix": "bt709",
            "out_primaries": "bt709",
            "out_transfer": "bt709",
            "out_range": "limited",
        }
        graph.link_nodes(
            graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base or FRAME,
            ),
            graph.add("scale", ":".join(f"{name}={value}" for name, value in options.items())),
            graph.add("format", "yuv420p"),
            graph.add("buffersink"),
        ).configure()
        return graph


class _Grid:
    """Picks the frame of a clip that is to be seen at each step of the film's rate, the first `skip` steps left out."""

    def __init__(self, count: int, skip: int, clip: Clip) -> None:
        self._count = count
        self._skip = skip
        self._clip = clip
        self._step = 0
        self._shown: VideoFrame | None = None

    def up_to(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """The frames for the steps before this one is to be seen."""
        time = ((frame.pts or 0) - self._clip.first) * self._clip.pictures.time_base
        if self._shown is not None:
            # A frame stands for the steps that it is nearest to.
            while self._step < self._count and (self._step + Fraction(1, 2)) * FRAME <= time:
                yield from self._next(self._shown)
        self._shown = frame

    def rest(self) -> Iterator[VideoFrame]:
        """The last frame for all steps that are left."""
        while self._shown is not None and self._step < self._count:
            yield from self._next(self._shown)

    def _next(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        self._step += 1
        if self._step > self._skip:
            yield frame


def _planes(picture: Picture, canvas: Canvas) -> list[Picture]:
    """Views of the planes: brightness, and two of colour of half the size."""
    flat = picture.reshape(-1)
    whole, quarter = canvas.width * canvas.height, canvas.width * canvas.height // 4
    half = (canvas.height // 2, canvas.width // 2)
    return [
        flat[:whole].reshape(canvas.height, canvas.width),
        flat[whole : whole + quarter].reshape(half),
        flat[whole + quarter : whole + 2 * quarter].reshape(half),
    ]


def _turned(picture: Picture, upright: Canvas, turns: int) -> Picture:
    """A picture after so many quarter turns to the left, as large as `upright`."""
    lying = Canvas(upright.height, upright.width) if turns % 2 else upright
    made = np.empty((upright.lines, upright.width), np.uint8)
    for plane, part in zip(_planes(made, upright), _planes(picture, lying), strict=True):
        plane[:] = np.rot90(part, turns)
    return made


def _dissolve(before: Picture, after: Picture, part: float, _canvas: Canvas) -> Picture:
    weight = round(part * 256)
    mixed = before.astype(np.uint16) * (256 - weight) + after.astype(np.uint16) * weight + 128
    return (mixed >> 8).astype(np.uint8)


def _fade(luma: int) -> Callable[[Picture, Picture, float, Canvas], Picture]:
    def through(before: Picture, after: Picture, part: float, canvas: Canvas) -> Picture:
        plain = np.full_like(before, _GREY)
        plain[: canvas.height] = luma
        if part < 0.5:
            return _dissolve(before, plain, 2 * part, canvas)
        return _dissolve(plain, after, 2 * part - 1, canvas)

    return through


def _wipe(*, to_left: bool) -> Callable[[Picture, Picture, float, Canvas], Picture]:
    def wiped(before: Picture, after: Picture, part: float, canvas: Canvas) -> Picture:
        made = before.copy()
        for plane, new in zip(_planes(made, canvas), _planes(after, canvas), strict=True):
            edge = round(plane.shape[1] * part)
            if to_left:
                plane[:, plane.shape[1] - edge :] = new[:, plane.shape[1] - edge :]
            else:
                plane[:, :edge] = new[:, :edge]
        return made

    return wiped


_TRANSITIONS: dict[str, Callable[[Picture, Picture, float, Canvas], Picture]] = {
    "cut": _dissolve,
    "dissolve": _dissolve,
    "fade_black": _fade(_BLACK),
    "fade_white": _fade(_WHITE),
    "wipe_left": _wipe(to_left=True),
    "wipe_right": _wipe(to_left=False),
}


def canvas_of(clips: Sequence[Clip], size: Sequence[int] | None) -> Canvas:
    """What was asked for, or the size of most seconds of the film; even numbers of pixels."""
    if size is None:
        seconds: dict[tuple[int, int], Fraction] = {}
        for clip in clips:
            shown = clip.pictures.seen
            seconds[shown] = seconds.get(shown, Fraction(0)) + clip.length
        size = max(seconds, key=lambda shown: seconds[shown])
    return Canvas(max(16, size[0] // 2 * 2), max(16, size[1] // 2 * 2))


def cover(clip: Clip) -> bytes:
    """A picture from about a second after the beginning, or before the end of what is shorter, as JPEG."""
    with opened(clip.source) as film:
        picture = picture_stream(film)
        assert picture is not None
        shown: VideoFrame | None = None
        for number, frame in enumerate(film.decode(picture)):
            shown = frame
            if number >= 24:
                break
        assert shown is not None
        image = upright(shown, longest_side=_COVER_SIDE)
    made = io.BytesIO()
    image.save(made, "JPEG", quality=85)
    return made.getvalue()
