"""Lines of text in any of the shipped fonts: each run of a script in its own, broken where that script allows."""

from __future__ import annotations

import io
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageDraw, ImageFont, features

_FOLDER = Path(__file__).with_name("fonts")
_LATIN = "NotoSans-Subset.ttf"
_HAN = "NotoSansCJKsc-Subset.otf"
_SCRIPTS: tuple[tuple[int, int, str], ...] = (
    (0x0000, 0x052F, _LATIN),
    (0x0590, 0x05FF, "NotoSansHebrew-Subset.ttf"),
    (0x0600, 0x06FF, "NotoSansArabic-Subset.ttf"),
    (0x0750, 0x077F, "NotoSansArabic-Subset.ttf"),
    (0x0900, 0x097F, "NotoSansDevanagari-Subset.ttf"),
    (0x0E00, 0x0E7F, "NotoSansThai-Subset.ttf"),
    (0x1E00, 0x1FFF, _LATIN),
    (0x2000, 0x206F, _LATIN),
    (0x20A0, 0x20BF, _LATIN),
    (0xFB1D, 0xFB4F, "NotoSansHebrew-Subset.ttf"),
    (0xFB50, 0xFDFF, "NotoSansArabic-Subset.ttf"),
    (0xFE70, 0xFEFC, "NotoSansArabic-Subset.ttf"),
)
"""Which font draws which code points, both ends included; the Han font draws the rest."""

_RIGHT_TO_LEFT = frozenset({"NotoSansHebrew-Subset.ttf", "NotoSansArabic-Subset.ttf"})
_NEVER_FIRST = frozenset(
    "、。，．・：；？！ー）］｝〉》」』】〕”’…‥%％,.:;?!)]}»ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々ะาำๆฯ"
)
_NEVER_LAST = frozenset("（［｛〈《「『【〔“‘([{«$￥¥เแโใไ")


@dataclass(frozen=True)
class Run:
    """A piece of a line that one font draws."""

    text: str
    font: ImageFont.FreeTypeFont
    right_to_left: bool

    @property
    def width(self) -> float:
        """The width in pixels."""
        return self.font.getlength(self.text, direction=self._direction)

    def draw(self, on: ImageDraw.ImageDraw, x: float, baseline: float, fill: tuple[int, ...]) -> None:
        """Draw it from `x` to the right, standing on `baseline`."""
        on.text((x, baseline), self.text, fill, self.font, anchor="ls", direction=self._direction)

    @property
    def _direction(self) -> str | None:
        # Without Raqm (some builds of Pillow) the letters stand unjoined, from left to right.
        return "rtl" if self.right_to_left and features.check("raqm") else None


@lru_cache(maxsize=32)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    # From memory: FreeType opens paths in the system's own encoding, which fails for some folders on Windows.
    return ImageFont.truetype(io.BytesIO(_content(name)), size)


@lru_cache(maxsize=8)
def _content(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()


def plain(text: str) -> str:
    """Return the text as it can be drawn: one line, without control characters, emoji and lone surrogates."""
    kept = (
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace() or (unicodedata.category(character)[0] != "C" and not _is_emoji(character))
    )
    return " ".join("".join(kept).split())


def runs(text: str, size: int) -> list[Run]:
    """Cut one line into runs, in the order in which they stand from left to right. `size` in pixels."""
    pieces: list[tuple[str, str]] = []
    for character in text:
        name = _font_name(character)
        before = pieces[-1][1] if pieces else None
        if before is not None and (name == before or _joins(character, before)):
            pieces[-1] = (pieces[-1][0] + character, before)
        else:
            pieces.append((character, name))
    return _in_sight_order([Run(piece, _font(name, size), name in _RIGHT_TO_LEFT) for piece, name in pieces])


def _in_sight_order(found: list[Run]) -> list[Run]:
    """
    Put runs from left to right as they are seen: those written from right to left the other way round.

    Punctuation between two of these goes with them; elsewhere it goes with the line, whose direction is
    that of its first letters.
    """
    if not any(run.right_to_left for run in found):
        return found
    base = next((run.right_to_left for run in found if _has_letters(run)), False)
    stretches: list[tuple[bool, list[Run]]] = []
    for place, run in enumerate(found):
        backwards = run.right_to_left
        if not _has_letters(run):
            around = {other.right_to_left for other in (*found[:place][-1:], *found[place + 1 : place + 2])}
            backwards = around.pop() if len(around) == 1 else base
        if stretches and stretches[-1][0] == backwards:
            stretches[-1][1].append(run)
        else:
            stretches.append((backwards, [run]))
    ordered = stretches[::-1] if base else stretches
    return [run for backwards, row in ordered for run in (row[::-1] if backwards else row)]


def _has_letters(run: Run) -> bool:
    return any(character.isalnum() for character in run.text)


def width(text: str, size: int) -> float:
    """Measure one line, in pixels."""
    return sum(run.width for run in runs(text, size))


def draw_line(
    on: ImageDraw.ImageDraw, text: str, *, x: float, baseline: float, size: int, fill: tuple[int, ...]
) -> float:
    """Draw one line from `x` to the right; give the place where it ends."""
    for run in runs(text, size):
        run.draw(on, x, baseline, fill)
        x += run.width
    return x


def wrapped(text: str, size: int, space: float, most: int) -> list[str]:
    """
    Break a text into at most `most` lines of at most `space` pixels; what does not fit ends in an ellipsis.

    It breaks at spaces, between Han and kana characters as their punctuation allows, and inside a word only
    when the word is wider than a line.
    """
    lines: list[str] = []
    line = ""
    for piece in _pieces(plain(text), size, space):
        if width((line + piece).rstrip(), size) <= space or not line:
            line += piece
            continue
        lines.append(line.rstrip())
        line = piece.lstrip()
        if len(lines) > most:
            break
    if line.strip():
        lines.append(line.rstrip())
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and width(f"{last}…", size) > space:
        last = last[:-1]
    return [*lines[: most - 1], f"{last.rstrip(' ,.;:，。、；：')}…"]


def _pieces(text: str, size: int, space: float) -> Iterator[str]:
    """The smallest pieces that need not be broken."""
    piece = ""
    for character in text:
        if piece and _may_break(piece[-1], character):
            yield from _narrow(piece, size, space)
            piece = ""
        piece += character
    if piece:
        yield from _narrow(piece, size, space)


def _narrow(piece: str, size: int, space: float) -> Iterator[str]:
    """Break what is wider than a line wherever a line ends."""
    while len(piece) > 1 and width(piece.rstrip(), size) > space:
        fits = bisect_right(range(1, len(piece)), space, key=lambda cut: width(piece[:cut], size))
        yield piece[: max(1, fits)]
        piece = piece[max(1, fits) :]
    yield piece


def _may_break(before: str, after: str) -> bool:
    if (
        before in _NEVER_LAST
        or after in _NEVER_FIRST
        or after == " "
        or unicodedata.category(after)[0] == "M"
    ):
        return False
    return before == " " or _breaks_anywhere(before) or _breaks_anywhere(after)


def _breaks_anywhere(character: str) -> bool:
    """Han, kana and their punctuation. Korean has spaces; Thai has neither, so that it breaks between letters."""
    if 0x0E00 <= ord(character) <= 0x0E7F:
        return True
    return unicodedata.east_asian_width(character) in "WF" and not 0xAC00 <= ord(character) <= 0xD7A3


def _font_name(character: str) -> str:
    code = ord(character)
    return next((name for first, last, name in _SCRIPTS if first <= code <= last), _HAN)


def _joins(character: str, name: str) -> bool:
    """True for what stands in every font, or belongs to the letter before it."""
    if unicodedata.category(character)[0] == "M":
        return True
    if 0x2010 <= ord(character) <= 0x2026:
        return name == _HAN
    return character == " " or (character in "!\"'(),-./:;?" and name in (_LATIN, _HAN))


def _is_emoji(character: str) -> bool:
    code = ord(character)
    return 0x1F000 <= code <= 0x1FAFF or 0xFE00 <= code <= 0xFE0F or 0xE0000 <= code <= 0xE01EF
