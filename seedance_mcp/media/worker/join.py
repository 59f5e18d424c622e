"""
The worker's task `join`: clips become one film.

The open file that the worker gets holds the order, as JSON; the film is written over it. All clips are opened before the
worker gives up its rights.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import IO, Any, cast

import av
from av.audio.frame import AudioFrame
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from . import join_layout as layout
from .join_check import Expected, check
from .join_clips import Clip, can_hide_a_picture, is_repeat, opened, survey, why_rendered
from .join_layout import Place, sample_at
from .join_pictures import FRAME, Copied, Pictures, Rendered, canvas_of, cover
from .join_sound import ClipSound, Levelled, Mix, Music, Sink, Sound, sound_frame
from .join_tracks import SoundTrack, cover_packet, put, text_packets
from .loudness import RATE, Loudness
from .refusal import RefusalError
from .scanning import AGAIN, picture_stream, sound_stream

Answer = tuple[dict[str, Any], bytes]

_SOUND_FRAME = 1024
_INDEX_BYTES, _SAMPLE_BYTES, _CHAPTER_BYTES = 16_384, 40, 400
_LEAST_TICKS, _MOST_TICKS = 10_000, 2_000_000
_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})


def prepare(source: IO[bytes], *, only_look: bool = False) -> Callable[[], Answer]:
    """
    Read the order, open everything that it names, and return what joins it or, with `only_look`, what tells which clips
    begin with the last picture of the one before.

    Raises:
        RefusalError: a clip or the music cannot be opened.
    """
    order = json.load(source)
    clips = [_opened(clip["path"], clip["name"]) for clip in order["clips"]]
    music = _opened(order["music"]["path"], "The music") if order["music"] else None
    if only_look:
        return partial(_look, order, clips, has_music=music is not None)
    output = os.fdopen(os.dup(source.fileno()), "r+b")
    return partial(_join, order, clips, music, output)


def _opened(path: str, name: str) -> IO[bytes]:
    flags = ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC")
    try:
        return os.fdopen(os.open(path, sum((getattr(os, flag, 0) for flag in flags), os.O_RDONLY)), "rb")
    except OSError as error:
        raise RefusalError(f"{name}: {path} cannot be opened: {error.strerror}.") from error


@dataclass(frozen=True)
class _Plan:
    """How a film is joined: whether its pictures are copied, and where each clip lies."""

    clips: Sequence[Clip]
    places: Sequence[Place]
    repeats: Sequence[bool]
    why_rendered: str | None
    has_sound: bool

    @property
    def seconds(self) -> Fraction:
        return self.places[-1].end

    @property
    def dropped(self) -> list[str]:
        return [clip.name for clip, repeat in zip(self.clips, self.repeats, strict=True) if repeat]

    @property
    def frames(self) -> int:
        if self.why_rendered is None:
            return sum(clip.frames for clip in self.clips)
        return round(self.seconds / FRAME)


def _look(order: dict[str, Any], sources: list[IO[bytes]], *, has_music: bool) -> Answer:
    return {"dropped": _planned(order, sources, has_music=has_music).dropped}, b""


def _join(
    order: dict[str, Any], sources: list[IO[bytes]], music: IO[bytes] | None, output: IO[bytes]
) -> Answer:
    facts, expected = write_film(order, sources, music, output)
    return facts | {"loudness_lufs": check(output, expected)}, b""


def write_film(
    order: dict[str, Any], sources: Sequence[IO[bytes]], music: IO[bytes] | None, output: IO[bytes]
) -> tuple[dict[str, Any], Expected]:
    """
    Write the film over what is in `output`, and tell what it should be.

    Raises:
        RefusalError: a clip (it is named) or the music cannot be used, or the disk is full.
    """
    plan = _planned(order, sources, has_music=music is not None)
    names = [clip.name for clip in plan.clips]
    cues = layout.cues_in_film(order["cues"], names, plan.places)
    wanted: float | None = order["loudness_lufs"]
    loudness = None if wanted is None or not plan.has_sound else _measured(order, plan, music)
    gain = 0.0 if wanted is None or loudness is None else wanted - loudness
    output.seek(0)
    output.truncate()
    try:
        width, height, rate = _write(order, plan, cues, (music, gain), output)
        output.flush()
    except OSError as error:
        if not isinstance(error, FFmpegError) and error.errno in _FULL:
            raise RefusalError("The disk is full.", "Free some space for the film.") from error
        raise
    samples = sample_at(plan.seconds) if plan.has_sound else 0
    starts = [place.start for place in plan.places]
    facts: dict[str, Any] = {
        "copied": plan.why_rendered is None,
        "why_rendered": plan.why_rendered,
        "frames": plan.frames,
        "seconds": float(plan.seconds),
        "width": width,
        "height": height,
        "fps": round(float(rate), 3),
        "samples": samples,
        "starts": [float(start) for start in starts],
        "cues": cues,
        "dropped": plan.dropped,
        "silent": [clip.name for clip in plan.clips if not clip.has_sound],
    }
    expected = Expected(
        plan.frames,
        plan.seconds,
        samples,
        names,
        starts,
        cues,
        is_levelled=wanted is not None and samples > 0,
    )
    return facts, expected


def _planned(order: dict[str, Any], sources: Sequence[IO[bytes]], *, has_music: bool) -> _Plan:
    told = order["clips"]
    clips: list[Clip] = []
    for source, clip in zip(sources, told, strict=True):
        with _naming(clip["name"]):
            clips.append(survey(source, clip["name"]))
    why = why_rendered(clips, order)
    repeats = [False]
    for (before, after), clip in zip(pairwise(clips), told[1:], strict=True):
        wanted = (
            clip["drop_first"]
            and (clip["entry"] == "cut")
            and (why is not None or can_hide_a_picture(before))
        )
        with _naming(after.name):
            repeats.append(wanted and is_repeat(before, after))
    if why is None:
        base = clips[0].pictures.time_base
        places = layout.copied(
            [clip.length for clip in clips], repeats, frame=clips[0].step * base, tick=base
        )
    else:
        overlaps = [0.0 if clip["entry"] == "cut" else clip["overlap"] for clip in told]
        frames = [max(1, round(clip.length / FRAME)) for clip in clips]
        places = layout.rendered(frames, repeats, overlaps, FRAME)
    return _Plan(clips, places, repeats, why, has_music or any(clip.has_sound for clip in clips))


@contextlib.contextmanager
def _naming(name: str) -> Generator[None]:
    """Say which clip it is that will not do."""
    try:
        yield
    except RefusalError as error:
        raise RefusalError(f"{name}: {error.message}", error.hint) from error
    except FFmpegError as error:
        raise RefusalError(f"{name}: the clip stops decoding: {error.strerror}.", AGAIN) from error


def _measured(order: dict[str, Any], plan: _Plan, music: IO[bytes] | None) -> float | None:
    """How loud the film is, in LUFS; None if it is silent."""
    loudness = Loudness()
    at = 0

    def hear(sound: Sound) -> None:
        nonlocal at
        loudness.hear(sound_frame(sound, at))
        at += sound.shape[1]

    _run(plan, _mix(order, plan, music, hear), None)
    loudness.finish()
    return loudness.integrated()


def _mix(order: dict[str, Any], plan: _Plan, music: IO[bytes] | None, sink: Sink) -> Mix:
    under = Music(music, order["music"], sample_at(plan.seconds)) if music else None
    return Mix(plan.places, under, sink)


def _write(
    order: dict[str, Any],
    plan: _Plan,
    cues: Sequence[dict[str, Any]],
    sound: tuple[IO[bytes] | None, float],
    output: IO[bytes],
) -> tuple[int, int, Fraction]:
    """Write the film; its width, height and frame rate."""
    music, gain = sound
    jpeg = b""
    if order["cover"]:
        with _naming(plan.clips[0].name):
            jpeg = cover(plan.clips[0])
    options = {
        "moov_size": str(_index_bytes(plan, cues) + len(jpeg)),
        "movie_timescale": str(_timescale(plan)),
    }
    with (
        opened(plan.clips[0].source) as first,
        av.open(output, "w", format="mp4", options=options) as film,
    ):
        film.metadata.update({name: order[name] for name in ("title", "comment") if order[name]})
        template = picture_stream(first)
        assert template is not None
        if plan.why_rendered is None:
            pictures: Copied | Rendered = Copied(film, template, plan.clips, plan.places)
            rate = plan.clips[0].pictures.rate
            width, height = plan.clips[0].pictures.size
        else:
            canvas = canvas_of(plan.clips, order["size"])
            entries = [clip["entry"] for clip in order["clips"]]
            pictures = Rendered(film, canvas, plan.clips, plan.places, entries)
            rate, width, height = 1 / FRAME, canvas.width, canvas.height
        track = SoundTrack(film) if plan.has_sound else None
        text = text_packets(film, cues, order["language"]) if cues else []
        if jpeg:
            text.append(cover_packet(film, jpeg))
        film.set_chapters(_chapters(plan))
        film.start_encoding()
        put(film, text)
        levelled = Levelled(gain, track.take) if track and (music or gain) else None
        sink = levelled.take if levelled else track.take if track else None
        _run(plan, _mix(order, plan, music, sink) if sink else None, pictures)
        pictures.finish()
        if levelled:
            levelled.finish()
        if track:
            track.finish()
    return width, height, rate


def _run(plan: _Plan, mix: Mix | None, pictures: Pictures | None) -> None:
    """Go through all clips once; not more than one of them is open."""
    for number, (clip, place) in enumerate(zip(plan.clips, plan.places, strict=True)):
        heard = ClipSound(place, clip.first * clip.pictures.time_base)
        with _naming(clip.name), opened(clip.source) as film:
            picture, sound = picture_stream(film), sound_stream(film)
            assert picture is not None
            if pictures:
                pictures.begin(number, picture)
            wanted = [picture if pictures else None, sound if mix else None]
            for packet in film.demux(*[stream for stream in wanted if stream is not None]):
                if packet.stream is not picture:
                    for frame in packet.decode():
                        heard.hear(cast("AudioFrame", frame))
                elif pictures:
                    pictures.take(cast("Packet[VideoStream]", packet))
        if mix:
            mix.add(number, heard.finish())


def _chapters(plan: _Plan) -> list[Any]:
    starts = [round(place.start * 1000) for place in plan.places]
    ends = [*starts[1:], round(plan.seconds * 1000)]
    return [
        {
            "id": number,
            "start": start,
            "end": end,
            "time_base": Fraction(1, 1000),
            "metadata": {"title": clip.name},
        }
        for number, (start, end, clip) in enumerate(zip(starts, ends, plan.clips, strict=True))
    ]


def _timescale(plan: _Plan) -> int:
    """
    The ticks a second in which the film's index says how long picture and sound are: both in whole ticks if that can be.

    In thousandths, which are usual, the sound would be cut off or too long by up to 48 samples.
    """
    base = plan.clips[0].pictures.time_base if plan.why_rendered is None else FRAME
    ticks = base.denominator
    while ticks < _LEAST_TICKS:  # as the muxer does
        ticks *= 2
    both = math.lcm(ticks, RATE)
    return both if both <= _MOST_TICKS else RATE


def _index_bytes(plan: _Plan, cues: Sequence[dict[str, Any]]) -> int:
    """Room that the film's index is sure to find in front: the muxer refuses to write a film whose index is larger."""
    samples = plan.frames + sample_at(plan.seconds) // _SOUND_FRAME + 2 * len(cues)
    return _INDEX_BYTES + _SAMPLE_BYTES * samples + _CHAPTER_BYTES * len(plan.clips)
