"""Writes a film as a timeline for editing programs, in the format of OpenTimelineIO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote

from ..config import extra_command
from ..errors import ConfigError
from .exported import ExportedFilm, ExportedMusic, ExportedShot
from .facts import music_facts

NAMESPACE = "seedance-mcp"
"""Under this name editors keep what is ours."""

_LIBRARY = "opentimelineio"
_BROADCAST_RATES = tuple(float(Fraction(rate * 1000, 1001)) for rate in (24, 30, 60))
_ROUNDING = 0.01
_RATE_ROUNDING = 0.005
"""Rates are measured with three decimals; editors want those of broadcasting exactly."""


@dataclass(frozen=True, kw_only=True)
class EditorClip:
    """A shot as an editor finds it: `name` is that of its file, `facts` what is to be kept with it."""

    shot: ExportedShot
    name: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class _Piece:
    """
    Which frames of a clip are seen: `count` from `start` on.

    `head` frames before them, and as many after them as the next piece has `tail`, are seen only in a transition.
    """

    start: int
    count: int
    head: int
    tail: int


def is_installed() -> bool:
    """Return whether the library that writes timelines is there."""
    return find_spec(_LIBRARY) is not None


def missing_library() -> ConfigError:
    """Say that the library is not there, and what installs it."""
    return ConfigError(
        "Timelines for editing programs are written by the library opentimelineio, which is not installed.",
        hint=f"Run `{extra_command('editor')}`, then export again.",
    )


def timeline(film: ExportedFilm, clips: Sequence[EditorClip], folder: str = "") -> str:
    """
    Write the timeline as JSON: a track of pictures, one of sound and one of the music, a marker for each shot.

    Media are named relative to the timeline, in `folder` (empty, or ending in `/`). Where the first frame repeats one that
    was seen, a clip begins at its second. Transitions take their frames from both clips, half and half, and so
    the timeline is as long as the film.

    Raises:
        ConfigError: the library is not installed.
    """
    if not is_installed():
        raise missing_library()
    otio: Any = import_module(_LIBRARY)
    whole = otio.schema.Timeline(name=film.title)
    whole.metadata[NAMESPACE] = {"film_id": film.id, "quality": film.quality}
    pieces = _pieces([clip.shot for clip in clips])
    for kind in (otio.schema.TrackKind.Video, otio.schema.TrackKind.Audio):
        whole.tracks.append(_track(otio, kind, clips, pieces, folder))
    if film.music is not None:
        seconds = sum(piece.count / _rate(clip.shot.fps) for clip, piece in zip(clips, pieces, strict=True))
        whole.tracks.append(_music(otio, film.music, (seconds, _rate(clips[0].shot.fps)), folder))
    return whole.to_json_string(indent=2)


def _pieces(shots: Sequence[ExportedShot]) -> list[_Piece]:
    """Share the frames of every overlap out between the two shots."""
    pieces: list[_Piece] = []
    for place, shot in enumerate(shots):
        after = shots[place + 1] if place + 1 < len(shots) else None
        first = 1 if shot.drop_first and shot.frames > 1 else 0
        head = _frames(_overlap(shot) / 2, shot) if place else 0
        ends = _overlap(after) if after else 0.0
        tail = _frames(ends, shot) - _frames(ends / 2, shot)
        count = max(1, shot.frames - first - head - tail)
        pieces.append(_Piece(first + head, count, head, tail))
    return pieces


def _overlap(shot: ExportedShot) -> float:
    return 0.0 if shot.entry == "cut" else shot.overlap


def _frames(seconds: float, shot: ExportedShot) -> int:
    return int(seconds * _rate(shot.fps) + 0.5)


def _rate(fps: float) -> float:
    return next((rate for rate in _BROADCAST_RATES if abs(rate - fps) < _RATE_ROUNDING), fps)


def _track(otio: Any, kind: str, clips: Sequence[EditorClip], pieces: Sequence[_Piece], folder: str) -> Any:
    is_sound = kind == otio.schema.TrackKind.Audio
    track = otio.schema.Track(name="Sound" if is_sound else "Picture", kind=kind)
    for place, (clip, piece) in enumerate(zip(clips, pieces, strict=True)):
        shot, before = clip.shot, clips[place - 1].shot if place else None
        silent = is_sound and not shot.has_audio
        if before and _overlap(shot) and not (silent or (is_sound and not before.has_audio)):
            track.append(_transition(otio, shot, piece, before, pieces[place - 1]))
        if silent:
            track.append(otio.schema.Gap(source_range=_range(otio, 0, piece.count, shot)))
        else:
            item = _clip(otio, clip, piece, folder)
            if not is_sound:
                item.markers.append(_marker(otio, clip, piece))
            track.append(item)
    return track


def _music(otio: Any, music: ExportedMusic, film: tuple[float, float], folder: str) -> Any:
    """
    The music up to the end of a film of so many seconds, again and again where it is repeated; its volume is told, for
    editors differ. In whole frames of the film: other lengths and rates are read in other ways, and so a repetition may
    come part of a frame earlier than in the film.
    """
    seconds, rate = film
    track = otio.schema.Track(name="Music", kind=otio.schema.TrackKind.Audio)
    length, left = int(music.seconds * rate + _ROUNDING), int(seconds * rate + 0.5)
    while left > 0 < length:
        span = _span(otio, min(length, left), rate)
        left -= length if music.loop else left
        track.append(
            otio.schema.Clip(
                name=f"Music {len(track) + 1}",  # of clips that are all alike, some programs see one
                media_reference=otio.schema.ExternalReference(
                    target_url=folder + quote(music.name), available_range=_span(otio, length, rate)
                ),
                source_range=span,
                metadata={NAMESPACE: music_facts(music)},
            )
        )
    return track


def _span(otio: Any, frames: int, rate: float) -> Any:
    return otio.opentime.TimeRange(
        otio.opentime.RationalTime(0, rate), otio.opentime.RationalTime(frames, rate)
    )


def _clip(otio: Any, clip: EditorClip, piece: _Piece, folder: str) -> Any:
    shot = clip.shot
    return otio.schema.Clip(
        name=clip.name,
        media_reference=otio.schema.ExternalReference(
            target_url=folder + quote(clip.name),  # with `./` before it, Resolve shows the media as offline
            available_range=_range(otio, 0, shot.frames, shot),
        ),
        source_range=_range(otio, piece.start, piece.count, shot),
        metadata={NAMESPACE: dict(clip.facts)},
    )


def _marker(otio: Any, clip: EditorClip, piece: _Piece) -> Any:
    shot = clip.shot
    marker = otio.schema.Marker(
        name=f"{shot.number} {clip.facts['shot']}",
        marked_range=_range(otio, piece.start, 0, shot),
        color=otio.schema.MarkerColor.ORANGE,
        metadata={NAMESPACE: {"shot": clip.facts["shot"], "take": shot.take}},
    )
    marker.comment = clip.facts["prompt"]
    return marker


def _transition(
    otio: Any, shot: ExportedShot, piece: _Piece, before: ExportedShot, piece_before: _Piece
) -> Any:
    types = otio.schema.TransitionTypes
    return otio.schema.Transition(
        name=shot.entry,
        transition_type=types.SMPTE_Dissolve if shot.entry == "dissolve" else types.Custom,
        in_offset=otio.opentime.RationalTime(piece.head, _rate(shot.fps)),
        out_offset=otio.opentime.RationalTime(piece_before.tail, _rate(before.fps)),
        metadata={NAMESPACE: {"kind": shot.entry, "seconds": shot.overlap}},
    )


def _range(otio: Any, start: int, count: int, shot: ExportedShot) -> Any:
    rate = _rate(shot.fps)
    return otio.opentime.TimeRange(
        otio.opentime.RationalTime(start, rate), otio.opentime.RationalTime(count, rate)
    )
