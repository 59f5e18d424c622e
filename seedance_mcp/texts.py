"""Foreign text: what of it can be stored and sent, and how it is written on one line for a person."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any, cast

REPLACEMENT = "\ufffd"
"""Stands where a character was that cannot be stored, sent or shown."""

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL and lone surrogates: no UTF-8 is made of the ones, and databases, paths and arguments end at the other."""

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Characters that count as letters or symbols and show nothing."""

_JOINERS = frozenset("\u200c\u200d")
"""Invisible, and part of how some scripts and emoji are written: left out without a trace."""

_MARKS_IN_A_ROW = 4
"""As many as a script puts on one letter; higher piles would reach into the lines above."""

_READ_FOR_EACH = 8
"""Characters that are read for each one that is wanted: the rest of a long text takes no time."""


def storable(text: str) -> str:
    """Return `text` with U+FFFD for every NUL and every lone surrogate: then it can be stored and sent as UTF-8."""
    return _UNSTORABLE.sub(REPLACEMENT, text)


def storable_value(value: Any) -> Any:
    """Return a value of JSON with every text in it `storable`, names included."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value).items()
        return {storable_value(name): storable_value(inner) for name, inner in pairs}
    if isinstance(value, list | tuple):
        return [storable_value(inner) for inner in cast("Sequence[Any]", value)]
    return value


def unusable(name: str, value: Any) -> list[str]:
    """
    Describe for every text and number in `value` that cannot be stored or sent what is wrong; empty if all can.

    `name` is what the value is called; what lies inside it is named `name.key` or `name[0]`. Never quotes a value.
    """
    if isinstance(value, str):
        found = _UNSTORABLE.search(value)
        if found is None:
            return []
        what = "a NUL character" if found[0] == "\0" else "half of a surrogate pair, which is no character"
        return [f"{name} has {what} at position {found.start()}. Leave it out."]
    if isinstance(value, float) and not math.isfinite(value):
        return [f"{name} must be a finite number."]
    if isinstance(value, Mapping):
        return [
            problem
            for key, inner in cast("Mapping[Any, Any]", value).items()
            for problem in (
                *unusable(f"a name in {name}", key),
                *unusable(f"{name}.{one_line(str(key), 40)}", inner),
            )
        ]
    if isinstance(value, list | tuple):
        return [
            problem
            for position, inner in enumerate(cast("Sequence[Any]", value))
            for problem in unusable(f"{name}[{position}]", inner)
        ]
    return []


def number_of(count: int, noun: str) -> str:
    """Write a number with what it counts: `1 job`, `3 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(names: Sequence[str]) -> str:
    """Write names as a sentence has them: `A`, `A and B`, `A, B and C`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


_DIGITS = 60
"""Of an amount, as many as can be rounded: also a balance that a provider made up."""


def digits(amount: Decimal) -> str:
    """
    Write an amount of money: two decimals, below 1 four where two would hide what there is.

    Rounded up, so that what is charged is never more than what was said. Every price is written by this, and so reads
    the same wherever it stands.
    """
    return _decimals(amount, ROUND_CEILING)


def digits_left(amount: Decimal) -> str:
    """Write what is left to be spent as `digits` does, rounded down: never more than there is."""
    return _decimals(amount, ROUND_FLOOR)


def _decimals(amount: Decimal, rounding: str) -> str:
    wide = Context(prec=_DIGITS)
    short = amount.quantize(Decimal("0.01"), rounding, wide)
    if short == amount or amount >= 1:
        return f"{short}"
    return f"{amount.quantize(Decimal('0.0001'), rounding, wide)}"


def inert(text: str) -> str:
    """Write a text, such as the name of a file, so that it commands no terminal: line ends and what has no shape are U+FFFD."""
    return "".join(
        character
        if character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"
        else REPLACEMENT
        for character in text
    )


def one_line(text: str, most: int | None = None) -> str:
    """
    Write a foreign text on one line, so that it commands no terminal and hides nothing; at most `most` characters of it.

    Line ends and other blanks become one space; control characters, marks that turn the direction of writing, and
    everything else without a shape of its own U+FFFD.
    """
    if most is not None:
        text = text[: _READ_FOR_EACH * most]
    line = "".join(_shapes(unicodedata.normalize("NFC", text)))
    line = re.sub(rf"([ {REPLACEMENT}])\1+", r"\1", line).strip()
    return line if most is None or len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _shapes(text: str) -> Iterator[str]:
    marks = _MARKS_IN_A_ROW
    for character in text:
        kind = unicodedata.category(character)
        if kind in ("Mn", "Me", "Mc"):
            marks += 1
            if marks <= _MARKS_IN_A_ROW:
                yield character
            continue
        marks = 0
        if kind.startswith("Z") or character in _BLANK or character in "\t\n\v\f\r\x85":
            marks = _MARKS_IN_A_ROW  # nothing that a mark could sit on
            yield " "
        elif character in _JOINERS:
            continue
        elif kind.startswith("C"):
            yield REPLACEMENT
        else:
            yield character
