"""Ways in which a good answer can arrive damaged: structure, types, numbers, bytes, status."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

from tests.emulator.faults import PAGE

Path = tuple[str | int, ...]

STATUSES = (
    200, 201, 202, 204, 206, 301, 302, 304, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 418, 422, 425,
    451, 499, 500, 501, 502, 503, 504, 520, 599,
)  # fmt: skip
"""All that an answer may be sent with instead. 429 is left out: whoever says it has taken nothing."""

_GATES = (401, 403, 404, 413)
"""What a gateway says with a page of its own when it lets nothing through: that is believed."""

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 7.5, 1e308, -1e308, 10**18, -(10**40), 10**400, "", " ", "0", "null", "x" * 5000,
    "\u202e\u200b\x00\x1b[31m", "../../etc/passwd", "..", "[]", "{}", "-1", "NaN", "1e999", [], [[]], {}, {"": None},
    [None], [{}], ["x"], {"id": None}, {"data": {"data": {"data": []}}},
)  # fmt: skip
"""What a value may have turned into."""

RAW = (
    b"", b" ", b"\x00", b"\xff\xfe{}", b"null", b"true", b"0", b'""', b"[]", b"{}", b"[{}]", b"{" * 3000,
    b"[" * 100_000, b'{"id":' * 500, b"NaN", b"Infinity", b"-", b"{'id': 'p1'}", b'{"id": "p1"', b'"' + b"\\u0000" * 50,
    b'{"id": ' + b"9" * 6000 + b"}", b'{"data": ' + b"9" * 6000 + b', "status": ' + b"9" * 6000 + b"}", b"\x1f\x8b\x08",
    b"<html></html>", PAGE, b"id=p1&status=ok", b"HTTP/1.1 200 OK\r\n\r\n{}", b'{"id":"p1","id":null}', b'{"id":"\\ud800"}',
)  # fmt: skip
"""What may stand in the place of an answer."""


def truncations(body: bytes) -> list[bytes]:
    """Break a body off after every byte of it."""
    return [body[:end] for end in range(len(body))]


def damaged(reply: Any, status: int, chance: random.Random) -> tuple[int, bytes]:
    """Damage an answer once or a few times, and perhaps its status."""
    if chance.random() < 0.05:
        body = chance.choice(RAW)
        return chance.choice(
            [code for code in (status, *STATUSES) if code not in _GATES or b"<" not in body]
        ), body
    value = copy.deepcopy(reply)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        value = chance.choice(_STRUCTURAL)(value, chance)
    body = json.dumps(value).encode()
    if chance.random() < 0.25:
        body = chance.choice(_BYTES)(body, chance)
    return (chance.choice(STATUSES) if chance.random() < 0.3 else status), body


def _places(value: Any, at: Path = ()) -> list[Path]:
    found: list[Path] = [at] if at else []
    if len(at) > 8:
        return found
    if isinstance(value, dict):
        for key, inner in value.items():
            found += _places(inner, (*at, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            found += _places(inner, (*at, position))
    return found


def _change(value: Any, chance: random.Random, change: Callable[[Any, str | int], None]) -> Any:
    places = _places(value)
    if not places:
        return copy.deepcopy(chance.choice(ODD))
    place = chance.choice(places)
    holder = value
    for step in place[:-1]:
        holder = holder[step]
    change(holder, place[-1])
    return value


def _without(value: Any, chance: random.Random) -> Any:
    return _change(value, chance, lambda holder, key: holder.pop(key))


def _retyped(value: Any, chance: random.Random) -> Any:
    def change(holder: Any, key: str | int) -> None:
        holder[key] = copy.deepcopy(chance.choice(ODD))

    return _change(value, chance, change)


def _as_text(value: Any, chance: random.Random) -> Any:
    def change(holder: Any, key: str | int) -> None:
        was = holder[key]
        holder[key] = json.dumps(was) if not isinstance(was, str) else len(was)

    return _change(value, chance, change)


def _wrapped(value: Any, chance: random.Random) -> Any:
    def change(holder: Any, key: str | int) -> None:
        holder[key] = chance.choice(([holder[key]], {"data": holder[key]}, {str(key): holder[key]}))

    return _change(value, chance, change)


def _deepened(value: Any, chance: random.Random) -> Any:
    def change(holder: Any, key: str | int) -> None:
        inner = holder[key]
        for _ in range(chance.choice((50, 150, 190))):
            inner = [inner]
        holder[key] = inner

    return _change(value, chance, change)


def _renamed(value: Any, chance: random.Random) -> Any:
    def change(holder: Any, key: str | int) -> None:
        if isinstance(holder, dict):
            inner = holder.pop(key)
            holder[chance.choice((f" {key}", str(key).upper(), f"{key}_", str(key)[:-1]))] = inner
        else:
            holder.insert(0, holder[key])

    return _change(value, chance, change)


def _whole(value: Any, chance: random.Random) -> Any:
    return chance.choice(([value], {"data": value}, {"result": value}, [], {}, None, json.dumps(value)))


_STRUCTURAL = (_without, _retyped, _retyped, _as_text, _wrapped, _deepened, _renamed, _whole)


def _cut(body: bytes, chance: random.Random) -> bytes:
    return body[: chance.randrange(len(body) + 1)]


def _flipped(body: bytes, chance: random.Random) -> bytes:
    if not body:
        return body
    place = chance.randrange(len(body))
    return body[:place] + bytes([chance.randrange(256)]) + body[place + 1 :]


def _doubled(body: bytes, chance: random.Random) -> bytes:
    """Keys that stand twice, the second time with something else."""
    return body[:-1] + b", " + body[1:].replace(b'"', b'"', 1) if len(body) > 2 else body + body


def _numbers(body: bytes, chance: random.Random) -> bytes:
    number = chance.choice(
        (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000, b"0" * 40, b"1e-400", b"0x10")
    )
    return body.replace(chance.choice((b"null", b"true", b"200", b"11", b"0", b"1")), number, 1)


def _twice(body: bytes, chance: random.Random) -> bytes:
    return body + chance.choice((b"\n", b"", b" garbage ")) + body


_BYTES = (_cut, _flipped, _doubled, _numbers, _twice)
