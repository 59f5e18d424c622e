"""Takes a key out of what a provider answers, before anything is made of the answer."""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote

from ...texts import REPLACEMENT
from .sanitizing import visible

MASK = "(key)"

_SHORTEST = 6
"""A shorter key stands in many a harmless word; no provider gives one."""

_PIECE = 16
"""So many characters in a row of a key, or of one of its forms, are masked like the whole."""

_SHORTEST_PART = 12
"""A shorter half of a key such as `id:secret` may be a name or a number that is no secret."""

_BLOCK = 8
"""Every piece holds one whole block that starts at a multiple of this: so few words have to be looked for."""

# Each branch begins with a literal character: then the search runs quickly over all that is none of these.
_ESCAPES = rb"""
      %~(?:2~5~)*([0-9a-f]~[0-9a-f])                         # in URLs, also encoded more than once
    | \\~(?:\\~)*u~0~0~([0-9a-f]~[0-9a-f]) | \\~(?:\\~)*x~([0-9a-f]~[0-9a-f])
    | &~\#~x~0*~([0-9a-f]~[0-9a-f])~; | &~\#~0*~([0-9]~[0-9]~[0-9]?)~;
    | \\~(?:\\~)*(/)
    | \\~(?:\\~)*u~[0-9a-f]~[0-9a-f]~[0-9a-f]~[0-9a-f] | \\~(?:\\~)*[bfnrt]?
    """.replace(b"~", rb"\x00*")  # NUL between the bytes: UTF-16
_PASSED_OVER = bytes([*range(0x21), *range(0x7F, 0x100)])
"""Blanks, controls, and all that is no ASCII."""

_ESCAPED = re.compile(_ESCAPES, re.IGNORECASE | re.VERBOSE)
_SPELLED = re.compile(rb"[\x00-\x20\x7f-\xff]+ | " + _ESCAPES, re.IGNORECASE | re.VERBOSE)
"""All that does not stand for itself: characters that are passed over, and characters spelled in another way."""
_HEX_GROUPS = 4
_DECIMAL_GROUP = 5


def masked_bytes(body: bytes, key: str) -> bytes:
    """
    Mask the key in a raw body, which may be UTF-16 as well.

    Found are the key, a half of one that has two (`id:secret`), and every `_PIECE` characters in a row of it: in lower
    or upper case, percent-encoded as a whole or in part, escaped as in JSON or HTML, in hex or base64 (also where more
    was encoded with it), and with blanks or invisible characters within. Of a key below `_SHORTEST_PART` characters,
    only the key itself and its percent-encoded form are.
    """
    if len(key) < _SHORTEST_PART:
        for form in _forms_of_a_short_key(key):
            for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                body = body.replace(form.encode(encoding), MASK.encode(encoding))
        return body
    plain = _plain(body)
    runs = sorted(_runs(plain, key))
    if not runs:
        return body
    places = _Places(body)
    kept: list[bytes] = []
    done = 0
    for first, last in runs:
        start, end = places.start(first), places.end(last)
        if start >= done:
            kept += [body[done:start], _mask(body[start:end])]
        done = max(done, end)
    return b"".join([*kept, body[done:]])


def masked(value: Any, key: str) -> Any:
    """Mask the key in every text of a JSON value, names included."""
    # All at once first: nearly always there is nothing to mask, and texts may be there by the ten thousand.
    whole = '"'.join(_texts(value))
    if whole.isascii() and whole.isprintable() and _masked_once(whole, key) == whole:
        return value
    return _masked_each(value, key)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in cast("Mapping[str, Any]", value).items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in cast("Sequence[Any]", value):
            yield from _texts(inner)


def _masked_each(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return masked_text(value, key)
    if isinstance(value, dict):
        pairs = cast("Mapping[str, Any]", value).items()
        return {masked_text(name, key): _masked_each(inner, key) for name, inner in pairs}
    if isinstance(value, list):
        return [_masked_each(inner, key) for inner in cast("Sequence[Any]", value)]
    return value


def masked_text(text: str, key: str) -> str:
    """Do what `masked_bytes` does in a text. One that hides the key behind commands to a terminal loses those too."""
    text = _masked_once(text, key)
    if not (text.isascii() and text.isprintable()):
        plain = visible(text).replace(REPLACEMENT, "")
        bare = _masked_once(plain, key)
        if bare != plain:
            return bare
    return text


def _masked_once(text: str, key: str) -> str:
    body = text.encode("utf-8", "surrogatepass")
    bare = masked_bytes(body, key)
    return text if bare == body else bare.decode("utf-8", "surrogatepass")


def _plain(body: bytes) -> bytes:
    """Return what is meant by a body, in lower case, without what is passed over."""
    return _ESCAPED.sub(_meant, body).translate(None, _PASSED_OVER).lower()


def _mask(found: bytes) -> bytes:
    """Return the mask in the encoding of what it replaces."""
    return MASK.encode("utf-16-le")[:-1] if b"\0" in found else MASK.encode()


def _meant(spelled: re.Match[bytes]) -> bytes:
    """Return the one ASCII character that is spelled here; nothing for what is passed over."""
    group = spelled.lastindex
    if group is None:
        return b""
    digits = spelled[group].replace(b"\0", b"")
    if group > _DECIMAL_GROUP:
        return digits
    code = int(digits, 16 if group <= _HEX_GROUPS else 10)
    return bytes([code]) if 0x20 < code < 0x7F else b""


class _Places:
    """Where in a body the characters stand that are meant by it."""

    def __init__(self, body: bytes) -> None:
        self._from, self._shifts = [0], [0]
        self._single: dict[int, tuple[int, int]] = {}
        position = before = 0
        for spelled in _SPELLED.finditer(body):
            start, end = spelled.span()
            position += start - before
            before = end
            if _meant(spelled):
                self._single[position] = (start, end)
                position += 1
            self._from.append(position)
            self._shifts.append(end - position)

    def start(self, position: int) -> int:
        """Where the character at `position` of what is meant begins in the body."""
        if position in self._single:
            return self._single[position][0]
        return position + self._shifts[bisect_right(self._from, position) - 1]

    def end(self, position: int) -> int:
        """Where it ends."""
        return self._single[position][1] if position in self._single else self.start(position) + 1


def _runs(plain: bytes, key: str) -> Iterator[tuple[int, int]]:
    """Return the first and the last place of every run of characters in `plain` that are a key's, or one of its forms'."""
    for form in _forms(key):
        least = min(_PIECE, len(form))
        for offset in range(0, len(form) - _BLOCK + 1, _BLOCK):
            block = form[offset : offset + _BLOCK]
            place = plain.find(block)
            while place >= 0:
                first, last = _widened(plain, place, form, offset)
                if last - first >= least:
                    yield first, last - 1
                place = plain.find(block, max(last - _BLOCK + 1, place + 1))


def _widened(plain: bytes, place: int, form: bytes, offset: int) -> tuple[int, int]:
    """Follow the form to both sides of its block that stands at `place`; returns where that begins and ends."""
    before = 0
    while before < min(place, offset) and plain[place - before - 1] == form[offset - before - 1]:
        before += 1
    after = _BLOCK
    longest = min(len(plain) - place, len(form) - offset)
    while after < longest and plain[place + after] == form[offset + after]:
        after += 1
    return place - before, place + after


def _forms_of_a_short_key(key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((key, quote(key, safe="")))) if len(key) >= _SHORTEST else ()


@lru_cache(maxsize=32)
def _forms(key: str) -> tuple[bytes, ...]:
    """Return all that is looked for, in lower case: the key, its halves, and both in hex and in base64."""
    secrets = [key, *(half for half in key.split(":") if len(half) >= _SHORTEST_PART)]
    forms: list[bytes] = []
    for secret in (text.encode() for text in secrets):
        forms += [_plain(secret), secret.hex().encode()]
        for shift in range(3):
            # What stands before and after it takes part in the first and the last character.
            first, last = -(-4 * shift // 3), 4 * (shift + len(secret)) // 3
            told = base64.b64encode(bytes(shift) + secret)[first:last]
            forms += [told, told.replace(b"+", b"-").replace(b"/", b"_")]
    return tuple(dict.fromkeys(form.lower() for form in forms))
