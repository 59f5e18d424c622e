"""Takes a key out of what a provider answers, before anything is made of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from ..texts import REPLACEMENT
from .wording import visible

MASK = "(key)"

_SHORTEST = 6
"""A shorter key stands in many a harmless word; no provider gives one."""


def masked_bytes(body: bytes, key: str) -> bytes:
    """Mask the key in a raw body, which may be UTF-16 as well."""
    for form in _forms(key):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            body = body.replace(form.encode(encoding), MASK.encode(encoding))
    return body


def masked(value: Any, key: str) -> Any:
    """Mask the key in every text of a JSON value, also where invisible characters stand between its letters."""
    if isinstance(value, str):
        return masked_text(value, key)
    if isinstance(value, dict):
        pairs = cast("Mapping[str, Any]", value).items()
        return {masked_text(name, key): masked(inner, key) for name, inner in pairs}
    if isinstance(value, list):
        return [masked(inner, key) for inner in cast("Sequence[Any]", value)]
    return value


def masked_text(text: str, key: str) -> str:
    """Mask the key in a text. A text that hides it behind invisible characters loses those too."""
    for form in _forms(key):
        text = text.replace(form, MASK)
        if len(text) > len(form) and not (text.isascii() and text.isprintable()):
            plain = visible(text).replace(REPLACEMENT, "")
            if form in plain:
                text = plain.replace(form, MASK)
    return text


def _forms(key: str) -> tuple[str, ...]:
    if len(key) < _SHORTEST:
        return ()
    return tuple(dict.fromkeys((key, quote(key, safe=""))))
