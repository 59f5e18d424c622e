"""Captions: what is to be read in a film and when, as the files that players and editors load (SubRip and WebVTT)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LEAD_SECONDS = 0.3
"""So long after the beginning of its shot speech usually begins; no model tells when words are spoken."""


@dataclass(frozen=True)
class Cue:
    """
    A text and when it is to be read, in seconds.

    The times count from the beginning of the film or, with `shot`, of the clip of this name, wherever it comes to lie.
    """

    start: float
    end: float
    text: str
    shot: str | None = None


def spread(texts: Sequence[str], seconds: float, shot: str) -> list[Cue]:
    """Share the time of a shot among the lines that are spoken in it, by their lengths; it begins with a short lead."""
    start = min(_LEAD_SECONDS, seconds / 4)
    spoken, whole = seconds - start, sum(len(text) for text in texts)
    cues: list[Cue] = []
    for text in texts:
        end = start + spoken * len(text) / max(1, whole)
        cues.append(Cue(start, end, text, shot))
        start = end
    return cues


def srt(cues: Iterable[Cue]) -> str:
    """Write cues, whose times are those in the film, as SubRip."""
    blocks = (
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{_lines(cue.text)}\n"
        for number, cue in enumerate(cues, 1)
    )
    return "\n".join(blocks)


def vtt(cues: Iterable[Cue]) -> str:
    """Write cues, whose times are those in the film, as WebVTT. What would be markup is written as text."""
    blocks = [
        f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{_escaped(_lines(cue.text))}\n" for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _time(seconds: float, mark: str) -> str:
    thousandths = max(0, round(seconds * 1000))
    minutes, thousandths = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, thousandths = divmod(thousandths, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{mark}{thousandths:03}"


def _lines(text: str) -> str:
    """The text without empty lines: one ends a cue."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
