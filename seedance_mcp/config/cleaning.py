"""Takes off what programs and people put around a value, and refuses what shows that it was never filled in."""

from __future__ import annotations

import re
import unicodedata

from ..errors import ConfigError
from ..texts import storable

__all__ = ["NotAllowed", "address", "as_it_is", "is_open_field", "is_unfilled", "key", "pasted_key", "plain"]

_UNFILLED = re.compile(r"\$\{[^{}]*\}")
_FIELD = re.compile(r"\$\{user_config\.\w+\}")
_DOLLAR = r"\$\{[^}]*\}?|\$\([^)]*\)?|\$(?:env:)?[A-Za-z_]\w*"
_BRACES = r"\{\{.*?(?:\}\}|$)|\{(?:env|file|input|secret):[^}]*\}?"
_IN_ADDRESS = re.compile(f"{_DOLLAR}|{_BRACES}", re.IGNORECASE)
"""Not `%NAME%`: there, a percent sign writes a character."""
_IN_TEXT = re.compile(rf"{_DOLLAR}|{_BRACES}|%[A-Za-z_]\w*%", re.IGNORECASE)
_IN_KEY = re.compile(rf"\$\{{|{_BRACES}|(?:\$(?:env:)?[A-Za-z_]\w*|%[A-Za-z_]\w*%)\Z", re.IGNORECASE)
"""Only `${` inside, the others as the whole: a store's secret may be a password with a `$` in it."""

_PAIRS = ('""', "''", "``", "“”", "‘’", "„“", "«»", "「」")
_MARKS = "\"'`“”„‘«»「」"
_AT_AN_END = re.compile(rf"[{_MARKS}]|.*[{_MARKS}]\Z", re.DOTALL)
_AROUND_A_PART = re.compile(r"(?:^|[/\\;:])'|'(?:$|[/\\;:])")
"""An apostrophe is part of many a name (`Tom's videos`), a quotation mark is around one."""

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}
_HEADER = re.compile(r"(?:authorization\s*:\s*)?(?:bearer|token|key)\s+|authorization\s*:\s*", re.IGNORECASE)
_ONLY_HEADER = re.compile(r"authorization\s*:?\s*(?:bearer)?|bearer", re.IGNORECASE)
_MOST_SHOWN = 60


class NotAllowed(ValueError):
    """The text can be read, and means something that the setting does not take; the message says what it takes."""


def as_it_is(text: str) -> str:
    """Take off blanks and invisible characters at both ends; empty for a value that counts as not set."""
    text = _stripped(text)
    return "" if _UNFILLED.fullmatch(text) else text


def is_unfilled(text: str) -> bool:
    """Return whether the whole value is a `${...}` that the program which starts the server did not fill in."""
    return _UNFILLED.fullmatch(_stripped(text)) is not None


def is_open_field(text: str) -> bool:
    """Return whether a person left this field of a form open: the host of a bundle then hands on the field's own name."""
    return _FIELD.fullmatch(_stripped(text)) is not None


def plain(text: str) -> str:
    """
    Read a path, a name or a word.

    Raises:
        NotAllowed: a variable in it was not filled in, it has quotation marks around it, or a line break in it.
    """
    return _checked(as_it_is(text), _IN_TEXT)


def address(text: str) -> str:
    """Read a URL; otherwise as `plain`."""
    return _checked(as_it_is(text), _IN_ADDRESS)


def key(text: str) -> str:
    """
    Read a key as people paste it: quotation marks, `Bearer`, blanks and invisible characters around it are taken off.

    Full-width letters are written in ASCII. The message of an error never repeats any of it.

    Raises:
        NotAllowed: what is left cannot be a key.
    """
    text = "".join(letter for letter in text if unicodedata.category(letter) != "Cf").translate(_FULL_WIDTH)
    left = ""
    while left != text:
        left, text = text, _HEADER.sub("", _unquoted(text.strip()).strip(), count=1)
    if not text or _UNFILLED.fullmatch(text):
        return ""
    if _ONLY_HEADER.fullmatch(text):
        raise NotAllowed("it is the word before a key, without the key")
    if _IN_KEY.match(text) or "${" in text:
        raise NotAllowed("it is a variable that nobody filled in")
    if any(letter.isspace() or unicodedata.category(letter) == "Cc" for letter in text):
        raise NotAllowed("there is a blank or a line break in it; copy the key alone")
    if not text.isascii():
        raise NotAllowed("there is a character in it that no key has; copy it again")
    if '"' in text or _AT_AN_END.match(text):
        raise NotAllowed("there is a quotation mark in it; copy the key alone")
    return text


def pasted_key(text: str) -> str:
    """
    Read a key that a person has typed or pasted, as `key` does.

    Raises:
        ConfigError: what is left cannot be a key.
    """
    try:
        return key(text)
    except NotAllowed as error:
        raise ConfigError(
            f"That cannot be a key: {error}.",
            hint="Copy the key from the provider's page again. Nothing was stored.",
        ) from None


def _checked(text: str, variable: re.Pattern[str]) -> str:
    if text in _PAIRS:
        return ""
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise NotAllowed("there is a line break or a control character in it")
    if storable(text) != text:
        raise NotAllowed("there is a character in it that is no UTF-8")
    if found := variable.search(text):
        raise NotAllowed(
            f"{found[0][:_MOST_SHOWN]} in it was not filled in by the program that starts the server; write the value in full"
        )
    if '"' in text or _AT_AN_END.match(text) or _AROUND_A_PART.search(text):
        raise NotAllowed("there are quotation marks in it; write it without them")
    return text


def _stripped(text: str) -> str:
    first, last = 0, len(text)
    while first < last and _is_nothing(text[first]):
        first += 1
    while first < last and _is_nothing(text[last - 1]):
        last -= 1
    return text[first:last]


def _is_nothing(letter: str) -> bool:
    """Return whether a character is a blank, a line end or an invisible mark, such as Windows copies in front of a path."""
    return letter.isspace() or unicodedata.category(letter) == "Cf"


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] + text[-1] in _PAIRS else text
