"""Where the clips of a film lie in it, in exact fractions of a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from ..captions import without_empty_lines
from .loudness import RATE

_TOGETHER_SECONDS = 0.05
"""Nobody reads what is there for so short a time."""


@dataclass(frozen=True)
class Place:
    """
    Where a clip lies: it begins at `start` of the film and is there for `length`, `skip` of its own beginning left out.

    With `enters` and `leaves` it overlaps the clip before and the one after.
    """

    start: Fraction
    length: Fraction
    skip: Fraction
    enters: Fraction
    leaves: Fraction

    @property
    def end(self) -> Fraction:
        """When it is gone."""
        return self.start + self.length

    @property
    def samples(self) -> tuple[int, int]:
        """From which sample of the film's sound up to which its own lies."""
        return sample_at(self.start), sample_at(self.end)


def sample_at(seconds: Fraction) -> int:
    """The sample that begins then."""
    return round(seconds * RATE)


def copied(
    lengths: Sequence[Fraction], repeats: Sequence[bool], frame: Fraction, tick: Fraction
) -> list[Place]:
    """
    Place clips whose pictures are copied one after the other.

    Where a clip repeats the last picture of the one before, that one is shown for a `tick` only.
    """
    seen = [
        length - frame + tick if follows else length
        for length, follows in zip(lengths, [*repeats[1:], False], strict=True)
    ]
    return _placed(seen, [Fraction(0)] * len(seen), [Fraction(0)] * len(seen))


def rendered(
    frames: Sequence[int], repeats: Sequence[bool], overlaps: Sequence[float], frame: Fraction
) -> list[Place]:
    """
    Place clips of so many frames each; the first frame of one that repeats the picture before is left out.

    No clip overlaps others for more than half of itself on each side.
    """
    skips = [int(repeat and count > 1) for repeat, count in zip(repeats, frames, strict=True)]
    counts = [count - skip for count, skip in zip(frames, skips, strict=True)]
    shared = [0]
    for overlap, (before, after) in zip(overlaps[1:], pairwise(counts), strict=True):
        shared.append(min(round(Fraction(overlap) / frame), before // 2, after // 2))
    return _placed(
        [count * frame for count in counts],
        [skip * frame for skip in skips],
        [count * frame for count in shared],
    )


def _placed(
    lengths: Sequence[Fraction], skips: Sequence[Fraction], enters: Sequence[Fraction]
) -> list[Place]:
    places: list[Place] = []
    start = Fraction(0)
    for length, skip, before, after in zip(lengths, skips, enters, [*enters[1:], Fraction(0)], strict=True):
        start -= before
        places.append(Place(start, length, skip, before, after))
        start += length
    return places


def cues_in_film(
    cues: Sequence[dict[str, Any]], names: Sequence[str], places: Sequence[Place]
) -> list[dict[str, Any]]:
    """
    Give cues their times in the film, in order; what lies outside of it, or of the shot that it belongs to, is cut off.

    A track shows one text at a time: one that is still there when the next begins ends then, and those that begin at the
    same time are one.
    """
    by_name = dict(zip(names, places, strict=True))
    whole = places[-1].end
    found: list[dict[str, Any]] = []
    for cue in cues:
        place = by_name.get(cue["shot"]) if cue["shot"] is not None else None
        first = Fraction(0) if place is None else max(Fraction(0), place.start)
        shift, last = (0.0, whole) if place is None else (float(place.start - place.skip), place.end)
        start, end = max(float(first), cue["start"] + shift), min(cue["end"] + shift, float(last))
        text = without_empty_lines(cue["text"])
        if end > start and text:
            start = max(float(first), min(start, end - _TOGETHER_SECONDS))
            found.append({"start": round(start, 3), "end": round(end, 3), "text": text, "shot": cue["shot"]})
    found.sort(key=lambda cue: cue["start"])
    told: list[dict[str, Any]] = []
    for cue in found:
        before = told[-1] if told else None
        if before is not None and cue["start"] - before["start"] < _TOGETHER_SECONDS:
            before["text"] += f"\n{cue['text']}"
            before["end"] = max(before["end"], cue["end"])
            before["shot"] = cue["shot"] if cue["shot"] == before["shot"] else None
        else:
            told.append(cue)
    for before, after in pairwise(told):
        before["end"] = min(before["end"], after["start"])
    return told
