"""Decodes a video or a sound from beginning to end; what it finds is at least size, rate and length."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from .mp4_walk import check_complete
from .refusal import RefusalError
from .signatures import Signature
from .strip_audio import closed_wav

AGAIN = "The file is damaged or incomplete; fetch or export it again."
_MAX_SIDE = 8192
_THREADS = 4
"""Each takes memory for frames of its own, and the memory is limited."""
_MAX_FRAMES = 720
"""An input video is decoded up to here: more than the longest that a model takes."""
_CLOSED = {"protocol_whitelist": "none", "enable_drefs": "0", "use_absolute_path": "0"}
"""A film may name other files and addresses to read from. It gets none of them."""

OnVideo = Callable[[VideoFrame, float], None]
OnAudio = Callable[[AudioFrame], None]


@dataclass(frozen=True)
class Scan:
    """What decoding found. Pixels as shown (rotation applied), seconds, frames a second."""

    width: int | None
    height: int | None
    fps: float | None
    frames: int
    duration_seconds: float
    video_codec: str | None
    audio_codec: str | None
    title: str | None
    comment: str | None

    def facts(self) -> dict[str, Any]:
        """As the worker answers it."""
        return {**vars(self), "has_audio": self.audio_codec is not None}


def open_film(source: IO[bytes], signature: Signature) -> InputContainer:
    """
    Open a film or sound with the one demuxer that its first bytes name.

    Raises:
        RefusalError: it is incomplete, or not what it begins like.
    """
    if signature.decoder == "mov":
        check_complete(source)
    source.seek(0)
    if signature.decoder == "wav":
        source = io.BytesIO(closed_wav(source.read()))
    try:
        return av.open(source, "r", format=signature.decoder, options=_CLOSED, metadata_errors="replace")
    except FFmpegError as error:
        raise RefusalError(
            f"The file begins like {signature.mime_type} but cannot be opened: {error.strerror}.", AGAIN
        ) from error


def picture_stream(container: InputContainer) -> VideoStream | None:
    """The film's first picture that can be decoded; cover art of a sound file is none."""
    for stream in container.streams.video:
        if getattr(stream, "codec_context", None) and not stream.disposition & Disposition.attached_pic:
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = _THREADS
            return stream
    return None


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The film's first sound that can be decoded."""
    return next(
        (stream for stream in container.streams.audio if getattr(stream, "codec_context", None)), None
    )


def scan(
    container: InputContainer,
    *,
    on_video: OnVideo | None = None,
    on_audio: OnAudio | None = None,
    max_frames: int | None = None,
) -> Scan:
    """
    Decode picture and sound, up to `max_frames` pictures, and hand every frame on; times start at 0.

    Raises:
        RefusalError: something does not decode, or nothing is there.
    """
    picture = picture_stream(container)
    sound = sound_stream(container)
    streams = [stream for stream in (picture, sound) if stream is not None]
    if not streams:
        raise RefusalError("The file holds neither picture nor sound that can be decoded.", AGAIN)
    if picture is not None and max(picture.width, picture.height) > _MAX_SIDE:
        raise RefusalError(
            f"The video declares {picture.width} x {picture.height} pixels; {_MAX_SIDE} a side are read."
        )
    count = _Count()
    fps = _rate(picture) if picture is not None else 0.0
    try:
        for packet in container.demux(*streams):
            count.packets += packet.size > 0 and packet.stream is picture and not packet.is_discard
            if packet.is_corrupt:
                what = "sound" if picture is None else "video"
                raise RefusalError(f"The {what} has damaged data in it, or is cut off.", AGAIN)
            for frame in _decoded(packet, count, container):
                if isinstance(frame, VideoFrame):
                    count.picture(frame, fps)
                    if on_video:
                        on_video(frame, count.last)
                elif isinstance(frame, AudioFrame):
                    count.samples += frame.samples
                    if on_audio:
                        on_audio(frame)
            if max_frames is not None and count.frames >= max_frames:
                count.rest_of(container, picture)  # what the headers say of the length need not be true
                break
    except FFmpegError as error:
        where = f" at {count.last:.2f} s" if picture is not None else ""
        raise RefusalError(f"The file stops decoding{where}: {error.strerror}.", AGAIN) from error
    return _result(container, picture, sound, count, whole=max_frames is None or count.frames < max_frames)


def _decoded(packet: Packet[Stream], count: _Count, container: InputContainer) -> Sequence[object]:
    """The frames in a packet. In an MP3, what does not decode and has no sound behind it are tags (APE, Lyrics3)."""
    if count.rest is not None and packet.size:
        raise count.rest
    try:
        return packet.decode()
    except FFmpegError as error:
        if container.format.name != "mp3" or not count.samples:
            raise
        count.rest = error
        return []


def identify_film(
    source: IO[bytes], signature: Signature, *, frames: int = _MAX_FRAMES
) -> tuple[dict[str, Any], bytes]:
    """
    Measure a film or a sound by decoding `frames` pictures of it; by default as many as any model takes.

    Raises:
        RefusalError: it does not decode.
    """
    with open_film(source, signature) as container:
        found = scan(container, max_frames=frames)
    kind = "video" if found.video_codec else "audio"
    return {
        **found.facts(),
        "kind": kind,
        "mime_type": signature.mime_type.replace("video/", f"{kind}/"),
    }, b""


def check_film(source: IO[bytes], signature: Signature) -> tuple[dict[str, Any], bytes]:
    """
    Decode the whole video and measure nothing but what decoding tells.

    Raises:
        RefusalError: it is not a complete playable video.
    """
    with open_film(source, signature) as film:
        found = scan(film)
    if found.video_codec is None:
        raise RefusalError("The file has sound but no picture.", AGAIN)
    return found.facts(), b""


class _Count:
    """What went by so far: frames, samples, the time of the last frame in seconds, and how it stood."""

    def __init__(self) -> None:
        self.frames = 0
        self.corrupt = 0
        self.samples = 0
        self.packets = 0
        self.first: float | None = None
        self.last = 0.0
        self.end = 0.0
        self.rotation = 0
        self.rest: FFmpegError | None = None

    def rest_of(self, container: InputContainer, picture: VideoStream | None) -> None:
        """Count the pictures that are left, without decoding them; `end` is then where the last of them ends."""
        for packet in container.demux(picture) if picture is not None else ():
            if packet.is_corrupt:
                raise RefusalError("The video has damaged data in it, or is cut off.", AGAIN)
            if packet.size and not packet.is_discard:
                self.packets += 1
                if packet.pts is not None and packet.time_base:
                    end = float((packet.pts + (packet.duration or 0)) * packet.time_base) - (
                        self.first or 0.0
                    )
                    self.end = max(self.end, end)

    def picture(self, frame: VideoFrame, fps: float) -> None:
        time = self.end if frame.pts is None else frame.time
        if self.first is None:
            self.first, self.rotation = time, frame.rotation
        self.frames += 1
        self.corrupt += frame.is_corrupt
        self.last = max(0.0, time - self.first)
        length = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 1 / fps
        self.end = self.last + length


def _result(
    container: InputContainer,
    picture: VideoStream | None,
    sound: AudioStream | None,
    count: _Count,
    *,
    whole: bool,
) -> Scan:
    seconds = count.end
    frames = count.frames
    if picture is None:
        assert sound is not None
        seconds = count.samples / sound.rate if sound.rate else 0.0
        if not count.samples:
            raise RefusalError("No sound could be decoded.", AGAIN)
    elif not frames:
        raise RefusalError("Not one picture of the video could be decoded.", AGAIN)
    elif count.corrupt or (whole and count.packets - frames > max(2, count.packets // 50)):
        # Not looked at as a whole, some packets are still on their way through the decoder.
        bad = max(count.corrupt, count.packets - frames)
        raise RefusalError(f"{bad} of the video's {count.packets} pictures are damaged.", AGAIN)
    elif not whole:
        frames = count.packets
    turned = count.rotation % 180 != 0
    size = (picture.width, picture.height) if picture is not None else (None, None)
    return Scan(
        width=size[1] if turned else size[0],
        height=size[0] if turned else size[1],
        fps=round(_rate(picture), 3) if picture is not None else None,
        frames=frames,
        duration_seconds=round(seconds, 3),
        video_codec=picture.codec_context.codec.canonical_name if picture is not None else None,
        audio_codec=sound.codec_context.codec.canonical_name if sound is not None else None,
        title=_tag(container, "title"),
        comment=_tag(container, "comment"),
    )


def _rate(picture: VideoStream) -> float:
    return float(picture.average_rate or picture.guessed_rate or 24)


def _tag(container: InputContainer, name: str) -> str | None:
    text = "".join(
        letter for letter in container.metadata.get(name, "") if letter.isprintable() or letter == "\n"
    )
    return text.strip()[:2000] or None
