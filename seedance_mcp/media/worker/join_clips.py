"""What the clips of a film are: whether their pictures can be copied together, and which repeat the picture before."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import IO, Any

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from .mp4_turns import turns
from .refusal import RefusalError
from .scanning import AGAIN, open_film, picture_stream, sound_stream
from .signatures import recognise

HDR_TRANSFERS = {16: "smpte2084", 18: "arib-std-b67"}
"""How much light a value of a pixel means, by the numbers of ITU-T H.273: PQ and HLG."""

_COPIED_CODECS = ("h264", "hevc")
_TRANSFER = 2
_STEPS = 12
"""So many frames of each side of a cut tell how much a picture differs from the next one."""
_SMALL = (160, 90)
_LEAST_TICKS = 100
"""With fewer ticks to a frame, a picture that is there for one of them would be seen."""


@dataclass(frozen=True)
class Pictures:
    """
    What has to be alike for pictures to be copied behind each other: why not is told by the first that differs.

    `turns` are the quarter turns to the left after which they are upright, `shape` is how broad a pixel is for its height.
    """

    codec: str
    size: tuple[int, int]
    rate: Fraction
    time_base: Fraction
    pixels: str
    colours: tuple[int, ...]
    shape: Fraction
    turns: int
    headers: bytes

    @property
    def seen(self) -> tuple[int, int]:
        """The size in which players show them."""
        width, height = round(self.size[0] * self.shape), self.size[1]
        return (height, width) if self.turns % 2 else (width, height)

    @property
    def is_hdr(self) -> bool:
        """Whether they are brighter than a screen of every day can show."""
        return self.colours[_TRANSFER] in HDR_TRANSFERS


@dataclass(frozen=True)
class Clip:
    """A clip that was looked through: times in ticks of its pictures' time base, `step` from one to the next."""

    source: IO[bytes]
    name: str
    pictures: Pictures
    frames: int
    first: int
    end: int
    first_dts: int
    last_dts: int
    even: bool
    eight_bits: bool
    has_sound: bool

    @property
    def length(self) -> Fraction:
        """In seconds."""
        return (self.end - self.first) * self.pictures.time_base

    @property
    def step(self) -> int:
        """From one picture to the next, in ticks."""
        return max(1, round(1 / (self.pictures.rate * self.pictures.time_base)))


def opened(clip: IO[bytes]) -> InputContainer:
    """
    Open a clip.

    Raises:
        RefusalError: it is incomplete, or no video.
    """
    signature = recognise(clip)
    if signature.kind == "image":
        raise RefusalError(f"The file is no video: by its content it is {signature.mime_type}.")
    return open_film(clip, signature)


def survey(source: IO[bytes], name: str) -> Clip:
    """
    Look through a clip without decoding it.

    Raises:
        RefusalError: it is no complete video.
    """
    with opened(source) as film:
        picture = picture_stream(film)
        if picture is None:
            raise RefusalError("The file holds no picture.", AGAIN)
        try:
            packets = [packet for packet in film.demux(picture) if packet.size]
        except FFmpegError as error:
            raise RefusalError(f"The video cannot be read: {error.strerror}.", AGAIN) from error
        if not packets:
            raise RefusalError("Not one picture of the video could be decoded.", AGAIN)
        lengths = {
            packet.pts: packet.duration or 0
            for packet in packets
            if packet.pts is not None and not packet.is_discard
        }
        stamps = sorted(lengths)
        dts = [packet.dts for packet in packets if packet.dts is not None]
        rate = picture.average_rate or picture.guessed_rate or Fraction(24)
        base = picture.time_base or Fraction(1, 90_000)
        step = max(1, round(1 / (rate * base)))
        if not stamps or any(packet.is_corrupt for packet in packets):
            raise RefusalError("The video has damaged data in it, or is cut off.", AGAIN)
        context = picture.codec_context
        whole = len(stamps) == len(dts) == len(packets) and packets[0].is_keyframe
        even = whole and all(after - before == step for before, after in pairwise(stamps))
        turned = turns(source, picture.id) if film.format.name.startswith("mov") else 0
        return Clip(
            source=source,
            name=name,
            pictures=_pictures(picture, rate, base, turned),
            frames=len(stamps),
            first=stamps[0],
            end=stamps[-1] + (step if even else lengths[stamps[-1]] or step),
            first_dts=dts[0] if dts else 0,
            last_dts=dts[-1] if dts else 0,
            even=even,
            eight_bits=bool(context.format) and all(part.bits == 8 for part in context.format.components),
            has_sound=sound_stream(film) is not None,
        )


def _pictures(picture: VideoStream, rate: Fraction, base: Fraction, turned: int) -> Pictures:
    context = picture.codec_context
    colours = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
    return Pictures(
        codec=context.codec.canonical_name,
        size=(picture.width, picture.height),
        rate=rate,
        time_base=base,
        pixels=str(context.pix_fmt),
        colours=tuple(int(colour) for colour in colours),
        shape=Fraction(context.sample_aspect_ratio or 1) or Fraction(1),
        turns=turned,
        headers=context.extradata or b"",
    )


def why_rendered(clips: Sequence[Clip], order: dict[str, Any]) -> str | None:
    """Why the pictures of these clips cannot be copied, in words; None if they can."""
    first = clips[0].pictures
    for clip, told in zip(clips, order["clips"], strict=True):
        if told["entry"] != "cut" and clip is not clips[0]:
            return f"{clip.name} begins with a transition"
        if clip.pictures.codec not in _COPIED_CODECS:
            return f"{clip.name} is {clip.pictures.codec}"
        if clip.pictures.turns:
            return f"{clip.name} lies on its side or its head, as phones film"
        if not clip.even:
            return f"the pictures of {clip.name} do not follow each other evenly"
        if not clip.eight_bits and order["picture"] != "as bought":
            return f"{clip.name} {'is in HDR' if clip.pictures.is_hdr else 'has more than 8 bits a colour'}"
        differs = next(
            (part for part in _WORDS if getattr(clip.pictures, part) != getattr(first, part)), None
        )
        if differs:
            return f"{clip.name} differs from {clips[0].name} in its {_WORDS[differs]}"
    if order["size"] is not None and tuple(order["size"]) != first.size:
        return f"{order['size'][0]} x {order['size'][1]} pixels are asked for"
    if any(
        before.last_dts - before.end >= after.first_dts - after.first for before, after in pairwise(clips)
    ):
        return "the pictures of two clips would lie in each other's place"
    return None


_WORDS = {
    "codec": "codec",
    "size": "size",
    "rate": "frame rate",
    "time_base": "time base",
    "pixels": "pixel format",
    "colours": "colour tags",
    "shape": "pixel shape",
    "turns": "position",
    "headers": "encoder's parameters",
}


def can_hide_a_picture(clip: Clip) -> bool:
    """Whether a copied picture can be there for one tick without being seen."""
    return clip.step >= _LEAST_TICKS


def is_repeat(before: Clip, after: Clip) -> bool:
    """
    Whether a clip begins with the last picture of the one before.

    It does if the two differ by less than half of what neighbours in the clips differ by.
    """
    ends, begins = _last(before), _first(after)
    steps = [_difference(*pair) for seen in (ends, begins) for pair in pairwise(seen)]
    return bool(steps) and _difference(ends[-1], begins[0]) < statistics.median(steps) / 2


def _first(clip: Clip) -> list[NDArray[np.float32]]:
    small = _Small()
    with opened(clip.source) as film:
        picture = picture_stream(film)
        assert picture is not None
        for frame in film.decode(picture):
            small.keep(frame)
            if len(small.seen) == _STEPS:
                break
    return small.seen


def _last(clip: Clip) -> list[NDArray[np.float32]]:
    small = _Small()
    with opened(clip.source) as film:
        picture = picture_stream(film)
        assert picture is not None
        film.seek(max(clip.first, clip.end - _STEPS * clip.step), stream=picture)
        for frame in film.decode(picture):
            small.keep(frame)
            del small.seen[:-_STEPS]
    return small.seen


class _Small:
    """Frames as small grey pictures."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self.seen: list[NDArray[np.float32]] = []

    def keep(self, frame: VideoFrame) -> None:
        small = self._reformatter.reformat(frame, width=_SMALL[0], height=_SMALL[1], format="gray")
        self.seen.append(small.to_ndarray().astype(np.float32))


def _difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.abs(one - other).mean())
