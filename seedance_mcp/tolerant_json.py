"""
Reads JSON whose values are out of the ordinary: half surrogate pairs, NaN, giant numbers, thousands of levels.

What is read can be stored and sent: texts are `storable`, and numbers that no float can hold are infinite.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic_core import from_json

from .texts import storable

LEVELS = 200
"""Lists and objects in one another that are read; no call's answer comes near."""

_DIGITS = 100
"""Of a whole number; one that has more is infinite. Python itself refuses to read more than 4,300."""

_EXACT = 2.0**53
"""Below this, a float without a fraction is the whole number that it says."""

_MARKS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
"""A text, so that brackets in it do not count, or a bracket. Possessive, so that no text takes long."""


def read(body: bytes) -> Any:
    """
    Read what somebody sent as JSON, as far as it can be read at all.

    The bytes may be UTF-8, UTF-16 or UTF-32, with or without a byte order mark; what is no character becomes U+FFFD, as
    do NUL and lone surrogates. NaN and infinities are read, numbers too great for a float are infinite, and floats
    without a fraction are whole numbers. What lies deeper than `LEVELS` is null. Of two fields with one name the
    last counts. Control characters may stand in texts. What follows the value is passed over, unless an object
    begins in it: then nobody can tell which of the two is meant.

    Raises:
        ValueError: it is not JSON for other reasons.
    """
    try:
        return _plain(from_json(body, allow_inf_nan=True))
    except ValueError:
        pass  # the quick reader takes nothing out of the ordinary but NaN and infinities
    text, _ = _cut(body.decode(json.detect_encoding(body), "replace").lstrip("\ufeff \t\r\n"))
    value, end = _DECODER.raw_decode(text)
    if "{" in text[end:]:
        raise ValueError("another object follows")
    return _plain(value)


def read_strictly(text: str) -> Any:
    """
    Read a text that has to be JSON. Half surrogate pairs are left in it, to be refused by the name of their place.

    Raises:
        ValueError: it is not JSON, or deeper than `LEVELS`.
    """
    cut, too_deep = _cut(text)
    if too_deep:
        raise ValueError("too many levels")
    return json.loads(cut, parse_int=_whole)


def _cut(text: str) -> tuple[str, bool]:
    """Write null for what lies deeper than `LEVELS`; and tell whether anything does."""
    if text.count("[") + text.count("{") <= LEVELS:
        return text, False
    kept: list[str] = []
    level = start = 0
    for mark in _MARKS.finditer(text):
        if mark[0] in ("[", "{"):
            level += 1
            if level == LEVELS + 1:
                kept += [text[start : mark.start()], "null"]
        elif mark[0] in ("]", "}"):
            if level == LEVELS + 1:
                start = mark.end()
            level -= 1
    if not kept:
        return text, False
    return "".join([*kept, text[start:]] if level <= LEVELS else kept), True


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)


_DECODER = json.JSONDecoder(strict=False, parse_int=_whole)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        pairs = cast("Mapping[str, Any]", value).items()
        return {storable(name): _plain(inner) for name, inner in pairs}
    if isinstance(value, list):
        return [_plain(inner) for inner in cast("Sequence[Any]", value)]
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    if isinstance(value, int) and abs(value) >= 10**_DIGITS:
        return float("inf") if value > 0 else float("-inf")
    return value
