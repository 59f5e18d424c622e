"""Answers that are right, and written as no documentation says: what may stand beside, in and around the values."""

from __future__ import annotations

import json
from typing import Any

_BYTES, _GIANT, _DEEP, _CONTROL, _TWICE = (
    "bytes-here",
    "giant-here",
    "deep-here",
    "control-here",
    "twice-here",
)

_BESIDE: dict[str, Any] = {
    "x_not_a_number": float("nan"),
    "x_infinite": [float("inf"), float("-inf")],
    "x_half": "\ud800 and \udc00",
    "x_\ud800": "a name",
    "x_nul": "\0",
    "x_long": "very " * 5_000,
    "x_bytes": _BYTES,
    "x_giant": [_GIANT, _GIANT],
    "x_deep": _DEEP,
    "x_control": _CONTROL,
    "x_twice": _TWICE,
}

_RAW = (
    (f'"{_BYTES}"'.encode(), b'"\xff\xfe \xed\xa0\x80 \xc3"'),
    (f'"{_GIANT}"'.encode(), b"9" * 5000, b"-1e400"),
    (f'"{_DEEP}"'.encode(), b'{"a":[' * 3000 + b'"]}"' + b"]}" * 3000),
    (f'"{_CONTROL}"'.encode(), b'"\x01 \x1b]0;title\x07 \n"'),
    (f'"{_TWICE}"'.encode(), b'1, "x_twice": NaN'),
)
"""What no `json.dumps` writes, for each of the places above."""


def strange(body: bytes, *, utf16: bool = False) -> bytes:
    """
    Write a JSON answer strangely, so that all that matters in it can still be read.

    Half a surrogate pair stands at the end of every text of several words, whole numbers are written as floats, and
    beside the fields of every object stand NaN, infinities, numbers of 5,000 digits, 3,000 levels, NUL, control
    characters, bytes that are no UTF-8, names twice and a very long text; a byte order mark before it and rubbish after it.
    """
    text = json.dumps(_strange(json.loads(body or b"{}")))
    written = text.encode()
    for place, *instead in _RAW:
        for raw in instead:
            written = written.replace(place, raw, 1) if len(instead) > 1 else written.replace(place, raw)
    if not utf16:
        return b"\xef\xbb\xbf" + written + b"\n\0 rubbish ]>"
    return (written.decode("utf-8", "replace") + "\ud800").encode("utf-16", "surrogatepass")


def _strange(value: Any) -> Any:
    match value:
        case dict():
            return {name: _strange(inner) for name, inner in value.items()} | _BESIDE
        case list():
            return [_strange(inner) for inner in value]
        case str() if value.startswith("{"):
            return json.dumps(_worded(json.loads(value)))
        case _:
            return _worded(value)


def _worded(value: Any) -> Any:
    match value:
        case dict():
            return {name: _worded(inner) for name, inner in value.items()}
        case list():
            return [_worded(inner) for inner in value]
        case str() if " " in value:
            return f"{value[:-1]}\ud800"
        case int() if not isinstance(value, bool):
            return float(value)
        case _:
            return value
