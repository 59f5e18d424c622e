"""Picks frames of a video by their times and decodes no more of it than that takes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from ..frames import upright
from .refusal import RefusalError
from .scanning import AGAIN, open_film, picture_stream
from .signatures import Signature

_ROUNDING = 0.0006
"""Times are told with three decimals."""

LongestSide = Callable[[float], int]
"""Of a shape, width to height, the longest side in pixels that a frame is needed with."""


class Film:
    """A video that is open, with the times of all its frames. Positions count them from 0; times begin at 0."""

    def __init__(self, film: InputContainer, picture: VideoStream) -> None:
        self._film, self._picture = film, picture
        packets = sorted(
            (packet.pts, packet.is_keyframe, packet.duration or 0)
            for packet in film.demux(picture)
            if packet.pts is not None and packet.size and not packet.is_discard
        )
        if not packets:
            raise _none()
        self._stamps = [stamp for stamp, _, _ in packets]
        self._keys = [stamp for stamp, is_key, _ in packets if is_key]
        self._unit = float(picture.time_base or 0) or 1.0
        last = packets[-1][2] * self._unit or 1 / float(picture.average_rate or picture.guessed_rate or 24)
        self.end = self.time(len(packets) - 1) + last

    def __len__(self) -> int:
        return len(self._stamps)

    def time(self, position: int) -> float:
        """When a frame is first shown, in seconds."""
        return (self._stamps[position] - self._stamps[0]) * self._unit

    def shown_at(self, seconds: float) -> int:
        """The position of the frame that is to be seen then; of the last one from the end on."""
        return max(0, bisect_right(self._stamps, self._stamp(seconds + _ROUNDING)) - 1)

    def begins_at(self, seconds: float) -> int:
        """The position of the first frame from then on."""
        return min(len(self) - 1, bisect_left(self._stamps, self._stamp(seconds - _ROUNDING)))

    def pictures(self, positions: Sequence[int], longest_side: LongestSide) -> dict[int, Image.Image]:
        """
        Decode these frames, each from the nearest key frame before it; one that cannot be found is left out.

        Raises:
            RefusalError: not one can be decoded.
        """
        wanted = sorted({self._stamps[position] for position in positions})
        found = dict(self._decode(wanted, longest_side))
        if wanted and not found:
            raise _none()
        return {place: found[self._stamps[place]] for place in positions if self._stamps[place] in found}

    def _stamp(self, seconds: float) -> float:
        return self._stamps[0] + seconds / self._unit

    def _decode(self, wanted: Sequence[int], longest_side: LongestSide) -> Iterator[tuple[int, Image.Image]]:
        position = self._stamps[0]
        self._film.seek(position, stream=self._picture)
        decoding = self._decoded(wanted)
        for stamp in wanted:
            before = bisect_right(self._keys, stamp)
            key = self._keys[before - 1] if before else self._stamps[0]
            if key > position:
                self._film.seek(key, stream=self._picture)
                decoding = self._decoded(wanted)
            found = next((frame for frame in decoding if frame.pts is not None and frame.pts >= stamp), None)
            if found is None:
                return
            position = found.pts or stamp
            yield stamp, _small(found, longest_side)

    def _decoded(self, wanted: Container[int | None]) -> Iterator[VideoFrame]:
        """Decode on from here. Of H.264, frames that are not wanted and that no other frame is drawn from are left out."""
        # H.264 marks them; in HEVC the same mark does not exclude that a frame of a higher layer needs one.
        codec = self._picture.codec_context
        rest = "NONREF" if codec.name == "h264" else "DEFAULT"
        for packet in self._film.demux(self._picture):
            codec.skip_frame = "DEFAULT" if packet.pts in wanted else rest
            yield from packet.decode()


@contextmanager
def opened(source: IO[bytes], signature: Signature) -> Generator[Film]:
    """
    Open a video to pick frames of it.

    Raises:
        RefusalError: it is none, or incomplete, or stops decoding meanwhile.
    """
    with open_film(source, signature) as container:
        picture = picture_stream(container)
        if picture is None:
            raise RefusalError("The file holds no picture.", AGAIN)
        try:
            yield Film(container, picture)
        except FFmpegError as error:
            raise RefusalError(f"The video stops decoding: {error.strerror}.", AGAIN) from error


def _none() -> RefusalError:
    return RefusalError("Not one picture of the video could be decoded.", AGAIN)


def _small(frame: VideoFrame, longest_side: LongestSide) -> Image.Image:
    """The frame upright, no larger than it is needed."""
    width, height = (frame.width, frame.height) if frame.rotation % 180 == 0 else (frame.height, frame.width)
    return upright(frame, longest_side=longest_side(width / height))
