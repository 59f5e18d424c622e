"""Captions: what is to be read in a film and when, as the files that players and editors load (SubRip and WebVTT)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_LEAD_SECONDS = 0.3
"""So long after the beginning of its shot speech usually begins; no model tells when words are spoken."""

_ROWS, _ROW_COLUMNS = 2, 42
"""More cannot be read at a glance. Players break a row that is longer, such as a single word of no end, where they can."""

_WIDE = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef\U0001f000-\U0003ffff"
_CLOSES = "、。，．！？；：」』）】》〉〕…—～ー々"
_OPENS = "「『（【《〈〔"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ARROW = re.compile("--+>")
_WORD = re.compile(f"[{_OPENS}]*(?:[{_WIDE}][{_CLOSES}]*|[^\\s{_WIDE}]+)[{_CLOSES}]*\\s*|\\S\\s*")
"""What stays together: a word or, where words are not told apart by spaces, a character with the punctuation at it."""


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
    """
    Share the time of a shot among the lines that are spoken in it, by their lengths; it begins with a short lead.

    A line that is too long to be read at once becomes several cues of two rows each.
    """
    pieces = [piece for text in texts for piece in _pieces(text)]
    start = min(_LEAD_SECONDS, seconds / 4)
    # However short a line is beside the others, it is there for a quarter of what each would have if all were alike.
    least = sum(map(_columns, pieces)) / (4 * max(1, len(pieces)))
    shares = [max(_columns(piece), least, 1) for piece in pieces]
    spoken, whole = seconds - start, sum(shares)
    cues: list[Cue] = []
    for piece, share in zip(pieces, shares, strict=True):
        end = start + spoken * share / whole
        cues.append(Cue(start, end, piece, shot))
        start = end
    return cues


def without_empty_lines(text: str) -> str:
    """Return the text as a cue can hold it: an empty line ends one. Without what commands a terminal, which nobody reads."""
    lines = (_CONTROL.sub("", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def srt(cues: Iterable[Cue]) -> str:
    """Write cues, whose times are those in the film, as SubRip."""
    blocks = (
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{_without_arrows(without_empty_lines(cue.text))}\n"
        for number, cue in enumerate(cues, 1)
    )
    return "\n".join(blocks)


def vtt(cues: Iterable[Cue]) -> str:
    """Write cues, whose times are those in the film, as WebVTT. What would be markup is written as text."""
    blocks = [
        f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{_escaped(without_empty_lines(cue.text))}\n"
        for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _time(seconds: float, mark: str) -> str:
    thousandths = max(0, round(seconds * 1000))
    minutes, thousandths = divmod(thousandths, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, thousandths = divmod(thousandths, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{mark}{thousandths:03}"


def _pieces(text: str) -> list[str]:
    """Divide a text into what is to be read at once: two rows, that are about as long as each other."""
    rows = [row for line in text.splitlines() for row in _rows(line)]
    return ["\n".join(rows[at : at + _ROWS]) for at in range(0, len(rows), _ROWS)]


def _rows(line: str) -> list[str]:
    words = _WORD.findall(" ".join(line.split()))
    rows = _filled(words, _ROW_COLUMNS)
    # The narrowest that needs no more rows: no word is left alone on the last one.
    for columns in range(sum(map(_columns, words)) // max(1, len(rows)), _ROW_COLUMNS):
        if len(narrow := _filled(words, columns)) == len(rows):
            return narrow
    return rows


def _filled(words: Sequence[str], columns: int) -> list[str]:
    rows: list[str] = []
    row = ""
    for word in words:
        if row and _columns((row + word).rstrip()) > columns:
            rows.append(row.rstrip())
            row = ""
        row += word
    return [*rows, row.rstrip()] if row.strip() else rows


def _columns(text: str) -> int:
    """How broad a text is, and how long it takes to say: a Chinese character counts for two letters."""
    return sum(_widths(text))


def _widths(text: str) -> Iterator[int]:
    for letter in text:
        if not unicodedata.combining(letter):
            yield 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _without_arrows(text: str) -> str:
    """A text that no player takes for the times of a cue; SubRip has no other way to write `-->`."""
    return _ARROW.sub("\N{RIGHTWARDS ARROW}", text)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
